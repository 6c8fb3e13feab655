"""Claims about the model compared with another forecast."""

import numpy as np
import pytest

from lstm_model.evaluation.accuracy_tests import better_p, clark_west, diebold_mariano
from lstm_model.evaluation.comparison import SeedSpread, compare, seed_spread
from lstm_model.evaluation.measured import NotComputed
from lstm_model.evaluation.metrics import Benchmarks, score


@pytest.mark.parametrize(
    ("name", "nested"), [("zero", True), ("train_mean", True), ("ridge", False), ("har", False)]
)
def test_a_comparison_is_its_parts(name: str, nested: bool) -> None:
    """Metrics are of the other forecast, tests of the model; only nested ones have Clark-West."""
    draws = np.random.default_rng(0)
    truth, forecast, other, last = draws.normal(size=(4, 50))
    dates = np.arange(50)
    benchmarks = Benchmarks(
        np.zeros(50), last, np.ones(50), dates, 2, is_volatility=True, nested=("zero", "train_mean")
    )
    metrics = score(other, truth, benchmarks)
    found = compare(name, metrics, forecast, other, truth, benchmarks)
    assert found.name == name
    assert found.metrics == metrics
    assert found.diebold_mariano == diebold_mariano(forecast, other, truth, dates, 2)
    assert found.better_p == better_p(found.diebold_mariano)
    expected = clark_west(forecast, other, truth, dates, 2)
    assert found.clark_west == (expected if nested else NotComputed("the model does not nest it"))


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
