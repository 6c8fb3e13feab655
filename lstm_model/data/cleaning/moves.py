"""Moves that no action explains: a change of unit, a split that nobody lists, or real news."""

import numpy as np
import pandas as pd
from jaxtyping import Float

from lstm_model.data.bars import PRICES
from lstm_model.data.cleaning.ordinary import usual_move, usual_range, volume_surge
from lstm_model.data.cleaning.record import LEAVE_OUT, Record
from lstm_model.data.cleaning.rules import CleaningRules

REPORTED = np.log(2.0)
REFUSED = np.log(20.0)
SMALLEST_SPLIT = np.log(1.25)
LOUD, LOUD_UNTOLD = 8.0, 20.0
"""Usual moves above which a move is no ordinary one: VIX moves by 25 % without news. Where neither
volume nor a range tells that a bar was quiet, it takes more, and nearly a factor of 2.
"""

RATIOS = np.array([5 / 4, 4 / 3, 1.5, 5 / 3, 2.5, *range(2, 21), 25, 30, 40, 50, 60, 75, 100, 200])


def scale_units(
    frame: pd.DataFrame, factor: Float[np.ndarray, " row"], record: Record
) -> pd.DataFrame:
    """Scale bars, and their dividends, from the first bar on that changes its unit by 100.

    A change of unit, as from pence to pounds, gaps by 100 within 5 % and three usual moves, on a
    quiet bar. A crash of 99 % is not quiet, or not exactly 100, and stays.
    """
    opened, close = np.log(frame["open"].to_numpy()), np.log(frame["close"].to_numpy())
    quiet = _is_narrow(frame) & (volume_surge(frame) <= 5)
    usual = usual_move(frame["close"].to_numpy())
    scale = np.zeros(len(frame))
    move = np.concatenate([[0.0], np.diff(close)]) + np.log(factor)
    for row in np.flatnonzero(np.abs(move) > REFUSED):
        unit = np.sign(move[row]) * np.log(100.0)
        gap = opened[row] - close[row - 1] + np.log(factor[row])
        near = max(0.05, 3 * usual[row])
        if quiet[row] and abs(gap - unit) < near and abs(move[row] - unit) < near:
            scale[row:] -= unit
    scale[np.abs(scale) < 1e-9] = 0.0
    multiple = np.exp(scale).round(12)
    for row in np.flatnonzero(scale):
        value = f"close {frame['close'].iloc[row]:g} scaled by {multiple[row]:g}"
        record.repaired("unit_error", frame["date"].iloc[row], value)
    columns = [c for c in (*PRICES, "dividends") if c in frame]
    return frame.assign(**{column: frame[column] * multiple for column in columns})


def check_moves(
    frame: pd.DataFrame,
    factor: Float[np.ndarray, " row"],
    rules: CleaningRules,
    record: Record,
) -> Float[np.ndarray, " row"]:
    """Return the splits that nobody lists, 0 elsewhere; raises BarsError unless they are accepted.

    Such a split gaps by a simple ratio at the open, on a bar with a usual range and no more volume
    than the split itself explains. News moves prices within the bar, or with volume: such a move
    stays, and over a factor of 2 it is noted. A quiet move by over 20 is an error, and refused.
    """
    opened, close = np.log(frame["open"].to_numpy()), np.log(frame["close"].to_numpy())
    before = np.concatenate([[close[0]], close[:-1]])
    move, gap = close - before + np.log(factor), opened - before + np.log(factor)
    surge = volume_surge(frame)
    usual = usual_move(frame["close"].to_numpy(), unknown=0.08)
    # A 10:1 split trades about 10 times as many shares, or as many as before if these are adjusted.
    of_split = surge / np.exp(np.maximum(-move, 0.0))
    quiet = _is_narrow(frame) & ((surge <= 3) | ((of_split >= 0.5) & (of_split <= 2)))
    splits = np.zeros(len(frame))
    for row in np.flatnonzero(np.abs(move) > SMALLEST_SPLIT - 0.05):
        date = frame["date"].iloc[row]
        ratio = RATIOS[np.abs(np.log(RATIOS) - abs(move[row])).argmin()]
        ratio = float(ratio if move[row] < 0 else 1 / ratio)
        near = min(0.04, max(0.015, 2 * usual[row]), abs(np.log(ratio)) / 6)
        told = surge[row] != 1.0 or frame["high"].iloc[row] > frame["low"].iloc[row]
        least = LOUD * usual[row] if told else max(LOUD_UNTOLD * usual[row], np.log(1.9))
        loud = abs(move[row]) > least
        looks_split = (
            loud and abs(gap[row] + np.log(ratio)) < near and abs(move[row] + np.log(ratio)) < near
        )
        shown = f"close {np.exp(before[row]):g} -> {np.exp(close[row]):g}"
        if quiet[row] and looks_split and rules.unlisted_splits != "keep":
            value = f"{shown}, as of a {_written(ratio)} split, but no split is listed"
            if rules.unlisted_splits == "refuse":
                raise record.refusal(
                    "unlisted_split", date, value,
                    f"list it in stock_splits, set data.start to {date:%Y-%m-%d}, or set "
                    f"data.unlisted_splits to apply or keep",
                )  # fmt: skip
            splits[row] = ratio
            record.repaired("unlisted_split", date, value)
            continue
        within = abs(gap[row]) < abs(move[row]) / 2
        if (
            abs(move[row]) > REFUSED
            and surge[row] < 3
            and not within
            and rules.unlisted_splits != "keep"
        ):
            raise record.refusal(
                "price_jump", date, f"{shown}, a factor of {np.exp(move[row]):.4g}",
                f"a factor over 20 in one bar without volume is an error; {LEAVE_OUT}",
            )  # fmt: skip
        if abs(move[row]) > REPORTED:
            value = f"{shown}, a factor of {np.exp(move[row]):.4g}, volume {surge[row]:.3g}x usual"
            record.noted("unexplained_move", date, value)
    return splits


def _is_narrow(frame: pd.DataFrame) -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
    """Return the bars with up to 3 usual ranges."""
    spread = np.log(frame["high"].to_numpy() / frame["low"].to_numpy())
    narrow: np.ndarray[tuple[int], np.dtype[np.bool_]] = spread <= 3 * usual_range(frame)
    return narrow


def _written(ratio: float) -> str:
    if ratio >= 1:
        return f"{ratio:.4g}:1"
    return f"1:{1 / ratio:.4g}"
