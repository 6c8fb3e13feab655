"""Dates of all vendors, and what their offsets from UTC give away."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lstm_model.data.dates import LINE, NOTATIONS, parse_dates
from lstm_model.errors import BarsError

DAYS = [dt.date(2022, 12, day) for day in (13, 14, 15, 16, 19, 20, 30)]
MIDNIGHT = [int(dt.datetime(d.year, d.month, d.day, tzinfo=dt.UTC).timestamp()) for d in DAYS]


def read(values: list[str]) -> list[dt.date]:
    lines = pd.Index(range(2, len(values) + 2), name=LINE)
    return list(parse_dates(pd.Series(values, index=lines, dtype=str), "T").dt.date)


@pytest.mark.parametrize("notation", NOTATIONS)
def test_each_notation_is_read(notation: str) -> None:
    """Dates past the twelfth of a month are read in every notation, with a time of day too."""
    written = [f"{day:{notation}}" for day in DAYS]
    assert read(written) == DAYS
    assert read([f"{text} 16:00:00" for text in written]) == DAYS


@pytest.mark.parametrize(
    "ending",
    ["T00:00:00Z", "T00:00:00.000Z", " 00:00:00-05:00", " 00:00 UTC", " 9:30", " 4:00 PM",
     " 00:00:00+0530", "T00:00:00+00", ", 16:00", "Z", " UTC"],
)  # fmt: skip
def test_a_time_of_day_and_an_offset_are_dropped(ending: str) -> None:
    """The exchange's own day is kept; a time of day or an offset never moves it."""
    assert read([f"{day:%Y-%m-%d}{ending}" for day in DAYS]) == DAYS


@pytest.mark.parametrize("notation", ["%A, %B %d, %Y", "%a %b %d %Y", "%a, %d %b %Y 16:00:00"])
def test_a_weekday_is_left_out(notation: str) -> None:
    """The name of the weekday before a date says nothing more."""
    assert read([f"{day:{notation}}" for day in DAYS]) == DAYS


@pytest.mark.parametrize("unit", [1, 1_000, 1_000_000, 1_000_000_000])
def test_an_epoch_is_known_by_its_digits(unit: int) -> None:
    """Whole numbers are seconds, milli-, micro- or nanoseconds since 1970, by their size."""
    assert read([str(second * unit) for second in MIDNIGHT]) == DAYS
    assert read([f"{second * unit}.0" for second in MIDNIGHT]) == DAYS


def test_numbers_that_are_days_are_no_epoch() -> None:
    """Eight digits are a year, a month and a day."""
    assert read(["20221213", "20221214"]) == DAYS[:2]


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.dates(dt.date(1975, 1, 1), dt.date(2035, 1, 1)), min_size=1, max_size=9),
    st.sampled_from(NOTATIONS),
)
def test_a_date_is_read_as_meant_or_refused(days: list[dt.date], notation: str) -> None:
    """Whatever is written, what is read is what was meant, or it is refused as ambiguous."""
    try:
        assert read([f"{day:{notation}}" for day in days]) == days
    except BarsError as error:
        assert "ambiguous_date" in str(error)
        assert all(day.day <= 12 for day in days)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (["31-12-2022", "soon"], ["unreadable_date", "line 3", "'soon'"]),
        (["2022-12-13", "31-12-2022"], ["unreadable_date", "line 3", "'31-12-2022'"]),
        (["2022-12-13", "x" * 99], ["unreadable_date", f"'{'x' * 40}...'"]),
        (["2022-12-13", "a\nb"], ["unreadable_date", "'a b'"]),
        (["2022-12-13", ""], ["unreadable_date", "line 3", "''"]),
        (["01-02-2022", "03-04-2022"], ["ambiguous_date", "'01-02-2022'", "YYYY-MM-DD"]),
        (["2022-12-13 00:00:00-05:00", "2022-12-14"], ["mixed_zones", "line 3"]),
        (["2022-12-13 00:00:00-05:00", "2022-12-14 00:00:00+01:00"], ["mixed_zones", "+01:00"]),
    ],
)
def test_what_cannot_be_read_is_quoted_as_it_stands(values: list[str], words: list[str]) -> None:
    """A refusal has the rule, the line in the file, and the date as the file writes it."""
    with pytest.raises(BarsError) as refused:
        read(values)
    for word in ["T: ", *words]:
        assert word in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("zone", ["Europe/Lisbon", "America/New_York", "Asia/Tokyo", "UTC"])
def test_one_zone_may_change_its_offset(zone: str) -> None:
    """A zone's summer time and its changes over decades are one zone: Lisbon has had three."""
    days = pd.date_range("1990-01-01", "2005-12-31", freq="W-WED", tz=zone)
    assert read(days.astype(str).tolist()) == list(days.date)
    assert read(days[::-1].astype(str).tolist()) == list(days[::-1].date)


def test_midnights_converted_to_utc_are_refused() -> None:
    """A zone east of UTC, converted, dates each bar a day early: a look-ahead in a panel."""
    local = pd.bdate_range("2024-01-01", periods=15, tz="Asia/Tokyo")
    utc = local.tz_convert("UTC")
    assert read(local.astype(str).tolist()) == list(local.date)
    for written in (utc.astype(str).tolist(), [str(int(t.timestamp())) for t in utc]):
        with pytest.raises(BarsError, match=r"day_early.*on line 2 is a Sunday.*own days"):
            read(written)


@pytest.mark.parametrize(("zone", "hour"), [("America/New_York", 16), ("Asia/Tokyo", 9)])
def test_a_session_in_utc_on_its_own_day_is_read(zone: str, hour: int) -> None:
    """Stamps of an open or a close that fall on the session's own day in UTC are read."""
    local = pd.bdate_range("2024-01-01", periods=15, tz=zone) + pd.Timedelta(hours=hour)
    assert read(local.tz_convert("UTC").astype(str).tolist()) == list(local.date)


@pytest.mark.parametrize("zone", [None, "Asia/Tokyo"])
def test_a_date_that_is_missing_is_refused(zone: str | None) -> None:
    """NaT in a column of dates is refused by name, with a zone or without."""
    column = pd.Series(pd.to_datetime(["2024-01-02", None])).dt.tz_localize(zone)
    with pytest.raises(BarsError, match=r"T: unreadable_date.*'NaT'"):
        parse_dates(column, "T")


def test_no_dates_are_no_dates() -> None:
    """An empty column stays empty."""
    assert np.array_equal(read([]), [])
