"""The search's owner: holds the lock, the persistent study and the order of trials.

One owner, many calculators. Parameters come from `lstm_model.proposals`, a pure function; workers
compute and return; only the owner writes, so nothing waits for a lock and nothing depends on who
finishes first. What a dead owner left RUNNING is failed here and run again with its parameters.
"""

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import optuna
from filelock import FileLock, Timeout
from optuna.exceptions import StorageInternalError
from optuna.trial import FrozenTrial, TrialState
from prefect import runtime, task
from prefect.cache_policies import NO_CACHE
from prefect.futures import as_completed
from sqlalchemy import make_url
from sqlalchemy.exc import SQLAlchemyError

from lstm_model.config import PipelineConfig, canonical_sha256, hide_password
from lstm_model.errors import SearchError, StorageError
from lstm_model.proposals import (
    FinishedTrial,
    Params,
    ProposalSettings,
    generation_of,
    propose,
)
from lstm_model.search_space import HyperParams, distributions
from lstm_model.seeding import derive_seed
from lstm_model.training import TrainingSettings, resolve_device
from tasks.data_set import DataSet
from tasks.progress import TrialProgress, notice
from tasks.tracking import Night
from tasks.trial import TrialOrder, TrialOutcome
from tasks.workers import TrialExecutor

NUMBER = "number"
"""The user attribute of a trial's number in the search; a trial that is run again keeps it."""


@dataclass(frozen=True, slots=True)
class TrialRow:
    """One row of the study's table."""

    number: int
    state: str
    value: float | None
    params: Params
    epochs: int
    seconds: float


@dataclass(frozen=True, slots=True)
class StudyResult:
    """A finished search: every trial, and the best."""

    study_key: str
    trials: tuple[TrialRow, ...]
    best: TrialRow
    resumed_trials: int

    @property
    def best_params(self) -> HyperParams:
        """The best trial's parameters, with the defaults of those that were not searched."""
        return HyperParams.from_mapping(self.best.params)


@task(name="search-hyperparameters", cache_policy=NO_CACHE)
def search_hyperparameters(
    config: PipelineConfig, data_set: DataSet, study_name: str, night: Night
) -> StudyResult:
    """Bring the study to `search.trials` finished trials in total, and return its table.

    Raises SearchError where another search holds the study, or where no trial has completed.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    key = study_key(config, data_set, study_name)
    with _open_study(config, key, study_name) as study:
        _fail_what_a_dead_owner_left(study)
        finished = _finished(study)
        resumed = len(finished)
        if resumed:
            notice(f"study {key} goes on from {resumed} finished trials")
        missing = config.search.trials - resumed
        if missing > 0:
            workers = min(_worker_count(config), missing)
            with (
                TrialExecutor(workers, config.search.trial_timeout_seconds) as executor,
                TrialProgress(config.search.trials, resumed) as progress,
            ):
                _run_missing(study, config, data_set, study_name, executor, progress, night)
        return _result(study, key, resumed)


def study_key(config: PipelineConfig, data_set: DataSet, study_name: str) -> str:
    """Name the study by all that its losses depend on: two that differ are never mixed."""
    depends_on = {
        "space": {name: domain.model_dump() for name, domain in config.search.space.items()},
        "data": data_set.search_sha256,
        "epochs": config.training.epochs,
        "gradient_clip": config.training.gradient_clip,
        "seed": config.seed,
    }
    return f"{study_name}@{canonical_sha256(depends_on)[:12]}"


def _worker_count(config: PipelineConfig) -> int:
    if config.search.workers is not None:
        return config.search.workers
    if resolve_device(config.device) == "cuda":
        return 1
    available = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else ()
    return len(available) or os.cpu_count() or 1


@contextmanager
def _open_study(config: PipelineConfig, key: str, study_name: str) -> Iterator[optuna.Study]:
    """Open or create the study under its lock; tell of studies of the same name on other data."""
    folder = Path("data")
    connect: dict[str, object] = {}
    try:
        url = make_url(config.search.storage)
        if url.get_backend_name() == "sqlite" and url.database:
            folder = Path(url.database).resolve().parent
            url = url.set(database=str(Path(url.database).resolve()))
            connect = {"connect_args": {"timeout": 60}}
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / f"{key}.lock", timeout=0)
        with lock:
            storage = optuna.storages.RDBStorage(
                url.render_as_string(hide_password=False), engine_kwargs=connect
            )
            others = [
                name
                for name in optuna.get_all_study_names(storage)
                if name.startswith(f"{study_name}@") and name != key
            ]
            study = optuna.create_study(
                storage=storage, study_name=key, direction="minimize", load_if_exists=True
            )
            if others and not study.trials:
                notice(
                    f"study {study_name} exists on other data, space or settings "
                    f"({', '.join(others)}); this is a new one, {key}"
                )
            yield study
    except Timeout:
        raise SearchError(
            f"study {study_name!r} is being searched by another process; wait for it or choose "
            f"another --study-name"
        ) from None
    except (OSError, ImportError, SQLAlchemyError, StorageInternalError) as error:
        reason = " ".join(str(getattr(error, "orig", None) or error).split())[:200]
        raise StorageError(
            f"cannot use the studies at {hide_password(config.search.storage)}: "
            f"{hide_password(reason)}; check search.storage"
        ) from error


def _fail_what_a_dead_owner_left(study: optuna.Study) -> None:
    # We hold the lock, so whoever asked for these is not alive any more.
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        study.tell(trial.number, state=TrialState.FAIL)


def _finished(study: optuna.Study) -> dict[int, FrozenTrial]:
    states = (TrialState.COMPLETE, TrialState.PRUNED)
    return {t.user_attrs[NUMBER]: t for t in study.get_trials(deepcopy=False, states=states)}


def _run_missing(
    study: optuna.Study,
    config: PipelineConfig,
    data_set: DataSet,
    study_name: str,
    executor: TrialExecutor,
    progress: TrialProgress,
    night: Night,
) -> None:
    """Run generation after generation; within one, trials run at once and do not see each other."""
    proposal_settings = ProposalSettings(
        config.seed, study_name, config.search.space, config.search.startup_trials
    )
    spaces = distributions(config.search.space)
    total = config.search.trials
    first = 0
    while first < total:
        generation = generation_of(first, config.search.generation, total)
        finished = _finished(study)
        known = {
            t.user_attrs[NUMBER]: t.params
            for t in study.get_trials(deepcopy=False)
            if NUMBER in t.user_attrs and t.params
        }
        visible = [
            FinishedTrial(number, trial.params, trial.value)
            for number, trial in finished.items()
            if number < generation.start
        ]
        siblings: list[Params] = []
        running: dict[int, tuple[optuna.Trial, str]] = {}
        orders: list[TrialOrder] = []
        for number in generation:
            params = known.get(number) or propose(number, proposal_settings, visible, siblings)
            siblings.append(params)
            if number in finished:
                continue
            trial = _begin(study, number, params, spaces)
            running[number] = (trial, night.start_trial(number, trial.number, params))
            seed = derive_seed(config.seed, study_name, number, "train") % 2**63
            settings = TrainingSettings(
                seed, config.training.gradient_clip, resolve_device(config.device)
            )
            orders.append(
                TrialOrder(number, params, data_set.search_path, config.training.epochs, settings)
            )
        futures = [
            run_trial_in_worker.with_options(task_run_name=f"trial-{order.number}").submit(
                executor, order
            )
            for order in sorted(orders, key=_cost, reverse=True)
        ]
        for future in as_completed(futures):
            outcome, task_run_id = future.result()
            trial, mlflow_run_id = running[outcome.number]
            _record(study, trial, outcome)
            night.finish_trial(mlflow_run_id, outcome, task_run_id)
            progress.advance(outcome)
        first = generation.stop


def _cost(order: TrialOrder) -> float:
    """Estimate a trial's work, to start the longest first."""
    params = HyperParams.from_mapping(order.params)
    return float(params.hidden_size**2 * params.num_layers / params.batch_size**0.5)


@task(name="trial", cache_policy=NO_CACHE)
def run_trial_in_worker(executor: TrialExecutor, order: TrialOrder) -> tuple[TrialOutcome, str]:
    """Hand one trial to a worker process and wait for it."""
    return executor.run(order), str(runtime.task_run.id)


def _begin(
    study: optuna.Study,
    number: int,
    params: Params,
    spaces: dict[str, optuna.distributions.BaseDistribution],
) -> optuna.Trial:
    study.enqueue_trial(params, user_attrs={NUMBER: number})
    trial = study.ask(spaces)
    while trial.user_attrs.get(NUMBER) != number:
        # An owner that died between the two lines above left one waiting.
        study.tell(trial, state=TrialState.FAIL)
        trial = study.ask(spaces)
    return trial


def _record(study: optuna.Study, trial: optuna.Trial, outcome: TrialOutcome) -> None:
    for epoch in outcome.epochs:
        trial.report(epoch.validation_loss, epoch.epoch)
    trial.set_user_attr("seconds", outcome.seconds)
    if outcome.reason:
        trial.set_user_attr("reason", outcome.reason)
    study.tell(trial, outcome.validation_loss, TrialState[outcome.state])


def _result(study: optuna.Study, key: str, resumed: int) -> StudyResult:
    latest: dict[int, FrozenTrial] = {}
    for trial in study.get_trials(deepcopy=False):
        if NUMBER in trial.user_attrs:
            latest[trial.user_attrs[NUMBER]] = trial
    rows = tuple(
        TrialRow(
            number=number,
            state=trial.state.name,
            # Optuna gives a pruned trial its last reported loss; a diverged one has no loss.
            value=trial.value if trial.state == TrialState.COMPLETE else None,
            params=trial.params,
            epochs=len(trial.intermediate_values),
            seconds=float(trial.user_attrs.get("seconds", 0.0)),
        )
        for number, trial in sorted(latest.items())
    )
    complete = [row for row in rows if row.value is not None]
    if not complete:
        reasons = [t.user_attrs.get("reason", t.state.name) for t in latest.values()]
        raise SearchError(
            f"a search needs one completed trial but none of {len(rows)} did; the last ended with: "
            f"{reasons[-1] if reasons else 'nothing'}"
        )
    best = min(complete, key=lambda row: (row.value or math.nan, row.number))
    return StudyResult(key, rows, best, resumed)
