"""Claims about readings: edges name what to widen; the seed's claims come with true numbers."""

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstm_model.model.network import parameter_count
from lstm_model.search.distributions import Choice, FloatRange, IntRange
from lstm_model.search.hyper_params import BALANCED, PARAMETER_KINDS, HyperParams
from lstm_model.search.interpretation import HARD_LIMITS, Reading, interpret, read_search
from lstm_model.search.sampling import (
    ProposalSettings,
    generation_of,
    origin_of,
    propose,
    queue_first,
)
from lstm_model.search.space import SamplerName, Space, seed_space
from lstm_model.search.trial import Trial

SPACE = seed_space()


def read(space: Space = SPACE, **changes: Any) -> list[Reading]:
    """Read the seed's "Balanced" configuration with some values replaced."""
    params = dataclasses.replace(BALANCED, **changes)
    return interpret(params, space, parameter_count(16, params))


def texts(readings: list[Reading], name: str) -> str:
    return "\n".join(reading.text for reading in readings if reading.parameter == name)


def int_range(low: int, high: int, step: int = 1) -> IntRange:
    return IntRange(type="int", low=low, high=high, step=step)


def float_range(low: float, high: float, *, log: bool = False) -> FloatRange:
    return FloatRange(type="float", low=low, high=high, log=log)


@pytest.mark.parametrize(
    ("name", "domain", "value", "widen"),
    [
        ("hidden_size", int_range(64, 256, 64), 256, {"high": 320}),
        ("hidden_size", int_range(64, 256, 64), 64, {"low": 32, "step": 32}),
        ("hidden_size", int_range(64, 256, 64), 128, None),
        ("hidden_size", int_range(32, 512, 32), 512, {"high": 640}),
        ("num_layers", int_range(1, 3), 3, {"high": 4}),
        ("num_layers", int_range(1, 3), 1, {}),
        ("num_layers", int_range(2, 2), 2, None),
        ("dropout", float_range(0.0, 0.4), 0.39, {"high": 0.5}),
        ("dropout", float_range(0.0, 0.4), 0.37, None),
        ("dropout", float_range(0.0, 0.4), 0.01, {}),
        ("dropout", float_range(0.05, 0.4), 0.05, {"low": 0.0}),
        ("dropout", float_range(0.2, 0.9), 0.89, {"high": 0.95}),
        ("lr", float_range(1e-4, 5e-3, log=True), 4.9e-3, {"high": 0.013}),
        ("lr", float_range(1e-4, 5e-3, log=True), 1.2e-4, {"low": 3.8e-5}),
        ("lr", float_range(1e-4, 5e-3, log=True), 1.3e-4, None),
        ("lr", float_range(1e-4, 5e-3), 1.3e-4, {"low": 5e-5}),
        ("layer_lr_decay", float_range(0.5, 1.0), 1.0, {}),
        ("warmup_share", float_range(0.0, 0.9), 0.9, {"high": 1.0}),
        ("weight_decay", float_range(1e-6, 1e-1, log=True), 1e-1, {"high": 1.8}),
        ("batch_size", Choice(type="categorical", choices=(32, 64)), 32, None),
    ],
)
def test_an_edge_says_what_to_widen(
    name: str, domain: Any, value: Any, widen: dict[str, float] | None
) -> None:
    """At an edge a reading names the key and its new value; at a hard limit it names none."""
    edges = [reading for reading in read({name: domain}, **{name: value}) if reading.at_edge]
    if widen is None:
        assert edges == []
        return
    (edge,) = edges
    assert edge.widen == tuple(f"search.space.{name}.{key}={v:g}" for key, v in widen.items())
    assert all(setting in edge.text for setting in edge.widen)
    assert ("cannot be widened" in edge.text) is (not widen)


@pytest.mark.parametrize("name", [name for name in PARAMETER_KINDS if name in HARD_LIMITS])
def test_hard_limits_are_those_of_a_configuration(name: str) -> None:
    """A configuration is invalid beyond a parameter's hard limit, and only there."""
    kind = PARAMETER_KINDS[name]
    low, high = HARD_LIMITS[name]
    for limit, inwards in ((low, 1), (high, -1)):
        if limit in (float("inf"),):
            continue
        step = inwards if kind is int else 1e-6 * inwards
        HyperParams.from_mapping({name: kind(limit + step)})
        with pytest.raises(ValueError, match=name):
            HyperParams.from_mapping({name: kind(limit - step)})


def test_every_number_has_its_hard_limits() -> None:
    """Each parameter that can be searched over a range has limits."""
    assert set(HARD_LIMITS) == {n for n, k in PARAMETER_KINDS.items() if k in (int, float)}


@given(
    st.sampled_from(["dropout", "momentum", "layer_lr_decay", "warmup_share", "jitter", "lr"]),
    st.floats(1e-6, 0.98),
    st.floats(1.001, 50),
    st.booleans(),
    st.booleans(),
)
def test_a_widened_range_is_wider_and_allowed(
    name: str, low: float, ratio: float, log: bool, upper: bool
) -> None:
    """A reading proposes a valid range that contains the old one and more."""
    high = min(low * ratio, 0.99)
    space: Space = {name: float_range(low, high, log=log)}
    edges = [r for r in read(space, **{name: high if upper else low}) if r.at_edge]
    for setting in edges[0].widen:
        key, _, bound = setting.rpartition("=")
        wider = {"low": low, "high": high} | {key.rpartition(".")[2]: float(bound)}
        assert wider["low"] <= low < high <= wider["high"]
        assert wider["high"] - wider["low"] > high - low
        float_range(**wider, log=log)
        for value in wider.values():
            HyperParams.from_mapping({name: value})


@given(st.integers(1, 300), st.integers(1, 64), st.integers(1, 6), st.booleans())
def test_a_widened_range_of_whole_numbers_is_valid(
    low: int, step: int, steps: int, upper: bool
) -> None:
    """A wider range of whole numbers still ends on its steps and still holds every old value."""
    domain = int_range(low, low + step * steps, step)
    readings = read({"hidden_size": domain}, hidden_size=domain.high if upper else domain.low)
    (edge,) = (reading for reading in readings if reading.at_edge)
    pairs = (setting.rpartition(".")[2].split("=") for setting in edge.widen)
    wider = domain.model_dump() | {key: int(bound) for key, bound in pairs}
    widened = IntRange.model_validate(wider)
    assert all(widened.holds(value) for value in range(domain.low, domain.high + 1, domain.step))
    assert bool(edge.widen) is (upper or low > 1)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"hidden_size": 256}, ["high end of 64 .. 256", "a larger architecture may do better"]),
        ({"hidden_size": 64}, ["low end of 64 .. 256", "a simpler model suffices"]),
        ({"hidden_size": 128}, ["128 lies in the seed's typical 128 .. 192"]),
        ({"num_layers": 3}, ["high end of 1 .. 3", "a larger architecture may do better"]),
        ({"num_layers": 2}, ["206,977 weights", "not ~200K as the seed estimates"]),
        ({"num_layers": 1, "hidden_size": 64}, ["21,057 weights", "not ~50K"]),
        ({"num_layers": 3, "hidden_size": 256}, ["1,333,505 weights", "not ~800K"]),
        ({"num_layers": 2, "hidden_size": 256}, ["807,169 weights", "not ~500K"]),
        ({"num_layers": 2, "hidden_size": 192}, ["with hidden_size 192", "weights"]),
        ({"dropout": 0.31}, ["above the seed's typical 0.1 .. 0.3", "prone to overfitting"]),
        ({"dropout": 0.09}, ["below the seed's typical", "regularisation is not critical"]),
        ({"dropout": 0.3}, ["dropout 0.3 lies in the seed's typical 0.1 .. 0.3"]),
        ({"lr": 2.1e-3}, ["above the seed's typical 0.0005 .. 0.002", "fast convergence"]),
        ({"lr": 4e-4}, ["below the seed's typical", "careful, slow training"]),
        ({"lr": 1.2e-3}, ["lr 0.0012 lies in the seed's typical 0.0005 .. 0.002"]),
        ({"lr": 1.2e-3, "optimiser": "sgd"}, ["(for Adam; this is sgd)"]),
        ({"batch_size": 32}, ["noisy gradients help", "4 times the steps of 128 (not 3 times)"]),
        ({"batch_size": 128}, ["stable training is preferred", "1/4 of the steps of 32"]),
        ({"batch_size": 64}, ["batch_size 64 is the seed's typical 64"]),
    ],
)
def test_the_seeds_readings_have_the_true_numbers(
    changes: dict[str, Any], words: list[str]
) -> None:
    """Each value is read as in the seed document, with its wrong numbers corrected."""
    said = texts(read(**changes), next(iter(changes)))
    assert all(word in said for word in words), said


def test_only_what_was_searched_is_read() -> None:
    """A parameter that was not searched, or was inactive in the best trial, has no reading."""
    space: Space = {
        "optimiser": Choice(type="categorical", choices=("adam", "sgd")),
        "momentum": FloatRange(type="float", low=0.0, high=0.9, when={"optimiser": ("sgd",)}),
    }
    assert interpret(BALANCED, space, 1) == []
    sgd = dataclasses.replace(BALANCED, optimiser="sgd", momentum=0.9)
    (edge,) = interpret(sgd, space, 1)
    assert edge.widen == ("search.space.momentum.high=0.95",)


def history(total: int, settings: ProposalSettings, generation: int) -> list[Trial]:
    """Run a search in which every fourth trial is pruned."""
    done: list[Trial] = []
    for number in range(total):
        own = generation_of(number, generation, total)
        seen = [trial for trial in done if trial.number < own.start]
        params = propose(number, settings, seen, [t.params for t in done if t.number in own])
        if number % 4 == 3:
            done.append(Trial(number, "PRUNED", params, None))
        else:
            done.append(Trial(number, "COMPLETE", params, params.dropout + number / 100))
    return done


@pytest.mark.parametrize("sampler", ["tpe", "gp", "random", "qmc", "grid", "cmaes"])
def test_a_trial_is_model_based_where_losses_matter(sampler: SamplerName) -> None:
    """A trial counts as model-based exactly if other losses would have led to another proposal."""
    queued = queue_first([], 1, SPACE)
    settings = ProposalSettings(7, "study", SPACE, 5, sampler, queued)
    done = history(12, settings, 2)
    for number in (0, 1, 5, 6, 8, 11):
        first = generation_of(number, 2, 12).start
        seen = done[:first]
        other = [dataclasses.replace(t, loss=None if t.loss is None else -t.loss) for t in seen]
        siblings = [trial.params for trial in done[first:number]]
        differs = propose(number, settings, other, siblings) != done[number].params
        origin = origin_of(number, settings, seen)
        assert (origin == "model") is differs, number
        assert (origin == "queued") is (number == 0)


@pytest.mark.parametrize(
    ("startup", "generation", "examples", "counts"),
    [
        (5, 5, 1, "1 enqueued, 4 drawn at random, 5 proposed by a model"),
        (10, 5, 0, "0 enqueued, 10 drawn at random, 0 proposed by a model"),
        (5, 3, 1, "1 enqueued, 5 drawn at random, 4 proposed by a model"),
        (5, None, 1, "1 enqueued, 4 drawn at random, at most 5 proposed by a model"),
    ],
)
def test_what_the_search_learnt_from(
    startup: int, generation: int | None, examples: int, counts: str
) -> None:
    """The reading says how many trials were enqueued, drawn, and proposed by a model."""
    settings = ProposalSettings(7, "s", SPACE, startup, "tpe", queue_first([], examples, SPACE))
    finished = [Trial(number, "COMPLETE", BALANCED, 0.5) for number in range(10)]
    first, second = read_search(settings, finished, generation, 10)
    assert first.text == f"10 finished trials: {counts} of earlier losses"
    assert f"search.startup_trials is {startup}" in second.text


def test_other_samplers_are_called_by_what_they_do() -> None:
    """A Sobol sequence is not called random, and the seed's claim about TPE is not mentioned."""
    settings = ProposalSettings(7, "s", SPACE, 5, "qmc")
    (reading,) = read_search(settings, [Trial(0, "COMPLETE", BALANCED, 0.5)], 5, 1)
    assert "1 taken from a Sobol sequence, 0 proposed by a model" in reading.text
