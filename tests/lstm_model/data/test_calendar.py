"""Claims about days as whole numbers, and about the sessions of markets."""

import datetime as dt
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lstm_model.data.calendar import (
    SESSIONS_A_YEAR,
    after_gap,
    closes_after,
    date_of,
    dates_of,
    day_of,
    days_since_epoch,
    is_session,
    last_closed_session,
    next_session,
    sessions_a_year,
    sessions_between,
    sessions_of,
)
from lstm_model.errors import ConfigError

ZONES = [ZoneInfo(name) for name in ("UTC", "Asia/Tokyo", "America/New_York")]


def test_days_count_from_1970() -> None:
    """Day 0 is 1970-01-01, and days before it are negative."""
    days = dates_of(np.array([-1, 0, 18_262]))
    assert days == (dt.date(1969, 12, 31), dt.date(1970, 1, 1), dt.date(2020, 1, 1))


@given(st.dates())
def test_dates_round_trip(date: dt.date) -> None:
    """A date converted to a day and back is unchanged."""
    assert date_of(day_of(date)) == date
    assert dates_of(np.array([day_of(date)])) == (date,)


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_days_do_not_depend_on_pandas_unit(unit: str) -> None:
    """Timestamps of any unit, and of any time of day, are the same day."""
    dates = pd.Series(pd.to_datetime(["1969-12-31 23:00", "2020-01-01 16:00"])).dt.as_unit(unit)
    np.testing.assert_array_equal(days_since_epoch(dates), [-1, 18_262])


@pytest.mark.parametrize(
    ("market", "now", "closed"),
    [
        ("XNYS", "2024-07-02T19:59Z", "2024-07-01"),
        ("XNYS", "2024-07-02T20:00Z", "2024-07-02"),
        ("XNYS", "2024-07-03T16:59Z", "2024-07-02"),  # a half day closes at 13:00
        ("XNYS", "2024-07-03T17:00Z", "2024-07-03"),
        ("XNYS", "2024-07-05T12:00Z", "2024-07-03"),  # after a holiday
        ("XNYS", "2024-07-07T12:00Z", "2024-07-05"),  # on a Sunday
        ("XNYS", "2024-03-08T20:59Z", "2024-03-07"),  # before and after summer time begins
        ("XNYS", "2024-03-08T21:00Z", "2024-03-08"),
        ("XNYS", "2024-03-11T20:00Z", "2024-03-11"),
        ("XNYS", "2024-11-01T20:00Z", "2024-11-01"),  # and ends
        ("XNYS", "2024-11-04T20:59Z", "2024-11-01"),
        ("XNYS", "2024-11-04T21:00Z", "2024-11-04"),
        ("XNYS", "2001-09-16T21:00Z", "2001-09-10"),  # closed for a week
        ("XLON", "2024-12-24T12:30Z", "2024-12-24"),
        ("XTKS", "2024-07-02T05:59Z", "2024-07-01"),
        ("XTKS", "2024-07-02T06:00Z", "2024-07-02"),
        ("XNZE", "2024-07-01T23:00Z", "2024-07-01"),  # Tuesday in Auckland, before the close
        ("XNZE", "2024-07-02T04:45Z", "2024-07-02"),
        ("24/7", "2024-07-06T23:59Z", "2024-07-05"),
        ("24/7", "2024-07-07T00:00Z", "2024-07-06"),
        ("24/5", "2024-07-07T12:00Z", "2024-07-05"),
        ("XSHG", "2031-07-07T12:00Z", "2031-07-04"),  # not covered: the working day before
    ],
)
def test_a_session_counts_once_it_has_closed(market: str, now: str, closed: str) -> None:
    """The newest closed session, to the minute, whatever the zone in which the time is told."""
    moment = dt.datetime.fromisoformat(now)
    for zone in ZONES:
        found = last_closed_session(market, moment.astimezone(zone))
        assert found == dt.date.fromisoformat(closed)


def test_a_time_without_a_zone_is_refused() -> None:
    """A naive time would mean another moment on every machine."""
    with pytest.raises(ValueError, match=r"needs a zone .* use datetime\.now\(UTC\)"):
        last_closed_session("XNYS", dt.datetime(2024, 7, 2))


@pytest.mark.parametrize(
    ("market", "after", "following"),
    [
        ("XNYS", "2024-07-03", "2024-07-05"),
        ("XNYS", "2024-07-05", "2024-07-08"),
        ("XNYS", "2001-09-10", "2001-09-17"),
        ("XNYS", "2024-03-08", "2024-03-11"),
        ("XLON", "2024-12-24", "2024-12-27"),
        ("XTKS", "2023-12-29", "2024-01-04"),
        ("24/7", "2024-07-05", "2024-07-06"),
        ("24/5", "2024-07-05", "2024-07-08"),
    ],
)
def test_the_next_session(market: str, after: str, following: str) -> None:
    """Weekends and holidays are passed over; half days are not."""
    assert next_session(market, dt.date.fromisoformat(after)) == dt.date.fromisoformat(following)


@settings(deadline=None)  # the first call computes a calendar
@given(st.dates(dt.date(1980, 1, 1), dt.date(2060, 1, 1)), st.sampled_from(["XNYS", "XSHG"]))
def test_sessions_follow_each_other(date: dt.date, market: str) -> None:
    """The next session is the first of those that follow, with or without a calendar's cover."""
    following = next_session(market, date)
    assert following > date
    assert sessions_between(market, date + dt.timedelta(days=1), following) == (following,)


def test_sessions_between_includes_both_ends() -> None:
    """Both dates count if they are sessions; a half day is one; nothing lies before its end."""
    first, last = dt.date(2024, 11, 27), dt.date(2024, 12, 2)
    assert sessions_between("XNYS", first, last) == (first, dt.date(2024, 11, 29), last)
    assert sessions_between("XNYS", last, first) == ()
    assert sessions_between("XNYS", dt.date(2024, 11, 30), dt.date(2024, 12, 1)) == ()


def test_what_a_calendar_does_not_cover() -> None:
    """Uncovered dates count as open for a bar, and as working days where sessions are counted."""
    days = pd.Series(pd.to_datetime(["2031-07-04", "2031-07-05"]))
    assert is_session(days, "XSHG").all()
    assert not closes_after(days, "XSHG", dt.datetime(2020, 1, 1, tzinfo=dt.UTC)).any()
    found = sessions_between("XSHG", dt.date(2026, 12, 30), dt.date(2027, 1, 5))
    assert [day.day for day in found] == [30, 31, 1, 4, 5]


@pytest.mark.parametrize("market", ["ASEX", "XTAE"])
def test_a_calendar_that_cannot_be_computed_covers_nothing(market: str) -> None:
    """Where exchange_calendars fails, every bar counts as on a session and a year has 252."""
    known = sessions_of(market, pd.Timestamp(2024, 1, 1))
    days = pd.Series(pd.to_datetime(["2024-07-05", "2024-07-06"]))
    if known.first <= known.last:
        pytest.skip(f"this exchange_calendars can compute {market}")
    assert is_session(days, market).all()
    assert sessions_a_year(market) == SESSIONS_A_YEAR
    assert next_session(market, dt.date(2024, 7, 5)) == dt.date(2024, 7, 8)


def test_an_unknown_calendar_is_refused() -> None:
    """A calendar that does not exist is named with the key that sets it."""
    with pytest.raises(ConfigError, match=r"data\.market .* but is 'NYSE!'"):
        next_session("NYSE!", dt.date(2024, 7, 5))


@pytest.mark.parametrize(
    ("markets", "sessions"),
    [
        (["24/7"], 365),
        (["24/5"], 261),
        (["XTKS"], 245),
        (["XLON"], 253),
        (["XSAU"], 249),
        (["XNYS", "24/7"], 365),
        (["XNYS", "XLON"], 257),
        ([], 252),
    ],
)
def test_sessions_a_year(markets: list[str], sessions: int) -> None:
    """A year has as many sessions as the calendar, or as the union of several, on average."""
    assert sessions_a_year(*markets) == sessions


def test_the_default_is_that_of_new_york() -> None:
    """252, which needs no calendar, is what the calendar of XNYS gives: 2,516 in ten years."""
    found = sessions_between("XNYS", dt.date(2010, 1, 1), dt.date(2019, 12, 31))
    assert len(found) == 2516
    assert sessions_a_year("XNYS") == round(len(found) / 10) == SESSIONS_A_YEAR


def test_a_gap_begins_after_14_days() -> None:
    """14 days between two bars are a long holiday, 15 a gap; the first bar follows nothing."""
    assert after_gap(np.array([5, 19, 34, 35])).tolist() == [False, False, True, False]
    assert after_gap(np.array([], dtype=np.int64)).tolist() == []
