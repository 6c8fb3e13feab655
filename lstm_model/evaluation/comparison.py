"""Comparison: tests of the model against another forecast of the same samples."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from lstm_model.evaluation.accuracy_tests import better_p, clark_west, diebold_mariano
from lstm_model.evaluation.alignment import Aligned
from lstm_model.evaluation.direction import hit_rate_test
from lstm_model.evaluation.inputs import MODEL
from lstm_model.evaluation.losses import MSE, QLIKE, Loss, losses_by_date
from lstm_model.evaluation.measured import Measured, NotComputed, Tested
from lstm_model.evaluation.metrics import ONLY_VOLATILITY, Benchmarks, Metrics


@dataclass(frozen=True, slots=True)
class LossTest:
    """The model's mean loss beside another forecast's.

    ratio: of the model's mean loss to the other's. diebold_mariano: test for equal loss, two-sided;
    a negative statistic favours the model. better_p: its one-sided p-value that the model's loss is
    lower.
    """

    ratio: Measured
    diebold_mariano: Tested
    better_p: Measured


@dataclass(frozen=True, slots=True)
class Comparison:
    """Another forecast of the same samples, and tests of the model against it.

    members: of the model that were compared, all unless the other one has fewer seeds; an ensemble
    of more seeds is better by that alone. mse, qlike: tests by either loss. clark_west: one-sided
    test against a forecast that the model nests (Clark & West 2007). hit_rate: test for equal
    shares of correct directions, positive where the model's is higher; hit_rate_gain: the
    difference.
    """

    name: str
    metrics: Metrics
    members: int
    mse: LossTest
    qlike: LossTest
    clark_west: Tested
    hit_rate_gain: Measured
    hit_rate: Tested

    def test(self, loss: Loss) -> LossTest:
        """The test by a loss."""
        return self.qlike if loss is QLIKE else self.mse


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


def compare(name: str, metrics: Metrics, aligned: Aligned, benchmarks: Benchmarks) -> Comparison:
    """Test whether the model is more accurate than the forecast `name`, whose metrics are given.

    benchmarks: for the dates, the horizon in bars, and which forecasts the model nests.
    """
    dates, horizon = benchmarks.dates, benchmarks.horizon
    everyone = len(aligned.ensembles[MODEL])
    members = min(everyone, len(aligned.ensembles.get(name, aligned.ensembles[MODEL])))

    def tested(loss: Loss) -> LossTest:
        own = losses_by_date(loss, aligned.errors(MODEL, loss, members), dates)
        other = losses_by_date(loss, aligned.errors(name, loss), dates)
        found = diebold_mariano(own, other, horizon)
        return LossTest(_ratio(float(own.mean()), float(other.mean())), found, better_p(found))

    ours, other = aligned.ensembles[MODEL][:members].mean(axis=0), aligned.forecasts[name]
    nested: Tested = NotComputed("the model does not nest it")
    if name in benchmarks.nested:
        nested = clark_west(ours, other, aligned.samples.truth, dates, horizon)
    gain, hit_rate = _direction(ours, other, aligned, benchmarks)
    qlike = LossTest(ONLY_VOLATILITY, ONLY_VOLATILITY, ONLY_VOLATILITY)
    return Comparison(
        name=name,
        metrics=metrics,
        members=members,
        mse=tested(MSE),
        qlike=tested(QLIKE) if benchmarks.is_volatility else qlike,
        clark_west=nested,
        hit_rate_gain=gain,
        hit_rate=hit_rate,
    )


def _direction(
    ours: Float[np.ndarray, " sample"],
    other: Float[np.ndarray, " sample"],
    aligned: Aligned,
    benchmarks: Benchmarks,
) -> tuple[Measured, Tested]:
    """Compare the shares of correct directions, as `Metrics` has them."""
    start = benchmarks.persistence if benchmarks.is_volatility else np.zeros_like(ours)
    if np.all(ours == start) or np.all(other == start):
        undirected = NotComputed("a forecast has no direction")
        return undirected, undirected
    truth = aligned.samples.truth
    hits, theirs = ((forecast > start) == (truth > start) for forecast in (ours, other))
    test = hit_rate_test(hits, theirs, benchmarks.dates, benchmarks.horizon)
    return float(hits.mean() - theirs.mean()), test


def _ratio(own: float, other: float) -> Measured:
    if not (np.isfinite(own) and np.isfinite(other)):
        return NotComputed("a forecast is too far from the truth")
    if other == 0.0 or not np.isfinite(own / other):
        return NotComputed("the other forecast has no error")
    return own / other


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
