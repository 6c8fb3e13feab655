"""When the bar of a session is known: at the close of its market, whatever its time zone.

A date alone does not say it: Tokyo's bar of a day is known before New York's of the same day opens.
"""

import datetime as dt
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Int

from lstm_model.data.calendar import date_of
from lstm_model.data.market import market_of
from lstm_model.errors import ConfigError

US_INDICES = frozenset(
    (
        *("^GSPC", "^DJI", "^IXIC", "^NDX", "^RUT", "^RUI", "^RUA", "^NYA", "^OEX", "^MID", "^SOX"),
        *("^VIX", "^VIX9D", "^VIX3M", "^VVIX", "^VXN", "^RVX", "^OVX", "^GVZ", "^SKEW", "^MOVE"),
        *("^IRX", "^FVX", "^TNX", "^TYX"),
    )
)
"""Indices and rates without a suffix that are computed in New York or Chicago; they count as XNYS,
although Cboe's close a quarter of an hour after the shares."""


def market_for_closes(ticker: str, configured: str | None) -> str | None:
    """Return the calendar by whose closes a ticker's bars are known; None if it is not known."""
    if ticker in US_INDICES and configured is None:
        return "XNYS"
    return market_of(ticker, configured).name


def known_at(day: int, series_market: str | None, market: str | None) -> bool:
    """Return whether a series' bar of a day is known at the close of another market on that day.

    Of two markets of which one is not known, the bar counts as known the day after.
    """
    if series_market is None or market is None:
        return False
    if series_market == market:
        return True
    days = np.array([day])
    return bool(closing_seconds(days, series_market)[0] <= closing_seconds(days, market)[0])


def newest_known(
    series_days: Int[np.ndarray, " session"],
    series_market: str | None,
    days: Int[np.ndarray, " row"],
    market: str | None,
) -> Int[np.ndarray, " row"]:
    """Return for each row the newest session of a series that has closed by then; -1 if none has.

    series_days, days: ascending days since 1970-01-01; a row is known at its market's close.
    series_market, market: calendars; in one market dates are compared, in two the closes in UTC.
    Where a market is not known only earlier dates count: no market's day ends after the next day's
    first close.
    """
    if series_market is None or market is None:
        return np.searchsorted(series_days, days, side="left") - 1
    if series_market == market:
        return np.searchsorted(series_days, days, side="right") - 1
    closes = closing_seconds(series_days, series_market)
    return np.searchsorted(closes, closing_seconds(days, market), side="right") - 1


def closing_seconds(days: Int[np.ndarray, " row"], market: str) -> Int[np.ndarray, " row"]:
    """Return when a market closes on each day, half days included, in seconds since 1970 UTC.

    A day that is no session of the calendar closes at the usual time. Raises ConfigError for an
    unknown calendar.
    """
    if not len(days):
        return np.empty(0, dtype=np.int64)
    decade = date_of(days[-1]).year // 10
    sessions, closes, usual = _calendar(market, 10 * decade + 9)
    dates = pd.DatetimeIndex(days.astype("datetime64[D]").astype("datetime64[s]")) + usual.delay
    local = dates.tz_localize(usual.zone, nonexistent="shift_forward", ambiguous=_NO_DST)
    seconds = _utc_seconds(local)
    if len(sessions):
        place = np.minimum(np.searchsorted(sessions, days), len(sessions) - 1)
        seconds = np.where(sessions[place] == days, closes[place], seconds)
    return seconds


_NO_DST: Any = False  # an hour that occurs twice is the later one; pandas' stubs lack the scalar


@dataclass(frozen=True, slots=True)
class _Usual:
    """A market's usual close: its time zone, and the time after midnight of the session's date."""

    zone: dt.tzinfo
    delay: pd.Timedelta


@lru_cache(maxsize=64)
def _calendar(
    market: str, last_year: int
) -> tuple[Int[np.ndarray, " session"], Int[np.ndarray, " session"], _Usual]:
    """Return the sessions of a calendar to the end of a year, their closes, and the usual close."""
    import exchange_calendars  # noqa: PLC0415 - 0.1 s, and only two markets need it

    try:
        bounds = exchange_calendars.get_calendar(market)
    except exchange_calendars.errors.InvalidCalendarName:
        raise ConfigError(
            f"a market must be a calendar of exchange_calendars, such as XNYS, XLON or 24/7, but "
            f"is {market!r}; correct data.market or features.exogenous"
        ) from None
    hour = bounds.close_times[-1][1]
    delay = pd.Timedelta(days=bounds.close_offset, hours=hour.hour, minutes=hour.minute)
    usual = _Usual(bounds.tz, delay)
    first, last = bounds.bound_min(), bounds.bound_max()
    start = max(pd.Timestamp(1970, 1, 1), first or pd.Timestamp.min)
    end = min(pd.Timestamp(last_year, 12, 31), last or pd.Timestamp.max)
    if end <= start:
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64), usual
    closes = exchange_calendars.get_calendar(market, start=start, end=end).closes
    sessions = closes.index.to_numpy().astype("datetime64[D]").astype(np.int64)
    return sessions, _utc_seconds(pd.DatetimeIndex(closes)), usual


def _utc_seconds(times: pd.DatetimeIndex) -> Int[np.ndarray, " row"]:
    naive = times.tz_convert("UTC").tz_localize(None)
    return naive.to_numpy().astype("datetime64[s]").astype(np.int64)
