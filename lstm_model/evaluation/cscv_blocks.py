"""Validation losses of a trial by block of time: the input of the overfitting test (CSCV)."""

import numpy as np
from jaxtyping import Float, Int

BLOCKS = 16
"""Even, because halves are compared; 16 blocks give 12,870 splits (Bailey et al. 2014)."""


def losses_by_block(
    squared_errors: Float[np.ndarray, " sample"], dates: Int[np.ndarray, " sample"]
) -> tuple[float, ...]:
    """Return the mean squared error of each of 16 equally long runs of dates.

    Empty where there are fewer than 16 dates.
    """
    days, position = np.unique(dates, return_inverse=True)
    if len(days) < BLOCKS:
        return ()
    block = position * BLOCKS // len(days)
    sums = np.bincount(block, weights=squared_errors, minlength=BLOCKS)
    means: np.ndarray = sums / np.bincount(block, minlength=BLOCKS)
    return tuple(means.tolist())
