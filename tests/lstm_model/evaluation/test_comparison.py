"""Claims about the model compared with another forecast."""

import dataclasses

import numpy as np
import pytest

from lstm_model.evaluation.accuracy_tests import better_p, clark_west, diebold_mariano
from lstm_model.evaluation.alignment import Aligned
from lstm_model.evaluation.comparison import SeedSpread, compare, seed_spread
from lstm_model.evaluation.direction import hit_rate_test
from lstm_model.evaluation.inputs import Samples
from lstm_model.evaluation.losses import QLIKE
from lstm_model.evaluation.measured import NotComputed
from lstm_model.evaluation.metrics import Benchmarks, score

DATES = np.arange(50)


def aligned(reference_seeds: int = 3) -> tuple[Aligned, Benchmarks]:
    """Draw a model of three seeds, a baseline that it nests, and a reference."""
    draws = np.random.default_rng(0)
    truth, last, zero = draws.normal(size=50), draws.normal(size=50), np.zeros(50)
    ensembles = {
        "model": truth + draws.normal(size=(3, 50)),
        "balanced": truth + draws.normal(size=(reference_seeds, 50)),
    }
    samples = Samples(truth, last, DATES, DATES + 2, np.zeros(50, dtype=int), ("T",), zero)
    means = {name: members.mean(axis=0) for name, members in ensembles.items()}
    forecasts = {"zero": zero, **means}
    smearing = {"zero": 0.5, "model": 0.1, "balanced": 0.2}
    by_members = (0.4, 0.3, 0.1)
    benchmarks = Benchmarks(zero, last, zero, DATES, 2, is_volatility=True, nested=("zero",))
    return Aligned(samples, "zero", "zero", forecasts, ensembles, smearing, by_members), benchmarks


@pytest.mark.parametrize(("name", "nested"), [("zero", True), ("balanced", False)])
def test_a_comparison_is_its_parts(name: str, nested: bool) -> None:
    """Metrics are of the other forecast, tests of the model; only nested ones have Clark-West."""
    given, benchmarks = aligned()
    truth, other, model = given.samples.truth, given.forecasts[name], given.model
    metrics = score(other, truth, benchmarks)
    found = compare(name, metrics, given, benchmarks)
    assert (found.name, found.metrics, found.members) == (name, metrics, 3)
    assert found.mse.diebold_mariano == diebold_mariano(
        (truth - model) ** 2, (truth - other) ** 2, 2
    )
    assert found.mse.better_p == better_p(found.mse.diebold_mariano)
    assert found.mse.ratio == pytest.approx(
        np.mean((truth - model) ** 2) / np.mean((truth - other) ** 2)
    )
    own, their = (
        QLIKE.value(truth - given.forecasts[of] - given.smearing[of]) for of in ("model", name)
    )
    assert found.qlike.diebold_mariano == diebold_mariano(own, their, 2)
    assert found.qlike.ratio == pytest.approx(own.mean() / their.mean())
    expected = clark_west(model, other, truth, DATES, 2)
    assert found.clark_west == (expected if nested else NotComputed("the model does not nest it"))
    last = given.samples.last_values
    rises = [(forecast > last) == (truth > last) for forecast in (model, other)]
    assert found.hit_rate_gain == pytest.approx(rises[0].mean() - rises[1].mean())
    assert found.hit_rate == hit_rate_test(rises[0], rises[1], DATES, 2)


def test_like_is_compared_with_like() -> None:
    """A reference of one seed is compared with the model's first seed, not with its mean."""
    given, benchmarks = aligned(reference_seeds=1)
    truth, first = given.samples.truth, given.ensembles["model"][0]
    other = given.forecasts["balanced"]
    found = compare("balanced", score(other, truth, benchmarks), given, benchmarks)
    assert found.members == 1
    assert found.mse.diebold_mariano == diebold_mariano(
        (truth - first) ** 2, (truth - other) ** 2, 2
    )
    own, their = QLIKE.value(truth - first - 0.4), QLIKE.value(truth - other - 0.2)
    assert found.qlike.ratio == pytest.approx(own.mean() / their.mean())


def test_a_forecast_without_a_direction_has_no_hit_rate() -> None:
    """Persistence says nothing of a volatility's direction, so hit rates are not compared."""
    given, benchmarks = aligned()
    last = given.samples.last_values
    given = dataclasses.replace(given, forecasts={**given.forecasts, "zero": last})
    found = compare("zero", score(last, given.samples.truth, benchmarks), given, benchmarks)
    assert found.hit_rate == found.hit_rate_gain == NotComputed("a forecast has no direction")


def test_returns_have_no_variance_to_compare() -> None:
    """For returns QLIKE's tests have a reason, and directions count from zero."""
    given, benchmarks = aligned()
    of_returns = dataclasses.replace(benchmarks, is_volatility=False)
    truth, model, other = given.samples.truth, given.model, given.forecasts["balanced"]
    found = compare("balanced", score(other, truth, of_returns), given, of_returns)
    assert found.qlike.ratio == found.qlike.better_p == NotComputed("only for volatility")
    gain = np.mean((model > 0) == (truth > 0)) - np.mean((other > 0) == (truth > 0))
    assert found.hit_rate_gain == pytest.approx(gain)


def test_seeds_by_hand() -> None:
    """Errors of each member, their mean and sample deviation, and the mean forecast's error."""
    members = np.array([[1.0, 1.0], [-1.0, -1.0], [0.0, 3.0]])
    found = seed_spread("model", members, np.array([0.0, 1.0]))
    assert found.members == (0.5, 2.5, 2.0)
    assert found.mean == pytest.approx(5 / 3)
    assert found.sd == pytest.approx(np.std([0.5, 2.5, 2.0], ddof=1))
    assert found.ensemble == 0.0


def test_one_seed_has_no_spread() -> None:
    """A single member is its own mean, with a standard deviation of 0."""
    found = seed_spread("model", np.ones((1, 4)), np.zeros(4))
    assert found == SeedSpread("model", (1.0,), 1.0, 0.0, 1.0)
