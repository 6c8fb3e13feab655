"""Test for a mean above zero under autocorrelation."""

import math
from statistics import NormalDist

import numpy as np
from jaxtyping import Float

from lstm_model.evaluation.measured import MIN_DATES, NotComputed, Statistic, Tested, too_short

ROUNDING = 1e-12
"""A range below this share of the largest absolute value is rounding error."""


def is_constant(values: Float[np.ndarray, " value"]) -> bool:
    """Say whether the values differ by no more than rounding error."""
    return bool(np.ptp(values) <= ROUNDING * np.max(np.abs(values)))


def lags_for(dates: int, horizon: int) -> int:
    """Return the number of lags of the long-run variance; 0 for a horizon of one bar.

    Labels of longer horizons overlap by horizon - 1 bars; the cube root of n is statsmodels' own
    minimum.
    """
    return 0 if horizon == 1 else max(horizon - 1, math.ceil(dates ** (1 / 3)))


def mean_above_zero(values: Float[np.ndarray, " date"], lags: int) -> Tested:
    """Test for a mean of zero against a mean above zero, one-sided, by the normal distribution.

    NotComputed below 30 values, if they are constant, or if there are no more values than lags.
    Standard error of Newey & West (1987), Econometrica 55(3), 703-708.
    """
    if len(values) < MIN_DATES:
        return too_short(len(values))
    if lags >= len(values):
        return NotComputed(f"n = {len(values)} <= {lags} lags")
    if is_constant(values):
        return NotComputed("the values are constant")
    # Takes 1.3 s to import, and the workers that score trials run no tests.
    from statsmodels.regression.linear_model import OLS  # noqa: PLC0415

    fit = OLS(values, np.ones(len(values))).fit(cov_type="HAC", cov_kwds={"maxlags": lags})
    statistic = float(fit.tvalues[0])
    return Statistic(statistic, NormalDist().cdf(-statistic))
