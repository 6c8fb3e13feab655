"""The persistent study: opened under a lock, read as plain trials, written by its owner alone."""

import datetime as dt
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import optuna
from filelock import FileLock, Timeout
from optuna.exceptions import StorageInternalError
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import make_url
from sqlalchemy.exc import SQLAlchemyError

from lstm_model.config.pipeline import PipelineConfig
from lstm_model.config.section import canonical_sha256, hide_password
from lstm_model.errors import SearchError, StorageError
from lstm_model.search.hyper_params import Params
from lstm_model.search.sampling import FinishedTrial
from lstm_model.search.space import Space, active_distributions
from tasks.data.data_set import DataSet
from tasks.search.environment import describe_environment
from tasks.search.progress import notice
from tasks.search.trial import TrialOrder, TrialOutcome

NUMBER = "number"
"""The user attribute of a trial's number in the search; a trial that is run again keeps it."""

ORDER, ENVIRONMENT = "order", "environment"
"""User attributes of a trial: all that it was trained from, and what with."""

SPACE, QUEUED, CONFIG, SNAPSHOT = "space_sha256", "queued", "config", "snapshot_sha256"
"""User attributes of a study; what is queued it tries before anything is drawn."""


@dataclass(frozen=True, slots=True)
class TrialRow:
    """One row of the study's table; `stretch_losses` are there for a completed trial."""

    number: int
    state: str
    value: float | None
    params: Params
    epochs: int
    seconds: float
    standard_error: float | None = None
    stretch_losses: tuple[float, ...] = ()


def study_key(config: PipelineConfig, data_set: DataSet, study_name: str) -> str:
    """Name the study by all that its losses depend on: two that differ are never mixed."""
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
    """Return the hash of the space alone, by which a later night finds studies to start from."""
    return canonical_sha256(_space(config))


def _space(config: PipelineConfig) -> dict[str, object]:
    return {name: domain.model_dump() for name, domain in config.search.space.items()}


@contextmanager
def open_study(config: PipelineConfig, key: str, study_name: str) -> Iterator[optuna.Study]:
    """Open or create the study under its lock; tell of studies of the same name on other data.

    Raises SearchError where another process holds it, StorageError where the database refuses.
    """
    address = config.search.storage
    with open_storage(address) as storage, _held_alone(address, key, study_name):
        others = [
            name
            for name in optuna.get_all_study_names(storage)
            if name.startswith(f"{study_name}@") and name != key
        ]
        study = optuna.create_study(
            storage=storage,
            study_name=key,
            directions=["minimize"] * len(config.search.minimise),
            load_if_exists=True,
        )
        if others and not study.trials:
            notice(
                f"study {study_name} exists on other data, space or settings "
                f"({', '.join(others[-3:])}); this is a new one, {key}"
            )
        yield study


@contextmanager
def open_storage(address: str) -> Iterator[optuna.storages.RDBStorage]:
    """Open the database of studies; a lock of another writer is waited for, up to a minute.

    Raises StorageError where the database refuses, then or in the block.
    """
    try:
        url = make_url(address)
        connect: dict[str, object] = {}
        if url.get_backend_name() == "sqlite" and url.database:
            path = Path(url.database).resolve()
            path.parent.mkdir(parents=True, exist_ok=True)
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


@contextmanager
def _held_alone(address: str, key: str, study_name: str) -> Iterator[None]:
    """Hold the study's lock, a file beside SQLite's or else in `data`: it binds one machine."""
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
    """Fail every RUNNING trial: we hold the lock, so whoever asked for it is not alive any more."""
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        study.tell(trial.number, state=TrialState.FAIL)


def fix_recipe(
    study: optuna.Study, queue: tuple[Params, ...], config: PipelineConfig, data_set: DataSet
) -> tuple[Params, ...]:
    """Record what a new study is made from; return what it tries first, as fixed back then."""
    if QUEUED not in study.user_attrs:
        study.set_user_attr(SPACE, space_sha256(config))
        study.set_user_attr(CONFIG, config.model_dump(mode="json"))
        study.set_user_attr(SNAPSHOT, data_set.snapshot_sha256)
        study.set_user_attr(QUEUED, list(queue))
    return tuple(study.user_attrs[QUEUED])


def best_of_last_night(
    study: optuna.Study, study_name: str, space: str, count: int
) -> list[Params]:
    """Return the best parameters of the latest other study of this name and space."""
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
    return [dict(trial.params) for trial in ranked[:count]]


def count_family(study: optuna.Study, study_name: str) -> tuple[int, int]:
    """Count the finished trials, and the studies they are of, of every night under this name."""
    finished = (TrialState.COMPLETE, TrialState.PRUNED)
    names = [
        name
        for name in optuna.get_all_study_names(study._storage)
        if name.startswith(f"{study_name}@")
    ]
    counts = [
        len(
            optuna.load_study(study_name=name, storage=study._storage).get_trials(
                deepcopy=False, states=finished
            )
        )
        for name in names
    ]
    return sum(counts), sum(count > 0 for count in counts)


def finished_trials(study: optuna.Study) -> dict[int, FinishedTrial]:
    """Return the completed and pruned trials by their number in the search."""
    states = (TrialState.COMPLETE, TrialState.PRUNED)
    return {
        trial.user_attrs[NUMBER]: FinishedTrial(
            number=trial.user_attrs[NUMBER],
            params=trial.params,
            loss=trial.values[0] if trial.state == TrialState.COMPLETE else None,
            seconds=float(trial.user_attrs["seconds"]),
            curve=trial.intermediate_values,
        )
        for trial in study.get_trials(deepcopy=False, states=states)
    }


def proposed_params(study: optuna.Study) -> dict[int, Params]:
    """Return the parameters of every trial that was ever begun, whatever became of it."""
    return {
        trial.user_attrs[NUMBER]: trial.params
        for trial in study.get_trials(deepcopy=False)
        if NUMBER in trial.user_attrs and trial.params
    }


def begin_trial(study: optuna.Study, order: TrialOrder, space: Space) -> optuna.Trial:
    """Store a trial as RUNNING, with all that is needed to train it again."""
    record = {NUMBER: order.number, ORDER: asdict(order), ENVIRONMENT: describe_environment()}
    study.enqueue_trial(order.params, user_attrs=record)
    active = active_distributions(order.params, space)
    trial = study.ask(active)
    while trial.user_attrs.get(NUMBER) != order.number:
        # An owner that died between the two lines above left one waiting.
        study.tell(trial, state=TrialState.FAIL)
        trial = study.ask(active)
    return trial


def record_outcome(study: optuna.Study, trial: optuna.Trial, outcome: TrialOutcome) -> None:
    """Store a trial's curve, seconds, loss and state."""
    with_seconds = len(study.directions) > 1
    if not with_seconds:  # Optuna takes no intermediate values where there are two objectives
        for step, loss in outcome.curve.items():
            trial.report(loss, step)
    trial.set_user_attr("seconds", outcome.seconds)
    trial.set_user_attr("epochs", sum(len(part) for part in outcome.parts))
    trial.set_user_attr("stretch_losses", outcome.stretch_losses)
    if math.isfinite(outcome.standard_error):
        trial.set_user_attr("standard_error", outcome.standard_error)
    if outcome.reason:
        trial.set_user_attr("reason", outcome.reason)
    if outcome.validation_loss is None:
        study.tell(trial, state=TrialState[outcome.state])
    else:
        values = [outcome.validation_loss, outcome.seconds][: len(study.directions)]
        study.tell(trial, values)


def study_rows(study: optuna.Study) -> tuple[tuple[TrialRow, ...], str]:
    """Return one row a trial number, and why the last that did not complete did not."""
    latest: dict[int, FrozenTrial] = {}
    for trial in study.get_trials(deepcopy=False):
        if NUMBER in trial.user_attrs:
            latest[trial.user_attrs[NUMBER]] = trial
    rows = tuple(
        TrialRow(
            number=number,
            state=trial.state.name,
            # Optuna gives a pruned trial its last reported loss; a diverged one has no loss.
            value=trial.values[0] if trial.state == TrialState.COMPLETE else None,
            params=trial.params,
            epochs=int(trial.user_attrs.get("epochs", 0)),
            seconds=float(trial.user_attrs.get("seconds", 0.0)),
            standard_error=trial.user_attrs.get("standard_error"),
            stretch_losses=tuple(trial.user_attrs.get("stretch_losses", ())),
        )
        for number, trial in sorted(latest.items())
    )
    reasons = [t.user_attrs.get("reason", t.state.name) for t in latest.values()]
    return rows, reasons[-1] if reasons else "nothing"
