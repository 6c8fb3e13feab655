"""Claims about the data of the figures."""

import datetime as dt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from lstm_model.evaluation.intervals import Interval
from lstm_model.evaluation.measured import NotComputed
from lstm_model.evaluation.series import calibration_bins, series_by_date

MEMBERS = np.array([[1.0, 2.0, 3.0, 5.0], [3.0, 2.0, 5.0, 5.0]])
TRUTH = np.array([1.0, 3.0, 4.0, 0.0])
DATES = np.array([1, 1, 0, 2])


def test_series_by_hand() -> None:
    """Values are means over the day's tickers, and the band is the first level's, day by day."""
    intervals = tuple(
        Interval(level, 0.0, radii, 0.0, 9, ())
        for level, radii in ((0.9, (2.0, 2.0, 1.0)), (0.5, (1.0, 1.0, 1.0)))
    )
    found = series_by_date(MEMBERS, TRUTH, DATES, intervals, {"model": np.array([0.5, 1.0, 2.0])})
    assert found.dates == tuple(dt.date(1970, 1, day) for day in (1, 2, 3))
    assert found.truth == (4.0, 2.0, 0.0)
    assert found.forecast == (4.0, 2.0, 5.0)
    assert found.spread == pytest.approx((2**0.5, 2**0.5 / 2, 0.0))
    assert found.low == (2.0, 0.0, 4.0)
    assert found.high == (6.0, 4.0, 6.0)
    assert found.squared_errors == {"model": (0.5, 1.0, 2.0)}


def test_no_interval_and_one_member() -> None:
    """Without intervals there is no band, and without seeds no spread."""
    found = series_by_date(MEMBERS[:1], TRUTH, DATES, NotComputed("refit"), {})
    assert found.low == found.high == ()
    assert found.spread == (0.0, 0.0, 0.0)


def test_ten_bins_by_forecast() -> None:
    """The lowest tenth of forecasts comes first, each with its mean truth."""
    forecast = np.random.default_rng(0).permutation(100).astype(float)
    found = calibration_bins(forecast, -forecast)
    assert found == tuple((10 * i + 4.5, -10 * i - 4.5, 10) for i in range(10))


def test_a_constant_forecast_has_one_bin() -> None:
    """If all forecasts are equal, there is a single bin."""
    assert calibration_bins(np.full(20, 0.1), np.arange(20.0)) == ((pytest.approx(0.1), 9.5, 20),)


@given(arrays(float, st.integers(1, 40), elements=st.integers(-3, 3).map(float)))
def test_every_sample_is_in_one_bin(forecast: np.ndarray) -> None:
    """Counts add up, no bin is empty, and forecasts ascend."""
    found = calibration_bins(forecast, forecast)
    assert sum(count for *_, count in found) == len(forecast)
    assert min(count for *_, count in found) >= 1
    means = [mean for mean, *_ in found]
    assert means == sorted(means)
