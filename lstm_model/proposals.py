"""Proposing: a pure function of seed, study name, trial number, space and earlier generations.

An in-memory Optuna study is filled with the finished trials a generation may see, lower-numbered
siblings are added as running, and a freshly seeded sampler is asked once. Nothing is remembered
between calls, so a search resumed after any number of restarts proposes what it would have
proposed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import optuna
from optuna.distributions import BaseDistribution
from optuna.trial import TrialState, create_trial

from lstm_model.search_space import (
    BALANCED,
    Choice,
    FloatRange,
    IntRange,
    distributions,
    restrict,
)
from lstm_model.seeding import derive_seed

Params = dict[str, int | float]


@dataclass(frozen=True, slots=True)
class FinishedTrial:
    """A trial as a later proposal sees it: completed with a loss, or pruned without one."""

    number: int
    params: Params
    loss: float | None


@dataclass(frozen=True, slots=True)
class ProposalSettings:
    """What stays the same over all proposals of a study."""

    seed: int
    study_name: str
    space: Mapping[str, IntRange | FloatRange | Choice]
    startup_trials: int


def generation_of(number: int, generation: int, total: int) -> range:
    """Return the numbers of the generation that a trial belongs to, cut off at the total."""
    first = number - number % generation
    return range(first, min(first + generation, total))


def propose(
    number: int,
    settings: ProposalSettings,
    finished: Iterable[FinishedTrial],
    siblings: Iterable[Params],
) -> Params:
    """Return the parameters of trial `number`.

    The first trial is the seed's "Balanced" row where the space holds it. `finished` are the trials
    of earlier generations, `siblings` the lower-numbered ones of the same generation.
    """
    if number == 0 and (balanced := restrict(BALANCED, settings.space)) is not None:
        return balanced
    spaces = distributions(settings.space)
    sampler = optuna.samplers.TPESampler(
        n_startup_trials=settings.startup_trials,
        seed=derive_seed(settings.seed, settings.study_name, number, "propose") % 2**32,
    )
    study = optuna.create_study(direction="minimize", sampler=sampler)
    for trial in sorted(finished, key=lambda trial: trial.number):
        study.add_trial(_frozen(trial.params, spaces, trial.loss))
    for params in siblings:
        study.add_trial(create_trial(state=TrialState.RUNNING, params=params, distributions=spaces))
    return dict(study.ask(spaces).params)


def _frozen(
    params: Params, spaces: dict[str, BaseDistribution], loss: float | None
) -> optuna.trial.FrozenTrial:
    state = TrialState.PRUNED if loss is None else TrialState.COMPLETE
    return create_trial(state=state, value=loss, params=params, distributions=spaces)
