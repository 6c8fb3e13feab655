"""Wilder's directional movement and ADX, with ties that do not depend on the price level."""

import numpy as np
from jaxtyping import Float

from lstm_model.data.ticks import SAME, steps

Rows = Float[np.ndarray, " row"]


def directional_moves(high: Rows, low: Rows, close: Rows) -> tuple[Rows, Rows]:
    """Return each bar's upward and downward move; at most one of them is not zero.

    The larger of the rise of the high and the fall of the low counts; if they are equal, neither
    does. Equal means equal up to `SAME`: ties are common on coarse ticks, and on adjusted prices
    rounding would break them, so that the whole move would count.
    """
    rise, fall = steps(high), -steps(low)
    tie = np.abs(rise - fall) <= SAME * close
    up = np.where(~tie & (rise > fall), np.maximum(rise, 0.0), 0.0)
    down = np.where(~tie & (fall > rise), np.maximum(fall, 0.0), 0.0)
    unknown = np.isnan(rise) | np.isnan(fall)
    return np.where(unknown, np.nan, up), np.where(unknown, np.nan, down)


def average_directional_index(up: Rows, down: Rows, period: int, bars: int) -> Rows:
    """Return Wilder's ADX / 100 over each row's last `bars` bars: 0 no direction, 1 one direction.

    It equals TA-Lib's on those bars, ties aside: sums of `period - 1` moves, then Wilder's
    smoothing; the mean of the next `period` shares |up - down| / (up + down), then Wilder's
    smoothing (true range divides both and cancels). Smoothed over all the past, it would remember
    1e-6 of earlier bars. A share is not a sum, so the windows of all rows advance together, one bar
    at a time.

    Wilder (1978), New Concepts in Technical Trading Systems.
    """
    values = np.full(len(up), np.nan)
    moves = bars - 1
    rows = len(up) - moves
    if rows <= 0:
        return values
    keep = 1 - 1 / period
    net, gross = up - down, up + down
    # Slightly above zero: until something moves, the share is 0 and not 0 / 0.
    smooth_net, smooth_gross = np.zeros(rows), np.full(rows, 1e-200)
    shares = np.zeros(rows)
    for bar in range(1, bars):
        later = slice(bar, bar + rows)
        if bar >= period:
            smooth_net *= keep
            smooth_gross *= keep
        smooth_net += net[later]
        smooth_gross += gross[later]
        if bar < period:
            continue
        share = np.abs(smooth_net)
        share /= smooth_gross
        if bar >= 2 * period:
            shares *= keep
        shares += share
    values[moves:] = shares / period
    return values
