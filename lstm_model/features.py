"""Bars -> FeatureTable: sixteen causal, stationary columns (TA-Lib where it has the indicator)."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import talib
from jaxtyping import Bool, Float, Int

from lstm_model.bars import Bars, Histories, adjust_all

WARM_UP_BARS = 250
"""Bars masked at the head of each ticker.

The slowest indicator (ADX 14) depends on where history starts for 133 bars; 250 leaves a margin, so
that a history that starts later does not change a value that is used.
"""

FEATURE_NAMES = (
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


@dataclass(frozen=True, slots=True)
class FeatureTable:
    """One row a bar and ticker, in the order of the panel.

    `ready` marks rows past the warm-up whose features are all finite.
    """

    tickers: tuple[str, ...]
    ticker_of_row: Int[np.ndarray, " row"]
    dates: Int[np.ndarray, " row"]
    names: tuple[str, ...]
    values: Float[np.ndarray, "row feature"]
    ready: Bool[np.ndarray, " row"]


def compute_features(bars: Bars) -> FeatureTable:
    """Compute every ticker's features on its own history; dates are days since 1970-01-01."""
    return tabulate_features(adjust_all(bars))


def tabulate_features(histories: Histories) -> FeatureTable:
    """Compute features as `compute_features` does, from bars that are adjusted already."""
    frames = list(histories.values())
    values = np.concatenate([ticker_features(frame) for frame in frames])
    warm = np.concatenate([np.arange(len(frame)) >= WARM_UP_BARS for frame in frames])
    dates = np.concatenate([days_since_epoch(frame["date"]) for frame in frames])
    lengths = [len(frame) for frame in frames]
    return FeatureTable(
        tickers=tuple(histories),
        ticker_of_row=np.repeat(np.arange(len(frames)), lengths),
        dates=dates,
        names=FEATURE_NAMES,
        values=values,
        ready=warm & np.isfinite(values).all(axis=1),
    )


def days_since_epoch(dates: "pd.Series[pd.Timestamp]") -> Int[np.ndarray, " row"]:
    """Return dates as whole days, whatever unit pandas holds them in."""
    return dates.to_numpy().astype("datetime64[D]").astype(np.int64)


def ticker_features(bars: pd.DataFrame) -> Float[np.ndarray, "row feature"]:
    """Compute one ticker's features from adjusted bars; column t uses bars up to t alone.

    Oscillators are rescaled to [-1, 1], prices appear only as ratios. PPO and the EMA quotients
    are left out: they are MACD over close up to a few per mille.
    """
    open_, high, low, close, volume = (
        bars[column].to_numpy(dtype=float, copy=True)
        for column in ("open", "high", "low", "close", "volume")
    )
    del open_  # Yahoo's index opens before 2009 repeat the previous close: no gap features.
    log_return = np.diff(np.log(close), prepend=np.nan)
    upper, middle, lower = talib.BBANDS(close, timeperiod=20)
    macd, _, _ = talib.MACD(close)
    stochastic_k, _ = talib.STOCH(high, low, close)
    # One share is added so that a series without volume gives zeros, not infinities.
    volume_ratio = np.log1p(volume) - np.log1p(talib.SMA(volume, timeperiod=20))
    band = upper - lower
    flat = band <= 1e-12 * middle
    columns = {
        "log_return": log_return,
        "log_range": np.log(high / low),
        "log_volume_ratio": volume_ratio,
        "close_over_sma20": close / middle - 1,
        "roc10": talib.ROC(close, timeperiod=10) / 100,
        "rsi14": talib.RSI(close, timeperiod=14) / 50 - 1,
        "macd_over_close": macd / close,
        "percent_b20": np.where(flat, 0.0, 2 * (close - lower) / np.where(flat, 1.0, band) - 1),
        "bandwidth20": band / middle,
        "natr14": talib.NATR(high, low, close, timeperiod=14) / 100,
        "adx14": talib.ADX(high, low, close, timeperiod=14) / 50 - 1,
        "stochastic_k": stochastic_k / 50 - 1,
        "williams_r14": talib.WILLR(high, low, close, timeperiod=14) / 50 + 1,
        "cci14": talib.CCI(high, low, close, timeperiod=14) / 200,
        "mfi14": talib.MFI(high, low, close, volume, timeperiod=14) / 50 - 1,
        "return_sd20": talib.STDDEV(log_return, timeperiod=20),
    }
    return np.column_stack([columns[name] for name in FEATURE_NAMES])
