"""Statistics of only the last bars, so that it does not matter where a history starts.

A running sum keeps the rounding of all its past terms, and a recursive mean never quite forgets
them. Here each value is computed from its own last bars.
"""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float

MEMORY_BARS = 250
"""How many bars, the current one included, a built-in column may use."""

Rows = Float[np.ndarray, " row"]
Reduction = Callable[..., Float[np.ndarray, " window"]]


def over_last(bars: int, reduce: Reduction, series: Rows) -> Rows:
    """Reduce each row's last `bars` values, for example by `np.mean`; NaN where there are fewer."""
    values = np.full(len(series), np.nan)
    if len(series) >= bars:
        windows = np.lib.stride_tricks.sliding_window_view(series, bars)
        values[bars - 1 :] = reduce(windows, axis=1)
    return values


def weigh_last(weights: Float[np.ndarray, " bar"], series: Rows) -> Rows:
    """Return a weighted sum of each row's last values, oldest first; NaN where there are fewer."""
    values = np.full(len(series), np.nan)
    if len(series) >= len(weights):
        values[len(weights) - 1 :] = np.convolve(series, weights[::-1], mode="valid")
    return values


def fading_weights(period: int, rate: float, bars: int) -> Float[np.ndarray, " bar"]:
    """Return the weights of TA-Lib's recursive mean of the last `bars` values, oldest first.

    The mean starts as the plain mean of the first `period` values, and moves by `rate` of the
    distance to each later one: 1 / period for Wilder's (RSI, ATR), 2 / (period + 1) for an EMA
    (MACD).
    """
    age = np.arange(bars)[::-1]
    weights = rate * (1 - rate) ** age
    weights[:period] = (1 - rate) ** (bars - period) / period
    return weights
