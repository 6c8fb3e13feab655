"""Bars -> FeatureTable: causal, stationary columns, in sets of ours and by the user's own."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import talib
from jaxtyping import Bool, Float, Int

from lstm_model.bars import Bars, Histories, adjust_all
from lstm_model.config import FeaturesConfig, FeatureSet
from lstm_model.custom_features import custom_columns
from lstm_model.volatility import HAR_NAMES, har_terms

WARM_UP_BARS = 250
"""Bars masked at the head of each ticker.

The slowest indicator (ADX 14) depends on where history starts for 133 bars; 250 leaves a margin, so
that a history that starts later does not change a value that is used.
"""

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


SETS: dict[FeatureSet, tuple[str, ...]] = {"indicators": INDICATORS, "har": HAR_NAMES}
"""The columns of each set."""


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


def compute_features(
    bars: Bars, features: FeaturesConfig | None = None, histories: Histories | None = None
) -> FeatureTable:
    """Compute every ticker's features on its own history; dates are days since 1970-01-01.

    `histories` are the same bars adjusted, where the caller has them already. Raises ConfigError
    where `features.custom` does not give what it must.
    """
    features = features or FeaturesConfig()
    table = tabulate_features(adjust_all(bars) if histories is None else histories, features.sets)
    if features.custom is None:
        return table
    names, columns = custom_columns(bars, features.custom, taken=table.names)
    return replace(
        table,
        names=(*table.names, *names),
        values=np.column_stack([table.values, columns]),
        ready=table.ready & np.isfinite(columns).all(axis=1),
    )


def tabulate_features(
    histories: Histories, sets: Sequence[FeatureSet] = ("indicators",)
) -> FeatureTable:
    """Compute our own columns from bars that are adjusted already."""
    compute = {"indicators": indicator_columns, "har": har_terms}
    frames = list(histories.values())
    values = np.concatenate(
        [np.column_stack([compute[name](frame) for name in sets]) for frame in frames]
    )
    warm = np.concatenate([np.arange(len(frame)) >= WARM_UP_BARS for frame in frames])
    dates = np.concatenate([days_since_epoch(frame["date"]) for frame in frames])
    lengths = [len(frame) for frame in frames]
    return FeatureTable(
        tickers=tuple(histories),
        ticker_of_row=np.repeat(np.arange(len(frames)), lengths),
        dates=dates,
        names=tuple(column for name in sets for column in SETS[name]),
        values=values,
        ready=warm & np.isfinite(values).all(axis=1),
    )


def days_since_epoch(dates: "pd.Series[pd.Timestamp]") -> Int[np.ndarray, " row"]:
    """Return dates as whole days, whatever unit pandas holds them in."""
    return dates.to_numpy().astype("datetime64[D]").astype(np.int64)


def indicator_columns(bars: pd.DataFrame) -> Float[np.ndarray, "row feature"]:
    """Compute one ticker's indicators from adjusted bars; row t uses bars up to t alone.

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
    return np.column_stack([columns[name] for name in INDICATORS])
