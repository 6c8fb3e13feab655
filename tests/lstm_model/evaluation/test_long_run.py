"""Claims about the long-run rule: its formula, its exact size, and its reasons."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from lstm_model.evaluation.long_run import (
    cosine_count,
    is_constant,
    long_run_covariance,
    mean_test,
)
from lstm_model.evaluation.measured import NotComputed, Statistic, too_short


@pytest.mark.parametrize(("n", "count"), [(30, 3), (713, 31), (1000, 40), (125, 10), (27_000, 360)])
def test_the_number_of_cosines(n: int, count: int) -> None:
    """B = floor(0.4 n^(2/3)), which is 40 at 1000 though the float power is a little below 100."""
    assert cosine_count(n) == count


@given(st.integers(30, 10**6))
def test_the_number_of_cosines_is_exact(n: int) -> None:
    """B is the largest integer whose cube is at most (0.4)^3 n^2, for any n."""
    count = cosine_count(n)
    assert 125 * count**3 <= 8 * n**2 < 125 * (count + 1) ** 3


def test_the_covariance_is_the_papers_formula() -> None:
    """A plain double loop over cosines and dates gives the same matrix."""
    values = np.random.default_rng(0).normal(size=(60, 2)).cumsum(axis=0)
    n, count = 60, cosine_count(60)
    expected = np.zeros((2, 2))
    for j in range(1, count + 1):
        weighted = np.zeros(2)
        for t in range(1, n + 1):
            weighted += values[t - 1] * math.cos(math.pi * j * (t - 0.5) / n)
        expected += 2 / n * np.outer(weighted, weighted) / count
    np.testing.assert_allclose(long_run_covariance(values), expected)
    np.testing.assert_allclose(long_run_covariance(values + 5.0), expected, rtol=1e-9)


def test_the_p_values_are_of_the_t_distribution() -> None:
    """The t has B degrees of freedom, and the one-sided p is the upper tail."""
    values = np.random.default_rng(1).normal(0.1, 1, size=200)
    one, two = mean_test(values, 1), mean_test(values, 1, two_sided=True)
    assert isinstance(one, Statistic)
    assert isinstance(two, Statistic)
    error = math.sqrt(long_run_covariance(values[:, None])[0, 0] / 200)
    assert one.value == two.value == pytest.approx(values.mean() / error)
    tail = stats.t.sf(one.value, cosine_count(200))
    assert (one.p_value, two.p_value) == (pytest.approx(tail), pytest.approx(2 * tail))


@pytest.mark.parametrize("horizon", [1, 10, 22])
def test_the_size_is_what_it_says(horizon: int) -> None:
    """Squared errors of labels over any horizon differ significantly in about 5 % of samples.

    The usual Bartlett window with the small-sample correction rejects 9 % at ten bars.
    """
    draws = np.random.default_rng(horizon)
    rejected = 0
    for _ in range(1500):
        first, second = (
            np.convolve(draws.normal(size=713 + horizon - 1), np.ones(horizon), "valid")
            for _ in range(2)
        )
        found = mean_test(first**2 - second**2, horizon, two_sided=True)
        rejected += isinstance(found, Statistic) and found.p_value < 0.05
    assert rejected / 1500 == pytest.approx(0.052, abs=0.018)  # 3 standard errors


def test_reasons() -> None:
    """Too few dates, labels that span them all, and values that do not vary have no test."""
    rising = np.arange(40.0)
    assert mean_test(rising[:29], 1) == too_short(29)
    assert mean_test(rising, 40) == NotComputed("n = 40 <= horizon 40")
    assert isinstance(mean_test(rising, 39), Statistic)
    assert mean_test(np.r_[rising, np.inf], 1) == NotComputed("a value is not finite")
    assert mean_test(np.full(30, 0.1), 1) == NotComputed("the values are constant")


@pytest.mark.parametrize(
    ("values", "constant"),
    [([0.0, 0.0], True), ([0.1 + 0.2, 0.3], True), ([1.0, 1.0 + 1e-9], False), ([0, 1e-30], False)],
)
def test_rounding_is_no_spread(values: list[float], constant: bool) -> None:
    """Values that differ only by rounding are constant; small numbers that differ are not."""
    assert is_constant(np.array(values, dtype=float)) is constant
