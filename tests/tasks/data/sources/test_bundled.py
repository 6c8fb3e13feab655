"""The bars that come with the project."""

import datetime as dt

import pandas as pd
import pytest

from lstm_model.data.cleaning import clean_bars
from lstm_model.errors import TickerUnknown
from tasks.data.sources.bundled import BundledSource


@pytest.mark.parametrize("ticker", ["^GSPC", "^IXIC"])
def test_bundled(ticker: str) -> None:
    """The bundled source gives 20 years of bars that need no repair."""
    bars = clean_bars(BundledSource().fetch(ticker, None, None), ticker)
    assert len(bars.frame) == 5031
    assert f"{bars.frame['date'].iloc[0]:%F}" == "1999-01-04"
    assert {finding.action for finding in bars.findings} <= {"noted"}


def test_bundled_span() -> None:
    """The bundled source keeps start <= date <= end."""
    frame = BundledSource().fetch("^GSPC", dt.date(2010, 1, 4), dt.date(2010, 1, 6))
    assert [f"{day:%d}" for day in pd.to_datetime(frame["date"])] == ["04", "05", "06"]


def test_bundled_unknown() -> None:
    """A ticker that is not bundled is unknown, and the message lists those that are."""
    with pytest.raises(TickerUnknown, match=r"\^GSPC, \^IXIC but data.tickers names 'AAPL'"):
        BundledSource().fetch("AAPL", None, None)
