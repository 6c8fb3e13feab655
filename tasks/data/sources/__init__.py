"""Sources of bars: yahoo, bundled, csv; each gives the raw frame of one ticker, unadjusted."""

import datetime as dt
from typing import Protocol

import pandas as pd

from lstm_model.config.data import DataConfig
from lstm_model.data.bars import Finding
from lstm_model.data.columns import rename_columns
from lstm_model.errors import ConfigError
from tasks.data.sources.bundled import BundledSource
from tasks.data.sources.csv_folder import CsvSource
from tasks.data.sources.yahoo import YahooSource, drop_unfinished_session

__all__ = [
    "BarSource", "BundledSource", "CsvSource", "YahooSource",
    "drop_unfinished_session", "open_source", "rename_columns",
]  # fmt: skip


class BarSource(Protocol):
    """Where raw bars come from."""

    incremental: bool
    """Whether it can be asked for a part of the bars at the cost of a part."""
    findings: list[Finding]
    """What the frames fetched so far do not show, such as columns that were ignored."""

    def fetch(self, ticker: str, start: dt.date | None, end: dt.date | None) -> pd.DataFrame:
        """Return raw bars with start <= date <= end.

        Raises SourceUnreachable if a retry may help, TickerUnknown if it cannot.
        """
        ...


def open_source(data: DataConfig) -> BarSource:
    """Return the source that the configuration names."""
    if data.source == "yahoo":
        return YahooSource(cache_dir=data.raw_dir / "yahoo-cache")
    if data.source == "bundled":
        return BundledSource()
    if data.csv_dir is None or not data.csv_dir.is_dir():
        raise ConfigError(f"data.csv_dir must be a folder but {data.csv_dir} is not; set it to one")
    return CsvSource(data.csv_dir)
