"""Tests of equal accuracy between two forecasts."""

import warnings

import numpy as np
from jaxtyping import Bool, Float, Int

from lstm_model.evaluation.by_date import date_means
from lstm_model.evaluation.long_run import ROUNDING, is_constant, lags_for, mean_above_zero
from lstm_model.evaluation.measured import (
    MIN_DATES,
    Measured,
    NotComputed,
    Statistic,
    Tested,
    too_short,
)

EQUAL = NotComputed("the losses are equal")


def why_untestable(
    first: Float[np.ndarray, " date"], second: Float[np.ndarray, " date"]
) -> NotComputed | None:
    """Say why the difference of two losses has no variance to test it by; None if it has.

    Differences below rounding error, relative to the losses, do not count as variance.
    """
    gap = first - second
    rounding = ROUNDING * max(float(first.max()), float(second.max()))
    if np.ptp(gap) > rounding:
        return None
    equal = np.max(np.abs(gap)) <= rounding
    return EQUAL if equal else NotComputed("the losses differ by a constant")


def losses_by_date(
    forecast: Float[np.ndarray, " sample"],
    truth: Float[np.ndarray, " sample"],
    dates: Int[np.ndarray, " sample"],
) -> Float[np.ndarray, " date"]:
    """Return the mean squared error over the tickers of each date, in the order of the dates."""
    return date_means((truth - forecast) ** 2, dates)


def diebold_mariano(
    forecast: Float[np.ndarray, " sample"],
    baseline: Float[np.ndarray, " sample"],
    truth: Float[np.ndarray, " sample"],
    dates: Int[np.ndarray, " sample"],
    horizon: int,
) -> Tested:
    """Test for equal squared error of the date means, two-sided; negative favours `forecast`.

    Samples without a forecast or a baseline are left out. horizon: in bars. NotComputed below 30
    dates or if the losses are equal. Diebold & Mariano (1995), JBES 13(3), 253-263, with the
    small-sample correction of Harvey, Leybourne & Newbold (1997), IJF 13(2), 281-291.
    """
    known = _all_finite(forecast, baseline, truth)
    losses = [
        losses_by_date(values[known], truth[known], dates[known]) for values in (forecast, baseline)
    ]
    n = len(losses[0])
    if n < MIN_DATES:
        return too_short(n)
    if horizon >= n:
        # The small-sample factor is zero there.
        return NotComputed(f"n = {n} <= horizon {horizon}")
    reason = why_untestable(losses[0], losses[1])
    if reason:
        return reason
    # Takes 1.3 s to import, and the workers that score trials run no tests.
    from statsmodels.tsa.stattools import diebold_mariano_test  # noqa: PLC0415

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", category=FutureWarning)
        result = diebold_mariano_test(
            np.zeros(n),
            *losses,
            criterion=lambda _, loss: loss,
            harvey_adj=True,
            horizon=horizon,
        )
    return Statistic(float(result.statistic), float(result.pvalue))


def better_p(test: Tested) -> Measured:
    """Return the one-sided p-value that the first is better; the distribution is symmetric."""
    if isinstance(test, NotComputed):
        return test
    return test.p_value / 2 if test.value < 0 else 1 - test.p_value / 2


def clark_west(
    forecast: Float[np.ndarray, " sample"],
    nested: Float[np.ndarray, " sample"],
    truth: Float[np.ndarray, " sample"],
    dates: Int[np.ndarray, " sample"],
    horizon: int,
) -> Tested:
    """Test for equal squared error against a forecast that the model nests, one-sided.

    If nothing is predictable, the larger model still has the higher error because it fits noise;
    the squared difference of the two forecasts corrects for that. Samples without either forecast
    are left out. horizon: in bars. NotComputed below 30 dates or if the forecasts are equal.
    Clark & West (2007), J. Econometrics 138(1), 291-311.
    """
    known = _all_finite(forecast, nested, truth)
    model, small, actual = forecast[known], nested[known], truth[known]
    gained = (actual - small) ** 2 - ((actual - model) ** 2 - (small - model) ** 2)
    by_date = date_means(gained, dates[known])
    if len(by_date) >= MIN_DATES and is_constant(by_date):
        return NotComputed("the forecasts are equal")
    return mean_above_zero(by_date, lags_for(len(by_date), horizon))


def _all_finite(*values: Float[np.ndarray, " sample"]) -> Bool[np.ndarray, " sample"]:
    known: Bool[np.ndarray, " sample"] = np.all([np.isfinite(v) for v in values], axis=0)
    return known
