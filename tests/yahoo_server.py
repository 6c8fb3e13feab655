"""Yahoo's chart protocol on the loopback, for the real yfinance client.

    def test_a_night(yahoo: YahooServer) -> None:   # the fixture is in tests/conftest.py
        yahoo.listings["AAPL"] = Listing(raw_bars())
        yahoo.next_answers = [too_many(retry_after="1"), RESET]   # then good ones again

Bars are a mutable table by ticker; `period1` and `period2` of a request are honoured.
"""

import datetime as dt
import json
import os
import socket
import struct
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal
from urllib.parse import parse_qs, unquote, urlsplit

import pandas as pd
import pytest

NEW_YORK = "America/New_York"
PRICES = ("open", "high", "low", "close")


@dataclass
class Listing:
    """What Yahoo knows of a ticker: bars as printed, and its actions.

    bars: date, open, high, low, close, volume; a null is a null of the answer.
    opens, closes: time of day at the exchange. session_end: of the session that runs now or next;
    None is the last bar's close. half_days: dates that close at `half_day_closes`.
    """

    bars: pd.DataFrame
    zone: str = NEW_YORK
    opens: str = "09:30"
    closes: str = "16:00"
    instrument: str = "EQUITY"
    session_end: pd.Timestamp | None = None
    half_days: tuple[dt.date, ...] = ()
    half_day_closes: str = "13:00"
    dividends: dict[dt.date, float] = field(default_factory=dict)
    splits: dict[dt.date, tuple[int, int]] = field(default_factory=dict)
    capital_gains: dict[dt.date, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.bars = self.bars.assign(date=pd.to_datetime(self.bars["date"])).reset_index(drop=True)

    def append(self, bars: pd.DataFrame) -> None:
        """Add newer bars."""
        newer = bars.assign(date=pd.to_datetime(bars["date"]))
        self.bars = pd.concat([self.bars, newer], ignore_index=True)

    def restate(self, day: dt.date, **values: float | None) -> None:
        """Change cells of one bar, as Yahoo does without a word."""
        for column, value in values.items():
            self.bars.loc[self.bars["date"] == pd.Timestamp(day), column] = value

    def pay(self, day: dt.date, amount: float) -> None:
        """Pay a dividend: it rescales every earlier adjusted close, and no other price."""
        self.dividends[day] = amount

    def split(self, day: dt.date, numerator: int, denominator: int = 1) -> None:
        """Split: Yahoo divides all earlier prices and dividends, and multiplies volumes.

        Bars from that day on are at their new level already, or come later.
        """
        self.splits[day] = (numerator, denominator)
        before = self.bars["date"] < pd.Timestamp(day)
        ratio = numerator / denominator
        self.bars.loc[before, list(PRICES)] /= ratio
        self.bars.loc[before, "volume"] *= ratio
        self.dividends = {d: a / ratio if d < day else a for d, a in self.dividends.items()}

    def at(self, day: dt.date | pd.Timestamp, time: str) -> int:
        """Return a time of day at the exchange as seconds since 1970."""
        return int(pd.Timestamp(f"{day:%Y-%m-%d} {time}").tz_localize(self.zone).timestamp())

    def chart(self, ticker: str, period1: int, period2: int) -> dict[str, Any]:
        """Return the bars that open in a span, as Yahoo writes them."""
        opened = self.bars["date"] + pd.Timedelta(f"{self.opens}:00")
        local = opened.dt.tz_localize(self.zone, ambiguous=True, nonexistent="shift_forward")
        stamps = local.dt.tz_convert("UTC").dt.tz_localize(None).astype("datetime64[s]").astype(int)
        inside = ((stamps >= period1) & (stamps < period2)).to_numpy()
        bars, stamps = self.bars[inside], stamps[inside]
        chart: dict[str, Any] = {"meta": self._meta(ticker), "indicators": {"quote": [{}]}}
        if bars.empty:
            return chart
        columns = {name: _cells(bars[name]) for name in (*PRICES, "volume")}
        adjusted = _cells(self._adjusted_closes()[inside])
        chart["timestamp"] = stamps.tolist()
        chart["indicators"] = {"quote": [columns], "adjclose": [{"adjclose": adjusted}]}
        chart["events"] = self._events(period1, period2)
        return chart

    def _meta(self, ticker: str) -> dict[str, Any]:
        last = self.bars["date"].iloc[-1]
        closes = self.half_day_closes if last.date() in self.half_days else self.closes
        end = self.at(last, closes)
        if self.session_end is not None:
            end = int(self.session_end.timestamp())
        period = {"timezone": "XXX", "start": end - 23400, "end": end, "gmtoffset": 0}
        return {
            "currency": "USD",
            "symbol": ticker,
            "instrumentType": self.instrument,
            "exchangeTimezoneName": self.zone,
            "priceHint": 2,
            "currentTradingPeriod": {name: dict(period) for name in ("pre", "regular", "post")},
            "dataGranularity": "1d",
            "validRanges": ["1d", "max"],
        }

    def _adjusted_closes(self) -> "pd.Series[float]":
        close = self.bars["close"].astype(float)
        factor = pd.Series(1.0, index=close.index)
        for day, amount in self.dividends.items():
            before = self.bars["date"] < pd.Timestamp(day)
            if before.any():
                factor[before] *= 1 - amount / close[before].dropna().iloc[-1]
        return close * factor

    def _events(self, period1: int, period2: int) -> dict[str, Any]:
        def event(day: dt.date, **values: object) -> dict[str, Any]:
            stamp = self.at(day, self.opens)
            return {str(stamp): {"date": stamp, **values}} if period1 <= stamp < period2 else {}

        kinds: dict[str, dict[str, Any]] = {"dividends": {}, "splits": {}, "capitalGains": {}}
        for day, amount in self.dividends.items():
            kinds["dividends"] |= event(day, amount=amount)
        for day, amount in self.capital_gains.items():
            kinds["capitalGains"] |= event(day, amount=amount)
        for day, (top, bottom) in self.splits.items():
            ratio = f"{top}:{bottom}"
            kinds["splits"] |= event(day, numerator=top, denominator=bottom, splitRatio=ratio)
        return {name: events for name, events in kinds.items() if events}


def _cells(column: "pd.Series[Any]") -> list[float | None]:
    return [None if pd.isna(value) else value for value in column.tolist()]


@dataclass(frozen=True)
class Answer:
    """What the server does with a request.

    manner: `whole` sends the body; `cut` promises more than it sends; `reset` ends the connection
    by RST without an answer; `hang` gives none until the server stops.
    """

    status: int = 200
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    manner: Literal["whole", "cut", "reset", "hang"] = "whole"


@dataclass(frozen=True)
class Asked:
    """One request for a chart."""

    ticker: str
    period1: int
    period2: int


Answering = Answer | Callable[[str, str], Answer]
"""An answer, or one made of the ticker and the body of the good answer."""

HANG = Answer(manner="hang")
RESET = Answer(manner="reset")
HTML = Answer(200, "<!DOCTYPE html>\n<html>Will be right back</html>")
EMPTY_RESULT = Answer(200, '{"chart":{"result":[],"error":null}}')
NULL_RESULT = Answer(200, '{"chart":{"result":null,"error":null}}')
NO_BODY = Answer(200, "")
SERVER_ERROR = Answer(500, "<html>oops</html>")
PORTAL_404 = Answer(404, "<html>Sign in to the network</html>")
UNAUTHORIZED = Answer(
    401, '{"finance":{"result":null,"error":{"code":"Unauthorized","description":"Invalid Crumb"}}}'
)


def failure(status: int, code: str, description: str) -> Answer:
    """Return an error in the form of Yahoo's charts."""
    error = {"code": code, "description": description}
    return Answer(status, json.dumps({"chart": {"result": None, "error": error}}))


UNKNOWN = failure(404, "Not Found", "No data found, symbol may be delisted")
UNKNOWN_200 = failure(200, "Not Found", "No data found, symbol may be delisted")


def too_many(retry_after: str | None = None) -> Answer:
    """Return a 429, as Yahoo writes it."""
    headers = {} if retry_after is None else {"Retry-After": retry_after}
    return Answer(429, "Too Many Requests\r\n", headers)


def half_json(_ticker: str, body: str) -> Answer:
    """Return the first half of the good answer, as if it were whole."""
    return Answer(200, body[: len(body) // 2])


def cut_off(_ticker: str, body: str) -> Answer:
    """Return the good answer, but end the connection in the middle."""
    return Answer(200, body, manner="cut")


class YahooServer:
    """The server: its listings, and what it was asked.

    delay_seconds: before each answer, as of a network.
    next_answers: used up first, one a request; then `answer`, then a good answer.
    asked: all requests for charts. left: names that a request would have left the loopback for; the
    server is the proxy of all of them, and connects to none.
    """

    def __init__(self) -> None:
        self.listings: dict[str, Listing] = {}
        self.delay_seconds = 0.0
        self.next_answers: list[Answering | None] = []
        self.answer: Callable[[str], Answering | None] = lambda _ticker: None
        self.asked: list[Asked] = []
        self.left: list[str] = []
        self.stopping = threading.Event()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))
        self.server.block_on_close = False
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self._thread = threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def answer_to(self, asked: Asked) -> Answer:
        """Return what a request gets."""
        listing = self.listings.get(asked.ticker)
        good = UNKNOWN
        if listing is not None:
            result = [listing.chart(asked.ticker, asked.period1, asked.period2)]
            good = Answer(200, json.dumps({"chart": {"result": result, "error": None}}))
        planned = self.next_answers.pop(0) if self.next_answers else self.answer(asked.ticker)
        if planned is None:
            return good
        return planned if isinstance(planned, Answer) else planned(asked.ticker, good.body)

    def stop(self) -> None:
        """Stop, and let go of those that hang."""
        self.stopping.set()
        self.server.shutdown()
        self.server.server_close()
        self._thread.join()


def _handler_of(server: YahooServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            url = urlsplit(self.path)
            if "/v8/finance/chart/" not in url.path:
                self.send_error(404)
                return
            query = {name: values[0] for name, values in parse_qs(url.query).items()}
            period1, period2 = (int(query.get(name, 0)) for name in ("period1", "period2"))
            asked = Asked(unquote(url.path.rpartition("/")[2]), period1, period2)
            server.asked.append(asked)
            server.stopping.wait(server.delay_seconds)
            self._send(server.answer_to(asked))

        def do_CONNECT(self) -> None:
            server.left.append(self.path)
            self.send_error(403)

        def _send(self, answer: Answer) -> None:
            if answer.manner == "hang":
                server.stopping.wait(60)
                self.close_connection = True
                return
            if answer.manner == "reset":
                self._reset()
                return
            body = answer.body.encode()
            with suppress(ConnectionError):  # the client may have given up
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body[: len(body) // 2] if answer.manner == "cut" else body)

        def _reset(self) -> None:
            linger = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            os.close(self.connection.detach())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name
            pass

    return Handler


def closed_port() -> int:
    """Return a loopback port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


UNRESOLVABLE = f"http://{'x' * 64}.invalid"
"""A host that the resolver refuses without asking anybody: a label has 63 letters at most."""


def point_yfinance_at(monkeypatch: pytest.MonkeyPatch, url: str, proxy: str | None = None) -> None:
    """Send yfinance's requests for charts to `url`, and all others to a proxy on the loopback.

    It begins as a process that has asked before: with a cookie and a crumb.
    """
    import yfinance.base
    import yfinance.data
    import yfinance.scrapers.history
    import yfinance.scrapers.quote

    monkeypatch.setattr(yfinance.base, "_BASE_URL_", url)
    monkeypatch.setattr(yfinance.scrapers.history, "_BASE_URL_", url)
    monkeypatch.setattr(yfinance.scrapers.quote, "_QUOTE_SUMMARY_URL_", f"{url}/v10/quoteSummary")
    monkeypatch.setattr(yfinance.scrapers.quote, "_QUERY1_URL_", url)
    shared = yfinance.data.YfData()
    for name, value in (("_crumb", "crumb"), ("_cookie", True), ("_cookie_strategy", "basic")):
        monkeypatch.setattr(shared, name, value)
    # The addresses of cookies are written into its code; only a proxy keeps them off the network.
    for name in ("https_proxy", "HTTPS_PROXY"):
        monkeypatch.setenv(name, proxy or f"http://127.0.0.1:{closed_port()}")
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)


def days_of(frame: pd.DataFrame) -> Sequence[dt.date]:
    """Return the days of a raw frame, as the exchange has them."""
    return list(pd.to_datetime(frame["date"]).dt.date)
