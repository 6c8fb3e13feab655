"""An answer of Yahoo's chart protocol: bars, a refusal that is final, or neither.

Only Yahoo itself can deny a ticker, by an error in its own form. Whatever else comes, such as the
error page of a proxy or half an answer, says nothing about the ticker.
"""

import email.utils
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from lstm_model.data.columns import cut
from lstm_model.errors import SourceUnreachable, TickerUnknown

UNTRUSTED = (401, 403)
"""Statuses that mean the cookies: yfinance asks once more with new ones."""

_FINAL = {"Not Found", "Bad Request", "Unprocessable Entity"}
"""Codes of Yahoo's errors that the same request would get again."""


def require_chart(ticker: str, status: int, headers: Mapping[str, str | None], body: str) -> None:
    """Pass a chart, and a status that new cookies may mend.

    Raises TickerUnknown if Yahoo denies the ticker or the dates, else SourceUnreachable.
    """
    if status in UNTRUSTED:
        return
    if status == 429:
        wait = retry_after_seconds(headers.get("Retry-After"), datetime.now(UTC))
        raise _no_answer(ticker, "HTTP 429, too many requests", wait)
    if status >= 500:
        wait = retry_after_seconds(headers.get("Retry-After"), datetime.now(UTC))
        raise _no_answer(ticker, f"HTTP {status}", wait)
    shown = repr(cut(body)) if body.strip() else "nothing"
    try:
        answer = json.loads(body)
    except ValueError as error:
        kind = "part of a chart" if body.lstrip().startswith('{"chart"') else shown
        raise _no_answer(ticker, f"HTTP {status} with {kind}") from error
    chart = answer.get("chart") if isinstance(answer, dict) else None
    if not isinstance(chart, dict):
        raise _no_answer(ticker, f"HTTP {status} with {shown}")
    if isinstance(failure := chart.get("error"), dict):
        raise _denied(ticker, status, failure)
    if status != 200 or not _has_result(chart):
        raise _no_answer(ticker, f"HTTP {status} with neither bars nor an error")


def retry_after_seconds(header: str | None, now: datetime) -> float | None:
    """Return the seconds that a Retry-After header asks for, as a number or as a date (RFC 9110).

    None if there is none, or none that can be read.
    """
    if header is None:
        return None
    if header.strip().isdecimal():
        return float(header)
    try:
        when = email.utils.parsedate_to_datetime(header)
    except ValueError:
        return None
    when = when if when.tzinfo is not None else when.replace(tzinfo=UTC)
    return max(0.0, (when - now).total_seconds())


def _has_result(chart: Mapping[str, Any]) -> bool:
    results = chart.get("result")
    return isinstance(results, list) and bool(results) and isinstance(results[0], dict)


def _denied(
    ticker: str, status: int, failure: Mapping[str, Any]
) -> TickerUnknown | SourceUnreachable:
    code, why = str(failure.get("code")), cut(str(failure.get("description")), 160)
    if code == "Not Found":
        return TickerUnknown(
            f"source yahoo does not know {ticker!r} (HTTP {status}: {why}); check data.tickers"
        )
    if code in _FINAL:
        return TickerUnknown(
            f"source yahoo has no bars for {ticker!r}: {why}; check data.tickers, data.start and "
            f"data.end"
        )
    return _no_answer(ticker, f"HTTP {status}: {code}: {why}")


def _no_answer(ticker: str, reason: str, wait: float | None = None) -> SourceUnreachable:
    return SourceUnreachable(f"source yahoo did not answer for {ticker!r}: {reason}", wait)
