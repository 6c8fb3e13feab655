"""Split-conformal intervals calibrated on validation, and their coverage of the test block."""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from lstm_model.evaluation.measured import NotComputed
from lstm_model.shares import exact


@dataclass(frozen=True, slots=True)
class Interval:
    """forecast +- radius, which should contain the truth with probability `nominal`.

    radius: in the target's unit. coverage: share of test samples inside, also by_year.
    n_calibration: validation errors used. The guarantee assumes exchangeable samples, which time
    series are not, so coverage is measured. Vovk, Gammerman & Shafer (2005); Lei et al. (2018).
    """

    nominal: float
    radius: float
    coverage: float
    n_calibration: int
    by_year: tuple[tuple[int, float], ...]


def conformal_intervals(
    validation_errors: Float[np.ndarray, " validation"],
    forecast: Float[np.ndarray, " sample"],
    truth: Float[np.ndarray, " sample"],
    dates: Int[np.ndarray, " sample"],
    levels: tuple[float, ...],
) -> tuple[Interval, ...] | NotComputed:
    """Take the radius of each level from the validation errors and measure its test coverage.

    The radius is the ceil((n + 1) level)-th smallest absolute error. dates: days since 1970-01-01.
    levels: nominal coverage, in (0, 1). Validation errors that are not finite are ignored. A level
    that needs more errors is left out; NotComputed if all levels do. Lei et al. (2018), JASA
    113(523), 1094-1111, algorithm 2.
    """
    sizes = np.sort(np.abs(validation_errors[np.isfinite(validation_errors)]))
    ranks = [math.ceil((len(sizes) + 1) * exact(level)) for level in levels]
    if all(rank > len(sizes) for rank in ranks):
        return NotComputed(f"{len(sizes)} validation errors are too few for {min(levels):.0%}")
    years = dates.astype("datetime64[D]").astype("datetime64[Y]").astype(int) + 1970
    intervals = []
    for level, rank in zip(levels, ranks, strict=True):
        if rank > len(sizes):
            continue
        radius = float(sizes[rank - 1])
        held = np.abs(truth - forecast) <= radius
        by_year = tuple((int(y), float(held[years == y].mean())) for y in np.unique(years))
        intervals.append(Interval(level, radius, float(held.mean()), len(sizes), by_year))
    return tuple(intervals)
