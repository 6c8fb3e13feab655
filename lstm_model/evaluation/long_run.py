"""Whether a mean is above zero, where neighbours in time resemble each other."""

import math
from statistics import NormalDist

import numpy as np
from jaxtyping import Float

from lstm_model.evaluation.measured import MIN_DATES, NotComputed, Statistic, Tested, too_short

ROUNDING = 1e-12
"""Spread below this share of the values' size is rounding."""


def is_constant(values: Float[np.ndarray, " value"]) -> bool:
    """Say whether values differ by no more than rounding."""
    return bool(np.ptp(values) <= ROUNDING * np.max(np.abs(values)))


def lags_for(dates: int, horizon: int) -> int:
    """Return how many lags a long-run variance needs: none one bar ahead, as labels do not overlap.

    Further ahead they do, over horizon - 1 bars; the cube root of n is statsmodels' own least.
    """
    return 0 if horizon == 1 else max(horizon - 1, math.ceil(dates ** (1 / 3)))


def mean_above_zero(values: Float[np.ndarray, " date"], lags: int) -> Tested:
    """Test a mean of zero against one above it by the normal law, one-sided.

    Standard error of Newey & West (1987), Econometrica 55(3), 703-708. NotComputed below 30 values,
    where they are constant, and where lags reach beyond them.
    """
    if len(values) < MIN_DATES:
        return too_short(len(values))
    if lags >= len(values):
        return NotComputed(f"n = {len(values)} <= {lags} lags")
    if is_constant(values):
        return NotComputed("the values are constant")
    # 1.3 s to import, and the workers that score trials test nothing.
    from statsmodels.regression.linear_model import OLS  # noqa: PLC0415

    fit = OLS(values, np.ones(len(values))).fit(cov_type="HAC", cov_kwds={"maxlags": lags})
    statistic = float(fit.tvalues[0])
    return Statistic(statistic, NormalDist().cdf(-statistic))
