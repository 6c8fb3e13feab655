"""The stationary bootstrap: its mean block length and its resampled days."""

import math

import numpy as np
from jaxtyping import Float, Int

from lstm_model.evaluation.long_run import is_constant


def block_length(series: Float[np.ndarray, "date series"]) -> int:
    """Return the mean block length for the most persistent of several series, at least 1.

    Politis & White (2004) with the correction of Patton, Politis & White (2009), Econometric
    Reviews 28(4), 372-375; the square root of n where that is undefined. Constant series are
    ignored.
    """
    # Takes 1.6 s to import, and the workers that score trials need no bootstrap.
    from arch.bootstrap import optimal_block_length  # noqa: PLC0415

    n = len(series)
    varying = [column for column in series.T if not is_constant(column)]
    if not varying:
        return 1
    # A series that is constant except for a few days has autocorrelations of 0 / 0.
    with np.errstate(divide="ignore", invalid="ignore"):
        lengths = optimal_block_length(np.column_stack(varying))["stationary"].to_numpy()
    lengths = np.where(np.isfinite(lengths), lengths, math.sqrt(n))
    return max(1, math.ceil(float(lengths.max())))


def stationary_samples(
    n: int, repetitions: int, block: int, seed: int
) -> Int[np.ndarray, "repetition date"]:
    """Draw the days of each bootstrap sample in blocks of geometric length that wrap around.

    Politis & Romano (1994), "The Stationary Bootstrap", JASA 89(428), 1303-1313.
    """
    generator = np.random.default_rng(seed)
    starts = generator.integers(n, size=(repetitions, n))
    starts_block = generator.random((repetitions, n)) < 1.0 / block
    place = np.arange(n)
    # The first day always starts a block.
    block_start = np.maximum.accumulate(np.where(starts_block, place, 0), axis=1)
    days: Int[np.ndarray, "repetition date"] = (
        np.take_along_axis(starts, block_start, axis=1) + place - block_start
    ) % n
    return days
