"""Whole bars that leave the price level and come back."""

import numpy as np
import pandas as pd

from lstm_model.data.bars import PRICES
from lstm_model.data.cleaning.missing import drop_rows
from lstm_model.data.cleaning.ordinary import volume_surge
from lstm_model.data.cleaning.record import Record

SMALLEST = np.log(2.0)
LONGEST_BARS = 3
UNITS = np.log([10.0, 100.0, 1000.0, 0.1, 0.01, 0.001])


def repair_spikes(frame: pd.DataFrame, record: Record) -> pd.DataFrame:
    """Scale or drop 1-3 bars that lie over a factor of 2 away from the closes on both sides.

    A spike by 10, 100 or 1000 is scaled, any other is dropped; over 5 % of bars raise BarsError.
    This needs up to 3 following bars. A bar whose low and high reach back to the last close, or
    that trades 5 times its usual volume on a move below a factor of 5, is a real move.
    """
    close = np.log(frame["close"].to_numpy())
    low, high = np.log(frame["low"].to_numpy()), np.log(frame["high"].to_numpy())
    surge = volume_surge(frame)
    scale = np.zeros(len(frame))
    dropped = np.zeros(len(frame), dtype=bool)
    for at in np.flatnonzero(np.abs(np.diff(close)) > SMALLEST) + 1:
        row = int(at)
        move = close[row] + scale[row] - close[row - 1] - scale[row - 1]
        if dropped[row - 1] or abs(move) <= SMALLEST:
            continue
        length = _bars_away(close, row, move)
        near = low[row] if move > 0 else high[row]
        reaches_back = abs(near - close[row - 1]) < abs(move) / 2
        real = abs(move) < np.log(5.0) and surge[row : row + length + 1].max(initial=0.0) >= 5
        if length == 0 or reaches_back or real:
            continue
        unit = UNITS[np.abs(UNITS - move).argmin()]
        for away in range(row, row + length):
            date, shown = frame["date"].iloc[away], f"close {np.exp(close[away]):g}"
            if abs(unit - move) < 0.25:
                scale[away] = -unit
                value = f"{shown} scaled by {np.exp(-unit):g}"
                record.repaired("unit_error", date, value)
            else:
                dropped[away] = True
                value = f"{shown} between {np.exp(close[row - 1]):g} and "
                value += f"{np.exp(close[row + length]):g}: bar dropped"
                record.repaired("spike", date, value)
    if dropped.any():
        first = frame["date"][dropped].iloc[0]
        record.require_few(int(dropped.sum()), len(frame), "spike", first)
    multiple = np.exp(scale).round(12)  # 10 and 0.001, not their neighbours
    frame = frame.assign(**{price: frame[price] * multiple for price in PRICES})
    return drop_rows(frame, dropped, record)


def _bars_away(close: "np.ndarray[tuple[int], np.dtype[np.float64]]", row: int, move: float) -> int:
    """Return how many bars stay away before one is back; 0 if none is within 3 bars."""
    for length in range(1, LONGEST_BARS + 1):
        if row + length >= len(close):
            return 0
        distance = abs(close[row + length] - close[row - 1])
        if distance < min(np.log(1.25), abs(move) / 4):
            return length
        if abs(close[row + length] - close[row]) > abs(move) / 2:
            return 0
    return 0
