"""Proposals: a pure function of seed, study name, trial number, space and earlier generations.

Each call fills an in-memory Optuna study with the finished trials that a generation may see, adds
lower-numbered siblings as running, and asks a newly seeded sampler once. Nothing is kept between
calls, so a search proposes the same trials however often it is resumed.
"""

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.study import StudyDirection
from optuna.trial import TrialState, create_trial

from lstm_model.search.hyper_params import EXAMPLES, HyperParams, Params
from lstm_model.search.space import (
    SamplerName,
    Space,
    active_distributions,
    holds,
    searched_part,
    suggest_params,
)
from lstm_model.search.trial import Trial
from lstm_model.search.unit_cube import (
    cma_point,
    cma_population,
    grid_point,
    params_to_point,
    point_to_params,
    sobol_point,
)
from lstm_model.seeding import derive_seed


@dataclass(frozen=True, slots=True)
class ProposalSettings:
    """What all proposals of a study share.

    seed: of the user; proposals derive their own from it.
    study_name: the user's name of the study.
    space: the parameters to search.
    startup_trials: trials that must have finished before a sampler learns from them.
    sampler: how trials are proposed.
    queued: configurations that are tried first, unchanged.
    with_seconds: whether seconds are minimised besides loss.
    """

    seed: int
    study_name: str
    space: Space
    startup_trials: int
    sampler: SamplerName = "tpe"
    queued: tuple[HyperParams, ...] = ()
    with_seconds: bool = False


def generation_of(number: int, generation: int, total: int) -> range:
    """Return the trial numbers of the generation that a trial belongs to, below the total."""
    first = number - number % generation
    return range(first, min(first + generation, total))


def queue_first(
    known_good: Sequence[HyperParams], examples: int, space: Space
) -> tuple[HyperParams, ...]:
    """Return what is tried before any draw: last night's best, then the rows of the seed's Table 5.

    "Balanced" comes first. A row that the space cannot draw is left out. Parameters that are not
    searched have their defaults.
    """
    rows = [searched_part(row, space) for row in EXAMPLES[:examples] if holds(space, row)]
    queue = [*known_good, *map(HyperParams.from_mapping, rows)]
    return tuple(dict.fromkeys(queue))


def propose(
    number: int,
    settings: ProposalSettings,
    finished: Iterable[Trial],
    siblings: Iterable[HyperParams],
) -> HyperParams:
    """Return the parameters of trial `number`.

    `finished` are the trials of earlier generations; `siblings` are the lower-numbered ones that
    run at the same time.
    """
    if number < len(settings.queued):
        return settings.queued[number]
    return HyperParams.from_mapping(_draw(number, settings, finished, siblings))


def _draw(
    number: int,
    settings: ProposalSettings,
    finished: Iterable[Trial],
    siblings: Iterable[HyperParams],
) -> Params:
    space = settings.space
    seed = derive_seed(settings.seed, settings.study_name, number, "propose") % 2**32
    study_seed = derive_seed(settings.seed, settings.study_name, "propose") % 2**32
    seen = sorted(finished, key=lambda trial: trial.number)
    if settings.sampler == "qmc":
        point = sobol_point(number - len(settings.queued), len(space), study_seed)
        return point_to_params(point, space)
    if settings.sampler == "grid":
        point = grid_point(number - len(settings.queued), space, study_seed)
        return point_to_params(point, space)
    if settings.sampler == "cmaes":
        told = [
            (params_to_point(searched_part(trial.params, space), space), trial.loss)
            for trial in seen
            if trial.loss is not None
        ]
        return point_to_params(cma_point(told, len(space), seed), space)
    return _ask_optuna(settings, seed, seen, siblings)


Origin = Literal["queued", "drawn", "model"]


def origin_of(number: int, settings: ProposalSettings, seen: Sequence[Trial]) -> Origin:
    """Return where the parameters of trial `number` come from; `seen` is what `propose` gets.

    "model" means that losses mattered; "drawn" that they did not, as in a sampler's start-up.
    """
    if number < len(settings.queued):
        return "queued"
    with_loss = sum(trial.loss is not None for trial in seen)
    learns = {
        "tpe": len(seen) >= settings.startup_trials,  # pruned ones count too
        "gp": with_loss >= settings.startup_trials,
        "cmaes": with_loss >= cma_population(len(settings.space)),
    }
    return "model" if learns.get(settings.sampler) else "drawn"


def _ask_optuna(
    settings: ProposalSettings,
    seed: int,
    seen: Sequence[Trial],
    siblings: Iterable[HyperParams],
) -> Params:
    directions = [StudyDirection.MINIMIZE] * (1 + settings.with_seconds)
    study = optuna.create_study(directions=directions, sampler=_sampler(settings, seed))
    for trial in seen:
        study.add_trial(_frozen(trial, settings.space, with_seconds=settings.with_seconds))
    for sibling in siblings:
        params = searched_part(sibling, settings.space)
        active = active_distributions(params, settings.space)
        study.add_trial(create_trial(state=TrialState.RUNNING, params=params, distributions=active))
    return suggest_params(study.ask(), settings.space)


def _sampler(settings: ProposalSettings, seed: int) -> optuna.samplers.BaseSampler:
    if settings.sampler == "random":
        return optuna.samplers.RandomSampler(seed=seed)
    if settings.sampler == "gp":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            return optuna.samplers.GPSampler(seed=seed, n_startup_trials=settings.startup_trials)
    return optuna.samplers.TPESampler(n_startup_trials=settings.startup_trials, seed=seed)


def _frozen(trial: Trial, space: Space, *, with_seconds: bool) -> optuna.trial.FrozenTrial:
    params = searched_part(trial.params, space)
    active = active_distributions(params, space)
    if trial.loss is None:
        # A pruned trial tells the sampler how far it got; one that diverged at once has no curve.
        curve = {} if with_seconds else dict(trial.curve)
        return create_trial(
            state=TrialState.PRUNED,
            params=params,
            distributions=active,
            intermediate_values=curve,
        )
    values = [trial.loss, trial.seconds] if with_seconds else [trial.loss]
    return create_trial(
        state=TrialState.COMPLETE, values=values, params=params, distributions=active
    )
