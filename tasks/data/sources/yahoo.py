"""Bars from Yahoo Finance through yfinance, without the session that is still running."""

import datetime as dt
import threading
import warnings
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import pandas as pd

from lstm_model.config.data import DataConfig
from lstm_model.data.bars import Finding
from lstm_model.data.columns import match_columns, rename_columns
from lstm_model.errors import LstmHpoError, SourceUnreachable, TickerUnknown
from tasks.data.sources.chart_answer import UNTRUSTED, require_chart
from tasks.data.sources.cookie_files import open_cache
from tasks.data.sources.running_session import drop_unfinished_session

if TYPE_CHECKING:  # slow, and only a fetch needs it
    from curl_cffi.requests import Response, Session

TIMEOUT_SECONDS = 20.0
"""Time for one request; 20 years of bars come in less than one second."""


def open_yahoo(data: DataConfig) -> "YahooSource":
    """Return the source `yahoo`."""
    return YahooSource(data.raw_dir / "yahoo-cache", TIMEOUT_SECONDS)


class YahooSource:
    """Yahoo Finance through yfinance: prices adjusted for splits, not for dividends, and actions.

    cache_dir: folder where yfinance keeps its cookie. timeout_seconds: of one request.
    now: gives the time in UTC; a session that ends later is still running.
    Yahoo's data is for personal use; the project does not redistribute it.
    """

    def __init__(
        self,
        cache_dir: Path,
        timeout_seconds: float = TIMEOUT_SECONDS,
        now: Callable[[], pd.Timestamp] = lambda: pd.Timestamp.now("UTC"),
    ) -> None:
        self.cache_dir = cache_dir
        self.timeout_seconds = timeout_seconds
        self.now = now
        self.incremental = True
        self.network = True
        self.findings: list[Finding] = []

    def fetch(self, ticker: str, start: dt.date | None, end: dt.date | None) -> pd.DataFrame:
        """Fetch one ticker's daily bars by one request, without the session that is running.

        Rows whose prices are null stay; the cleaning says so. Raises SourceUnreachable for whatever
        comes between us and an answer, TickerUnknown only if Yahoo denies the ticker or the dates.
        """
        import yfinance as yf  # noqa: PLC0415 - slow, and only this source needs it
        from yfinance import exceptions as yfe  # noqa: PLC0415 - as above

        session, now = self._session, self.now()
        session.last.status = None
        # yfinance keeps answers about the past for the life of the process, half ones too.
        yf.data.YfData.cache_get.cache_clear()
        handle = yf.Ticker(ticker, session=session)
        # It would ask for the exchange's zone first, by a second request, only to turn the dates
        # into seconds. A day more on both sides covers every zone, and is cut below.
        handle._tz = "UTC"
        first = (start or dt.date(1900, 1, 2)) - dt.timedelta(days=1)
        last = (end or now.date() + dt.timedelta(days=1)) + dt.timedelta(days=2)
        try:
            with warnings.catch_warnings():  # it meets announcements for pandas 4 in its own code
                warnings.simplefilter("ignore", pd.errors.Pandas4Warning)
                frame = handle.history(
                    start=first.isoformat(), end=last.isoformat(), interval="1d", auto_adjust=False,
                    actions=True, keepna=True, timeout=self.timeout_seconds,
                )  # fmt: skip
            metadata = handle.history_metadata
        except LstmHpoError:
            raise
        except Exception as error:
            if session.last.status in UNTRUSTED:
                raise _unreachable(ticker, f"HTTP {session.last.status}") from error
            if isinstance(error, yfe.YFPricesMissingError):
                raise self._without_bars(ticker, start, end) from error
            # Of the HTTP client, or of yfinance where an answer is not what it expects; these share
            # no base class. Whatever it is, nothing was learnt about the ticker.
            raise _unreachable(ticker, f"{type(error).__name__}: {error}") from error
        frame = self._in_span(frame, ticker, start, end)
        regular = (metadata.get("currentTradingPeriod") or {}).get("regular") or {}
        frame = drop_unfinished_session(frame, regular.get("end"), now)
        if frame.empty:
            raise self._without_bars(ticker, start, end)
        return frame

    def _in_span(
        self, frame: pd.DataFrame, ticker: str, start: dt.date | None, end: dt.date | None
    ) -> pd.DataFrame:
        """Keep start <= date <= end, by the exchange's own days, and the columns of bars."""
        days = pd.DatetimeIndex(frame.index).tz_localize(None)
        keep = (days >= pd.Timestamp(start or dt.date.min)) & (
            days < pd.Timestamp(end or dt.date(9999, 1, 1)) + pd.Timedelta(days=1)
        )
        frame = frame[keep].reset_index()
        for place in match_columns([str(name) for name in frame.columns]).ignored:
            paid = frame[frame.iloc[:, place].fillna(0) != 0]
            if len(paid):  # Capital Gains, of funds
                date, name = f"{days[keep][paid.index[0]]:%Y-%m-%d}", str(frame.columns[place])
                self.findings.append(
                    Finding(ticker, date, "ignored_column", name, "noted", len(paid))
                )
        return rename_columns(frame)

    def _without_bars(
        self, ticker: str, start: dt.date | None, end: dt.date | None
    ) -> TickerUnknown:
        span = f"from {start or 'the first'} to {end or 'today'}"
        return TickerUnknown(
            f"source yahoo has no bars for {ticker!r} {span}; check data.tickers, data.start and "
            f"data.end"
        )

    @cached_property
    def _session(self) -> Any:
        """The session of all requests, made when the first is: its libraries are slow."""
        import yfinance as yf  # noqa: PLC0415 - as above

        open_cache(self.cache_dir)
        yf.set_tz_cache_location(str(self.cache_dir))
        yf.config.debug.hide_exceptions = False
        return chart_session(self.timeout_seconds)


def chart_session(timeout_seconds: float) -> "Session[Response]":
    """Return a session as yfinance uses, except that it raises on an answer that is no chart.

    yfinance itself takes an outage for an unknown ticker, and asks again at once when it is told
    to wait. Requests for cookies get the same time as the others.
    """
    from curl_cffi.requests import Response, Session  # noqa: PLC0415 - as yfinance, which needs it

    class ChartSession(Session[Response]):
        last = threading.local()

        def request(self, *args: Any, **kwargs: Any) -> Response:
            kwargs["timeout"] = min(kwargs.get("timeout") or timeout_seconds, timeout_seconds)
            response = super().request(*args, **kwargs)
            url = urlsplit(response.url)
            if "/finance/chart/" in url.path:
                self.last.status = response.status_code
                ticker = unquote(url.path.rpartition("/")[2])
                require_chart(ticker, response.status_code, response.headers, response.text)
            return response

    return ChartSession(impersonate="chrome")


def _unreachable(ticker: str, reason: str) -> SourceUnreachable:
    shown = " ".join(reason.split())[:200]
    return SourceUnreachable(f"source yahoo did not answer for {ticker!r}: {shown}")
