"""Claims about the Pesaran-Timmermann test."""

import random

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from lstm_model.evaluation import direction
from lstm_model.evaluation.direction import hit_rate_test
from lstm_model.evaluation.long_run import mean_test
from lstm_model.evaluation.measured import NotComputed, Statistic, Tested, too_short


def pesaran_timmermann(forecast: np.ndarray, truth: np.ndarray, dates: np.ndarray) -> Tested:
    """Test directions one bar ahead."""
    return direction.pesaran_timmermann(forecast, truth, dates, 1)


def table(both_up: int, said_up: int, was_up: int, both_down: int) -> tuple[np.ndarray, np.ndarray]:
    """Return directions of forecast and truth with these counts."""
    counts = [both_up, said_up, was_up, both_down]
    return (
        np.repeat([True, True, False, False], counts),
        np.repeat([True, False, True, False], counts),
    )


def test_the_numerator_is_the_excess_of_hits() -> None:
    """The tested mean is the share of hits less the share by chance."""
    forecast, truth = table(30, 10, 10, 30)
    agreement = 2.0 * (forecast - 0.5) * (truth - 0.5)
    assert agreement.mean() == pytest.approx(0.75 - 0.5)
    assert pesaran_timmermann(forecast, truth, np.arange(80)) == mean_test(agreement, 1)


@given(st.tuples(*[st.integers(1, 60)] * 4), st.randoms(use_true_random=False))
def test_its_sign_is_that_of_the_agreement(
    counts: tuple[int, int, int, int], order: random.Random
) -> None:
    """On any 2 x 2 table it is positive if directions agree more often than by chance."""
    forecast, truth = table(*counts)
    assume(len(truth) >= 30)
    places = list(range(len(truth)))
    order.shuffle(places)
    found = pesaran_timmermann(forecast[places], truth[places], np.arange(len(truth)))
    cross = counts[0] * counts[3] - counts[1] * counts[2]
    assert isinstance(found, NotComputed) or found.value * cross >= -1e-6


@pytest.mark.parametrize(("up_forecast", "up_truth"), [(0.5, 0.5), (0.7, 0.6), (0.2, 0.7)])
def test_independence_is_rejected_at_the_nominal_rate(up_forecast: float, up_truth: float) -> None:
    """Under independence, p < 0.05 occurs in 5 % of samples, even if directions are unbalanced."""
    draws = np.random.default_rng(1)
    forecasts = draws.random((2000, 250)) < up_forecast
    truths = draws.random((2000, 250)) < up_truth
    dates = np.arange(250)
    found = [pesaran_timmermann(f, t, dates) for f, t in zip(forecasts, truths, strict=True)]
    rejected = np.mean([isinstance(s, Statistic) and s.p_value < 0.05 for s in found])
    assert rejected == pytest.approx(0.05, abs=0.016)  # 3.3 standard errors


def test_persistent_directions_that_have_nothing_in_common() -> None:
    """Independent signs of AR(0.8) series are rejected about as often as promised, not in 17 %."""
    draws = np.random.default_rng(7)
    steps = draws.normal(size=(2, 1500, 800))
    for t in range(1, 800):
        steps[:, :, t] += 0.8 * steps[:, :, t - 1]
    forecasts, truths = steps[:, :, 87:] > 0
    dates = np.arange(713)
    found = [pesaran_timmermann(f, t, dates) for f, t in zip(forecasts, truths, strict=True)]
    rejected = np.mean([isinstance(s, Statistic) and s.p_value < 0.05 for s in found])
    assert rejected == pytest.approx(0.05, abs=0.02)


def test_tickers_that_move_together_are_one_observation() -> None:
    """Fifty tickers that all follow one market reject no more often than a single one."""
    draws = np.random.default_rng(2)
    dates = np.repeat(np.arange(100), 50)
    rejected = 0
    for _ in range(200):
        forecast = np.repeat(draws.random(100) < 0.5, 50)
        truth = np.repeat(draws.random(100) < 0.5, 50)
        found = pesaran_timmermann(forecast, truth, dates)
        assert isinstance(found, Statistic)
        rejected += found.p_value < 0.05
    assert rejected <= 22  # 10 expected; more than 22 has a chance of 1 in 5,000


@pytest.mark.parametrize(
    ("counts", "reason"),
    [
        ((15, 0, 0, 14), too_short(29)),
        ((20, 20, 0, 0), NotComputed("the forecast has only one direction")),
        ((0, 0, 20, 20), NotComputed("the forecast has only one direction")),
        ((20, 0, 20, 0), NotComputed("the truth has only one direction")),
    ],
)
def test_reasons(counts: tuple[int, int, int, int], reason: NotComputed) -> None:
    """A short sample or a direction that never changes has no test."""
    forecast, truth = table(*counts)
    assert pesaran_timmermann(forecast, truth, np.arange(len(truth))) == reason


def test_a_perfect_forecast_is_certain() -> None:
    """A forecast that is always right has a p-value near 0, one that is always wrong near 1."""
    truth = np.random.default_rng(0).random(60) < 0.4
    right = pesaran_timmermann(truth, truth, np.arange(60))
    wrong = pesaran_timmermann(~truth, truth, np.arange(60))
    assert isinstance(right, Statistic)
    assert isinstance(wrong, Statistic)
    assert right.p_value < 1e-5
    assert wrong.p_value > 1 - 1e-5


def test_a_higher_hit_rate_is_a_positive_statistic() -> None:
    """More hits than another forecast are positive; the same hits have no test."""
    draws = np.random.default_rng(0)
    often, seldom = draws.random((2, 300)) < np.array([[0.7], [0.5]])
    found = hit_rate_test(often, seldom, np.arange(300), 1)
    assert isinstance(found, Statistic)
    assert found.value > 3
    assert found.p_value < 0.01
    same = hit_rate_test(often, often, np.arange(300), 1)
    assert same == NotComputed("both have the same hits")
    assert hit_rate_test(often[:20], often[:20], np.arange(20), 1) == too_short(20)


def test_the_direction_of_volatility_says_nothing() -> None:
    """On independent log variances a constant forecast is right on two days in three or more.

    Its direction is that of the return to the mean. So neither a majority class nor a test of
    direction is shown for volatility; a difference of hit rates is.
    """
    truth = np.random.default_rng(0).normal(size=5000)
    last, now = truth[:-1], truth[1:]
    hits = (np.zeros(4999) > last) == (now > last)
    assert hits.mean() > 0.72
    assert max(np.mean(now > last), np.mean(now < last)) < 0.52
