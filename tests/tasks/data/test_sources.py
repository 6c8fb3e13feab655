"""The sources of bars: bundled, a folder of files, and Yahoo's protocol over real HTTP."""

import datetime as dt
import json
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from lstm_model.config.data import DataConfig
from lstm_model.data.cleaning import clean_bars
from lstm_model.errors import BarsError, ConfigError, SourceUnreachable, TickerUnknown
from tasks.data.sources import (
    BundledSource,
    CsvSource,
    YahooSource,
    drop_unfinished_session,
    open_source,
)

DAYS = [dt.date(2024, 3, day) for day in (4, 5, 6, 7, 8)]
FILE_DAYS = [dt.date(2024, 3, day) for day in (11, 12, 13, 14, 15)]


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


@pytest.mark.parametrize(
    "header",
    [
        "Date,Open,High,Low,Close,Adj Close,Volume,Dividends,Stock Splits",
        "DATE,OPEN,HIGH,LOW,CLOSE,ADJCLOSE,VOLUME,DIVIDENDS,STOCK SPLITS",
        " datetime , open,high,low,close,adj_close,volume,dividends,stock_splits",
    ],
)
def test_csv_columns(tmp_path: Path, header: str) -> None:
    """Columns are known by name in any case, other ones are left out, a byte order mark is none."""
    text = f"\ufeff{header},Repaired?\n2024-03-04,1,2,1,2,2,9,0,0,False\n"
    (tmp_path / "T.csv").write_text(text, encoding="utf-8")
    frame = CsvSource(tmp_path).fetch("T", None, None)
    assert list(frame.columns) == [
        "date", "open", "high", "low", "close", "adj_close", "volume", "dividends", "stock_splits",
    ]  # fmt: skip
    assert frame["close"].tolist() == ["2"]


@pytest.mark.parametrize(
    "dates",
    [
        [f"{day:%Y-%m-%d}" for day in FILE_DAYS],
        [f"{day:%Y-%m-%d} 00:00:00-05:00" for day in FILE_DAYS],
        [f"{day.month}/{day.day}/{day.year}" for day in FILE_DAYS],
        [f"{day.month}/{day.day}/{day.year} 00:00:00" for day in FILE_DAYS],
        [f"{day:%d/%m/%Y}" for day in FILE_DAYS],
        [f"{day:%d.%m.%Y}" for day in FILE_DAYS],
        [f"{day:%Y%m%d}" for day in FILE_DAYS],
    ],
)
@pytest.mark.parametrize(
    ("start", "end", "kept"),
    [
        (None, None, 5),
        (FILE_DAYS[1], None, 4),
        (None, FILE_DAYS[1], 2),
        (FILE_DAYS[1], FILE_DAYS[3], 3),
        (dt.date(2030, 1, 1), None, 0),
    ],
)
def test_csv_span(
    tmp_path: Path, dates: list[str], start: dt.date | None, end: dt.date | None, kept: int
) -> None:
    """Files are cut to start <= date <= end, however their dates are written."""
    rows = "".join(f"{date},1,2,1,2\n" for date in dates)
    (tmp_path / "T.csv").write_text("date,open,high,low,close\n" + rows)
    bars = CsvSource(tmp_path).fetch("T", start, end)
    span = [day for day in FILE_DAYS if (start or day) <= day <= (end or day)]
    assert [day.date() for day in bars["date"]] == span
    assert len(bars) == kept


@pytest.mark.parametrize("start", [None, dt.date(2024, 3, 5)])
@pytest.mark.parametrize(
    ("dates", "refusal"),
    [
        (["2024-03-04", "soon"], "unreadable_date.*'soon'"),
        (["2024-03-04", "13.03.2024"], "unreadable_date.*'13.03.2024'"),
        (["03/04/2024", "04/04/2024", "05/04/2024"], "ambiguous_date.*'03/04/2024'"),
    ],
)
def test_csv_dates_are_refused(
    tmp_path: Path, dates: list[str], refusal: str, start: dt.date | None
) -> None:
    """A date that cannot be read, or in two ways, is refused, and not cut away beforehand."""
    rows = "".join(f"{date},1,2,1,2\n" for date in dates)
    (tmp_path / "T.csv").write_text("date,open,high,low,close\n" + rows)
    with pytest.raises(BarsError, match=refusal):
        CsvSource(tmp_path).fetch("T", start, None)


def test_csv_missing_file(tmp_path: Path) -> None:
    """A ticker without its file is unknown, and the message names the file."""
    with pytest.raises(TickerUnknown, match=r"T\.csv is missing; add it"):
        CsvSource(tmp_path).fetch("T", None, None)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "must have a header and bars but is empty"),
        (b'date,open\n"2024', "must be a CSV file"),
        (b"date,open\n\xff\xfe,1\n", "must be a CSV file"),
        (b"Date,DATETIME,open\n1,2,3\n", "'date' occurs twice"),
    ],
)
def test_csv_broken_file(tmp_path: Path, content: bytes, words: str) -> None:
    """A file that is no table is refused in one line."""
    (tmp_path / "T.csv").write_bytes(content)
    with pytest.raises(BarsError, match=words) as refusal:
        CsvSource(tmp_path).fetch("T", None, None)
    assert "\n" not in str(refusal.value)


def test_csv_header_alone(tmp_path: Path) -> None:
    """A file with a header and no bar is refused by the cleaning."""
    (tmp_path / "T.csv").write_text("date,open,high,low,close\n")
    with pytest.raises(BarsError, match="at least one bar"):
        clean_bars(CsvSource(tmp_path).fetch("T", DAYS[0], None), "T")


def test_open_source(tmp_path: Path) -> None:
    """The configuration names the source; a folder that is none is a configuration error."""
    tickers = ("T",)
    assert isinstance(open_source(DataConfig(tickers=tickers)), YahooSource)
    assert isinstance(open_source(DataConfig(tickers=tickers, source="bundled")), BundledSource)
    folder = DataConfig(tickers=tickers, source="csv", csv_dir=tmp_path)
    assert isinstance(open_source(folder), CsvSource)
    gone = DataConfig(tickers=tickers, source="csv", csv_dir=tmp_path / "gone")
    with pytest.raises(ConfigError, match=r"csv_dir must be a folder but .*gone is not"):
        open_source(gone)


def session(zone: str | None = "America/New_York") -> pd.DataFrame:
    dates = pd.DatetimeIndex(pd.to_datetime(DAYS[:3]))
    return pd.DataFrame({"date": dates.tz_localize(zone), "close": [1.0, 2.0, 3.0]})


END = pd.Timestamp("2024-03-06 16:00", tz="America/New_York")


@pytest.mark.parametrize(
    ("session_end", "now", "kept"),
    [
        (END, END - pd.Timedelta("1min"), 2),
        (END, END, 3),
        (END, END + pd.Timedelta("1min"), 3),
        (int(END.timestamp()), END - pd.Timedelta("1min"), 2),
        (END + pd.Timedelta("1D"), END, 3),
        (None, END, 3),
    ],
)
def test_unfinished_session(session_end: object, now: pd.Timestamp, kept: int) -> None:
    """The last bar is left out exactly while its own session is running."""
    frame = drop_unfinished_session(session(), session_end, now.tz_convert("UTC"))
    assert len(frame) == kept


def test_unfinished_session_east() -> None:
    """The session's day is the exchange's own, also where it is another day in UTC."""
    end = pd.Timestamp("2024-03-06 09:00", tz="Asia/Tokyo")
    now = (end - pd.Timedelta("5h")).tz_convert("UTC")
    assert now.date() == DAYS[1]
    assert len(drop_unfinished_session(session("Asia/Tokyo"), end, now)) == 2


# --- Yahoo ---------------------------------------------------------------------------------------

Answer = tuple[int, str]
ZONE = "America/New_York"


def chart(ticker: str, session_end: pd.Timestamp | None = None) -> dict[str, Any]:
    """Return a chart as Yahoo writes it: five days, a dividend, a split, a null."""
    opens = [int(pd.Timestamp(f"{day} 09:30", tz=ZONE).timestamp()) for day in DAYS]
    close = [10.0, 10.1, None, 10.2, 10.3]
    end = session_end or pd.Timestamp("2024-03-08 16:00", tz=ZONE)
    period = {
        "timezone": "EST",
        "start": int(end.timestamp()) - 23400,
        "end": int(end.timestamp()),
        "gmtoffset": -18000,
    }
    quote = dict.fromkeys(("open", "high", "low", "close"), close)
    return {
        "meta": {
            "currency": "USD",
            "symbol": ticker,
            "instrumentType": "EQUITY",
            "exchangeTimezoneName": ZONE,
            "priceHint": 2,
            "currentTradingPeriod": {"pre": period, "regular": dict(period), "post": dict(period)},
            "dataGranularity": "1d",
            "validRanges": ["1d", "max"],
        },
        "timestamp": opens,
        "events": {
            "dividends": {str(opens[1]): {"amount": 0.25, "date": opens[1]}},
            "splits": {
                str(opens[3]): {
                    "date": opens[3], "numerator": 4, "denominator": 1, "splitRatio": "4:1",
                }
            },
        },
        "indicators": {
            "quote": [quote | {"volume": [100, 200, None, 300, 400]}],
            "adjclose": [{"adjclose": close}],
        },
    }  # fmt: skip


def good(ticker: str) -> Answer:
    return 200, json.dumps({"chart": {"result": [chart(ticker)], "error": None}})


def failure(status: int, code: str, description: str) -> Answer:
    error = {"code": code, "description": description}
    return status, json.dumps({"chart": {"result": None, "error": error}})


class Yahoo:
    """A server on the loopback that answers charts, and counts how often it was asked."""

    def __init__(self) -> None:
        self.answer: Callable[[str], Answer] = good
        self.asked = 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path = self.path.partition("?")[0]
                outer.asked += "/v8/finance/chart/" in path
                status, body = outer.answer(path.rpartition("/")[2])
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


def closed_port() -> int:
    """Return a loopback port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def point_yfinance_at(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    import yfinance.base
    import yfinance.scrapers.history
    import yfinance.scrapers.quote

    monkeypatch.setattr(yfinance.base, "_BASE_URL_", url)
    monkeypatch.setattr(yfinance.scrapers.history, "_BASE_URL_", url)
    monkeypatch.setattr(yfinance.scrapers.quote, "_QUOTE_SUMMARY_URL_", f"{url}/v10/quoteSummary")
    monkeypatch.setattr(yfinance.scrapers.quote, "_QUERY1_URL_", url)
    # The addresses of cookies are written into its code; a closed proxy keeps them off the network.
    for name in ("https_proxy", "HTTPS_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{closed_port()}")
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def yahoo(monkeypatch: pytest.MonkeyPatch) -> Iterator[Yahoo]:
    stand_in = Yahoo()
    thread = threading.Thread(target=stand_in.server.serve_forever, daemon=True)
    thread.start()
    point_yfinance_at(monkeypatch, stand_in.url)
    yield stand_in
    stand_in.server.shutdown()
    stand_in.server.server_close()
    thread.join()


def test_yahoo_gives_bars_and_actions(yahoo: Yahoo, tmp_path: Path) -> None:
    """A normal answer becomes unadjusted bars with dividends and splits on their days."""
    frame = YahooSource(tmp_path / "cache").fetch("GOOD", DAYS[0], DAYS[-1])
    bars = clean_bars(frame, "GOOD").frame
    assert list(bars["date"].dt.date) == [DAYS[0], DAYS[1], DAYS[3], DAYS[4]]
    assert bars["close"].tolist() == [10.0, 10.1, 10.2, 10.3]
    assert bars["volume"].tolist() == [100, 200, 300, 400]
    assert bars["dividends"].tolist() == [0, 0.25, 0, 0]
    assert bars["stock_splits"].tolist() == [0, 0, 4, 0]
    assert (bars["split_factor"] == 1).all()


def test_yahoo_leaves_out_the_running_session(yahoo: Yahoo, tmp_path: Path) -> None:
    """The bar of a session that has not ended is left out."""
    today = pd.Timestamp.now(ZONE).normalize()
    days = [today - pd.Timedelta(days=back) for back in (4, 3, 2, 1, 0)]

    def running(ticker: str) -> Answer:
        result = chart(ticker, session_end=today + pd.Timedelta("23h59min"))
        result["timestamp"] = [int((day + pd.Timedelta("1h")).timestamp()) for day in days]
        result["events"] = {}
        return 200, json.dumps({"chart": {"result": [result], "error": None}})

    yahoo.answer = running
    frame = YahooSource(tmp_path / "cache").fetch("RUNNING", days[0].date(), None)
    assert list(frame["date"].dt.date)[-1] == days[-2].date()


@pytest.mark.parametrize(
    ("ticker", "answer", "expected", "words"),
    [
        (
            "GONE",
            failure(404, "Not Found", "No data found, symbol may be delisted"),
            TickerUnknown,
            "does not know 'GONE'",
        ),
        ("BUSY", (429, "Too Many Requests\r\n"), SourceUnreachable, "Too Many Requests"),
        ("DOWN", (500, "<html>oops</html>"), SourceUnreachable, "HTTP 500"),
        ("SICK", failure(503, "Internal", "later"), SourceUnreachable, "HTTP 503"),
        ("WALL", (200, "<html>Will be right back</html>"), SourceUnreachable, "did not answer"),
        ("CRUMB", (401, '{"finance": {"result": null}}'), SourceUnreachable, "did not answer"),
    ],
)
def test_yahoo_failures(
    yahoo: Yahoo, tmp_path: Path, ticker: str, answer: Answer, expected: type[Exception], words: str
) -> None:
    """Only an answer that denies the ticker makes it unknown; any other failure may pass."""
    yahoo.answer = lambda _: answer
    with pytest.raises(expected, match=words) as failed:
        YahooSource(tmp_path / "cache").fetch(ticker, DAYS[0], DAYS[-1])
    assert "\n" not in str(failed.value)
    assert ticker in str(failed.value)


def test_yahoo_without_bars_in_the_span(yahoo: Yahoo, tmp_path: Path) -> None:
    """A ticker that Yahoo knows, but without bars in the span, is not worth another try."""
    reason = "Data doesn't exist for startDate = 1, endDate = 2"
    answers = iter([good("EARLY")])
    yahoo.answer = lambda _: next(answers, failure(400, "Bad Request", reason))
    with pytest.raises(TickerUnknown, match=f"{reason}; check data.tickers, data.start"):
        YahooSource(tmp_path / "cache").fetch("EARLY", DAYS[0], DAYS[-1])


@pytest.mark.parametrize("status", [500, 429])
def test_yahoo_recovers(yahoo: Yahoo, tmp_path: Path, status: int) -> None:
    """An outage is not remembered: the next call in the same process gets the bars."""
    source = YahooSource(tmp_path / "cache")
    yahoo.answer = lambda _: failure(status, "Internal", "later")
    with pytest.raises(SourceUnreachable):
        source.fetch(f"BACK{status}", DAYS[0], DAYS[-1])
    yahoo.answer = good
    assert len(source.fetch(f"BACK{status}", DAYS[0], DAYS[-1])) == 4


def test_yahoo_unknown_ticker_is_asked_once(yahoo: Yahoo, tmp_path: Path) -> None:
    """A ticker that Yahoo denies costs one question."""
    yahoo.answer = lambda _: failure(404, "Not Found", "No data found")
    with pytest.raises(TickerUnknown):
        YahooSource(tmp_path / "cache").fetch("ONCE", DAYS[0], DAYS[-1])
    assert yahoo.asked == 1


def test_yahoo_refused_connection(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A refused connection is an unreachable source, not a delisted ticker."""
    point_yfinance_at(monkeypatch, f"http://127.0.0.1:{closed_port()}")
    with pytest.raises(SourceUnreachable, match="did not answer for 'AAPL'"):
        YahooSource(tmp_path / "cache").fetch("AAPL", DAYS[0], None)
