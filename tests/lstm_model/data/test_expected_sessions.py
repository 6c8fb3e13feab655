"""Claims about sessions that a calendar expects: missing ones, half days, and unfinished ones."""

import datetime as dt
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from lstm_model.data.bars import Bars
from lstm_model.data.calendar import sessions_between
from lstm_model.data.cleaning import CleaningRules, clean_bars
from lstm_model.data.columns import rename_columns
from lstm_model.errors import BarsError

YORK = ZoneInfo("America/New_York")


def made(market: str = "XNYS", first: str = "2023-01-04", last: str = "2024-12-31") -> pd.DataFrame:
    """Return clean bars on every session of a market."""
    days = sessions_between(market, dt.date.fromisoformat(first), dt.date.fromisoformat(last))
    rng = np.random.default_rng(0)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, len(days))))
    prices = {"open": close, "high": close * 1.004, "low": close * 0.996, "close": close}
    return pd.DataFrame({"date": pd.to_datetime(list(days)), **prices, "volume": 1000.0})


def without(raw: pd.DataFrame, *dates: str) -> pd.DataFrame:
    return raw[~raw["date"].isin(pd.to_datetime(list(dates)))].reset_index(drop=True)


def told(bars: Bars) -> list[tuple[str, str, int]]:
    return [(f.rule, f.date, f.count) for f in bars.findings]


@pytest.mark.parametrize(
    ("ticker", "market", "missing", "named"),
    [
        ("AAPL", "XNYS", ["2024-07-02"], "1 session has no bar by XNYS's calendar: 2024-07-02"),
        ("AAPL", "XNYS", ["2024-07-03", "2024-11-29"], "XNYS's calendar: 2024-07-03, 2024-11-29"),
        ("RIO.L", "XLON", ["2024-07-04", "2024-12-24"], "2 sessions have no bar by XLON's"),
        ("BTC-USD", "24/7", ["2024-07-06"], "1 session has no bar by 24/7's calendar: 2024-07-06"),
        ("EURUSD=X", "24/5", ["2024-07-04"], "by 24/5's calendar: 2024-07-04"),
        (
            "7203.T", "XTKS", ["2024-07-02", "2024-07-03", "2024-08-01", "2024-08-02"],
            "4 sessions have no bar by XTKS's calendar: 2024-07-02, 2024-07-03, 2024-08-01, ...",
        ),
    ],
)  # fmt: skip
def test_missing_sessions_are_said_once(
    ticker: str, market: str, missing: list[str], named: str
) -> None:
    """One finding has how many sessions lack a bar, and the first; half days are sessions."""
    bars = clean_bars(without(made(market), *missing), ticker)
    assert told(bars) == [("missing_sessions", missing[0], len(missing))]
    assert named in bars.findings[0].value
    assert bars.findings[0].action == "noted"


@pytest.mark.parametrize(
    ("ticker", "market"),
    [("AAPL", "XNYS"), ("RIO.L", "XLON"), ("7203.T", "XTKS"), ("BTC-USD", "24/7"), ("^X", "XNYS")],
)
def test_whole_histories_have_no_finding(ticker: str, market: str) -> None:
    """Holidays, weekends and special closures are no missing sessions."""
    assert clean_bars(made(market, "2000-01-03"), ticker).findings == ()


def test_fx_is_not_expected_on_christmas_and_new_year() -> None:
    """24/5 has no holidays, but nobody quotes on these two."""
    raw = without(made("24/5"), "2023-12-25", "2024-01-01", "2024-12-25")
    assert clean_bars(raw, "EURUSD=X").findings == ()


@pytest.mark.parametrize("market", ["XTSE", "XLON", "XTKS", "24/5"])
def test_a_presumed_market_that_is_not_followed_says_nothing(market: str) -> None:
    """A foreign ticker without a suffix has other holidays, and is not held to those of the US."""
    raw = made(market)
    assert not [f for f in clean_bars(raw, "FUND").findings if f.rule == "missing_sessions"]
    now = dt.datetime.combine(raw["date"].iloc[-1], dt.time(0), dt.UTC)
    assert len(clean_bars(raw, "FUND", CleaningRules(now)).frame) == len(raw)


def test_a_presumed_market_may_lack_two_percent() -> None:
    """Up to 2 % of missing sessions are named; with more it is no ticker of that calendar."""
    raw = made()
    drop = np.arange(len(raw)) % 60 == 30
    assert [rule for rule, *_ in told(clean_bars(raw[~drop], "AAPL"))] == ["missing_sessions"]
    assert clean_bars(raw[np.arange(len(raw)) % 40 != 20], "AAPL").findings == ()


def test_a_long_gap_is_told_once() -> None:
    """The sessions of a gap of over 14 days are in its own finding, and not counted again."""
    raw = made()
    gap = raw["date"].between("2024-05-01", "2024-05-31")
    found = clean_bars(without(raw[~gap], "2024-07-02"), "AAPL").findings
    assert [(f.rule, f.date, f.count) for f in found] == [
        ("missing_sessions", "2024-06-03", 1),  # no bar for 34 days
        ("missing_sessions", "2024-07-02", 1),
    ]
    assert "no bar for 34 days after 2024-04-30" in found[0].value


def test_a_row_without_prices_is_told_once() -> None:
    """A session whose row has no prices is `missing_prices`, not missing too."""
    raw = made()
    raw.loc[100, ["open", "high", "low", "close"]] = np.nan
    assert [rule for rule, *_ in told(clean_bars(raw, "AAPL"))] == ["missing_prices"]


def test_sessions_before_the_first_and_after_the_last_price_are_not_missing() -> None:
    """A listing's history begins with its first bar."""
    raw = made()
    raw.loc[:50, ["open", "high", "low", "close"]] = np.nan
    raw = raw.drop(index=range(20, 30))
    assert [rule for rule, *_ in told(clean_bars(raw, "AAPL"))] == ["leading_nulls"]


@pytest.mark.parametrize("name", ["ASEX", "XTAE"])
def test_a_calendar_that_cannot_be_computed_is_said(name: str) -> None:
    """A market whose calendar fails is named, and its bars are taken as they are."""
    raw = made("24/5")
    rules = [f.rule for f in clean_bars(raw, "FUND", CleaningRules(market=name)).findings]
    assert rules in (["no_calendar"], ["closed_day"])  # the second once the library is repaired


@pytest.mark.parametrize(
    ("ticker", "market", "last", "close"),
    [
        ("AAPL", "XNYS", "2024-07-02", "2024-07-02T20:00Z"),
        ("AAPL", "XNYS", "2024-07-03", "2024-07-03T17:00Z"),  # half days
        ("AAPL", "XNYS", "2024-11-29", "2024-11-29T18:00Z"),
        ("AAPL", "XNYS", "2024-03-08", "2024-03-08T21:00Z"),  # before and after summer time
        ("AAPL", "XNYS", "2024-03-11", "2024-03-11T20:00Z"),
        ("AAPL", "XNYS", "2024-11-01", "2024-11-01T20:00Z"),
        ("AAPL", "XNYS", "2024-11-04", "2024-11-04T21:00Z"),
        ("RIO.L", "XLON", "2024-12-24", "2024-12-24T12:30Z"),
        ("7203.T", "XTKS", "2024-07-02", "2024-07-02T06:00Z"),
        ("BTC-USD", "24/7", "2024-07-06", "2024-07-07T00:00Z"),
        ("EURUSD=X", "24/5", "2024-07-05", "2024-07-06T00:00Z"),
    ],
)
def test_a_bar_counts_once_its_session_has_closed(
    ticker: str, market: str, last: str, close: str
) -> None:
    """To the minute: the newest bar is dropped before the close of its session and kept after."""
    raw = made(market, last=last)
    closed = dt.datetime.fromisoformat(close)
    for zone in (dt.UTC, YORK, ZoneInfo("Asia/Tokyo")):
        whole = clean_bars(raw, ticker, CleaningRules(closed.astimezone(zone)))
        assert whole.findings == ()
        early = (closed - dt.timedelta(minutes=1)).astimezone(zone)
        bars = clean_bars(raw, ticker, CleaningRules(early))
        assert told(bars) == [("unfinished_session", last, 1)]
        assert bars.findings[0].action == "repaired"
        assert f"{market} closes at" in bars.findings[0].value
        assert len(bars.frame) == len(raw) - 1
    assert clean_bars(raw, ticker).findings == ()


def test_a_dividend_of_an_unfinished_session_is_said() -> None:
    """What the dropped bar carried is named; the next night has it."""
    raw = made(last="2024-07-02").assign(dividends=0.0)
    raw.loc[len(raw) - 1, "dividends"] = 0.5
    noon = dt.datetime(2024, 7, 2, 12, tzinfo=YORK)
    rules = [f.rule for f in clean_bars(raw, "AAPL", CleaningRules(noon)).findings]
    assert rules == ["unfinished_session", "action_without_bar"]


def test_a_market_that_is_not_known_drops_nothing() -> None:
    """Without a calendar nobody knows when the session closes."""
    raw = made(last="2024-07-02")
    noon = dt.datetime(2024, 7, 2, 12, tzinfo=YORK)
    assert clean_bars(raw, "^GSPC", CleaningRules(noon)).findings == ()
    known = clean_bars(raw, "^GSPC", CleaningRules(noon, market="XNYS"))
    assert [f.rule for f in known.findings] == ["unfinished_session"]


def test_only_an_unfinished_session_is_refused() -> None:
    """A first bar whose session has not closed leaves nothing."""
    raw = made(last="2024-07-02").tail(1)
    noon = dt.datetime(2024, 7, 2, 12, tzinfo=YORK)
    with pytest.raises(BarsError, match=r"^RIO\.L 2024-07-02: unfinished_session: .* wait"):
        clean_bars(raw, "RIO.L", CleaningRules(noon.replace(hour=8)))


def test_a_clock_without_a_zone_is_refused() -> None:
    """The rules take no time that means another moment on another machine."""
    with pytest.raises(ValueError, match="now needs a zone"):
        CleaningRules(dt.datetime(2024, 7, 2))


@pytest.mark.parametrize(
    ("name", "ticker", "missing"),
    [
        ("long/AAPL.csv", "AAPL", 0),
        ("long/SPY.csv", "SPY", 0),
        ("long/MSFT_1990_2022.csv", "MSFT", 0),
        ("panel_ohlcv_2012_2017/BHP.csv", "BHP", 0),
        ("index/VIX_1990_2026.csv", "VIX", 4),  # 1991-03-01, 1997-01-31, 1997-11-26 and one more
        ("yfinance_dirty/4063-T-1d-bad-stock-split-fixed.csv", "4063.T", 0),
    ],
)
def test_real_bars_have_only_true_gaps(
    market_data: Path, name: str, ticker: str, missing: int
) -> None:
    """Clean real files follow their calendars; a vendor's holes are counted."""
    bars = clean_bars(rename_columns(pd.read_csv(market_data / name)), ticker)
    found = [f.count for f in bars.findings if f.rule == "missing_sessions"]
    assert found == ([missing] if missing else [])
