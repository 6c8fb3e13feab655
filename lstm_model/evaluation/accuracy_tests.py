"""Tests of equal accuracy between two forecasts."""

import numpy as np
from jaxtyping import Float, Int

from lstm_model.evaluation.by_date import date_means
from lstm_model.evaluation.long_run import ROUNDING, is_constant, mean_test
from lstm_model.evaluation.measured import MIN_DATES, Measured, NotComputed, Tested, too_short

EQUAL = NotComputed("the losses are equal")


def why_untestable(
    first: Float[np.ndarray, " date"], second: Float[np.ndarray, " date"]
) -> NotComputed | None:
    """Say why the difference of two losses has no variance to test it by; None if it has.

    Differences below rounding error, relative to the losses, do not count as variance.
    """
    if not (np.isfinite(first).all() and np.isfinite(second).all()):
        return NotComputed("a forecast is too far from the truth")
    gap = first - second
    rounding = ROUNDING * max(float(first.max()), float(second.max()))
    if np.ptp(gap) > rounding:
        return None
    equal = np.max(np.abs(gap)) <= rounding
    return EQUAL if equal else NotComputed("the losses differ by a constant")


def diebold_mariano(
    first: Float[np.ndarray, " date"], second: Float[np.ndarray, " date"], horizon: int
) -> Tested:
    """Test for equal mean loss, two-sided; a negative statistic favours the first forecast.

    first, second: losses of two forecasts, one value per date. horizon: of the labels, in bars.
    NotComputed below 30 dates or if the losses are equal. Diebold & Mariano (1995), JBES 13(3),
    253-263, with the long-run variance of `long_run`: the usual one rejects 9 % at a nominal 5 % if
    labels span ten bars.
    """
    if len(first) < MIN_DATES:
        return too_short(len(first))
    return why_untestable(first, second) or mean_test(first - second, horizon, two_sided=True)


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
    the squared difference of the two forecasts corrects for that. horizon: in bars. NotComputed
    below 30 dates or if the forecasts are equal. Clark & West (2007), J. Econometrics 138(1),
    291-311.
    """
    gained = (truth - nested) ** 2 - ((truth - forecast) ** 2 - (nested - forecast) ** 2)
    by_date = date_means(gained, dates)
    if len(by_date) >= MIN_DATES and is_constant(by_date):
        return NotComputed("the forecasts are equal")
    return mean_test(by_date, horizon)
