"""Claims about the test of a mean under autocorrelation."""

import math

import numpy as np
import pytest

from lstm_model.evaluation.long_run import is_constant, lags_for, mean_above_zero
from lstm_model.evaluation.measured import NotComputed, Statistic, too_short


def newey_west(values: np.ndarray, lags: int) -> float:
    """Compute the t-statistic of the mean term by term, as Newey & West (1987) write it."""
    n, centred = len(values), values - values.mean()
    variance = float(centred @ centred)
    for lag in range(1, lags + 1):
        product = sum(centred[t] * centred[t - lag] for t in range(lag, n))
        variance += 2 * (1 - lag / (lags + 1)) * float(product)
    return float(values.mean()) / math.sqrt(variance / n**2)


@pytest.mark.parametrize("lags", [0, 1, 7])
def test_the_statistic_is_newey_and_wests(lags: int) -> None:
    """A plain loop over lags gives the same, and the p-value is the upper normal tail."""
    values = np.convolve(np.random.default_rng(0).normal(size=120), [1, 0.8, 0.5])[:100] + 0.3
    found = mean_above_zero(values, lags)
    assert isinstance(found, Statistic)
    assert found.value == pytest.approx(newey_west(values, lags), rel=1e-9)
    assert found.p_value == pytest.approx(math.erfc(found.value / math.sqrt(2)) / 2, rel=1e-9)


def test_reasons() -> None:
    """Too few values or constant values have no test."""
    assert mean_above_zero(np.arange(29.0), 0) == too_short(29)
    assert mean_above_zero(np.full(30, 0.1), 0) == NotComputed("the values are constant")


@pytest.mark.parametrize(
    ("values", "constant"),
    [([0.0, 0.0], True), ([0.1 + 0.2, 0.3], True), ([1.0, 1.0 + 1e-9], False), ([0, 1e-30], False)],
)
def test_rounding_is_no_spread(values: list[float], constant: bool) -> None:
    """Values that differ only by rounding are constant; small numbers that differ are not."""
    assert is_constant(np.array(values, dtype=float)) is constant


@pytest.mark.parametrize(("dates", "horizon", "lags"), [(750, 1, 0), (1000, 5, 10), (64, 20, 19)])
def test_labels_that_overlap_need_lags(dates: int, horizon: int, lags: int) -> None:
    """No lags for a horizon of one bar, at least horizon - 1 lags for longer horizons."""
    assert lags_for(dates, horizon) == lags
