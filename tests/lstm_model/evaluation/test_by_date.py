"""Claims about means by date."""

import datetime as dt

import numpy as np

from lstm_model.evaluation.by_date import calendar_days, date_means


def test_means_are_in_the_order_of_dates() -> None:
    """Samples may come in any order, and dates may differ in their number of tickers."""
    means = date_means(np.array([4.0, 1.0, 3.0, 8.0]), np.array([7, 3, 3, 5]))
    np.testing.assert_array_equal(means, [2.0, 8.0, 4.0])


def test_days_count_from_1970() -> None:
    """Day 0 is 1970-01-01, and days before it are negative."""
    days = calendar_days(np.array([-1, 0, 18_262]))
    assert days == (dt.date(1969, 12, 31), dt.date(1970, 1, 1), dt.date(2020, 1, 1))
