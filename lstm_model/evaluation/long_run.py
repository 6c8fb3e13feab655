"""One long-run rule for every test on a series of dates: equal-weighted cosines, t distribution."""

import math

import numpy as np
from jaxtyping import Float
from scipy.special import stdtr

from lstm_model.evaluation.measured import MIN_DATES, NotComputed, Statistic, Tested, too_short

ROUNDING = 1e-12
"""A range below this share of the largest absolute value is rounding error."""


def is_constant(values: Float[np.ndarray, " value"]) -> bool:
    """Say whether the values differ by no more than rounding error."""
    return bool(np.ptp(values) <= ROUNDING * np.max(np.abs(values)))


def cosine_count(dates: int) -> int:
    """Return B = floor(0.4 n^(2/3)), the number of cosines and the degrees of freedom of the t.

    In integers, because the power of a perfect cube is a little too low in floats. Lazarus, Lewis,
    Stock & Watson (2018), "HAR Inference: Recommendations for Practice", JBES 36(4), 541-559.
    """
    count = int(0.4 * dates ** (2 / 3)) + 1
    while 125 * count**3 > 8 * dates**2:
        count -= 1
    return count


def long_run_covariance(values: Float[np.ndarray, "date series"]) -> Float[np.ndarray, "series _"]:
    """Return the long-run covariance of several series, whatever their autocorrelation.

    It is the mean of the outer products of B weighted cosine sums, sqrt(2 / n) sum over t of
    x[t] cos(pi j (t - 1/2) / n), j = 1 .. B; cosines sum to zero, so the means do not matter.
    Lazarus et al. (2018), eq. 10.
    """
    n = len(values)
    waves = np.arange(1, cosine_count(n) + 1)[:, None]
    cosines = np.cos(np.pi * waves * (np.arange(n) + 0.5) / n)
    sums = math.sqrt(2 / n) * cosines @ values
    covariance: Float[np.ndarray, "series _"] = sums.T @ sums / len(waves)
    return covariance


def mean_test(
    values: Float[np.ndarray, " date"], horizon: int, *, two_sided: bool = False
) -> Tested:
    """Test for a mean of zero against one above zero, or with `two_sided` against any other.

    horizon: of the labels behind the values, in bars. The t has as many degrees of freedom as there
    are cosines. NotComputed below 30 dates, if labels span them all, if a value is not finite, and
    if the values do not vary in the long run.
    """
    reason = _why_no_test(values, horizon)
    if reason:
        return reason
    n, variance = len(values), float(long_run_covariance(values[:, None])[0, 0])
    if variance <= (ROUNDING * float(np.abs(values).max())) ** 2:
        return NotComputed("the values have no long-run variance")
    statistic, degrees = float(values.mean()) / math.sqrt(variance / n), cosine_count(n)
    if two_sided:
        return Statistic(statistic, 2 * float(stdtr(degrees, -abs(statistic))))
    return Statistic(statistic, float(stdtr(degrees, -statistic)))


def _why_no_test(values: Float[np.ndarray, " date"], horizon: int) -> NotComputed | None:
    n = len(values)
    if n < MIN_DATES:
        return too_short(n)
    if horizon >= n:
        return NotComputed(f"n = {n} <= horizon {horizon}")
    if not np.isfinite(values).all():
        return NotComputed("a value is not finite")
    return NotComputed("the values are constant") if is_constant(values) else None
