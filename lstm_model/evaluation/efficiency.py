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
    is_constant,
    long_run_covariance,
    mean_test,
)
from lstm_model.evaluation.losses import Loss
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

STEPS = 100
"""Of Newton's method; either loss is convex in a weight, an intercept and a slope."""


@dataclass(frozen=True, slots=True)
class MincerZarnowitz:
    """Regression of the truth on the forecast; an efficient forecast has intercept 0 and slope 1.

    It minimises the loss: by MSE it is least squares, by QLIKE the same line with another loss. A
    regression of variances would be carried by the few days with the highest or lowest forecast;
    its test rejects up to 18 % of efficient forecasts. wald: test of both, by the F distribution.
    Mincer & Zarnowitz (1969), "The Evaluation of Economic Forecasts".
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
    """Find the intercept and slope with the lowest mean loss, each date with the same weight.

    forecast: in the target's unit; for QLIKE with its smearing constant. horizon: in bars. The
    covariance is the sandwich of scores with the long-run variance of `long_run`.
    """
    reason = _why_no_regression(forecast, truth, dates, horizon)
    if reason:
        return MincerZarnowitz(reason, reason, reason)
    centre, spread = float(forecast.mean()), float(forecast.std())
    terms = np.column_stack([np.ones(len(truth)), (forecast - centre) / spread])
    start = np.array([centre, spread])  # intercept 0 and slope 1
    found = start.copy()
    for _ in range(STEPS):
        with np.errstate(over="ignore", invalid="ignore"):  # the reason below says so
            errors = truth - terms @ found
            scores = _by_date(terms * loss.slope(errors)[:, None], dates)
            bend = loss.curvature(errors)[:, None, None] * terms[:, :, None] * terms[:, None, :]
            curvature = _by_date(bend, dates).mean(axis=0)
        if not (np.isfinite(scores).all() and np.isfinite(curvature).all()):
            reason = NotComputed("a forecast is too far from the truth")
            return MincerZarnowitz(reason, reason, reason)
        step = np.linalg.solve(curvature, scores.mean(axis=0))
        found += step / max(1.0, float(np.abs(step).max()))
        if np.abs(step).max() < ROUNDING:
            break
    slope = float(found[1]) / spread
    return MincerZarnowitz(
        intercept=float(found[0]) - slope * centre,
        slope=slope,
        wald=_wald(found - start, curvature, scores),
    )


def _why_no_regression(
    forecast: Values, truth: Values, dates: Dates, horizon: int
) -> NotComputed | None:
    n = len(np.unique(dates))
    if n < MIN_DATES:
        return too_short(n)
    if horizon >= n:
        return NotComputed(f"n = {n} <= horizon {horizon}")
    if not (np.isfinite(forecast).all() and np.isfinite(truth).all()):
        return NotComputed("a forecast is too far from the truth")
    return NotComputed("the forecast is constant") if is_constant(forecast) else None


def _wald(
    gap: Float[np.ndarray, " term"],
    curvature: Float[np.ndarray, "term _"],
    scores: Float[np.ndarray, "date term"],
) -> Tested:
    """Test that a gap is zero; the cosines' degrees of freedom make it Hotelling's T^2."""
    n, cosines, terms = len(scores), cosine_count(len(scores)), len(gap)
    if np.linalg.cond(curvature) > 1 / ROUNDING:
        return NotComputed("the errors do not vary in the long run")
    inverse = np.linalg.inv(curvature)
    covariance = inverse @ long_run_covariance(scores) @ inverse / n
    if cosines <= terms or np.linalg.cond(covariance) > 1 / ROUNDING:
        return NotComputed("the errors do not vary in the long run")
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

    weight, most = 0.0, 1.0 / math.sqrt(float(np.mean(gap**2)))
    for _ in range(STEPS):
        with np.errstate(over="ignore", invalid="ignore"):  # the reason below says so
            bend = date_means(loss.curvature(rival_errors - weight * gap) * gap**2, dates).mean()
            step = float(scores(weight).mean() / bend)
        if not math.isfinite(step):
            reason = NotComputed("a forecast is too far from the truth")
            return Encompassing(name, reason, reason, reason)
        # A step moves the mixture by one unit of the log at most, or exp could overflow.
        weight += min(max(step, -most), most)
        if abs(step) < ROUNDING * max(1.0, abs(weight)):
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
