"""What the source yahoo makes of each answer: bars, an unknown ticker, or no answer at all."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from lstm_model.data.cleaning import clean_bars
from lstm_model.errors import SourceUnreachable, TickerUnknown
from tasks.data.sources.yahoo import YahooSource
from tests.stored import raw_bars
from tests.yahoo_server import (
    EMPTY_RESULT,
    HANG,
    HTML,
    NO_BODY,
    NULL_RESULT,
    PORTAL_404,
    PRICES,
    RESET,
    SERVER_ERROR,
    UNAUTHORIZED,
    UNKNOWN,
    UNKNOWN_200,
    UNRESOLVABLE,
    Answer,
    Answering,
    Listing,
    YahooServer,
    closed_port,
    cut_off,
    days_of,
    failure,
    half_json,
    point_yfinance_at,
    too_many,
)

BARS = raw_bars()
DAYS = days_of(BARS)


@pytest.fixture
def source(yahoo: YahooServer, tmp_path: Path) -> YahooSource:
    yahoo.listings["X"] = Listing(BARS)
    return YahooSource(tmp_path / "cache", timeout_seconds=10)


def quarter(bars: pd.DataFrame) -> pd.DataFrame:
    return bars.assign(**{name: bars[name] / 4 for name in PRICES})


def test_a_good_answer_is_bars_and_actions(yahoo: YahooServer, source: YahooSource) -> None:
    """Bars are as printed, with dividends and splits on their days, by one request."""
    yahoo.listings["X"] = Listing(BARS.head(20))
    yahoo.listings["X"].pay(DAYS[10], 0.25)
    yahoo.listings["X"].split(DAYS[20], 4)
    yahoo.listings["X"].append(quarter(BARS.tail(20)))
    bars = clean_bars(source.fetch("X", None, None), "X").frame
    assert list(bars["date"].dt.date) == DAYS
    assert bars["close"].tolist() == yahoo.listings["X"].bars["close"].tolist()
    assert bars["close"][19] == BARS["close"][19] / 4
    assert bars["dividends"].tolist() == [0.0625 if row == 10 else 0 for row in range(40)]
    assert bars["stock_splits"].tolist() == [4 if row == 20 else 0 for row in range(40)]
    assert (bars["split_factor"] == 1).all()
    assert len(yahoo.asked) == 1
    assert yahoo.left == []


@pytest.mark.parametrize(
    ("start", "end", "kept"),
    [
        (None, None, slice(None)),
        (DAYS[5], None, slice(5, None)),
        (None, DAYS[5], slice(6)),
        (DAYS[5], DAYS[5], slice(5, 6)),
        (DAYS[5] - dt.timedelta(days=20), DAYS[7], slice(8)),
    ],
)
@pytest.mark.parametrize("zone", ["America/New_York", "Pacific/Auckland", "Pacific/Honolulu"])
def test_a_span_is_the_exchanges_own_days(
    yahoo: YahooServer,
    source: YahooSource,
    zone: str,
    start: dt.date | None,
    end: dt.date | None,
    kept: slice,
) -> None:
    """Bars of start <= date <= end come in any zone, and only those are asked for."""
    yahoo.listings["X"] = Listing(BARS, zone=zone)
    assert days_of(source.fetch("X", start, end)) == DAYS[kept]
    (asked,) = yahoo.asked
    day = 86400
    if start is not None:
        assert 0 < yahoo.listings["X"].at(start, "00:00") - asked.period1 < 3 * day
    if end is not None:
        assert 0 < asked.period2 - yahoo.listings["X"].at(end, "23:59") < 3 * day


NO_ANSWER: dict[str, tuple[Answering, str]] = {
    "429": (too_many(), "HTTP 429, too many requests"),
    "500": (SERVER_ERROR, "HTTP 500"),
    "503 in Yahoo's form": (failure(503, "Internal", "later"), "HTTP 503"),
    "half of the JSON": (half_json, "HTTP 200 with part of a chart"),
    "connection that ends in the middle": (cut_off, "IncompleteRead|HTTPError|bytes"),
    "web page": (HTML, "HTTP 200 with '<!DOCTYPE html> <html>Will be right back"),
    "web page of a hotel's network": (PORTAL_404, "HTTP 404 with '<html>Sign in"),
    "nothing": (NO_BODY, "HTTP 200 with nothing"),
    "empty result": (EMPTY_RESULT, "neither bars nor an error"),
    "null as result": (NULL_RESULT, "neither bars nor an error"),
    "another service's error": (failure(200, "Internal Server Error", "x"), "Internal Server"),
    "a list": (Answer(200, "[1, 2]"), "HTTP 200 with"),
    "no metadata": (Answer(200, '{"chart":{"result":[{}],"error":null}}'), "KeyError"),
    "no quotes": (
        Answer(200, '{"chart":{"result":[{"indicators":{"quote":[]}}],"error":null}}'),
        "IndexError",
    ),
    "cookies refused twice": (UNAUTHORIZED, "HTTP 401"),
    "country refused": (Answer(403, "<html>451</html>"), "HTTP 403"),
    "reset": (RESET, "reset|Recv failure"),
}


@pytest.mark.parametrize("name", NO_ANSWER)
@pytest.mark.parametrize("end", [None, DAYS[-1]], ids=["to today", "to the past"])
def test_what_is_no_answer_is_no_delisting(
    yahoo: YahooServer, source: YahooSource, name: str, end: dt.date | None
) -> None:
    """Each is told as a source that does not answer, in one line, and is not remembered."""
    answer, words = NO_ANSWER[name]
    yahoo.answer = lambda _: answer
    with pytest.raises(SourceUnreachable, match=words) as failed:
        source.fetch("X", DAYS[0], end)
    assert "\n" not in str(failed.value)
    assert "did not answer for 'X'" in str(failed.value)
    assert len(str(failed.value)) < 300
    yahoo.answer = lambda _: None
    assert days_of(source.fetch("X", DAYS[0], end)) == DAYS


@pytest.mark.parametrize(
    ("name", "asked"), [("429", 1), ("500", 1), ("half of the JSON", 1), ("country refused", 2)]
)
def test_a_source_that_does_not_answer_is_not_pressed(
    yahoo: YahooServer, source: YahooSource, name: str, asked: int
) -> None:
    """One fetch is one request; only refused cookies are renewed, for which one more is made.

    Renewing them stays on the loopback here.
    """
    yahoo.answer = lambda _: NO_ANSWER[name][0]
    with pytest.raises(SourceUnreachable):
        source.fetch("X", DAYS[0], None)
    assert len(yahoo.asked) == asked
    assert all(name.endswith("yahoo.com:443") for name in yahoo.left)
    assert bool(yahoo.left) == (asked == 2)


def test_a_source_that_hangs_does_not_answer(yahoo: YahooServer, tmp_path: Path) -> None:
    """After the timeout it is told as such; the next request is a new one."""
    yahoo.listings["X"] = Listing(BARS)
    yahoo.next_answers = [HANG]
    source = YahooSource(tmp_path / "cache", timeout_seconds=0.2)
    with pytest.raises(SourceUnreachable, match=r"did not answer for 'X'.*timed out"):
        source.fetch("X", None, None)
    source = YahooSource(tmp_path / "cache", timeout_seconds=10)
    assert len(source.fetch("X", None, None)) == 40


@pytest.mark.parametrize(
    ("url", "words"),
    [(None, "refused|Could not connect|Failed to connect"), (UNRESOLVABLE, "resolve host")],
    ids=["refused connection", "name that cannot be resolved"],
)
def test_a_source_that_cannot_be_reached_is_no_delisting(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, url: str | None, words: str
) -> None:
    """A refused connection and a name without an address may pass."""
    point_yfinance_at(monkeypatch, url or f"http://127.0.0.1:{closed_port()}")
    with pytest.raises(SourceUnreachable, match=f"did not answer for 'X'.*({words})"):
        YahooSource(tmp_path / "cache").fetch("X", None, None)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (UNKNOWN, "does not know 'X' .HTTP 404: No data found.*check data.tickers"),
        (UNKNOWN_200, "does not know 'X' .HTTP 200: No data found"),
        (
            failure(400, "Bad Request", "Data doesn't exist for startDate = 1, endDate = 2"),
            "has no bars for 'X': Data doesn't exist.*check data.tickers, data.start",
        ),
        (failure(422, "Unprocessable Entity", "bad symbol"), "no bars for 'X': bad symbol"),
    ],
)
def test_only_yahoo_denies_a_ticker(
    yahoo: YahooServer, source: YahooSource, answer: Answer, words: str
) -> None:
    """An error in the form of a chart that denies the ticker or the dates is final: one request."""
    yahoo.answer = lambda _: answer
    with pytest.raises(TickerUnknown, match=words) as failed:
        source.fetch("X", DAYS[0], DAYS[-1])
    assert "\n" not in str(failed.value)
    assert len(yahoo.asked) == 1


def test_a_span_without_bars_is_not_worth_another_try(
    yahoo: YahooServer, source: YahooSource
) -> None:
    """A ticker that Yahoo knows, but without bars in the span, is told with the span."""
    with pytest.raises(TickerUnknown, match="no bars for 'X' from 2030-01-01 to today; check"):
        source.fetch("X", dt.date(2030, 1, 1), None)
    with pytest.raises(TickerUnknown, match="to 1999-12-31"):
        source.fetch("X", None, dt.date(1999, 12, 31))
    yahoo.listings["X"] = Listing(BARS, zone="Asia/Tokyo")  # the day before is asked for, too
    with pytest.raises(TickerUnknown, match="no bars for 'X'"):
        source.fetch("X", DAYS[-1] + dt.timedelta(days=1), None)


@pytest.mark.parametrize(
    ("header", "seconds"), [(None, None), ("7", 7.0), ("soon", None), ("-1", None)]
)
def test_a_429_says_how_long_to_wait(
    yahoo: YahooServer, source: YahooSource, header: str | None, seconds: float | None
) -> None:
    """Retry-After goes with the error; one that cannot be read is none."""
    yahoo.answer = lambda _: too_many(header)
    with pytest.raises(SourceUnreachable) as failed:
        source.fetch("X", None, None)
    assert failed.value.retry_after_seconds == seconds


def null_column(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(high=None)


def null_row(frame: pd.DataFrame) -> pd.DataFrame:
    frame = frame.astype({"volume": object})
    frame.loc[len(frame) - 1, ["open", "high", "low", "close", "volume"]] = None
    return frame


@pytest.mark.parametrize("change", [null_column, null_row])
def test_nulls_reach_the_cleaning(
    yahoo: YahooServer, source: YahooSource, change: Callable[[pd.DataFrame], pd.DataFrame]
) -> None:
    """A column or a newest bar without prices is in the frame, for the cleaning to name."""
    yahoo.listings["X"] = Listing(change(BARS))
    frame = source.fetch("X", None, None)
    assert days_of(frame) == DAYS
    assert frame["high"].isna().sum() == (40 if change is null_column else 1)


def test_a_newest_bar_without_prices_is_named(yahoo: YahooServer, source: YahooSource) -> None:
    """A session whose prices are not out yet is dropped by a finding, and never silently."""
    yahoo.listings["X"] = Listing(null_row(BARS))
    bars = clean_bars(source.fetch("X", None, None), "X")
    assert [f.rule for f in bars.findings] == ["newest_prices_missing"]
    assert len(bars.frame) == 39


def test_a_restated_history_is_what_comes(yahoo: YahooServer, source: YahooSource) -> None:
    """Two fetches of the same past span are two requests: a correction is seen at once."""
    source.fetch("X", DAYS[0], DAYS[-1])
    yahoo.listings["X"].restate(DAYS[3], close=101.5, high=102.5)
    again = source.fetch("X", DAYS[0], DAYS[-1])
    assert again["close"].iloc[3] == 101.5
    assert len(yahoo.asked) == 2


def test_actions_rescale_what_they_rescale_at_yahoo(
    yahoo: YahooServer, source: YahooSource
) -> None:
    """A dividend changes earlier adjusted closes alone; a split changes all earlier prices."""
    before = source.fetch("X", None, None)
    yahoo.listings["X"].pay(DAYS[30], 1.0)
    paid = source.fetch("X", None, None)
    assert paid["close"].tolist() == before["close"].tolist()
    ratio = (paid["adj_close"] / before["adj_close"]).round(12).unique()
    assert ratio.tolist() == [round(1 - 1.0 / BARS["close"][29], 12), 1.0]
    yahoo.listings["X"].split(DAYS[35], 2)
    split = source.fetch("X", None, None)
    assert (split["close"] / paid["close"]).unique().tolist() == [0.5, 1.0]
    assert split["dividends"].max() == 0.5


def test_a_funds_capital_gains_are_named(yahoo: YahooServer, source: YahooSource) -> None:
    """A column that bars are not made of is a finding where it says something."""
    yahoo.listings["X"] = Listing(BARS, instrument="ETF")
    source.fetch("X", None, None)
    assert source.findings == []
    yahoo.listings["X"].capital_gains[DAYS[9]] = 0.7
    source.fetch("X", None, None)
    assert [(f.rule, f.value, f.date) for f in source.findings] == [
        ("ignored_column", "Capital Gains", f"{DAYS[9]}")
    ]
