"""Whether a forecast uses what is known: Mincer-Zarnowitz, and its weight beside a rival."""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.special import fdtrc

from lstm_model.evaluation.by_date import date_means
from lstm_model.evaluation.long_run import (
    ROUNDING,
    cosine_count,
    long_run_covariance,
    mean_test,
)
from lstm_model.evaluation.losses import QLIKE, Loss
from lstm_model.evaluation.measured import (
    MIN_DATES,
    Measured,
    NotComputed,
    Statistic,
    Tested,
    too_short,
)

Values = Float[np.ndarray, " sample"]
Dates = Int[np.ndarray, " sample"]

STEPS = 50
"""Of Newton's method for a weight; either loss is convex in it."""


@dataclass(frozen=True, slots=True)
class MincerZarnowitz:
    """Regression of the truth on the forecast; an efficient forecast has intercept 0 and slope 1.

    By MSE the log is regressed on its forecast. By QLIKE it is the variance over its forecast on 1
    and on one over the forecast, in units of the mean forecast: weighted least squares. wald: test
    of both, by the F distribution. Mincer & Zarnowitz (1969); Patton & Sheppard (2009), "Evaluating
    Volatility and Correlation Forecasts".
    """

    intercept: Measured
    slope: Measured
    wald: Tested


@dataclass(frozen=True, slots=True)
class Encompassing:
    """The weight of the model beside a rival in the mixture of both with the lowest loss.

    rival_suffices: test that the weight is 0, one-sided; model_suffices: that it is 1. Chong &
    Hendry (1986), Review of Economic Studies 53(4), 671-690; Harvey, Leybourne & Newbold (1998).
    """

    rival: str
    weight: Measured
    rival_suffices: Tested
    model_suffices: Tested


def mincer_zarnowitz(
    loss: Loss, forecast: Values, truth: Values, dates: Dates, horizon: int
) -> MincerZarnowitz:
    """Regress truth on forecast, each date with the same weight; standard errors of `long_run`.

    forecast: in the target's unit; for QLIKE with its smearing constant. horizon: in bars.
    """
    if loss is QLIKE:
        with np.errstate(over="ignore", invalid="ignore"):  # the reason below says so
            outcome, inverse = np.exp(truth - forecast), np.exp(-forecast)
            terms = np.column_stack([inverse / inverse.mean(), np.ones(len(truth))])
    else:
        outcome, terms = truth, np.column_stack([np.ones(len(truth)), forecast])
    reason = _why_no_regression(terms, outcome, dates, horizon)
    if reason:
        return MincerZarnowitz(reason, reason, reason)
    gram = _by_date(terms[:, :, None] * terms[:, None, :], dates).mean(axis=0)
    moment = _by_date(terms * outcome[:, None], dates).mean(axis=0)
    found = np.linalg.solve(gram, moment)
    scores = _by_date(terms * (outcome - terms @ found)[:, None], dates)
    return MincerZarnowitz(float(found[0]), float(found[1]), _wald(found, gram, scores))


def _why_no_regression(
    terms: Float[np.ndarray, "sample term"], outcome: Values, dates: Dates, horizon: int
) -> NotComputed | None:
    n = len(np.unique(dates))
    if n < MIN_DATES:
        return too_short(n)
    if horizon >= n:
        return NotComputed(f"n = {n} <= horizon {horizon}")
    if not (np.isfinite(outcome).all() and np.isfinite(terms).all()):
        return NotComputed("a forecast is too far from the truth")
    if np.linalg.cond(terms.T @ terms) > 1 / ROUNDING:
        return NotComputed("the forecast is constant")
    return None


def _wald(
    found: Float[np.ndarray, " term"],
    gram: Float[np.ndarray, "term _"],
    scores: Float[np.ndarray, "date term"],
) -> Tested:
    """Test intercept 0 and slope 1; the cosines' degrees of freedom make it Hotelling's T^2."""
    n, cosines, terms = len(scores), cosine_count(len(scores)), len(found)
    inverse = np.linalg.inv(gram)
    covariance = inverse @ long_run_covariance(scores) @ inverse / n
    if cosines <= terms or np.linalg.cond(covariance) > 1 / ROUNDING:
        return NotComputed("the errors do not vary in the long run")
    gap = found - np.array([0.0, 1.0])
    quadratic = float(gap @ np.linalg.solve(covariance, gap))
    degrees = cosines - terms + 1
    value = quadratic * degrees / (cosines * terms)
    return Statistic(value, float(fdtrc(terms, degrees, value)))


def encompassing(
    loss: Loss, name: str, errors: Values, rival_errors: Values, dates: Dates, horizon: int
) -> Encompassing:
    """Find the weight w of the model in (1 - w) rival + w model that has the lowest mean loss.

    name: of the rival. errors, rival_errors: truth less forecast, for QLIKE less its smearing
    constant. horizon: in bars. Each date has the same weight.
    """
    gap = rival_errors - errors
    finite = np.isfinite(gap).all() and np.isfinite(errors).all()
    reason = None if finite else NotComputed("a forecast is too far from the truth")
    if finite and not np.abs(gap).max() > ROUNDING * np.abs(rival_errors).max():
        reason = NotComputed("the forecasts are equal")
    if reason:
        return Encompassing(name, reason, reason, reason)

    def scores(weight: float) -> Float[np.ndarray, " date"]:
        with np.errstate(over="ignore"):
            return date_means(loss.slope(rival_errors - weight * gap) * gap, dates)

    weight = 0.0
    for _ in range(STEPS):
        with np.errstate(over="ignore", invalid="ignore"):  # the reason below says so
            bend = date_means(loss.curvature(rival_errors - weight * gap) * gap**2, dates).mean()
            step = float(scores(weight).mean() / bend)
        if not math.isfinite(step):
            reason = NotComputed("a forecast is too far from the truth")
            return Encompassing(name, reason, reason, reason)
        weight += min(max(step, -1.0), 1.0)
        if abs(step) < ROUNDING:
            break
    return Encompassing(
        rival=name,
        weight=weight,
        # A higher weight lowers the loss at 0 if the score there is positive.
        rival_suffices=mean_test(scores(0.0), horizon),
        model_suffices=mean_test(-scores(1.0), horizon),
    )


def _by_date(
    values: Float[np.ndarray, "sample *rest"], dates: Dates
) -> Float[np.ndarray, "date *rest"]:
    """Average several columns over the tickers of each date."""
    columns = values.reshape(len(values), -1)
    means = np.column_stack([date_means(column, dates) for column in columns.T])
    return means.reshape(-1, *values.shape[1:])
