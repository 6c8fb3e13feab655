"""Claims about days as whole numbers."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstm_model.data.calendar import date_of, dates_of, day_of, days_since_epoch


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
