"""Scores of one forecast on one set of samples."""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from lstm_model.evaluation.direction import pesaran_timmermann
from lstm_model.evaluation.measured import Measured, NotComputed, Tested


@dataclass(frozen=True, slots=True)
class Metrics:
    """Scores of one forecast in the target's own unit.

    r2_train_mean, r2_zero, r2_benchmark: 1 - SSE / SSE of that benchmark (Campbell & Thompson 2008;
    Gu, Kelly & Xiu 2020). theil_u: RMSE over persistence's. qlike: of a volatility (Patton 2011).
    directional_accuracy: share of right signs, of the return, or of the change from the last
    known volatility; majority_class is what always saying the commoner sign scores, and
    pesaran_timmermann (1992) tests that signs and truth are unrelated, one-sided.
    """

    mse: float
    rmse: float
    mae: float
    r2_train_mean: Measured
    r2_zero: Measured
    r2_benchmark: Measured
    theil_u: Measured
    qlike: Measured
    directional_accuracy: Measured
    majority_class: Measured
    pesaran_timmermann: Tested


@dataclass(frozen=True, slots=True)
class Benchmarks:
    """What every forecast of the same samples is measured against.

    is_volatility: the target is a log variance, and a direction is counted from persistence, its
    last known value; otherwise from zero. nested: the forecasts that the model gives with its
    weights at zero.
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
) -> Metrics:
    """Compute every metric of one forecast.

    Samples where forecast or truth are missing are left out, and those where a benchmark is are
    left out of what needs it. Raises ValueError where no sample is left.
    """
    known = np.isfinite(forecast) & np.isfinite(truth)
    if not known.any():
        raise ValueError("a forecast needs a finite value on at least 1 sample but has none")
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
        qlike=_qlike(errors[known])
        if benchmarks.is_volatility
        else NotComputed("a return has no QLIKE"),
        directional_accuracy=accuracy,
        majority_class=majority,
        pesaran_timmermann=test,
    )


def _ratio(errors: Float[np.ndarray, " sample"], others: Float[np.ndarray, " sample"]) -> Measured:
    """Return the ratio of mean squared errors where both are known."""
    known = np.isfinite(errors) & np.isfinite(others)
    if not known.any():
        return NotComputed("the benchmark is missing on every sample")
    denominator = float(np.mean(others[known] ** 2))
    if denominator == 0.0:
        return NotComputed("the benchmark makes no error")
    return float(np.mean(errors[known] ** 2)) / denominator


def _qlike(errors: Float[np.ndarray, " sample"]) -> Measured:
    """Return mean(exp(e) - e - 1), e = ln of true over forecast variance.

    Patton (2011), "Volatility Forecast Comparison Using Imperfect Volatility Proxies", J.
    Econometrics 160(1), 246-256, up to a constant; zero where every forecast is right.
    """
    with np.errstate(over="ignore"):
        value = float(np.mean(np.expm1(errors) - errors))
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
    rises: Bool[np.ndarray, " known"] = truth[known] > reference[known]
    share = float(np.mean(rises))
    majority = max(share, 1.0 - share)
    if np.all(forecast[known] == reference[known]):
        silent = NotComputed("the forecast names no direction")
        return silent, majority, silent
    says = forecast[known] > reference[known]
    test = pesaran_timmermann(says, rises, benchmarks.dates[known], benchmarks.horizon)
    return float(np.mean(says == rises)), majority, test
