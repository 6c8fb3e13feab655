"""Days on which there was a session: weekends, holidays, midnights in UTC, and long gaps."""

import numpy as np
import pandas as pd
from jaxtyping import Bool

from lstm_model.data.calendar import LONGEST_BREAK_DAYS, is_session
from lstm_model.data.cleaning.missing import drop_rows
from lstm_model.data.cleaning.order import is_still
from lstm_model.data.cleaning.record import Record, day
from lstm_model.data.market import ALWAYS_OPEN, OPEN_ON_SUNDAYS, WORKING_DAYS, Market

LONGEST_GAP_DAYS = 60
FRIDAY, SATURDAY, SUNDAY = 4, 5, 6


def check_weekdays(frame: pd.DataFrame, market: Market, record: Record) -> pd.DataFrame:
    """Return bars on the exchange's own days; raises BarsError for a session on a weekend.

    Midnights converted to UTC make every bar of an eastern exchange a day early: there are Sundays
    but no Fridays. They are shifted by a day if the ticker's market is known and open on all the
    days that result. A session on a weekend is left alone, and noted, if the working day next to
    it has its own bar (a special session), before 1990 (exchanges opened on Saturdays), and in a
    series that has both weekend days throughout.
    """
    weekday = frame["date"].dt.weekday.to_numpy()
    weekend = weekday >= SATURDAY
    known = None if market.presumed else market.name
    if not weekend.any() or known in (ALWAYS_OPEN, WORKING_DAYS, *OPEN_ON_SUNDAYS):
        return frame
    saturdays, sundays = weekday == SATURDAY, weekday == SUNDAY
    if saturdays.any() and sundays.any() and weekend.mean() > 0.2:
        return frame
    if sundays.any() and not saturdays.any() and not (weekday == FRIDAY).any():
        return _shift_from_utc(frame, sundays, known, record)
    open_then = is_session(frame["date"], known) if known else np.zeros(len(frame), dtype=bool)
    early = (frame["date"] < pd.Timestamp(1990, 1, 1)).to_numpy()
    odd = weekend & ~open_then & ~early & ~is_still(frame).to_numpy()
    days = set(frame["date"])
    for row in np.flatnonzero(odd):
        date = frame["date"].iloc[row]
        neighbour = date + pd.Timedelta(days=-1 if weekday[row] == SATURDAY else 1)
        inside = frame["date"].iloc[0] <= neighbour <= frame["date"].iloc[-1]
        if (inside and neighbour not in days) or odd.sum() > max(1, 0.02 * len(frame)):
            raise record.refusal(
                "weekend", date, f"a session on a {date:%A}, and {int(odd.sum()) - 1} more",
                "write the exchange's own dates, or set data.market to a market that trades then, "
                "such as 24/7",
            )  # fmt: skip
        record.noted("weekend", date, f"a session on a {date:%A}")
    return frame


def _shift_from_utc(
    frame: pd.DataFrame, sundays: "Bool[np.ndarray, ' row']", known: str | None, record: Record
) -> pd.DataFrame:
    first = frame["date"][sundays].iloc[0]
    shifted = frame["date"] + pd.Timedelta(days=1)
    pattern = f"bars on {int(sundays.sum())} Sundays and on no Friday: midnights converted to UTC"
    if known is None or is_session(shifted, known).mean() < 0.98:
        raise record.refusal(
            "utc_midnight", first, pattern,
            "write the exchange's own dates, or set data.market: its calendar, such as XTKS, to "
            "have them shifted, or XTAE or XSAU if it trades on Sundays",
        )  # fmt: skip
    record.repaired("utc_midnight", first, f"{pattern}; all dates moved a day later")
    return frame.assign(date=shifted)


def drop_closed_days(frame: pd.DataFrame, market: Market, record: Record) -> pd.DataFrame:
    """Drop bars of days on which the exchange was closed and that only repeat the last close.

    A bar with prices of its own on such a day is noted where the market is known. A still bar on a
    session is a halt, and stays. A presumed market, and
    weekends where none is known, count only if no bar traded on its closed days.
    """
    still = is_still(frame).to_numpy()
    known = market.name is not None and not market.presumed
    if market.name in (ALWAYS_OPEN, WORKING_DAYS) or not (known or still.any()):
        return frame
    if market.name is None:
        closed = (frame["date"].dt.weekday >= SATURDAY).to_numpy()
    else:
        closed = ~is_session(frame["date"], market.name)
    if not known and (closed & ~still).any():
        return frame  # it trades on US holidays or weekends, so it is no US ticker
    for date in frame["date"][closed & still]:
        record.repaired("closed_day", date, f"{market.name or 'a weekend'}: only the last close")
    if known:
        for date in frame["date"][closed & ~still]:
            record.noted(
                "closed_day", date, f"{market.name}: closed, but the bar has its own prices"
            )
    return drop_rows(frame, closed & still, record)


def check_gaps(dates: "pd.Series[pd.Timestamp]", record: Record) -> None:
    """Raise BarsError for over 60 days without a bar, and note over 14."""
    gaps = dates.diff().dt.days
    for row in np.flatnonzero(gaps > LONGEST_BREAK_DAYS):
        value = f"no bar for {gaps[row]:.0f} days after {day(dates[row - 1])}"
        if gaps[row] > LONGEST_GAP_DAYS:
            raise record.refusal(
                "long_gap", dates[row], value,
                f"at most {LONGEST_GAP_DAYS} days may lack bars; correct the date, or set "
                f"data.start to {day(dates[row])} or data.end to {day(dates[row - 1])}",
            )  # fmt: skip
        record.noted("missing_sessions", dates[row], value)
