"""Sessions that the market's calendar expects: those without a bar, and one that has not closed."""

import datetime as dt

import numpy as np
import pandas as pd

from lstm_model.data.calendar import LONGEST_BREAK_DAYS, closes_after, sessions_of
from lstm_model.data.cleaning.missing import drop_rows
from lstm_model.data.cleaning.record import Record, day
from lstm_model.data.market import WORKING_DAYS, Market

FOLLOWED_SHARE = 0.98
"""Share of days on which bars and calendar agree that makes a presumed market a known one."""

LEAST_BARS = 250
"""Bars that show which calendar they follow: every year has about nine holidays of its own."""

MOST_NAMED = 3

_HOLIDAYS_OF_24_5 = ((1, 1), (12, 25))
"""24/5 has no holidays, but nothing is quoted on these days."""


def drop_unfinished_session(
    frame: pd.DataFrame, market: Market, now: dt.datetime | None, record: Record
) -> pd.DataFrame:
    """Drop bars of sessions that have not closed at `now`; raises BarsError if no other is left.

    The bar of a half day is whole after its early close. A presumed market counts only if the bars
    follow its calendar, so a foreign ticker without a suffix loses no bar.
    """
    if now is None or market.name is None:
        return frame
    dates = frame["date"]
    oldest = pd.Timestamp(now).tz_convert("UTC").tz_localize(None) - pd.Timedelta(days=3)
    if dates.iloc[-1] < oldest:  # such a session has closed in every zone
        return frame
    if market.presumed and not _follows(dates, dates, market.name):
        return frame
    running = closes_after(dates, market.name, now)
    if not running.any():
        return frame
    for row in np.flatnonzero(running):
        close = sessions_of(market.name, dates[row]).closes[dates[row]]
        value = f"{market.name} closes at {close:%Y-%m-%d %H:%M} UTC, after the time of the call"
        if running.all():
            raise record.refusal("unfinished_session", dates[row], value, "wait for its close")
        record.repaired("unfinished_session", dates[row], value)
    return drop_rows(frame, running, record)


def note_missing_sessions(
    dates: "pd.Series[pd.Timestamp]",
    with_nulls: "pd.Series[pd.Timestamp]",
    market: Market,
    record: Record,
) -> None:
    """Note, once, the sessions between the first and the last bar that have no row.

    dates: of the bars. with_nulls: of all rows; one without prices has its own rule, as has a gap
    of over 14 days.
    """
    if market.name is None:
        return
    known = sessions_of(market.name, dates.iloc[-1])
    if known.first > known.last and not market.presumed:
        value = f"exchange_calendars cannot compute {market.name}; its sessions are not checked"
        record.noted("no_calendar", dates.iloc[0], value)
    guessed = market.presumed or market.name == WORKING_DAYS
    if guessed and not _follows(dates, with_nulls, market.name):
        return
    missing = _missing(dates, with_nulls, market.name)
    if not len(missing):
        return
    named = ", ".join(day(date) for date in missing[:MOST_NAMED])
    more = ", ..." if len(missing) > MOST_NAMED else ""
    sessions = "session has" if len(missing) == 1 else "sessions have"
    value = f"{len(missing)} {sessions} no bar by {market.name}'s calendar: {named}{more}"
    record.noted("missing_sessions", missing[0], value, len(missing))


def _follows(
    dates: "pd.Series[pd.Timestamp]", with_nulls: "pd.Series[pd.Timestamp]", market: str
) -> bool:
    """Return whether rows and sessions are the same days, but for 2 % of them and long gaps."""
    if len(dates) < LEAST_BARS:
        return False
    rows = pd.DatetimeIndex(with_nulls)
    rows = rows[(rows >= dates.iloc[0]) & (rows <= dates.iloc[-1])]
    shared = rows.isin(sessions_of(market, dates.iloc[-1]).closes.index).sum()
    days = len(rows) + len(_missing(dates, with_nulls, market))
    return bool(shared >= FOLLOWED_SHARE * days)


def _missing(
    dates: "pd.Series[pd.Timestamp]", with_nulls: "pd.Series[pd.Timestamp]", market: str
) -> pd.DatetimeIndex:
    """Return the sessions between the bars that have no row and lie in no long gap."""
    sessions = sessions_of(market, dates.iloc[-1]).closes.index
    sessions = sessions[(sessions > dates.iloc[0]) & (sessions < dates.iloc[-1])]
    missing = sessions[~sessions.isin(with_nulls)]
    if market == WORKING_DAYS:
        missing = missing[[(d.month, d.day) not in _HOLIDAYS_OF_24_5 for d in missing]]
    days = dates.to_numpy()
    after = np.searchsorted(days, missing.to_numpy())
    gaps = days[after] - days[after - 1]
    return pd.DatetimeIndex(missing[gaps <= np.timedelta64(LONGEST_BREAK_DAYS, "D")])
