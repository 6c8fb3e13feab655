"""The Sharpe ratio of daily returns: its uncertainty, and its deflation for many trials."""

import math
from statistics import NormalDist

import numpy as np
from jaxtyping import Float

from lstm_model.evaluation.bootstrap import block_length, stationary_samples
from lstm_model.evaluation.long_run import ROUNDING, is_constant
from lstm_model.evaluation.measured import Measured, NotComputed
from lstm_model.evaluation.selection import expected_maximum

YEAR = 252
"""Trading days in a year."""

INTERVAL = 0.90


def sharpe_interval(
    returns: Float[np.ndarray, " date"], seed: int, repetitions: int
) -> tuple[Measured, Measured, Measured]:
    """Return the annualised Sharpe ratio of daily returns and the ends of its 90 % interval.

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
    low, high = np.quantile(ratios, [tail, 1 - tail]) * math.sqrt(YEAR)
    ratio = float(returns.mean() / returns.std(ddof=1)) * math.sqrt(YEAR)
    return ratio, float(low), float(high)


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
