"""Adjusted bars of one ticker -> its sixteen indicators, which do not depend on the price level."""

import numpy as np
import pandas as pd
import talib
from jaxtyping import Float

from lstm_model.data.directional import average_directional_index, directional_moves
from lstm_model.data.ticks import SAME, balance, place, steps
from lstm_model.data.trailing import MEMORY_BARS, fading_weights, over_last, weigh_last

Rows = Float[np.ndarray, " row"]

INDICATORS = (
    "log_return",
    "log_range",
    "log_volume_ratio",
    "close_over_sma20",
    "roc10",
    "rsi14",
    "macd_over_close",
    "percent_b20",
    "bandwidth20",
    "natr14",
    "adx14",
    "stochastic_k",
    "williams_r14",
    "cci14",
    "mfi14",
    "return_sd20",
)

WILDER = fading_weights(14, 1 / 14, MEMORY_BARS - 1)
MACD = fading_weights(12, 2 / 13, MEMORY_BARS) - fading_weights(26, 2 / 27, MEMORY_BARS)


def indicator_columns(bars: pd.DataFrame) -> Float[np.ndarray, "row feature"]:
    """Compute one ticker's indicators from adjusted bars; row t uses the last 250 bars up to t.

    Oscillators are scaled to [-1, 1], with 0 where nothing moved; prices appear only as ratios.
    Earlier history changes a value by less than 1e-9: nothing is carried from bar to bar
    (`trailing`), and rounding decides no tie (`ticks`). TA-Lib is used where it meets both rules;
    elsewhere the values are those it gives on the last 250 bars alone.

    PPO and the EMA quotients are left out: they equal MACD over close up to a few per mille. There
    are no gap features, because Yahoo's index opens before 2009 repeat the previous close.
    """
    high, low, close, volume, split_factor = (
        bars[column].to_numpy(dtype=float, copy=True)
        for column in ("high", "low", "close", "volume", "split_factor")
    )
    log_return = np.diff(np.log(close), prepend=np.nan)
    middle = over_last(20, np.mean, close)
    deviation = over_last(20, np.std, close)
    change = steps(close)
    gain, loss = (weigh_last(WILDER, np.maximum(side, 0.0)) for side in (change, -change))
    up, down = directional_moves(high, low, close)
    columns = {
        "log_return": log_return,
        "log_range": np.log(high / low),
        "log_volume_ratio": _volume_ratio(volume, split_factor),
        "close_over_sma20": close / middle - 1,
        "roc10": talib.ROC(close, timeperiod=10) / 100,
        "rsi14": balance(gain, loss),
        "macd_over_close": weigh_last(MACD, close) / close,
        "percent_b20": place(close, middle - 2 * deviation, middle + 2 * deviation),
        "bandwidth20": 4 * deviation / middle,
        "natr14": weigh_last(WILDER, talib.TRANGE(high, low, close)) / close,
        "adx14": 2 * average_directional_index(up, down, 14, MEMORY_BARS) - 1,
        "stochastic_k": over_last(3, np.mean, _place_in_range(high, low, close, 5)),
        "williams_r14": _place_in_range(high, low, close, 14),
        "cci14": _commodity_channel(high, low, close, 14) / 200,
        "mfi14": _money_flow(high, low, close, volume, 14),
        "return_sd20": over_last(20, np.std, log_return),
    }
    return np.column_stack([columns[name] for name in INDICATORS])


def _volume_ratio(volume: Rows, split_factor: Rows) -> Rows:
    """Return the log of the bar's volume over its mean of 20 bars.

    One share is added so that a series without volume gives zeros, not infinities. It is one share
    on the bar's own count: a share of the first bar is seven after a 7:1 split, and a history that
    starts later does not know this.
    """
    shares = np.cumprod(split_factor)
    ratio: Rows = np.log1p(volume * shares) - np.log1p(over_last(20, np.mean, volume) * shares)
    return ratio


def _place_in_range(high: Rows, low: Rows, close: Rows, bars: int) -> Rows:
    return place(close, talib.MIN(low, timeperiod=bars), talib.MAX(high, timeperiod=bars))


def _commodity_channel(high: Rows, low: Rows, close: Rows, bars: int) -> Rows:
    """Return TA-Lib's CCI; 0, as for a flat price, where only rounding moves the price."""
    typical = (high + low + close) / 3
    highest, lowest = talib.MAX(typical, timeperiod=bars), talib.MIN(typical, timeperiod=bars)
    channel: Rows = talib.CCI(high, low, close, timeperiod=bars)
    return np.where(highest - lowest <= SAME * highest, 0.0, channel)


def _money_flow(high: Rows, low: Rows, close: Rows, volume: Rows, bars: int) -> Rows:
    """Return the balance of money traded at rising and at falling typical prices."""
    typical = (high + low + close) / 3
    direction, money = np.sign(steps(typical)), typical * volume
    into, out_of = (
        over_last(bars, np.sum, np.maximum(side, 0.0) * money) for side in (direction, -direction)
    )
    return balance(into, out_of)
