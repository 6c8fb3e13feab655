"""Bars put into a store for tests: a source of frames, and a snapshot of what it gives."""

import datetime as dt
from collections.abc import Mapping

import numpy as np
import pandas as pd

from lstm_model.config.data import DataConfig
from lstm_model.data.bars import Finding
from lstm_model.errors import TickerUnknown
from tasks.data.snapshots import Snapshot, store_snapshot
from tasks.data.sources.span import within
from tasks.data.store.folder import Store
from tasks.data.store.refresh import TickerBars, refresh_ticker


class FrameSource:
    """Frames by ticker as a source that can be asked for a part; it remembers what was asked."""

    def __init__(self, frames: Mapping[str, pd.DataFrame], *, incremental: bool = True) -> None:
        self.frames = dict(frames)
        self.incremental = incremental
        self.network = False
        self.findings: list[Finding] = []
        self.asked: list[tuple[str, dt.date | None, dt.date | None]] = []

    def fetch(self, ticker: str, start: dt.date | None, end: dt.date | None) -> pd.DataFrame:
        """Return the rows of a ticker in a span; raises TickerUnknown."""
        self.asked.append((ticker, start, end))
        if ticker not in self.frames:
            raise TickerUnknown(f"no such ticker: {ticker}")
        return within(self.frames[ticker], ticker, start, end).reset_index(drop=True)


def raw_bars(level: float = 100.0, bars: int = 40, seed: int = 0) -> pd.DataFrame:
    """Return clean raw bars from 2020 on, printed to the cent."""
    draws = np.random.default_rng(seed)
    close = np.round(level * np.exp(np.cumsum(draws.normal(0, 0.01, bars))), 2)
    dates = pd.bdate_range("2020-01-01", periods=bars)
    return pd.DataFrame(
        {
            "date": dates.strftime("%Y-%m-%d"),
            "open": close,
            "high": np.round(close * 1.01, 2),
            "low": np.round(close * 0.99, 2),
            "close": close,
            "volume": np.round(draws.uniform(1e5, 1e6, bars)),
        }
    )


def take(data: DataConfig, frames: Mapping[str, pd.DataFrame]) -> list[TickerBars]:
    """Store frames as what the source says today, and return what a snapshot lists of them."""
    source = FrameSource(frames)
    return [refresh_ticker(Store(data.raw_dir), data, source, ticker) for ticker in frames]


def take_panel(data: DataConfig, frames: Mapping[str, pd.DataFrame]) -> Snapshot:
    """Store frames, and a snapshot of them."""
    return store_snapshot(data, take(data, frames))
