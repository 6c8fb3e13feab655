"""Adaptive conformal intervals: calibrated on validation, adjusted by each outcome."""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from lstm_model.evaluation.measured import NotComputed
from lstm_model.shares import exact

STEP = 0.02
"""How far the level moves after a date that is missed; of 0.005 to 0.02 this one covers best."""


@dataclass(frozen=True, slots=True)
class Interval:
    """forecast +- radius, which should contain the truth with probability `nominal`.

    radii: by date, in the target's unit. radius: their mean. coverage: share of test samples
    inside, also by_year. n_calibration: validation errors used.
    """

    nominal: float
    radius: float
    radii: tuple[float, ...]
    coverage: float
    n_calibration: int
    by_year: tuple[tuple[int, float], ...]


def conformal_intervals(
    validation_errors: Float[np.ndarray, " validation"],
    forecast: Float[np.ndarray, " sample"],
    truth: Float[np.ndarray, " sample"],
    dates: Int[np.ndarray, " sample"],
    label_ends: Int[np.ndarray, " sample"],
    levels: tuple[float, ...],
    step: float = STEP,
) -> tuple[Interval, ...] | NotComputed:
    """Take each radius from the validation errors, at a level that follows the coverage so far.

    A level's first radius is the ceil((n + 1) level)-th smallest absolute error: Lei et al. (2018),
    JASA 113(523), 1094-1111, algorithm 2. That assumes exchangeable samples, which time series are
    not. So after each date the level moves by `step` times what was missed too much; with 0 it
    stays. A date's outcome is known when all of its labels have ended. Gibbs & Candes (2021),
    "Adaptive Conformal Inference Under Distribution Shift", NeurIPS 34.

    validation_errors: of forecasts that were not stopped on them; those that are not finite are
    ignored. dates, label_ends: days since 1970-01-01. levels: nominal coverage, in (0, 1). A level
    that needs more errors is left out; NotComputed if all levels do.
    """
    sizes = np.sort(np.abs(validation_errors[np.isfinite(validation_errors)]))
    needed = [math.ceil((len(sizes) + 1) * exact(level)) for level in levels]
    if all(rank > len(sizes) for rank in needed):
        return NotComputed(f"{len(sizes)} validation errors are too few for {min(levels):.0%}")
    days, position = np.unique(dates, return_inverse=True)
    years = dates.astype("datetime64[D]").astype("datetime64[Y]").astype(int) + 1970
    misses = np.abs(truth - forecast)
    known_from = np.zeros(len(days), dtype=np.int64)
    np.maximum.at(known_from, position, label_ends)
    # How many outcomes are known at each date, in order: one that ends late holds up the next.
    known = np.searchsorted(np.maximum.accumulate(known_from), days, side="right")
    intervals = []
    for level, rank in zip(levels, needed, strict=True):
        if rank > len(sizes):
            continue
        radii = _radii(sizes, level, misses, position, known, step)
        held = misses <= radii[position]
        by_year = tuple((int(y), float(held[years == y].mean())) for y in np.unique(years))
        intervals.append(
            Interval(
                nominal=level,
                radius=float(radii.mean()),
                radii=tuple(radii.tolist()),
                coverage=float(held.mean()),
                n_calibration=len(sizes),
                by_year=by_year,
            )
        )
    return tuple(intervals)


def _radii(
    sizes: Float[np.ndarray, " validation"],
    level: float,
    misses: Float[np.ndarray, " sample"],
    position: Int[np.ndarray, " sample"],
    known: Int[np.ndarray, " date"],
    step: float,
) -> Float[np.ndarray, " date"]:
    """Return each date's radius; its level depends on dates whose outcome was known by then."""
    n, days = len(sizes), len(known)
    by_day = np.split(misses[np.argsort(position, kind="stable")], _ends(position, days))
    exact_level, moved, used = exact(level), 0.0, 0
    radii = np.empty(days)
    for day in range(days):
        for outcome in range(used, min(int(known[day]), day)):
            moved += step * (float(np.mean(by_day[outcome] > radii[outcome])) - (1 - level))
            used = outcome + 1
        # In exact arithmetic, so that a level that has not moved has exactly its rank.
        rank = math.ceil((n + 1) * (exact_level + exact(moved)))
        radii[day] = 0.0 if rank < 1 else sizes[min(rank, n) - 1]
    return radii


def _ends(position: Int[np.ndarray, " sample"], days: int) -> Int[np.ndarray, " date"]:
    return np.cumsum(np.bincount(position, minlength=days))[:-1]
