"""Claims about the Pesaran-Timmermann test."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import chi2_contingency

from lstm_model.evaluation import direction
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


def test_a_table_by_hand() -> None:
    """30 + 30 hits of 80 with halves up: hits 3/4, 1/2 by chance, variance (1 - 1/80) / 4 / 80."""
    forecast, truth = table(30, 10, 10, 30)
    found = pesaran_timmermann(forecast, truth, np.arange(80))
    assert isinstance(found, Statistic)
    assert found.value == pytest.approx(0.25 / math.sqrt(79 / 80 / 320))
    assert found.p_value == pytest.approx(math.erfc(found.value / math.sqrt(2)) / 2)


@given(st.tuples(*[st.integers(0, 60)] * 4))
def test_its_square_is_pearsons_chi_square(counts: tuple[int, int, int, int]) -> None:
    """PT^2 = chi^2 n / (n - 1) on any 2 x 2 table; its sign is that of the agreement.

    Both tests exist if no row or column is empty.
    """
    forecast, truth = table(*counts)
    n = len(truth)
    assume(n >= 30 and 0 < forecast.sum() < n and 0 < truth.sum() < n)
    found = pesaran_timmermann(forecast, truth, np.arange(n))
    chi2 = chi2_contingency(np.reshape(counts, (2, 2)), correction=False).statistic
    assert isinstance(found, Statistic)
    assert found.value**2 == pytest.approx(chi2 * n / (n - 1), rel=1e-6, abs=1e-9)
    assert found.value * (counts[0] * counts[3] - counts[1] * counts[2]) >= -1e-6


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


def test_clustered_and_published_forms_agree_on_one_ticker() -> None:
    """Without overlap, the form by dates equals the published one up to terms of 1 / n."""
    draws = np.random.default_rng(3)
    truth = draws.random(2000) < 0.55
    forecast = np.where(draws.random(2000) < 0.06, truth, draws.random(2000) < 0.6)
    dates = np.arange(2000)
    published = pesaran_timmermann(forecast, truth, dates)
    twice = pesaran_timmermann(np.tile(forecast, 2), np.tile(truth, 2), np.tile(dates, 2))
    assert isinstance(published, Statistic)
    assert isinstance(twice, Statistic)
    assert published.value > 2
    assert twice.value == pytest.approx(published.value, rel=0.02)


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
    truth = np.arange(60) % 3 == 0
    right = pesaran_timmermann(truth, truth, np.arange(60))
    wrong = pesaran_timmermann(~truth, truth, np.arange(60))
    assert isinstance(right, Statistic)
    assert isinstance(wrong, Statistic)
    assert right.p_value < 1e-12
    assert wrong.p_value > 1 - 1e-12
