"""Squared errors by stretch of time: what a trial leaves behind for the test of overfitting."""

import numpy as np
from jaxtyping import Float, Int

STRETCHES = 16
"""Even, as halves are compared; 16 give 12,870 of them (Bailey et al. 2014)."""


def losses_by_stretch(
    squared_errors: Float[np.ndarray, " sample"], dates: Int[np.ndarray, " sample"]
) -> tuple[float, ...]:
    """Return the mean squared error of each of 16 equally long runs of dates; () below 16 dates."""
    days, position = np.unique(dates, return_inverse=True)
    if len(days) < STRETCHES:
        return ()
    stretch = position * STRETCHES // len(days)
    sums = np.bincount(stretch, weights=squared_errors, minlength=STRETCHES)
    means: np.ndarray = sums / np.bincount(stretch, minlength=STRETCHES)
    return tuple(means.tolist())
