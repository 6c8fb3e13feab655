"""One ticker's bars: fetched from the configured source, cleaned, with the findings of both."""

import datetime as dt
from collections.abc import Sequence

import pandas as pd

from lstm_model.config.pipeline import DataConfig
from lstm_model.data.bars import Bars, Finding
from lstm_model.data.cleaning import CleaningRules, clean_bars
from tasks.data.sources import open_source


def fetch_ticker(data: DataConfig, ticker: str) -> Bars:
    """Fetch and clean one ticker's bars.

    Raises SourceUnreachable or TickerUnknown as the source does, and BarsError as the rules do.
    """
    source = open_source(data)
    raw = source.fetch(ticker, data.start, data.end)
    return clean_raw(raw, ticker, data, source.findings)


def clean_raw(
    raw: pd.DataFrame, ticker: str, data: DataConfig, found: Sequence[Finding] = ()
) -> Bars:
    """Clean a raw frame by the rules of the configuration; the reader's findings come first."""
    # The latest calendar day anywhere: Auckland has tomorrow's bar while it is today elsewhere.
    today = (dt.datetime.now(dt.UTC) + dt.timedelta(hours=14)).date()
    bars = clean_bars(raw, ticker, CleaningRules.of(data, today))
    return Bars(bars.frame, (*found, *bars.findings)) if found else bars
