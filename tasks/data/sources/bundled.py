"""The index bars that come with the `arch` package."""

import datetime as dt

import pandas as pd

from lstm_model.config.data import DataConfig
from lstm_model.data.bars import Finding
from lstm_model.data.columns import rename_columns
from lstm_model.errors import TickerUnknown
from tasks.data.sources.span import within


def open_bundled(_data: DataConfig) -> "BundledSource":
    """Return the source `bundled`."""
    return BundledSource()


class BundledSource:
    """The index bars that come with the `arch` package: ^GSPC and ^IXIC, 1999-2018."""

    def __init__(self) -> None:
        self.incremental = False
        self.network = False
        self.findings: list[Finding] = []

    def fetch(self, ticker: str, start: dt.date | None, end: dt.date | None) -> pd.DataFrame:
        """Return the bundled bars of a ticker."""
        from arch.data import nasdaq, sp500  # noqa: PLC0415 - slow, and only this source needs it

        loaders = {"^GSPC": sp500.load, "^IXIC": nasdaq.load}
        if ticker not in loaders:
            raise TickerUnknown(
                f"source bundled has {', '.join(loaders)} but data.tickers names {ticker!r}; "
                f"use one of these or another data.source"
            )
        frame = rename_columns(loaders[ticker]().reset_index())
        return within(frame, ticker, start, end).reset_index(drop=True)
