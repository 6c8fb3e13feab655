"""Means by date: tickers of the same day count as one observation."""

import numpy as np
from jaxtyping import Float, Int


def date_means(
    values: Float[np.ndarray, " sample"], dates: Int[np.ndarray, " sample"]
) -> Float[np.ndarray, " date"]:
    """Average over the tickers of each date, in the order of the dates.

    Tickers share the shocks of a day, so a test on single samples would count the same evidence
    many times.
    """
    _, position, tickers = np.unique(dates, return_inverse=True, return_counts=True)
    means: Float[np.ndarray, " date"] = np.bincount(position, weights=values) / tickers
    return means
