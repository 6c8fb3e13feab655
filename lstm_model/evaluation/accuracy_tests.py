"""Whether two forecasts are equally accurate, or one the better."""

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


def no_contest(
    first: Float[np.ndarray, " date"], second: Float[np.ndarray, " date"]
) -> NotComputed | None:
    """Say why the difference of two losses has no spread to be tested by; None where it has.

    Rounding, relative to the losses, is no spread.
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
    """Return the mean squared error of each date's tickers, in the order of the dates."""
    return date_means((truth - forecast) ** 2, dates)


def diebold_mariano(
    forecast: Float[np.ndarray, " sample"],
    baseline: Float[np.ndarray, " sample"],
    truth: Float[np.ndarray, " sample"],
    dates: Int[np.ndarray, " sample"],
    horizon: int,
) -> Tested:
    """Test equal squared error on the means of each date, two-sided; negative favours `forecast`.

    Diebold & Mariano (1995), JBES 13(3), 253-263, with the small-sample correction of Harvey,
    Leybourne & Newbold (1997), IJF 13(2), 281-291. Samples where either is missing are left out.
    NotComputed below 30 dates, and where losses are equal.
    """
    known = _known(forecast, baseline, truth)
    losses = [
        losses_by_date(values[known], truth[known], dates[known]) for values in (forecast, baseline)
    ]
    n = len(losses[0])
    if n < MIN_DATES:
        return too_short(n)
    if horizon >= n:
        # Harvey's factor is zero there.
        return NotComputed(f"n = {n} <= horizon {horizon}")
    reason = no_contest(losses[0], losses[1])
    if reason:
        return reason
    # 1.3 s to import, and the workers that score trials test nothing.
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
    """Turn the two-sided test into the one against "the first is better"; its law is symmetric."""
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
    """Test equal squared error against a forecast that the model nests, one-sided.

    Where nothing is predictable the larger model still pays for the noise that it fitted; the
    squared difference of the two forecasts gives that back. Clark & West (2007), J. Econometrics
    138(1), 291-311. Samples where either is missing are left out. NotComputed below 30
    dates, and where forecasts are equal.
    """
    known = _known(forecast, nested, truth)
    model, small, actual = forecast[known], nested[known], truth[known]
    gained = (actual - small) ** 2 - ((actual - model) ** 2 - (small - model) ** 2)
    by_date = date_means(gained, dates[known])
    if len(by_date) >= MIN_DATES and is_constant(by_date):
        return NotComputed("the forecasts are equal")
    return mean_above_zero(by_date, lags_for(len(by_date), horizon))


def _known(*values: Float[np.ndarray, " sample"]) -> Bool[np.ndarray, " sample"]:
    known: Bool[np.ndarray, " sample"] = np.all([np.isfinite(v) for v in values], axis=0)
    return known
