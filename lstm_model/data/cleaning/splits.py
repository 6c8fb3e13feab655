"""Listed splits that the prices do not have yet, and the bar on which they jump."""

import numpy as np
import pandas as pd
from jaxtyping import Float

from lstm_model.data.cleaning.ordinary import usual_move
from lstm_model.data.cleaning.record import Record

WINDOW_BARS = 10
SMALLEST = np.log(1.25)
"""A ratio nearer to 1 looks like a day's move and is left alone."""


def split_factors(
    frame: pd.DataFrame, splits: Float[np.ndarray, " row"], record: Record
) -> Float[np.ndarray, " row"]:
    """Return the ratio on the bar where an unapplied split makes the price jump, else 1.

    Vendors apply splits to their prices and list them too; sometimes they do not apply one, or list
    it some days off. The jump may be up to 10 bars before or after the listing (so this needs up to
    10 following bars). Away from the listing's own bar it must be within 5 % and two usual moves
    of the ratio: a crash by 45 % is no 2:1 split. A jump that comes back within 3 bars is a spike.
    """
    factor = np.ones(len(frame))
    close = np.log(frame["close"].to_numpy())
    fall = np.concatenate([[0.0], -np.diff(close)])
    usual = usual_move(frame["close"].to_numpy())
    listed = np.flatnonzero(
        (splits > 0) & (np.abs(np.log(np.where(splits > 0, splits, 1))) > SMALLEST)
    )
    for row in map(int, listed):
        ratio = np.log(splits[row])
        first, last = max(1, row - WINDOW_BARS), min(len(close) - 1, row + WINDOW_BARS)
        rows = np.arange(first, last + 1)
        strict = np.minimum(0.25 * abs(ratio), 0.05 + 2 * usual[rows])
        allowed = np.where(rows == row, min(0.25 * abs(ratio), 0.25), strict)
        distance = np.abs(fall[rows] - ratio)
        fits = (distance < allowed) & (factor[rows] == 1.0)
        fits &= ~np.array([_comes_back(close, int(at), float(fall[at])) for at in rows], dtype=bool)
        if not fits.any():
            continue
        at = int(rows[np.where(fits, distance, np.inf).argmin()])
        factor[at] = splits[row]
        value = f"{splits[row]:g}:1, close {np.exp(close[at - 1]):g} -> {np.exp(close[at]):g}"
        record.repaired("split_not_applied", frame["date"].iloc[at], value)
    return factor


def _comes_back(close: Float[np.ndarray, " row"], at: int, fall: float) -> bool:
    """Return whether a jump undoes, or is undone by, another one within 3 bars."""
    near = abs(fall) / 4
    after = close[at + 1 : at + 4]
    before = close[max(0, at - 4) : at - 1]
    return bool(
        (np.abs(after - close[at - 1]) < near).any() or (np.abs(before - close[at]) < near).any()
    )
