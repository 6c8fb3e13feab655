"""By which factors a vendor multiplied a series: new over old, constant between a few dates."""

import numpy as np
from jaxtyping import Float

CONFIRMING_BARS = 5
FEWEST_CONFIRMING = 3
"""A factor must hold for this many of a bar and the five before it; fewer are corrected bars."""


def find_levels(
    log_ratio: Float[np.ndarray, " row"], tolerance: Float[np.ndarray, " row"]
) -> Float[np.ndarray, " row"]:
    """Return the log factor of each row: piecewise constant, 0 at the newest rows.

    log_ratio: log of new over old, by ascending date; NaN where one is missing. tolerance: of each
    log ratio, from the rounding of the two numbers. Rows that agree with no constant stay at the
    level of the rows after them.
    """
    levels = np.zeros(len(log_ratio))
    level, newest = 0.0, len(log_ratio)
    while newest > 0:
        off = np.flatnonzero(np.abs(log_ratio[:newest] - level) > tolerance[:newest])
        if not len(off):
            levels[:newest] = level
            break
        row = int(off[-1])
        levels[row + 1 : newest] = level
        near = slice(max(0, row - CONFIRMING_BARS), row + 1)
        here, allowed = log_ratio[near], tolerance[near]
        shares = np.abs(here - log_ratio[row]) <= allowed + tolerance[row]
        returns = np.abs(here - level) <= allowed
        if shares.sum() >= FEWEST_CONFIRMING and shares.sum() > returns.sum():
            level, newest = _settle(log_ratio[: row + 1], tolerance[: row + 1], shares), row + 1
            if abs(log_ratio[row] - level) > tolerance[row]:  # a corrected bar next to the step
                levels[row], newest = level, row
        else:
            levels[row], newest = level, row
    return levels


def _settle(
    log_ratio: Float[np.ndarray, " row"],
    tolerance: Float[np.ndarray, " row"],
    shares: np.ndarray,
) -> float:
    """Return the level that ends at the last row, from all rows that it reaches.

    The first estimate comes from a few rows; the median over the whole stretch is finer.
    """
    level = float(np.median(log_ratio[-len(shares) :][shares]))
    off = np.flatnonzero(np.abs(log_ratio - level) > 2 * tolerance)
    first = int(off[-1]) + 1 if len(off) else 0
    stretch = log_ratio[first:]
    return float(np.nanmedian(stretch)) if np.isfinite(stretch).any() else level
