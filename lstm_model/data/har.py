"""Terms of HAR: log variance of a session's range and its means; returns for the leverage."""

import numpy as np
import pandas as pd
from jaxtyping import Float

from lstm_model.data.ticks import SAME

HAR_NAMES = ("log_variance", "log_variance5", "log_variance22")
HAR_TERMS = len(HAR_NAMES)


def parkinson_variance(frame: pd.DataFrame) -> "pd.Series[float]":
    """Estimate each bar's variance from its range, (ln H/L)^2 / (4 ln 2); NaN where H = L.

    High and low that differ only by rounding count as equal (`ticks`), or the variance would be
    that of the rounding.

    Parkinson (1980), "The Extreme Value Method for Estimating the Variance of the Rate of Return",
    Journal of Business 53(1), 61-65.
    """
    log_range = pd.Series(np.log(frame["high"] / frame["low"]))
    variance: pd.Series[float] = log_range**2 / (4 * np.log(2))
    return variance.where(log_range > SAME)


def har_terms(frame: pd.DataFrame) -> Float[np.ndarray, "row term"]:
    """Return the day's log variance and its means over the last 5 and 22 bars (Corsi 2009).

    A bar without range says nothing about volatility; it repeats the last known values.
    """
    daily = pd.Series(np.log(parkinson_variance(frame)))
    means = [daily.rolling(n, min_periods=1).mean() for n in (5, 22)]
    return np.column_stack([series.ffill() for series in (daily, *means)])


def lhar_terms(frame: pd.DataFrame) -> Float[np.ndarray, "row term"]:
    """Return HAR's terms, then the mean log return over the last 1, 5 and 22 bars."""
    returns = pd.Series(np.log(frame["close"])).diff().fillna(0.0)
    means = [returns.rolling(n, min_periods=1).mean() for n in (1, 5, 22)]
    return np.column_stack([har_terms(frame), *means])
