"""Bars from Yahoo Finance through yfinance, without the session that is still running."""

import datetime as dt
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pandas as pd

from lstm_model.data.bars import Finding
from lstm_model.data.columns import rename_columns
from lstm_model.errors import SourceUnreachable, TickerUnknown


class YahooSource:
    """Yahoo Finance through yfinance: prices adjusted for splits, not for dividends, and actions.

    Yahoo's data is for personal use; the project does not redistribute it.
    """

    def __init__(self, cache_dir: Path) -> None:
        self.cache_dir = cache_dir
        self.incremental = True
        self.findings: list[Finding] = []

    def fetch(self, ticker: str, start: dt.date | None, end: dt.date | None) -> pd.DataFrame:
        """Fetch one ticker's daily bars from Yahoo, without the session that is still running."""
        import yfinance as yf  # noqa: PLC0415 - slow, and only this source needs it
        from yfinance import exceptions as yfe  # noqa: PLC0415 - as above

        self.cache_dir.mkdir(parents=True, exist_ok=True)
        yf.set_tz_cache_location(str(self.cache_dir))
        yf.config.debug.hide_exceptions = False
        handle = yf.Ticker(ticker, session=_yahoo_session())
        # `end` is exclusive at Yahoo and inclusive here; without dates Yahoo gives one month.
        span = {
            "start": (start or dt.date(1900, 1, 1)).isoformat(),
            "end": ((end or dt.date.today()) + dt.timedelta(days=1)).isoformat(),
        }
        try:
            frame = handle.history(
                **span, interval="1d", auto_adjust=False, actions=True, timeout=20
            )
        except (yfe.YFTzMissingError, yfe.YFPricesMissingError) as error:
            raise TickerUnknown(
                f"source yahoo does not know {ticker!r} or has no bars for it: {error}; "
                f"check data.tickers, data.start and data.end"
            ) from error
        except yfe.YFException as error:
            raise _unreachable(ticker, error) from error
        except Exception as error:
            # yfinance passes on errors of the HTTP client, and of parsing an answer that is not a
            # chart; they share no base class with its own.
            if _is_transport_error(error) or isinstance(error, KeyError | ValueError):
                raise _unreachable(ticker, error) from error
            raise
        if frame.empty:
            raise TickerUnknown(f"source yahoo has no bars for {ticker!r}; check data.tickers")
        frame = rename_columns(frame.reset_index())
        regular = (handle.history_metadata.get("currentTradingPeriod") or {}).get("regular") or {}
        return drop_unfinished_session(frame, regular.get("end"), pd.Timestamp.now("UTC"))


def drop_unfinished_session(
    frame: pd.DataFrame, session_end: object, now: pd.Timestamp
) -> pd.DataFrame:
    """Drop the last bar while its session is still running; `session_end` is any time stamp."""
    if session_end is None or frame.empty:
        return frame
    if isinstance(session_end, int | float):
        end = pd.Timestamp(session_end, unit="s")
    else:
        end = pd.Timestamp(str(session_end))
    end = end.tz_localize("UTC") if end.tzinfo is None else end
    dates = pd.to_datetime(frame["date"])
    zone = dates.dt.tz
    last_day = dates.iloc[-1].date()
    local_end = end.tz_convert(zone) if zone is not None else end
    return frame.iloc[:-1] if now < end and last_day == local_end.date() else frame


@lru_cache(maxsize=1)
def _yahoo_session() -> object:
    """Return a session as yfinance uses, except that it raises on a chart's HTTP status.

    yfinance itself takes an outage for an unknown ticker, asks four times about an unknown ticker,
    and caches both answers for the life of the process.
    """
    from curl_cffi.requests import Response, Session  # noqa: PLC0415 - as yfinance, which needs it

    class ChartSession(Session[Response]):
        def request(self, *args: Any, **kwargs: Any) -> Response:
            response = super().request(*args, **kwargs)
            url = urlsplit(response.url)
            if "/finance/chart/" in url.path:
                ticker, status = unquote(url.path.rpartition("/")[2]), response.status_code
                if status == 404:
                    raise TickerUnknown(
                        f"source yahoo does not know {ticker!r} (HTTP 404); check data.tickers"
                    )
                if status >= 500:
                    raise SourceUnreachable(
                        f"source yahoo did not answer for {ticker!r}: HTTP {status}"
                    )
            return response

    return ChartSession(impersonate="chrome")


def _unreachable(ticker: str, error: Exception) -> SourceUnreachable:
    reason = " ".join(str(error).split())[:160]
    return SourceUnreachable(f"source yahoo did not answer for {ticker!r}: {reason}")


def _is_transport_error(error: Exception) -> bool:
    """Return whether the connection failed, as opposed to our own or yfinance's code."""
    module = type(error).__module__.partition(".")[0]
    return module in {"curl_cffi", "requests", "urllib3"} or isinstance(error, OSError)
