"""Where a vendor multiplied history, found by comparing two versions of the same bars."""

import datetime as dt
import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float

from lstm_model.data.bars import PRICES
from lstm_model.data.cleaning.numbers import rounding_error
from lstm_model.data.revisions.known import COLUMNS, Rescaling
from lstm_model.data.revisions.levels import find_levels

SAME = 1e-6
"""Relative difference up to which two numbers are the same, whatever their decimals."""


@dataclass(frozen=True, slots=True)
class Rounding:
    """Relative errors with which two versions of a column were printed."""

    was: Float[np.ndarray, " row"]
    now: Float[np.ndarray, " row"]

    @property
    def of_ratio(self) -> Float[np.ndarray, " row"]:
        """What the rounding of both explains: that of numbers on different scales."""
        total: Float[np.ndarray, " row"] = self.was + self.now + SAME
        return total

    @property
    def of_difference(self) -> Float[np.ndarray, " row"]:
        """What more digits explain: on one scale a difference of one last digit is a correction."""
        larger: Float[np.ndarray, " row"] = np.maximum(self.was, self.now) + SAME
        return larger


def round_off(printed: pd.DataFrame, new: pd.DataFrame) -> dict[str, Rounding]:
    """Return how finely each column was printed in two versions of the same rows."""
    roundings = {}
    for name in (column for column in COLUMNS if column in printed and column in new):
        was, now = printed[name].to_numpy(), new[name].to_numpy()
        errors = np.zeros((2, len(now)))
        if not np.array_equal(was, now, equal_nan=True):
            for values, error in zip((was, now), errors, strict=True):
                known = np.isfinite(values) & (values > 0)
                if known.any():
                    error[known] = rounding_error(values[known])
        roundings[name] = Rounding(*errors)
    return roundings


def find_rescalings(
    old: pd.DataFrame,
    new: pd.DataFrame,
    roundings: dict[str, Rounding],
    learnt: dt.datetime,
) -> tuple[Rescaling, ...]:
    """Find where the close, and apart from it the adjusted close, was multiplied by a constant."""
    found: list[Rescaling] = []
    for leading in ("close", "adj_close"):
        if leading not in old or leading not in new or not len(new):
            continue
        if old[leading].equals(new[leading]):
            continue
        levels = find_levels(_log_ratio(old[leading], new[leading]), roundings[leading].of_ratio)
        # The bars after those that both have are in the new scale.
        levels = np.append(levels, 0.0)
        dates = [*new["date"], new["date"].iloc[-1] + pd.Timedelta(days=1)]
        for step in np.flatnonzero(np.diff(levels)):
            factor, above = np.exp(levels[step] - levels[step + 1]), np.exp(levels[step + 1])
            stretch = slice(step + 1 - _run(levels, int(step)), step + 1)
            factors = [(leading, float(factor))]
            if leading == "close":
                factors = _of_bar(old[stretch], new[stretch], float(factor), float(above))
            found.append(Rescaling(learnt, dates[step + 1].date(), tuple(factors)))
    return tuple(found)


def _run(levels: Float[np.ndarray, " row"], end: int) -> int:
    """Return how many rows up to `end` have its level."""
    other = np.flatnonzero(levels[: end + 1] != levels[end])
    return end - (int(other[-1]) if len(other) else -1)


def _of_bar(
    old: pd.DataFrame, new: pd.DataFrame, factor: float, above: float
) -> list[tuple[str, float]]:
    """Return the factors of a bar's columns where its close was multiplied by `factor`.

    A split divides volumes and multiplies dividends too; a dividend's adjustment does neither.
    above: what later rescalings multiply these rows by as well.
    """
    factors = [(name, factor) for name in PRICES]
    volumes = _ratio_of_nonzero(old, new, "volume")
    is_split = volumes is not None and _nearer(volumes, 1 / (factor * above))
    if is_split:
        factors.append(("volume", 1 / factor))
    dividends = _ratio_of_nonzero(old, new, "dividends")
    scaled = is_split if dividends is None else _nearer(dividends, factor * above)
    if scaled and "dividends" in old:
        factors.append(("dividends", factor))
    return factors


def _nearer(ratio: float, factor: float) -> bool:
    """Return whether a ratio is nearer to a factor than to 1."""
    return abs(math.log(ratio / factor)) < abs(math.log(ratio))


def _ratio_of_nonzero(old: pd.DataFrame, new: pd.DataFrame, name: str) -> float | None:
    if name not in old or name not in new:
        return None
    both = (old[name] > 0).to_numpy() & (new[name] > 0).to_numpy()
    if not both.any():
        return None
    return float(np.median(new[name].to_numpy()[both] / old[name].to_numpy()[both]))


def _log_ratio(old: "pd.Series[float]", new: "pd.Series[float]") -> Float[np.ndarray, " row"]:
    before, now = old.to_numpy(), new.to_numpy()
    known = np.isfinite(before) & np.isfinite(now) & (before > 0) & (now > 0)
    ratio = np.full(len(now), np.nan)
    ratio[known] = np.log(now[known] / before[known])
    return ratio
