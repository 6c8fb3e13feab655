"""Claims about the search space: the seed document's tables, and what a space holds."""

from typing import Any

import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from lstm_model.search_space import (
    BALANCED,
    Choice,
    FloatRange,
    HyperParams,
    IntRange,
    distributions,
    restrict,
    seed_space,
)


def test_seed_space_is_table_1() -> None:
    """The default space is the seed document's Table 1, exactly."""
    assert distributions(seed_space()) == {
        "hidden_size": IntDistribution(64, 256, step=64),
        "num_layers": IntDistribution(1, 3),
        "dropout": FloatDistribution(0.0, 0.4),
        "lr": FloatDistribution(1e-4, 5e-3, log=True),
        "batch_size": CategoricalDistribution((32, 64, 128)),
    }
    assert list(seed_space()) == list(BALANCED.to_dict())


def test_balanced_is_the_recommended_row() -> None:
    """BALANCED is the recommended row of the seed document's Table 5."""
    assert HyperParams(128, 2, 0.2, 1e-3, 64) == BALANCED


@pytest.mark.parametrize(
    "row",
    [
        HyperParams(64, 1, 0.0, 5e-3, 128),
        BALANCED,
        HyperParams(256, 3, 0.3, 5e-4, 32),
        HyperParams(64, 1, 0.4, 1e-4, 128),
        HyperParams(256, 2, 0.1, 5e-3, 128),
    ],
)
def test_every_row_of_table_5_lies_in_the_space(row: HyperParams) -> None:
    """Every example of the seed document's Table 5 can be proposed."""
    assert restrict(row, seed_space()) == row.to_dict()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("hidden_size", 100),
        ("hidden_size", 320),
        ("num_layers", 4),
        ("dropout", 0.41),
        ("lr", 0.006),
        ("lr", 9e-05),
        ("batch_size", 48),
    ],
)
def test_value_off_the_space_is_not_held(name: str, value: float) -> None:
    """A configuration with one value outside its range, step or choices is not held."""
    row = HyperParams.from_mapping({**BALANCED.to_dict(), name: value})
    assert restrict(row, seed_space()) is None


@pytest.mark.parametrize(
    ("domain", "held"),
    [
        (IntRange(type="int", low=64, high=192, step=64), {"hidden_size": 128}),
        (IntRange(type="int", low=100, high=200, step=5), None),
        (Choice(type="categorical", choices=(16, 128)), {"hidden_size": 128}),
        (Choice(type="categorical", choices=(16,)), None),
    ],
)
def test_restrict_keeps_what_is_searched(domain: Any, held: dict[str, int] | None) -> None:
    """Of a configuration only the searched part is returned."""
    assert restrict(BALANCED, {"hidden_size": domain}) == held


@pytest.mark.parametrize(
    "values",
    [
        {"hidden_size": 0},
        {"num_layers": 0},
        {"batch_size": 0},
        {"dropout": 1.0},
        {"dropout": -0.1},
        {"lr": 0.0},
        {"lr": float("nan")},
    ],
)
def test_impossible_parameters_are_refused(values: dict[str, float]) -> None:
    """Parameters that no network can have are refused when they are made."""
    with pytest.raises(ValueError, match=next(iter(values))):
        HyperParams.from_mapping(values)


@pytest.mark.parametrize(
    "domain",
    [
        IntRange(type="int", low=2, high=9),
        FloatRange(type="float", low=0.1, high=0.3),
        Choice(type="categorical", choices=(1, 2.5)),
    ],
)
def test_extremes_lie_in_the_distribution(domain: IntRange | FloatRange | Choice) -> None:
    """The extremes of a domain are values that Optuna accepts for it."""
    distribution = domain.distribution()
    assert all(distribution._contains(distribution.to_internal_repr(v)) for v in domain.extremes())
