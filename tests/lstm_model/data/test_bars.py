"""The schema of bars and their point-in-time adjustment."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lstm_model.data.bars import Bars, adjust, adjust_all, join_panel
from lstm_model.data.cleaning import CleaningRules, clean_bars
from lstm_model.data.columns import rename_columns
from lstm_model.errors import BarsError
from tasks.data.sources.csv_folder import CsvSource


def frame_of(ticker: str = "T", rows: int = 30) -> pd.DataFrame:
    close = 50 + np.sin(np.arange(rows))
    return pd.DataFrame(
        {
            "ticker": ticker,
            "date": pd.bdate_range("2021-01-01", periods=rows).astype("datetime64[us]"),
            "open": close,
            "high": close + 1,
            "low": close - 1,
            "close": close,
            "volume": 10.0,
            "dividends": 0.0,
            "stock_splits": 0.0,
            "split_factor": 1.0,
            "dividend_factor": 1.0,
        }
    )


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("close", 0.0),
        ("close", np.inf),
        ("close", np.nan),
        ("open", 1e6),
        ("low", 1e6),
        ("volume", -1.0),
        ("volume", np.inf),
        ("dividends", -1.0),
        ("dividend_factor", np.inf),
        ("split_factor", 0.0),
        ("date", pd.Timestamp("2030-01-01")),
        ("date", pd.Timestamp("2021-01-05")),
    ],
)
def test_schema_refuses_values(column: str, value: object) -> None:
    """Bars refuses a value that the schema forbids, in one line."""
    frame = frame_of()
    frame.loc[7, column] = value
    with pytest.raises(BarsError, match="break the schema") as refusal:
        Bars(frame)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    "frame",
    [
        frame_of().drop(columns="volume"),
        frame_of().assign(extra=1.0),
        frame_of()[list(reversed(frame_of().columns))],
        frame_of().assign(volume=1),
        frame_of().assign(date="2021-01-01"),
    ],
)
def test_schema_refuses_shapes(frame: pd.DataFrame) -> None:
    """Bars refuses a missing, an additional, a misplaced or a wrongly typed column."""
    with pytest.raises(BarsError, match="break the schema"):
        Bars(frame)


def test_panel_keeps_the_given_order() -> None:
    """A panel lists its tickers in the order of its parts, and gives each one's rows back."""
    parts = [Bars(frame_of("ZZ")), Bars(frame_of("AA", rows=5))]
    panel = join_panel(parts)
    assert panel.tickers == ("ZZ", "AA")
    pd.testing.assert_frame_equal(panel.of("AA"), parts[1].frame)
    for ticker, frame in panel.by_ticker():
        pd.testing.assert_frame_equal(frame, panel.of(ticker))
    assert tuple(adjust_all(panel)) == panel.tickers
    for ticker, adjusted in adjust_all(panel).items():
        pd.testing.assert_frame_equal(adjusted, adjust(panel, ticker), check_exact=True)


def test_adjustment_by_hand() -> None:
    """A dividend reinvested and a split undone leave the holder's wealth, and volume per share."""
    frame = frame_of(rows=3)
    for price in ("open", "high", "low", "close"):
        frame[price] = [100.0, 98.0, 49.0]
    frame["dividend_factor"] = [1.0, 1 / (1 - 2 / 100), 1.0]
    frame["split_factor"] = [1.0, 1.0, 2.0]
    adjusted = adjust(Bars(frame), "T")
    np.testing.assert_allclose(adjusted["close"], [100, 100, 100])
    np.testing.assert_allclose(adjusted["volume"], [10, 10, 5])


@settings(deadline=None, max_examples=25)
@given(st.lists(st.floats(1.0, 1.2), min_size=30, max_size=30), st.integers(1, 29))
def test_later_actions_change_no_earlier_value(factors: list[float], cut: int) -> None:
    """Actions that arrive later change no adjusted value of an earlier bar, bit for bit."""
    frame = frame_of().assign(dividend_factor=factors, split_factor=factors[::-1])
    whole = adjust(Bars(frame), "T")
    first = adjust(Bars(frame.iloc[:cut]), "T")
    pd.testing.assert_frame_equal(first, whole.iloc[:cut], check_exact=True)


@pytest.mark.parametrize(
    "name",
    [
        "yfinance_dirty/CALM-1d-no-bad-divs",
        "yfinance_dirty/EWG-1d-no-bad-divs",
        "long/AAPL",
        "long/SPY",
        "panel_ohlcv_2012_2017/VZ",
    ],
)
def test_returns_are_those_of_the_vendors_adjusted_close(market_data: Path, name: str) -> None:
    """Adjusting forwards, by dividends or by the adjusted close, gives the vendor's own returns."""
    path = market_data / name
    raw = CsvSource(path.parent).fetch(path.name, None, None)
    adjusted = adjust(clean_bars(raw, path.name), path.name)
    expected = np.diff(np.log(raw["adj_close"].astype(float)))
    assert (adjusted["dividend_factor"] != 1).sum() >= 5
    np.testing.assert_allclose(np.diff(np.log(adjusted["close"])), expected, atol=1e-4)


def test_real_prefix_adjusts_to_the_same_bits(market_data: Path) -> None:
    """A real file cut before its last dividends adjusts to the same bits as the whole."""
    folder = market_data / "yfinance_dirty"
    raw = CsvSource(folder).fetch("CALM-1d-no-bad-divs", None, None)
    whole = adjust(clean_bars(raw, "CALM"), "CALM")
    first = adjust(clean_bars(raw.iloc[:300], "CALM"), "CALM")
    assert (whole["dividends"].iloc[300:] > 0).any()
    pd.testing.assert_frame_equal(first, whole.iloc[:300], check_exact=True)


@pytest.mark.parametrize("name", ["long/AAPL", "long/SPY", "yfinance_dirty/CALM-1d-no-bad-divs"])
def test_clean_bars_read_back_as_raw_bars_are_the_same(market_data: Path, name: str) -> None:
    """What a snapshot stores gives the same bars again: a served model sees what training saw."""
    once = clean_bars(rename_columns(pd.read_csv(market_data / f"{name}.csv")), "X")
    raw = once.frame.drop(columns=["ticker", "split_factor", "dividend_factor"])
    again = clean_bars(raw, "X", CleaningRules(prices="raw"))
    assert {finding.action for finding in again.findings} <= {"noted"}
    pd.testing.assert_frame_equal(again.frame, once.frame, check_exact=True)
