"""Claims about the Sharpe ratio."""

import math

import numpy as np
import pytest
from scipy.stats import kurtosis, norm, skew, t

from lstm_model.evaluation.long_run import cosine_count, long_run_covariance
from lstm_model.evaluation.measured import NotComputed, Statistic
from lstm_model.evaluation.selection import expected_maximum
from lstm_model.evaluation.sharpe import (
    deflated_sharpe,
    probabilistic_sharpe,
    sharpe_difference,
    sharpe_interval,
)


def normal_returns(n: int, ratio: float, seed: int = 0) -> np.ndarray:
    """Return daily returns whose annual Sharpe ratio is exactly `ratio`."""
    draws = np.random.default_rng(seed).normal(size=n)
    standard = (draws - draws.mean()) / draws.std(ddof=1)
    return 0.01 * (standard + ratio / math.sqrt(252))


@pytest.mark.parametrize(("trials", "expected"), [(100, 0.9004), (46, 0.9505)])
def test_the_papers_example(trials: int, expected: float) -> None:
    """Bailey & Lopez de Prado's (2014): annual ratio 2.5 on 1,250 days, skewness -3, kurtosis 10.

    Ratios of the trials have a variance of 1/2 a year. The paper takes the largest of N from its
    approximation by extreme values.
    """
    gamma, per_day = 0.5772156649, math.sqrt(250)
    tails = norm.ppf(1 - 1 / trials), norm.ppf(1 - 1 / (trials * math.e))
    best = math.sqrt(0.5) / per_day * ((1 - gamma) * tails[0] + gamma * tails[1])
    found = probabilistic_sharpe(2.5 / per_day, best, 1250, -3.0, 10.0)
    assert found == pytest.approx(expected, abs=5e-5)


@pytest.mark.parametrize("trials", [1, 20])
def test_deflation_by_the_formula(trials: int) -> None:
    """The probability is the paper's, with scipy's moments and a variance by chance of 1/(n-1)."""
    returns = np.random.default_rng(1).gamma(2.0, size=400) * 0.01 - 0.0185
    ratio = returns.mean() / returns.std(ddof=1)
    spread = math.sqrt(1 - skew(returns) * ratio + (kurtosis(returns) + 2) / 4 * ratio**2)
    best = expected_maximum(trials) / math.sqrt(399)
    expected = norm.cdf((ratio - best) * math.sqrt(399) / spread)
    assert 0.01 < expected < 0.99
    assert deflated_sharpe(returns, trials) == pytest.approx(expected, rel=1e-9)


def test_the_best_of_noise_is_deflated_to_a_coin_toss() -> None:
    """Of 20 strategies without skill the best has a probability of skill of about a half."""
    draws = np.random.default_rng(2).normal(0, 0.01, size=(300, 20, 252))
    ratios = draws.mean(axis=2) / draws.std(axis=2, ddof=1)
    best = draws[np.arange(300), ratios.argmax(axis=1)]
    naive = [deflated_sharpe(returns, 1) for returns in best]
    honest = [deflated_sharpe(returns, 20) for returns in best]
    assert np.mean([p for p in naive if isinstance(p, float)]) > 0.93
    assert np.mean([p for p in honest if isinstance(p, float)]) == pytest.approx(0.5, abs=0.07)


def test_interval_of_independent_returns() -> None:
    """On independent normal returns it is +- 1.645 sqrt((1 + S^2 / 2) / n), annualised."""
    ratio, low, high = sharpe_interval(normal_returns(1500, 0.8), 252, seed=3, repetitions=3000)
    assert ratio == pytest.approx(0.8)
    radius = 1.645 * math.sqrt((1 + (0.8 / math.sqrt(252)) ** 2 / 2) / 1500 * 252)
    assert low == pytest.approx(0.8 - radius, abs=0.15)
    assert high == pytest.approx(0.8 + radius, abs=0.15)


def test_the_seed_decides_the_interval() -> None:
    """The same seed gives the same interval; another seed gives a slightly different one."""
    returns = normal_returns(200, 1.0)
    first, again, other = (sharpe_interval(returns, 252, seed, 200) for seed in (1, 1, 2))
    assert first == again
    assert first[0] == other[0]
    assert first[1:] != other[1:]


def test_reasons() -> None:
    """Constant returns, no trials, and returns of only two values each give a reason."""
    constant = NotComputed("returns are constant")
    assert sharpe_interval(np.full(50, 0.01), 252, 0, 100) == (constant,) * 3
    assert deflated_sharpe(np.zeros(50), 3) == constant
    assert deflated_sharpe(normal_returns(50, 1.0), 0) == NotComputed("there are no trials")
    assert probabilistic_sharpe(1.0, 0.0, 50, 2.0, 5.0) == NotComputed(
        "returns take only two values"
    )


def test_returns_on_one_day_alone() -> None:
    """The interval is finite even if most resamples contain no return at all."""
    returns = np.zeros(40)
    returns[3] = 0.1
    assert all(
        isinstance(v, float) and math.isfinite(v) for v in sharpe_interval(returns, 252, 0, 300)
    )


def test_the_difference_is_the_papers_delta_method() -> None:
    """Ledoit & Wolf (2008): gradient of both ratios, covariance of means and mean squares."""
    draws = np.random.default_rng(5)
    first = draws.normal(0.0008, 0.01, size=500)
    second = 0.5 * first + draws.normal(0.0001, 0.01, size=500)
    gain, test = sharpe_difference(first, second, 252)
    columns = np.column_stack([first, second, first**2, second**2])
    a, b, c, d = columns.mean(axis=0)
    gradient = np.array(
        [
            c / (c - a**2) ** 1.5,
            -d / (d - b**2) ** 1.5,
            -0.5 * a / (c - a**2) ** 1.5,
            0.5 * b / (d - b**2) ** 1.5,
        ]
    )
    gap = a / math.sqrt(c - a**2) - b / math.sqrt(d - b**2)
    error = math.sqrt(gradient @ long_run_covariance(columns) @ gradient / 500)
    assert gain == pytest.approx(gap * math.sqrt(252))
    assert isinstance(test, Statistic)
    assert test.value == pytest.approx(gap / error)
    assert test.p_value == pytest.approx(2 * t.sf(abs(gap / error), cosine_count(500)))


def test_equal_ratios_are_rejected_at_the_nominal_rate() -> None:
    """A rule at half of the market, plus noise with the same ratio, differs in 5 % of samples."""
    draws, rejected = np.random.default_rng(6), 0
    for _ in range(1000):
        first, second = 0.0005 + 0.01 * draws.standard_t(5, size=(2, 500))
        _, test = sharpe_difference(first, 0.5 * second, 252)
        assert isinstance(test, Statistic)
        rejected += test.p_value < 0.05
    assert rejected / 1000 == pytest.approx(0.05, abs=0.02)


def test_no_difference_to_test() -> None:
    """The same returns, and constant ones, have a reason."""
    returns = normal_returns(100, 1.0)
    assert sharpe_difference(returns, returns, 252)[1] == NotComputed("the values are constant")
    reason = NotComputed("returns are constant")
    assert sharpe_difference(returns, np.zeros(100), 252) == (reason, reason)
