"""Dates as whole days since 1970-01-01, and the sessions of a market by its exchange's calendar."""

import datetime as dt
from dataclasses import dataclass
from functools import lru_cache, reduce

import numpy as np
import pandas as pd
from jaxtyping import Bool, Int

from lstm_model.errors import ConfigError

EPOCH = dt.date(1970, 1, 1)

SESSIONS_A_YEAR = 252
"""Of the New York Stock Exchange, and of a market that is not known."""

DEFAULT_MARKET = "XNYS"
COUNTED_YEARS = range(2010, 2020)
"""Years whose sessions are counted; fixed, so that the same bars give the same numbers for ever."""
LAST_COUNTED_YEAR = 2025
"""A calendar that begins later is counted over its complete years up to this one."""

LONGEST_BREAK_DAYS = 14
"""Days between two bars over which they no longer follow each other; no holidays take longer."""

_EARLIEST, _LATEST = pd.Timestamp(1950, 1, 1), pd.Timestamp(2100, 12, 31)
_DAY = pd.Timedelta(days=1)


def days_since_epoch(dates: "pd.Series[pd.Timestamp]") -> Int[np.ndarray, " row"]:
    """Return dates as whole days; pandas may hold them in any unit."""
    return dates.to_numpy().astype("datetime64[D]").astype(np.int64)


def day_of(date: dt.date) -> int:
    """Return a date as whole days since 1970-01-01."""
    return (date - EPOCH).days


def date_of(day: int | np.int64) -> dt.date:
    """Return the date of a day, counted from 1970-01-01."""
    return EPOCH + dt.timedelta(days=int(day))


def dates_of(days: Int[np.ndarray, " date"]) -> tuple[dt.date, ...]:
    """Return the dates of days, counted from 1970-01-01."""
    return tuple(days.astype("datetime64[D]").tolist())


def after_gap(days: Int[np.ndarray, " bar"]) -> Bool[np.ndarray, " bar"]:
    """Return which of a ticker's ascending bars come over 14 days after the bar before."""
    return np.diff(days, prepend=days[:1]) > LONGEST_BREAK_DAYS


@dataclass(frozen=True, slots=True)
class Sessions:
    """A market's sessions; half days are sessions.

    first, last: dates that the calendar covers, inclusive; no date if `first` is after `last`.
    opens, closes: the time in UTC at which each session opens and closes, by its date.
    """

    first: pd.Timestamp
    last: pd.Timestamp
    opens: "pd.Series[pd.Timestamp]"
    closes: "pd.Series[pd.Timestamp]"


def sessions_of(market: str, last: pd.Timestamp) -> Sessions:
    """Return a market's sessions from 1950, or where its calendar begins, to after a date.

    Calendars are exchange_calendars'; markets are named as there (`XNYS`, `24/7`). Raises
    ConfigError for a name that it does not know. A calendar that it cannot compute covers no date.
    """
    decade = min(last.year, _LATEST.year) // 10 * 10
    return _sessions(market, min(decade + 10, _LATEST.year))


@lru_cache(maxsize=64)
def _sessions(market: str, last_year: int) -> Sessions:
    """Compute a calendar; its end is explicit, because by default it depends on today."""
    import exchange_calendars  # noqa: PLC0415 - 0.1 s, and most bars need it once

    first, last = _EARLIEST, pd.Timestamp(last_year, 12, 31)
    try:
        bounds = exchange_calendars.get_calendar(market)
        first = max(first, bounds.bound_min() or first)
        last = min(last, bounds.bound_max() or last)
        if first <= last:
            calendar = exchange_calendars.get_calendar(market, start=first, end=last)
            return Sessions(first, last, calendar.opens, calendar.closes)
    except exchange_calendars.errors.InvalidCalendarName:
        raise ConfigError(
            f"data.market must be a calendar of exchange_calendars, such as XNYS, XLON or 24/7, "
            f"but is {market!r}; correct it"
        ) from None
    except (ValueError, NotImplementedError):
        pass  # Athens and Tel Aviv fail in exchange_calendars 4.13 with pandas 3
    none = pd.Series(pd.DatetimeIndex([], tz="UTC"), index=pd.DatetimeIndex([]))
    return Sessions(last + _DAY, last, none, none)


def is_session(dates: "pd.Series[pd.Timestamp]", market: str) -> Bool[np.ndarray, " row"]:
    """Return on which dates a market is open; dates that its calendar does not cover count as open.

    Raises ConfigError for an unknown calendar.
    """
    known = sessions_of(market, dates.max())
    uncovered = (dates < known.first) | (dates > known.last)
    return (dates.isin(known.closes.index) | uncovered).to_numpy()


def sessions_between(market: str, first: dt.date, last: dt.date) -> tuple[dt.date, ...]:
    """Return a market's sessions from `first` to `last`, both included.

    Dates that its calendar does not cover count as sessions from Monday to Friday. Raises
    ConfigError for an unknown calendar.
    """
    closes = _closes(market, pd.Timestamp(first), pd.Timestamp(last))
    return tuple(date.date() for date in closes.index)


def next_session(market: str, after: dt.date) -> dt.date:
    """Return a market's first session after a date; raises ConfigError for an unknown calendar."""
    first = after + dt.timedelta(days=1)
    for days in (14, 60, 400):  # 11 September, and the longest closures of wars
        found = sessions_between(market, first, first + dt.timedelta(days=days))
        if found:
            return found[0]
    raise ValueError(f"a market must have a session a year but {market} has none after {after}")


def session_open(market: str, session: dt.date) -> dt.datetime:
    """Return when a session opens, in UTC; midnight UTC where the calendar does not cover it.

    Raises ConfigError for an unknown calendar.
    """
    known = sessions_of(market, pd.Timestamp(session))
    opens = known.opens.get(pd.Timestamp(session))
    if opens is None:
        return dt.datetime.combine(session, dt.time(), dt.UTC)
    moment: dt.datetime = opens.to_pydatetime()
    return moment


def last_closed_session(market: str, now: dt.datetime) -> dt.date:
    """Return the newest session that has closed at `now`, half days by their early close.

    now: with a time zone; any zone gives the same answer. Raises ValueError without one, and
    ConfigError for an unknown calendar.
    """
    if now.tzinfo is None:
        raise ValueError(f"a time needs a zone but {now} has none; use datetime.now(UTC)")
    moment = pd.Timestamp(now).tz_convert("UTC")
    # A session is dated in its own zone, at most 14 hours from UTC.
    today = moment.tz_localize(None).normalize()
    for days in (14, 60, 400):
        closes = _closes(market, today - days * _DAY, today + _DAY)
        closed = closes.index[closes <= moment]
        if len(closed):
            date: dt.date = closed[-1].date()
            return date
    raise ValueError(f"a market must have a session a year but {market} has none before {now}")


def closes_after(
    dates: "pd.Series[pd.Timestamp]", market: str, now: dt.datetime
) -> Bool[np.ndarray, " row"]:
    """Return which dates are sessions that close after `now`; raises what `is_session` raises.

    A date that the calendar does not cover closes never after it.
    """
    closes = sessions_of(market, dates.max()).closes
    return (dates.map(closes) > pd.Timestamp(now).tz_convert("UTC")).to_numpy()


def _closes(market: str, first: pd.Timestamp, last: pd.Timestamp) -> "pd.Series[pd.Timestamp]":
    """Return the closes from first to last; uncovered working days close at midnight UTC."""
    known = sessions_of(market, last)
    early = pd.bdate_range(first, min(last, known.first - _DAY))
    late = pd.bdate_range(max(first, known.last + _DAY), last)
    if known.first > known.last:  # no calendar at all
        early, late = pd.bdate_range(first, last), late[:0]
    inside = known.closes[first:last]
    parts = [pd.Series((days + _DAY).tz_localize("UTC"), index=days) for days in (early, late)]
    found = [part for part in (parts[0], inside, parts[1]) if len(part)]
    return pd.concat(found) if found else inside


@lru_cache(maxsize=256)
def sessions_a_year(*markets: str) -> int:
    """Return the mean number of days a year on which at least one of the markets is open, rounded.

    Counted over 2010 to 2019: XNYS 252, XLON 253, XTKS 245, 24/5 261, 24/7 365. If a calendar
    begins later, over up to ten of its complete years, to 2025 at most; 252 if one of them cannot
    be computed. Raises ConfigError for an unknown calendar.
    """
    if set(markets) <= {DEFAULT_MARKET}:
        return SESSIONS_A_YEAR
    calendars = [sessions_of(market, pd.Timestamp(LAST_COUNTED_YEAR, 12, 31)) for market in markets]
    begins = max(calendar.first for calendar in calendars)
    year = max(COUNTED_YEARS[0], begins.year + (begins.dayofyear > 1))
    end = min(year + len(COUNTED_YEARS) - 1, LAST_COUNTED_YEAR)
    if end < year or any(calendar.first > calendar.last for calendar in calendars):
        return SESSIONS_A_YEAR
    span = slice(pd.Timestamp(year, 1, 1), pd.Timestamp(end, 12, 31))
    days = (calendar.closes[span].index for calendar in calendars)
    return round(len(reduce(pd.DatetimeIndex.union, days)) / (end - year + 1))
