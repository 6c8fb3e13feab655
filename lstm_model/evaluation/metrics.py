"""Scores of one forecast on one set of samples."""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from lstm_model.evaluation.direction import pesaran_timmermann
from lstm_model.evaluation.losses import QLIKE
from lstm_model.evaluation.measured import Measured, NotComputed, Tested

ONLY_VOLATILITY = NotComputed("only for volatility")
ONLY_RETURNS = NotComputed("only for returns")


@dataclass(frozen=True, slots=True)
class Metrics:
    """Scores of one forecast in the target's own unit.

    r2_train_mean, r2_zero, r2_benchmark: 1 - SSE / SSE of that benchmark (Campbell & Thompson 2008;
    Gu, Kelly & Xiu 2020). theil_u: RMSE over that of persistence. qlike: for volatility, of the
    forecast plus its smearing constant (Patton 2011). directional_accuracy: share of correct signs,
    of the return or of the change from the last known volatility. majority_class: accuracy of
    always predicting the more frequent sign. pesaran_timmermann: one-sided test that forecast and
    true signs are independent (1992). The last two are for returns: volatility returns to its mean,
    so even a constant forecast has the direction right on three days in four.
    """

    mse: float
    rmse: float
    mae: float
    r2_train_mean: Measured
    r2_zero: Measured
    r2_benchmark: Measured
    theil_u: Measured
    qlike: Measured
    smearing: Measured
    directional_accuracy: Measured
    majority_class: Measured
    pesaran_timmermann: Tested


@dataclass(frozen=True, slots=True)
class Benchmarks:
    """What every forecast of the same samples is scored against.

    train_mean, persistence, benchmark: forecasts in the target's unit; `benchmark` is the one
    baseline that skill is measured against. dates: days since 1970-01-01. horizon: in bars.
    is_volatility: the target is a log variance, whose direction is measured from its last known
    value, persistence; that of a return is measured from zero. nested: names of the forecasts that
    the model makes when its weights are zero.
    """

    train_mean: Float[np.ndarray, " sample"]
    persistence: Float[np.ndarray, " sample"]
    benchmark: Float[np.ndarray, " sample"]
    dates: Int[np.ndarray, " sample"]
    horizon: int
    is_volatility: bool
    nested: tuple[str, ...]


def score(
    forecast: Float[np.ndarray, " sample"],
    truth: Float[np.ndarray, " sample"],
    benchmarks: Benchmarks,
    smearing: Measured = 0.0,
) -> Metrics:
    """Compute every metric of one forecast.

    smearing: what is added to a forecast log variance before exp, for QLIKE alone. Samples without
    a forecast or truth are left out; samples without a benchmark are left out of the metrics that
    need it. Raises ValueError if no sample is left.
    """
    known = np.isfinite(forecast) & np.isfinite(truth)
    if not known.any():
        raise ValueError("a forecast must be finite for at least 1 sample but is for none")
    errors = truth - forecast
    mse = float(np.mean(errors[known] ** 2))

    def r2(other: Float[np.ndarray, " sample"]) -> Measured:
        ratio = _ratio(errors, truth - other)
        return ratio if isinstance(ratio, NotComputed) else 1.0 - ratio

    u_squared = _ratio(errors, truth - benchmarks.persistence)
    accuracy, majority, test = _direction(forecast, truth, benchmarks)
    return Metrics(
        mse=mse,
        rmse=math.sqrt(mse),
        mae=float(np.mean(np.abs(errors[known]))),
        r2_train_mean=r2(benchmarks.train_mean),
        r2_zero=r2(np.zeros_like(truth)),
        r2_benchmark=r2(benchmarks.benchmark),
        theil_u=u_squared if isinstance(u_squared, NotComputed) else math.sqrt(u_squared),
        qlike=_qlike(errors[known], smearing) if benchmarks.is_volatility else ONLY_VOLATILITY,
        smearing=smearing if benchmarks.is_volatility else ONLY_VOLATILITY,
        directional_accuracy=accuracy,
        majority_class=majority,
        pesaran_timmermann=test,
    )


def _ratio(errors: Float[np.ndarray, " sample"], others: Float[np.ndarray, " sample"]) -> Measured:
    """Return the ratio of mean squared errors over the samples where both are finite."""
    known = np.isfinite(errors) & np.isfinite(others)
    if not known.any():
        return NotComputed("the benchmark is missing on every sample")
    numerator, denominator = (float(np.mean(e[known] ** 2)) for e in (errors, others))
    # An error so small that its square is hardly a number would make the ratio infinite.
    if denominator == 0.0 or not np.isfinite(numerator / denominator):
        return NotComputed("the benchmark has no error")
    return numerator / denominator


def _qlike(errors: Float[np.ndarray, " sample"], smearing: Measured) -> Measured:
    if isinstance(smearing, NotComputed):
        return smearing
    with np.errstate(over="ignore"):
        value = float(np.mean(QLIKE.value(errors - smearing)))
    return value if math.isfinite(value) else NotComputed("a forecast is too far from the truth")


def _direction(
    forecast: Float[np.ndarray, " sample"],
    truth: Float[np.ndarray, " sample"],
    benchmarks: Benchmarks,
) -> tuple[Measured, Measured, Tested]:
    reference = benchmarks.persistence if benchmarks.is_volatility else np.zeros_like(truth)
    known = np.isfinite(forecast) & np.isfinite(truth) & np.isfinite(reference)
    if not known.any():
        missing = NotComputed("the last known value is missing on every sample")
        return missing, missing, missing
    truth_rises: Bool[np.ndarray, " known"] = truth[known] > reference[known]
    share = float(np.mean(truth_rises))
    majority = ONLY_RETURNS if benchmarks.is_volatility else max(share, 1.0 - share)
    if np.all(forecast[known] == reference[known]):
        undirected = NotComputed("the forecast has no direction")
        return undirected, majority, ONLY_RETURNS if benchmarks.is_volatility else undirected
    forecast_rises = forecast[known] > reference[known]
    accuracy = float(np.mean(forecast_rises == truth_rises))
    if benchmarks.is_volatility:
        return accuracy, majority, ONLY_RETURNS
    dates = benchmarks.dates[known]
    test = pesaran_timmermann(forecast_rises, truth_rises, dates, benchmarks.horizon)
    return accuracy, majority, test
