"""Comparison: tests of the model against another forecast of the same samples."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from lstm_model.evaluation.accuracy_tests import better_p, clark_west, diebold_mariano
from lstm_model.evaluation.measured import NotComputed, Tested
from lstm_model.evaluation.metrics import Benchmarks, Metrics


@dataclass(frozen=True, slots=True)
class Comparison:
    """Another forecast of the same samples, and tests of the model against it.

    diebold_mariano: test for equal squared error, two-sided; a negative statistic favours the
    model. better_p: its one-sided p-value that the model's error is lower. clark_west: one-sided
    test against a forecast that the model nests (Clark & West 2007).
    """

    name: str
    metrics: Metrics
    diebold_mariano: Tested
    better_p: float | NotComputed
    clark_west: Tested


@dataclass(frozen=True, slots=True)
class SeedSpread:
    """Test MSE of an ensemble's members, one per seed, and of their mean forecast.

    mean, sd: of the members' MSE. ensemble: MSE of the mean forecast. All in the target's unit,
    squared.
    """

    name: str
    members: tuple[float, ...]
    mean: float
    sd: float
    ensemble: float


def compare(
    name: str,
    metrics: Metrics,
    forecast: Float[np.ndarray, " sample"],
    other: Float[np.ndarray, " sample"],
    truth: Float[np.ndarray, " sample"],
    benchmarks: Benchmarks,
) -> Comparison:
    """Test whether `forecast`, the model's, is more accurate than `other`.

    name, metrics: of `other`. forecast, other, truth: by sample, in the target's unit. benchmarks:
    for the dates, the horizon in bars, and which forecasts the model nests.
    """
    dates, horizon = benchmarks.dates, benchmarks.horizon
    test = diebold_mariano(forecast, other, truth, dates, horizon)
    nested: Tested = NotComputed("the model does not nest it")
    if name in benchmarks.nested:
        nested = clark_west(forecast, other, truth, dates, horizon)
    return Comparison(name, metrics, test, better_p(test), nested)


def seed_spread(
    name: str,
    members: Float[np.ndarray, "member sample"],
    truth: Float[np.ndarray, " sample"],
) -> SeedSpread:
    """Return how much the test MSE varies with the seed; sd is 0 for a single member."""
    errors = np.mean((members - truth) ** 2, axis=1)
    return SeedSpread(
        name=name,
        members=tuple(errors.tolist()),
        mean=float(errors.mean()),
        sd=float(errors.std(ddof=1)) if len(errors) > 1 else 0.0,
        ensemble=float(np.mean((members.mean(axis=0) - truth) ** 2)),
    )
