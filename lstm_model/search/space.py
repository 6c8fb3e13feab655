"""The search space: parameters in the order of their draws, with their conditions; Table 1."""

from collections.abc import Mapping
from typing import Literal

from optuna.distributions import BaseDistribution
from optuna.trial import Trial

from lstm_model.search.distributions import Choice, FloatRange, IntRange
from lstm_model.search.hyper_params import HyperParams, Params, Value

Space = Mapping[str, IntRange | FloatRange | Choice]
"""Parameters in the order of their draws; a condition refers only to earlier ones."""

SamplerName = Literal["tpe", "gp", "random", "qmc", "cmaes", "grid"]


def seed_space() -> dict[str, IntRange | FloatRange | Choice]:
    """Return the seed document's Table 1, exactly."""
    return {
        "hidden_size": IntRange(type="int", low=64, high=256, step=64),
        "num_layers": IntRange(type="int", low=1, high=3),
        "dropout": FloatRange(type="float", low=0.0, high=0.4),
        "lr": FloatRange(type="float", low=1e-4, high=5e-3, log=True),
        "batch_size": Choice(type="categorical", choices=(32, 64, 128)),
    }


def check_conditions(space: Space) -> None:
    """Raise ValueError for a condition on a later parameter, or on a value that cannot be drawn."""
    drawn: dict[str, IntRange | FloatRange | Choice] = {}
    for name, domain in space.items():
        for other, values in domain.when.items():
            where = f"change search.space.{name}.when"
            if other not in drawn:
                raise ValueError(
                    f"{name}: a condition must name a parameter that is searched earlier "
                    f"({', '.join(drawn) or 'there is none'}) but names {other!r}; {where}"
                )
            for value in values:
                if not drawn[other].holds(value):
                    raise ValueError(
                        f"{name}: a condition must list values that {other} can take but lists "
                        f"{value!r}; {where} or search.space.{other}"
                    )
        drawn[name] = domain


def distributions(space: Space) -> dict[str, BaseDistribution]:
    """Return the whole space as Optuna distributions, in order, conditions ignored."""
    return {name: domain.distribution() for name, domain in space.items()}


def suggest_params(trial: Trial, space: Space) -> Params:
    """Draw the parameters of a trial in order, without those whose condition does not hold."""
    drawn: Params = {}
    for name, domain in space.items():
        if domain.acts(drawn):
            drawn[name] = domain.suggest(trial, name)
    return drawn


def active_distributions(
    params: Mapping[str, Value | None], space: Space
) -> dict[str, BaseDistribution]:
    """Return the distributions of the parameters that are active in a configuration, in order."""
    return distributions(_active(params, space))


def _active(
    params: Mapping[str, Value | None], space: Space
) -> dict[str, IntRange | FloatRange | Choice]:
    active: dict[str, IntRange | FloatRange | Choice] = {}
    for name, domain in space.items():
        # An inactive parameter fails every condition on it, even if it has a value.
        if domain.acts({other: params[other] for other in active if other in params}):
            active[name] = domain
    return active


def searched_part(params: HyperParams, space: Space) -> Params:
    """Return the searched parameters of a configuration, without inactive ones.

    A sequence length that is not set means the longest one.
    """
    values = {name: getattr(params, name) for name in space}
    if "sequence_length" in space and params.sequence_length is None:
        lengths = space["sequence_length"].extremes()
        values["sequence_length"] = max(int(length) for length in lengths)
    return {name: values[name] for name in _active(values, space)}


def holds(space: Space, params: HyperParams) -> bool:
    """Return whether the space can draw a configuration; inactive parameters may be anything."""
    return all(space[name].holds(v) for name, v in searched_part(params, space).items())
