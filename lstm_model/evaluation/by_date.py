"""From one value a sample to one value a date, so that tickers of one day count as one witness."""

import datetime as dt

import numpy as np
from jaxtyping import Float, Int


def date_means(
    values: Float[np.ndarray, " sample"], dates: Int[np.ndarray, " sample"]
) -> Float[np.ndarray, " date"]:
    """Average over each date's tickers, in the order of the dates.

    Tickers share the shocks of their day, so a test that counted each would see its evidence
    many times over.
    """
    _, position, tickers = np.unique(dates, return_inverse=True, return_counts=True)
    means: Float[np.ndarray, " date"] = np.bincount(position, weights=values) / tickers
    return means


def calendar_days(dates: Int[np.ndarray, " date"]) -> tuple[dt.date, ...]:
    """Return days since 1970-01-01 as dates."""
    return tuple(dates.astype("datetime64[D]").tolist())
