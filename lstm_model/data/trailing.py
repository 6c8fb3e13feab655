"""Numbers of the last bars and of nothing before them, so that where a history starts is no matter.

A running sum keeps the rounding of all that ever went through it, and a recursive mean fades but
never forgets. Here each value is summed anew from its own last bars.
"""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float

MEMORY_BARS = 250
"""How many bars, its own included, a built-in column may look at."""

Rows = Float[np.ndarray, " row"]
Reduction = Callable[..., Float[np.ndarray, " window"]]


def over_last(bars: int, reduce: Reduction, series: Rows) -> Rows:
    """Reduce each row's last `bars` values, as `np.mean` does; NaN where there are fewer."""
    values = np.full(len(series), np.nan)
    if len(series) >= bars:
        windows = np.lib.stride_tricks.sliding_window_view(series, bars)
        values[bars - 1 :] = reduce(windows, axis=1)
    return values


def weigh_last(weights: Float[np.ndarray, " bar"], series: Rows) -> Rows:
    """Sum each row's last values by weight, the oldest first; NaN where there are fewer."""
    values = np.full(len(series), np.nan)
    if len(series) >= len(weights):
        values[len(weights) - 1 :] = np.convolve(series, weights[::-1], mode="valid")
    return values


def fading_weights(period: int, rate: float, bars: int) -> Float[np.ndarray, " bar"]:
    """Return what TA-Lib's recursive mean weighs the last `bars` values by, the oldest first.

    It begins with the plain mean of the first `period` values, and moves by `rate` of the distance
    to each later one: 1 / period for Wilder's (RSI, ATR), 2 / (period + 1) for an EMA (MACD).
    """
    age = np.arange(bars)[::-1]
    weights = rate * (1 - rate) ** age
    weights[:period] = (1 - rate) ** (bars - period) / period
    return weights
