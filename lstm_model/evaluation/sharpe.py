"""The Sharpe ratio of daily returns: its uncertainty, and its deflation for many trials."""

import math
from statistics import NormalDist

import numpy as np
from jaxtyping import Float

from lstm_model.evaluation.bootstrap import block_length, stationary_samples
from lstm_model.evaluation.long_run import ROUNDING, is_constant, mean_test
from lstm_model.evaluation.measured import Measured, NotComputed, Tested
from lstm_model.evaluation.selection import expected_maximum

INTERVAL = 0.90


def sharpe_interval(
    returns: Float[np.ndarray, " date"], sessions_a_year: int, seed: int, repetitions: int
) -> tuple[Measured, Measured, Measured]:
    """Return the annualised Sharpe ratio of daily returns and the ends of its 90 % interval.

    sessions_a_year: returns a year, whose root the daily ratio is multiplied by.
    Percentiles of the stationary bootstrap, with a mean block length after Politis & White (2004).
    NotComputed if returns are constant.
    """
    if is_constant(returns):
        constant = NotComputed("returns are constant")
        return constant, constant, constant
    block = block_length(returns[:, None])
    samples = returns[stationary_samples(len(returns), repetitions, block, seed)]
    deviations = samples.std(axis=1, ddof=1)
    varies = deviations > ROUNDING * np.abs(returns).max()
    ratios = samples.mean(axis=1)[varies] / deviations[varies]
    tail = (1 - INTERVAL) / 2
    low, high = np.quantile(ratios, [tail, 1 - tail]) * math.sqrt(sessions_a_year)
    ratio = float(returns.mean() / returns.std(ddof=1)) * math.sqrt(sessions_a_year)
    return ratio, float(low), float(high)


def sharpe_difference(
    returns: Float[np.ndarray, " date"], others: Float[np.ndarray, " date"], sessions_a_year: int
) -> tuple[Measured, Tested]:
    """Return by how much an annualised Sharpe ratio is higher than another, and a two-sided test.

    A ratio is a function of mean and mean square; the delta method turns their long-run covariance
    over both series into the error of the difference. NotComputed if either is constant. Ledoit &
    Wolf (2008), "Robust Performance Hypothesis Testing with the Sharpe Ratio", J. Empirical Finance
    15(5), 850-859, with the long-run variance of `long_run`.
    """
    # A deviation can also be zero because the squares of tiny returns are.
    if any(is_constant(series) or series.std() ** 3 == 0.0 for series in (returns, others)):
        constant = NotComputed("returns are constant")
        return constant, constant
    (ratio, influence), (other, others_influence) = map(_ratio_and_influence, (returns, others))
    gap = ratio - other
    test = mean_test(gap + influence - others_influence, 1, two_sided=True)
    return gap * math.sqrt(sessions_a_year), test


def _ratio_and_influence(
    returns: Float[np.ndarray, " date"],
) -> tuple[float, Float[np.ndarray, " date"]]:
    """Return the daily ratio, and what each day moves it by to first order."""
    mean, square = float(returns.mean()), float(np.mean(returns**2))
    deviation = float(returns.std())
    influence = square * (returns - mean) - mean / 2 * (returns**2 - square)
    return mean / deviation, influence / deviation**3


def deflated_sharpe(returns: Float[np.ndarray, " date"], trials: int) -> Measured:
    """Return the probability that the Sharpe ratio exceeds the best of `trials` without skill.

    The expected best daily ratio is E[max of `trials` normals] x sqrt(1 / (n - 1)): without skill,
    ratios differ by chance alone. NotComputed without trials and if returns are constant. Bailey &
    Lopez de Prado (2014), "The Deflated Sharpe Ratio", J. Portfolio Management 40(5), 94-107.
    """
    if trials < 1:
        return NotComputed("there are no trials")
    if is_constant(returns):
        return NotComputed("returns are constant")
    n = len(returns)
    z = (returns - returns.mean()) / returns.std()
    ratio = float(returns.mean() / returns.std(ddof=1))
    best = expected_maximum(trials) / math.sqrt(n - 1)
    return probabilistic_sharpe(ratio, best, n, float(np.mean(z**3)), float(np.mean(z**4)))


def probabilistic_sharpe(
    ratio: float, least: float, n: int, skewness: float, kurtosis: float
) -> Measured:
    """Return the probability that the true Sharpe ratio is above `least`.

    ratio, least: per period, not annualised. n: periods. kurtosis: 3 for a normal distribution.
    NotComputed if returns take only two values. Bailey & Lopez de Prado (2012), "The
    Sharpe Ratio Efficient Frontier", J. Risk 15(2), 3-44.
    """
    variance = 1 - skewness * ratio + (kurtosis - 1) / 4 * ratio**2
    if variance <= 0:
        return NotComputed("returns take only two values")
    return NormalDist().cdf((ratio - least) * math.sqrt((n - 1) / variance))
