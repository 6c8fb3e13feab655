"""Bars for the tests of `lstm_model`: real and synthetic ones."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from lstm_model.config.loader import parse_config
from lstm_model.config.pipeline import PipelineConfig
from lstm_model.data.assemble import split_chronologically
from lstm_model.data.bars import Bars
from lstm_model.data.cleaning import clean_bars
from lstm_model.data.features import FeatureTable, compute_features
from lstm_model.data.targets import TargetTable, compute_targets
from lstm_model.data.views import ChronoSplit, Rows
from tasks.data.sources.bundled import BundledSource

BarMaker = Callable[..., Bars]


@pytest.fixture(scope="session")
def sp500_raw() -> pd.DataFrame:
    return BundledSource().fetch("^GSPC", None, None)


@pytest.fixture(scope="session")
def sp500(sp500_raw: pd.DataFrame) -> Bars:
    return clean_bars(sp500_raw, "^GSPC")


@pytest.fixture(scope="session")
def sp500_features(sp500: Bars) -> FeatureTable:
    return compute_features(sp500)


@pytest.fixture(scope="session")
def sp500_targets(sp500: Bars) -> TargetTable:
    return compute_targets(sp500, "log_volatility", 1)


@pytest.fixture(scope="session")
def volatility_config() -> PipelineConfig:
    return parse_config({"data": {"tickers": ["^GSPC"]}, "target": {"kind": "log_volatility"}})


@pytest.fixture(scope="session")
def sp500_split(
    sp500_features: FeatureTable, sp500_targets: TargetTable, volatility_config: PipelineConfig
) -> ChronoSplit:
    return split_chronologically(sp500_features, sp500_targets, volatility_config)


def _ohlcv(seed: int, length: int, flat_share: float = 0.02) -> pd.DataFrame:
    draws = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(draws.normal(0, 0.015, length)))
    open_ = close * np.exp(draws.normal(0, 0.005, length))
    high = np.maximum(open_, close) * np.exp(np.abs(draws.normal(0, 0.005, length)))
    low = np.minimum(open_, close) * np.exp(-np.abs(draws.normal(0, 0.005, length)))
    flat = draws.random(length) < flat_share
    open_, high, low = (np.where(flat, close, price) for price in (open_, high, low))
    volume = np.where(draws.random(length) < 0.02, 0.0, draws.integers(1, 10**7, length))
    return pd.DataFrame({"open": open_, "high": high, "low": low, "close": close, "volume": volume})


@pytest.fixture(scope="session")
def make_ohlcv() -> Callable[..., pd.DataFrame]:
    """Random walks with a few bars without range and a few without volume, and never split."""

    def make(seed: int, length: int, flat_share: float = 0.02) -> pd.DataFrame:
        return _ohlcv(seed, length, flat_share).assign(split_factor=1.0)

    return make


@pytest.fixture(scope="session")
def make_bars() -> BarMaker:
    """Build a panel: per ticker a length, a first session and a share of sessions it misses."""

    def make(
        *lengths: int, seed: int = 0, offsets: tuple[int, ...] = (), missing: float = 0.0
    ) -> Bars:
        frames = []
        for code, length in enumerate(lengths):
            frame = _ohlcv(seed * 100 + code, length)
            offset = offsets[code] if offsets else 0
            frame.insert(0, "ticker", f"T{code}")
            sessions = pd.bdate_range("2000-01-03", periods=offset + length, unit="us")[offset:]
            frame.insert(1, "date", sessions)
            for column, value in (
                ("dividends", 0.0),
                ("stock_splits", 0.0),
                ("split_factor", 1.0),
                ("dividend_factor", 1.0),
            ):
                frame[column] = value
            kept = np.random.default_rng(seed * 100 + code).random(length) >= missing
            frames.append(frame[kept])
        return Bars(pd.concat(frames, ignore_index=True))

    return make


@pytest.fixture(scope="session")
def make_coarse_bars() -> BarMaker:
    """Bars on a coarse tick, so with many ties: halts, quarterly dividends, splits 2:1 to 7:1."""

    def make(seed: int, length: int = 700, tick: float = 0.125) -> Bars:
        draws = np.random.default_rng(seed)
        moves = draws.integers(-4, 5, length) * (draws.random(length) < 0.75)
        close = np.maximum(480 + np.cumsum(moves), 100)
        open_ = close + draws.integers(-3, 4, length)
        high = np.maximum(open_, close) + draws.integers(0, 4, length)
        low = np.minimum(open_, close) - draws.integers(0, 4, length)
        for start in draws.integers(0, length - 60, 3):
            halt = slice(start, start + draws.integers(5, 60))
            for price in (open_, high, low, close):
                price[halt] = close[start]
        split = np.ones(length)
        split[draws.integers(50, length - 50, 3)] = draws.choice([1.5, 2.0, 3.0, 7.0], 3)
        growth = np.cumprod(split)
        frame = pd.DataFrame(
            {
                "ticker": "T0",
                "date": pd.bdate_range("2000-01-03", periods=length, unit="us"),
                "open": open_ * tick / growth,
                "high": high * tick / growth,
                "low": low * tick / growth,
                "close": close * tick / growth,
                "volume": draws.integers(0, 50, length) * 100 * growth,
                "dividends": np.where(np.arange(length) % 63 == 30, tick, 0.0) / growth,
                "stock_splits": np.where(split == 1, 0.0, split),
                "split_factor": split,
            }
        )
        before = frame["close"].shift() / split
        paid = (frame["dividends"] / before).fillna(0.0)
        return Bars(frame.assign(dividend_factor=1 / (1 - paid)))

    return make


@pytest.fixture
def make_rows() -> Callable[..., Rows]:
    """Rows of one ticker with random features, for tests that need no bars."""

    def make(count: int, features: int = 2, length: int = 3, har: int = 0, seed: int = 0) -> Rows:
        draws = np.random.default_rng(seed)
        return Rows(
            tickers=("T0",),
            feature_names=tuple(f"f{i}" for i in range(features)),
            window_length=length,
            ticker_of_row=np.zeros(count, dtype=np.int64),
            dates=np.arange(count),
            features=draws.normal(3, 2, (count, features)).astype(np.float32),
            labels=draws.normal(1, 2, count),
            label_ends=np.arange(count) + 1,
            last_values=draws.normal(size=count),
            har_terms=draws.normal(size=(count, har)),
            log_returns=draws.normal(0, 0.01, count),
        )

    return make
