"""Proposing: a pure function of seed, study name, trial number, space and earlier generations.

An in-memory Optuna study is filled with the finished trials a generation may see, lower-numbered
siblings are added as running, and a freshly seeded sampler is asked once. Nothing is remembered
between calls, so a search resumed after any number of restarts proposes what it would have
proposed.
"""

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.study import StudyDirection
from optuna.trial import TrialState, create_trial

from lstm_model.search.hyper_params import EXAMPLES, Params
from lstm_model.search.space import (
    SamplerName,
    Space,
    active_distributions,
    restrict,
    suggest_params,
)
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
class FinishedTrial:
    """A trial as a later proposal sees it: completed with a loss, or pruned without one.

    `curve` has the validation losses by epoch (by fold where there are several), as far as it got.
    """

    number: int
    params: Params
    loss: float | None
    seconds: float = 0.0
    curve: Mapping[int, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ProposalSettings:
    """What stays the same over all proposals of a study; `queued` are tried first, as they are."""

    seed: int
    study_name: str
    space: Space
    startup_trials: int
    sampler: SamplerName = "tpe"
    queued: tuple[Params, ...] = ()
    with_seconds: bool = False


def generation_of(number: int, generation: int, total: int) -> range:
    """Return the numbers of the generation that a trial belongs to, cut off at the total."""
    first = number - number % generation
    return range(first, min(first + generation, total))


def queue_first(known_good: Sequence[Params], examples: int, space: Space) -> tuple[Params, ...]:
    """Return what is tried before anything is drawn: last night's best, then the seed's rows.

    The seed's rows are Table 5's, "Balanced" first; one that the space does not hold is left out.
    """
    rows = [restrict(example, space) for example in EXAMPLES[:examples]]
    queue: list[Params] = []
    for params in (*known_good, *rows):
        if params is not None and params not in queue:
            queue.append(params)
    return tuple(queue)


def propose(
    number: int,
    settings: ProposalSettings,
    finished: Iterable[FinishedTrial],
    siblings: Iterable[Params],
) -> Params:
    """Return the parameters of trial `number`.

    `finished` are the trials of earlier generations, `siblings` the lower-numbered ones that run at
    the same time.
    """
    if number < len(settings.queued):
        return settings.queued[number]
    seed = derive_seed(settings.seed, settings.study_name, number, "propose") % 2**32
    study_seed = derive_seed(settings.seed, settings.study_name, "propose") % 2**32
    seen = sorted(finished, key=lambda trial: trial.number)
    if settings.sampler == "qmc":
        point = sobol_point(number - len(settings.queued), len(settings.space), study_seed)
        return point_to_params(point, settings.space)
    if settings.sampler == "grid":
        point = grid_point(number - len(settings.queued), settings.space, study_seed)
        return point_to_params(point, settings.space)
    if settings.sampler == "cmaes":
        told = [
            (params_to_point(trial.params, settings.space), trial.loss)
            for trial in seen
            if trial.loss is not None
        ]
        return point_to_params(cma_point(told, len(settings.space), seed), settings.space)
    return _ask_optuna(settings, seed, seen, siblings)


Origin = Literal["queued", "drawn", "model"]


def origin_of(number: int, settings: ProposalSettings, seen: Sequence[FinishedTrial]) -> Origin:
    """Tell where the parameters of trial `number` come from, `seen` being what `propose` is handed.

    "model": losses had a say. "drawn": they had none, as in the start-up of every sampler.
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
    seen: Sequence[FinishedTrial],
    siblings: Iterable[Params],
) -> Params:
    directions = [StudyDirection.MINIMIZE] * (1 + settings.with_seconds)
    study = optuna.create_study(directions=directions, sampler=_sampler(settings, seed))
    for trial in seen:
        study.add_trial(_frozen(trial, settings.space, with_seconds=settings.with_seconds))
    for params in siblings:
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


def _frozen(trial: FinishedTrial, space: Space, *, with_seconds: bool) -> optuna.trial.FrozenTrial:
    active = active_distributions(trial.params, space)
    if trial.loss is None:
        # A pruned trial tells the sampler how far it got; one that diverged at once tells nothing.
        curve = {} if with_seconds else dict(trial.curve)
        return create_trial(
            state=TrialState.PRUNED,
            params=trial.params,
            distributions=active,
            intermediate_values=curve,
        )
    values = [trial.loss, trial.seconds] if with_seconds else [trial.loss]
    return create_trial(
        state=TrialState.COMPLETE, values=values, params=trial.params, distributions=active
    )
