"""Bars -> TargetTable: the label each bar is asked for, and what was known of it then."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from lstm_model.bars import Bars, Histories, adjust_all
from lstm_model.features import days_since_epoch

TargetKind = Literal["log_return", "log_volatility"]
NO_DATE = np.iinfo(np.int64).max
"""The label_end of a bar that has no label: later than every block."""


@dataclass(frozen=True, slots=True)
class TargetTable:
    """Rows as in the FeatureTable of the same bars.

    label: the value over the bars t+1 .. t+horizon, NaN where there is none.
    label_end: the day of bar t+horizon.
    last_value: the same quantity over the bars t-horizon+1 .. t, the persistence forecast.
    har_terms: for volatility v[t], the mean of the last 5 and of the last 22 v (Corsi 2009); else
    empty.
    """

    label: Float[np.ndarray, " row"]
    label_end: Int[np.ndarray, " row"]
    last_value: Float[np.ndarray, " row"]
    har_terms: Float[np.ndarray, "row term"]


def compute_targets(bars: Bars, kind: TargetKind, horizon: int) -> TargetTable:
    """Compute every ticker's targets on its own history."""
    return tabulate_targets(adjust_all(bars), kind, horizon)


def tabulate_targets(histories: Histories, kind: TargetKind, horizon: int) -> TargetTable:
    """Compute targets as `compute_targets` does, from bars that are adjusted already."""
    parts = [_ticker_targets(frame, kind, horizon) for frame in histories.values()]
    return TargetTable(
        label=np.concatenate([part.label for part in parts]),
        label_end=np.concatenate([part.label_end for part in parts]),
        last_value=np.concatenate([part.last_value for part in parts]),
        har_terms=np.concatenate([part.har_terms for part in parts]),
    )


def _ticker_targets(frame: pd.DataFrame, kind: TargetKind, horizon: int) -> TargetTable:
    days = days_since_epoch(frame["date"])
    label_end = np.full(len(days), NO_DATE)
    label_end[:-horizon] = days[horizon:]
    if kind == "log_return":
        log_close = pd.Series(np.log(frame["close"]))
        last_value = log_close - log_close.shift(horizon)
        har_terms = np.empty((len(days), 0))
        label = last_value.shift(-horizon)
    else:
        variance = parkinson_variance(frame)
        # A bar without range says nothing about volatility: NaN, and so is a label that holds it.
        realised = pd.Series(np.log(_mean_over(variance, horizon)))
        label = realised.shift(-horizon)
        last_value = realised.ffill()
        daily = pd.Series(np.log(variance))
        means = [daily.rolling(n, min_periods=1).mean() for n in (5, 22)]
        har_terms = np.column_stack([series.ffill() for series in (daily, *means)])
    return TargetTable(
        label.to_numpy(copy=True), label_end, last_value.to_numpy(copy=True), har_terms
    )


def _mean_over(series: "pd.Series[float]", bars: int) -> "pd.Series[float]":
    """Return the mean of the last `bars` values, without the drift of a running sum."""
    means = np.full(len(series), np.nan)
    if len(series) >= bars:
        windows = np.lib.stride_tricks.sliding_window_view(series.to_numpy(), bars)
        means[bars - 1 :] = windows.mean(axis=1)
    return pd.Series(means, index=series.index)


def parkinson_variance(frame: pd.DataFrame) -> "pd.Series[float]":
    """Estimate each bar's variance from its range, (ln H/L)^2 / (4 ln 2); NaN where H = L.

    Parkinson (1980), "The Extreme Value Method for Estimating the Variance of the Rate of Return",
    Journal of Business 53(1), 61-65.
    """
    log_range = pd.Series(np.log(frame["high"] / frame["low"]))
    variance: pd.Series[float] = log_range**2 / (4 * np.log(2))
    return variance.where(variance > 0)
