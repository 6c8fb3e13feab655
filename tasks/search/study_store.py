"""The persistent study: opened under a lock, read as plain trials, written only by its owner."""

import datetime as dt
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Literal

import optuna
from filelock import FileLock, Timeout
from optuna.exceptions import StorageInternalError
from optuna.trial import FrozenTrial, TrialState, create_trial
from sqlalchemy import make_url
from sqlalchemy.exc import SQLAlchemyError

from lstm_model.config.pipeline import PipelineConfig
from lstm_model.config.section import canonical_sha256, hide_password
from lstm_model.errors import SearchError, StorageError
from lstm_model.search.hyper_params import HyperParams
from lstm_model.search.space import Space, active_distributions, searched_part
from lstm_model.search.trial import Trial
from tasks.data.data_set import DataSet
from tasks.progress import print_note
from tasks.search.environment import describe_environment
from tasks.search.family import studies_of
from tasks.search.trial import TrialSpec
from tasks.whole_store import StoreKind, has_rows, make_whole

NUMBER = "number"
"""User attribute of a trial: its number in the search, which it keeps if it runs again."""

SPEC, ENVIRONMENT = "order", "environment"
"""User attributes of a trial: its specification, and the environment in which it ran."""

STATES: dict[TrialState, Literal["COMPLETE", "PRUNED", "FAIL"]] = {
    TrialState.COMPLETE: "COMPLETE",
    TrialState.PRUNED: "PRUNED",
    TrialState.FAIL: "FAIL",
}

SPACE, QUEUED, CONFIG, SNAPSHOT = "space_sha256", "queued", "config", "snapshot_sha256"
"""User attributes of a study; queued parameters are tried before anything is drawn."""


def study_key(config: PipelineConfig, data_set: DataSet, study_name: str) -> str:
    """Name the study by everything its losses depend on, so that different ones are never mixed."""
    search = config.search
    depends_on: dict[str, object] = {
        "space": _space(config),
        "data": data_set.search_sha256,
        "epochs": config.training.epochs,
        "gradient_clip": config.training.gradient_clip,
        "precision": config.training.precision,
        "seed": config.seed,
    }
    objective: dict[str, object] = {
        "objective": search.objective,
        "objective_epoch": search.objective_epoch,
        "minimise": search.minimise,
    }
    if search.objective == "walk_forward":
        objective |= {"folds": search.folds, "purge_bars": config.purge_bars}
    if search.objective == "seeds":
        objective |= {"seeds": search.seeds}
    return f"{study_name}@{canonical_sha256(depends_on | objective)[:12]}"


def space_sha256(config: PipelineConfig) -> str:
    """Return the hash of the space, by which a later night finds studies to start from."""
    return canonical_sha256(_space(config))


def _space(config: PipelineConfig) -> dict[str, object]:
    return {name: domain.model_dump() for name, domain in config.active_space.items()}


@contextmanager
def open_study(config: PipelineConfig, key: str, study_name: str) -> Iterator[optuna.Study]:
    """Open or create the study under its lock; note studies of the same name on other data.

    Raises SearchError if another process holds it, StorageError if the database fails.
    """
    address = config.search.storage
    with open_storage(address) as storage, held_alone(address, key, study_name):
        others = [name for name in studies_of(storage, study_name) if name != key]
        study = optuna.create_study(
            storage=storage,
            study_name=key,
            directions=["minimize"] * len(config.search.minimise),
            load_if_exists=True,
        )
        if others and not study.trials:
            print_note(
                f"study {study_name} exists on other data, space or settings "
                f"({', '.join(others[-3:])}); this one is new: {key}"
            )
        yield study


@contextmanager
def open_storage(address: str) -> Iterator[optuna.storages.RDBStorage]:
    """Open the database of studies; wait up to a minute for the lock of another writer.

    Raises StorageError if the database fails, on opening or in the block.
    """
    try:
        url = make_url(address)
        connect: dict[str, object] = {}
        if url.get_backend_name() == "sqlite" and url.database:
            path = Path(url.database).resolve()
            path.parent.mkdir(parents=True, exist_ok=True)
            make_whole(path, _STUDIES)
            url, connect = url.set(database=str(path)), {"connect_args": {"timeout": 60}}
        yield optuna.storages.RDBStorage(
            url.render_as_string(hide_password=False), engine_kwargs=connect
        )
    except (OSError, ImportError, SQLAlchemyError, StorageInternalError) as error:
        reason = " ".join(str(getattr(error, "orig", None) or error).split())[:200]
        driver = ""
        if isinstance(error, ImportError):
            driver = "; install the database's driver, for PostgreSQL lstm-hpo[postgres]"
        raise StorageError(
            f"cannot use the studies at {hide_password(address)}: {hide_password(reason)}; "
            f"check search.storage{driver}"
        ) from error


def _build(path: Path) -> None:
    storage = optuna.storages.RDBStorage(f"sqlite:///{path}")
    storage.remove_session()
    storage.engine.dispose()


def _is_whole(database: sqlite3.Connection, tables: set[str]) -> bool:
    # Optuna writes the version of the tables last.
    return "alembic_version" in tables and has_rows(database, "alembic_version")


_STUDIES = StoreKind(
    "search.storage", _build, _is_whole, frozenset({"version_info", "alembic_version"})
)


@contextmanager
def held_alone(address: str, key: str, study_name: str) -> Iterator[None]:
    """Hold the study's lock, a file next to SQLite's or in `data`; it works on one machine."""
    url = make_url(address)
    folder = Path("data")
    if url.get_backend_name() == "sqlite" and url.database:
        folder = Path(url.database).resolve().parent
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / f"{key}.lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise SearchError(
            f"study {study_name!r} is being searched by another process; wait for it or choose "
            f"another --study-name"
        ) from None
    try:
        yield
    finally:
        lock.release()


def fail_what_a_dead_owner_left(study: optuna.Study) -> None:
    """Fail every RUNNING trial; we hold the lock, so the owner that started it is dead."""
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        study.tell(trial.number, state=TrialState.FAIL)


def fix_recipe(
    study: optuna.Study,
    queue: tuple[HyperParams, ...],
    config: PipelineConfig,
    data_set: DataSet,
) -> tuple[HyperParams, ...]:
    """Record what a new study is made from; return its queue, which is fixed from then on."""
    if QUEUED not in study.user_attrs:
        space = config.active_space
        study.set_user_attr(SPACE, space_sha256(config))
        study.set_user_attr(CONFIG, config.model_dump(mode="json"))
        study.set_user_attr(SNAPSHOT, data_set.snapshot_sha256)
        study.set_user_attr(QUEUED, [searched_part(params, space) for params in queue])
    return tuple(HyperParams.from_mapping(params) for params in study.user_attrs[QUEUED])


def best_of_last_night(
    study: optuna.Study, study_name: str, space: str, count: int
) -> list[HyperParams]:
    """Return the best parameters of the latest other study with this name and space."""
    if not count:
        return []
    storage = study._storage
    earlier = [
        summary
        for summary in optuna.get_all_study_summaries(storage)
        if summary.study_name.startswith(f"{study_name}@")
        and summary.study_name != study.study_name
        and summary.user_attrs.get(SPACE) == space
        and summary.n_trials
    ]
    if not earlier:
        return []
    last = max(earlier, key=lambda summary: summary.datetime_start or dt.datetime.min)
    trials = optuna.load_study(study_name=last.study_name, storage=storage).get_trials(
        deepcopy=False, states=(TrialState.COMPLETE,)
    )
    ranked = sorted(trials, key=lambda trial: (trial.values[0], trial.number))
    return [HyperParams.from_mapping(trial.params) for trial in ranked[:count]]


def ended_trials(study: optuna.Study) -> tuple[Trial, ...]:
    """Return the trials by ascending number, each in its last state."""
    latest: dict[int, FrozenTrial] = {}
    for trial in study.get_trials(deepcopy=False):
        if NUMBER in trial.user_attrs and trial.state.is_finished():
            latest[trial.user_attrs[NUMBER]] = trial
    return tuple(_read(trial) for _, trial in sorted(latest.items()))


def _read(stored: FrozenTrial) -> Trial:
    kept = stored.user_attrs
    # Optuna gives a pruned trial its last reported loss; a diverged one has no loss.
    complete = stored.state == TrialState.COMPLETE
    return Trial(
        number=kept[NUMBER],
        state=STATES[stored.state],
        params=HyperParams.from_mapping(stored.params),
        loss=stored.values[0] if complete else None,
        seconds=float(kept.get("seconds", 0.0)),
        epochs=int(kept.get("epochs", 0)),
        curve=stored.intermediate_values,
        standard_error=kept.get("standard_error"),
        block_losses=tuple(kept.get("block_losses", ())),
        reason=kept.get("reason", ""),
    )


def begun_params(study: optuna.Study) -> dict[int, HyperParams]:
    """Return the parameters of every trial that was ever started, in any state."""
    return {
        trial.user_attrs[NUMBER]: HyperParams.from_mapping(trial.params)
        for trial in study.get_trials(deepcopy=False)
        if NUMBER in trial.user_attrs and trial.params
    }


def begin_trial(study: optuna.Study, spec: TrialSpec, space: Space) -> optuna.Trial:
    """Store a trial as RUNNING, with everything needed to train it again.

    It is one transaction: a kill leaves the whole trial or nothing. `Study.ask` commits each
    parameter separately, and a trial with half of them would run again with defaults for the rest.
    """
    params = searched_part(spec.params, space)
    record = {NUMBER: spec.number, SPEC: asdict(spec), ENVIRONMENT: describe_environment()}
    template = create_trial(
        state=TrialState.RUNNING,
        params=params,
        distributions=active_distributions(params, space),
        user_attrs=record,
    )
    return optuna.Trial(study, study._storage.create_new_trial(study._study_id, template))


def record_trial(study: optuna.Study, stored: optuna.Trial, trial: Trial) -> None:
    """Store how a trial ended: its curve, seconds, loss and state."""
    with_seconds = len(study.directions) > 1
    if not with_seconds:  # Optuna refuses intermediate values if there are two objectives
        for step, loss in trial.curve.items():
            stored.report(loss, step)
    stored.set_user_attr("seconds", trial.seconds)
    stored.set_user_attr("epochs", trial.epochs)
    stored.set_user_attr("block_losses", trial.block_losses)
    if trial.standard_error is not None:
        stored.set_user_attr("standard_error", trial.standard_error)
    if trial.reason:
        stored.set_user_attr("reason", trial.reason)
    if trial.loss is None:
        study.tell(stored, state=TrialState[trial.state])
    else:
        study.tell(stored, [trial.loss, trial.seconds][: len(study.directions)])


def pareto_front(study: optuna.Study) -> tuple[int, ...]:
    """Return the numbers of the trials on the Pareto front of loss and seconds, by seconds.

    It is empty if only loss is minimised.
    """
    if len(study.directions) < 2:
        return ()
    front = sorted(study.best_trials, key=lambda trial: trial.values[1])
    return tuple(trial.user_attrs[NUMBER] for trial in front)
