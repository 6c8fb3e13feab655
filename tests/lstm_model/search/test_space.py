"""Claims about the search space: the seed document's tables, and what a space contains."""

from typing import Any

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from lstm_model.search.distributions import Choice, FloatRange, IntRange
from lstm_model.search.hyper_params import BALANCED, HyperParams, Params
from lstm_model.search.space import (
    Space,
    active_distributions,
    distributions,
    holds,
    searched_part,
    seed_space,
    suggest_params,
)

LAYERS = IntRange(type="int", low=1, high=2)
OPTIMISER = Choice(type="categorical", choices=("adam", "sgd"), when={"num_layers": (2,)})
MOMENTUM = FloatRange(type="float", low=0.0, high=0.95, when={"optimiser": ("sgd",)})
CONDITIONAL: Space = {"num_layers": LAYERS, "optimiser": OPTIMISER, "momentum": MOMENTUM}


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
    assert holds(seed_space(), row)
    assert searched_part(row, seed_space()) == row.to_dict()


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
    """A configuration with one value outside its range, steps or choices is not in the space."""
    row = HyperParams.from_mapping({**BALANCED.to_dict(), name: value})
    assert not holds(seed_space(), row)


@pytest.mark.parametrize(
    ("domain", "held"),
    [
        (IntRange(type="int", low=64, high=192, step=64), True),
        (IntRange(type="int", low=100, high=200, step=5), False),
        (Choice(type="categorical", choices=(16, 128)), True),
        (Choice(type="categorical", choices=(16,)), False),
    ],
)
def test_only_what_is_searched_decides(domain: Any, held: bool) -> None:
    """Only the searched part of a configuration decides whether it is in the space."""
    assert searched_part(BALANCED, {"hidden_size": domain}) == {"hidden_size": 128}
    assert holds({"hidden_size": domain}, BALANCED) is held


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
        {"recurrent_dropout": 1.0},
        {"momentum": 1.0},
        {"optimiser": "lion"},
        {"weight_decay": -1e-9},
        {"gradient_noise": float("inf")},
        {"layer_lr_decay": 0.0},
        {"layer_lr_decay": 1.1},
        {"warmup_share": 1.1},
        {"sequence_length": 1},
        {"feature_scaling": "minmax"},
        {"jitter": -0.1},
    ],
)
def test_impossible_parameters_are_refused(values: dict[str, Any]) -> None:
    """Parameters that no network can have are refused on construction."""
    with pytest.raises(ValueError, match=next(iter(values))):
        HyperParams.from_mapping(values)


@pytest.mark.parametrize(
    "domain",
    [
        IntRange(type="int", low=2, high=9),
        FloatRange(type="float", low=0.1, high=0.3),
        Choice(type="categorical", choices=(1, 2.5)),
        Choice(type="categorical", choices=(False, True)),
        Choice(type="categorical", choices=("adam", "sgd")),
    ],
)
def test_extremes_lie_in_the_distribution(domain: IntRange | FloatRange | Choice) -> None:
    """The extremes of a domain are values that Optuna accepts for it."""
    distribution = domain.distribution()
    assert all(distribution._contains(distribution.to_internal_repr(v)) for v in domain.extremes())


def test_dict_has_table_1_and_what_differs() -> None:
    """The five parameters of Table 1 are recorded, and extensions that are not at their default."""
    assert len(BALANCED.to_dict()) == 5
    params = HyperParams(optimiser="sgd", momentum=0.9, sequence_length=20)
    extra = {"optimiser": "sgd", "sequence_length": 20}
    assert params.to_dict() == BALANCED.to_dict() | extra
    assert HyperParams.from_mapping(params.to_dict()) == params


def test_every_draw_respects_the_conditions() -> None:
    """A parameter is drawn exactly where its condition holds, and so are its dependents."""
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
    seen = set()
    for _ in range(40):
        trial = study.ask()
        params = suggest_params(trial, CONDITIONAL)
        assert params == trial.params
        assert ("optimiser" in params) == (params["num_layers"] == 2)
        assert ("momentum" in params) == (params.get("optimiser") == "sgd")
        assert trial.distributions == active_distributions(params, CONDITIONAL)
        seen.add(tuple(params))
    assert len(seen) == 3


@pytest.mark.parametrize(
    ("params", "active"),
    [
        ({"num_layers": 1}, ["num_layers"]),
        ({"num_layers": 1, "optimiser": "sgd", "momentum": 0.5}, ["num_layers"]),
        ({"num_layers": 2, "optimiser": "adam"}, ["num_layers", "optimiser"]),
        ({"num_layers": 2, "optimiser": "sgd"}, ["num_layers", "optimiser", "momentum"]),
    ],
)
def test_an_inactive_parameter_satisfies_no_condition(params: Params, active: list[str]) -> None:
    """A condition on an inactive parameter fails, even if the parameter has a matching value."""
    assert list(active_distributions(params, CONDITIONAL)) == active


def test_an_inactive_parameter_is_left_out() -> None:
    """Momentum outside its range matters only with sgd."""
    off = HyperParams(num_layers=2, optimiser="adam", momentum=0.99)
    assert searched_part(off, CONDITIONAL) == {"num_layers": 2, "optimiser": "adam"}
    assert holds(CONDITIONAL, off)
    on = HyperParams(num_layers=2, optimiser="sgd", momentum=0.99)
    assert not holds(CONDITIONAL, on)


def test_no_sequence_length_is_the_longest() -> None:
    """The recommended row, which sets no sequence length, lies in a space that searches one."""
    lengths = Choice(type="categorical", choices=(20, 60, 40))
    assert searched_part(BALANCED, {"sequence_length": lengths}) == {"sequence_length": 60}


def test_true_is_not_one() -> None:
    """A choice of 0 and 1 does not contain true or false, and vice versa."""
    numbers = Choice(type="categorical", choices=(0, 1))
    truths = Choice(type="categorical", choices=(False, True))
    assert numbers.holds(1)
    assert truths.holds(True)
    assert not numbers.holds(True)
    assert not truths.holds(1)
    assert not LAYERS.holds(True)
    assert not LAYERS.holds(2.0)
    assert not MOMENTUM.holds(True)
