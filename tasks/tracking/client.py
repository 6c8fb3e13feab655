"""MLflow's client as a night uses it: quiet, patient with a locked database, its store named."""

import logging
import os
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError, OperationalError, SQLAlchemyError
from tenacity import Retrying, retry_if_exception, stop_before_delay, wait_exponential_jitter

from lstm_model.config.pipeline import TrackingConfig
from lstm_model.config.section import hide_password
from lstm_model.errors import ConfigError, StorageError
from tasks.whole_store import StoreKind, has_rows, make_whole

Result = TypeVar("Result")

PATIENCE_SECONDS = 120.0
"""How long another writer's lock is waited for. MLflow itself gives up after 20 s a call."""

_LOCKED = "TEMPORARILY_UNAVAILABLE"

_TORN_UPGRADE = re.compile(r"table \S+ already exists|duplicate column name")
"""What MLflow says of tables that it began to upgrade and finds changed in part."""


class PatientClient:
    """An MlflowClient whose calls are made again while the database is locked.

    A call that found it locked was rolled back whole, so making it again doubles nothing.
    A SQLite store that is not there is made, whole.
    """

    def __init__(self, uri: str) -> None:
        path = uri.removeprefix("sqlite:///")
        if path != uri:
            make_whole(Path(path), _RUNS)
        self._client = _patiently(lambda: MlflowClient(tracking_uri=uri, registry_uri=uri))

    def find_night(self, run: str) -> str | None:
        """Return the id of the night with this id or name, the latest of that name."""
        try:
            return str(self.get_run(run).info.run_id)
        except MlflowException:
            pass
        experiments = [e.experiment_id for e in self.search_experiments()]
        named = self.search_runs(
            experiments,
            "tags.role = 'night'",
            max_results=1000,
            order_by=["attributes.start_time DESC"],
        )
        return next((r.info.run_id for r in named if r.info.run_name == run), None)

    def read_text(self, run_id: str, name: str) -> str | None:
        """Return a run's text file, None where it has none of that name."""
        if name not in {item.path for item in self.list_artifacts(run_id)}:
            return None
        with TemporaryDirectory() as folder:
            return Path(self.download_artifacts(run_id, name, folder)).read_text(encoding="utf-8")

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method: Callable[..., Any] = getattr(self._client, name)

        @wraps(method)
        def call(*arguments: object, **options: object) -> Any:
            return _patiently(lambda: method(*arguments, **options))

        return call


def _patiently(call: Callable[[], Result]) -> Result:
    """Make a call until the database is free, after pauses that grow; another error is raised."""
    attempts = Retrying(
        retry=retry_if_exception(_is_lock),
        wait=wait_exponential_jitter(multiplier=0.1, max=5, jitter=0.1),
        stop=stop_before_delay(PATIENCE_SECONDS),
        reraise=True,
    )
    return attempts(call)


def _is_lock(error: BaseException) -> bool:
    if isinstance(error, MlflowException):
        return bool(error.error_code == _LOCKED)
    # Opening a store, MLflow lets its database's own error through.
    return isinstance(error, OperationalError) and "database is locked" in str(error)


def _build(path: Path) -> None:
    from mlflow.store.tracking import DEFAULT_LOCAL_FILE_AND_ARTIFACT_PATH  # noqa: PLC0415 - on a first night alone
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore  # noqa: PLC0415 - as above

    root = DEFAULT_LOCAL_FILE_AND_ARTIFACT_PATH
    store = SqlAlchemyStore(f"sqlite:///{path}", root)  # type: ignore[no-untyped-call]
    store.engine.dispose()


def _is_whole(database: sqlite3.Connection, tables: set[str]) -> bool:
    # The default experiment is what MLflow writes last, and an older version's store has it too.
    return "experiments" in tables and has_rows(database, "experiments")


_RUNS = StoreKind("tracking.uri", _build, _is_whole, frozenset({"alembic_version", "workspaces"}))


def quiet_mlflow() -> None:
    """Keep migrations and notices of MLflow off the user's terminal; what fails is raised too."""
    for name in ("alembic", "mlflow"):
        logging.getLogger(name).setLevel(logging.ERROR)
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)


def resolve_uri(uri: str) -> str:
    """Return the tracking URI with a SQLite path made absolute, and its folder made."""
    try:
        url = make_url(uri)
    except ArgumentError:
        return uri
    if url.get_backend_name() != "sqlite" or not url.database:
        return uri
    path = Path(url.database).resolve()
    with refusals_named(uri):
        path.parent.mkdir(parents=True, exist_ok=True)
        if not os.access(path.parent, os.W_OK):
            raise PermissionError(f"{path.parent} is read-only")
    return f"sqlite:///{path}"


def require_store(uri: str) -> None:
    """Raise ConfigError where an address is none, or names a SQLite file that is not there."""
    try:
        TrackingConfig(uri=uri)
    except ValueError as error:
        reason = str(error).splitlines()[-2].strip().removeprefix("Value error, ")
        raise ConfigError(f"--uri {reason.partition(' [type=')[0]}") from None
    path = uri.removeprefix("sqlite:///")
    if path != uri and not Path(path).is_file():
        raise ConfigError(f"--uri names a database of runs but there is no {path}; name another")


@contextmanager
def refusals_named(uri: str) -> Iterator[None]:
    """Turn a store's refusal into a StorageError that names it, without its password."""
    try:
        yield
    except (OSError, MlflowException, SQLAlchemyError) as error:
        raise refusal(uri, error) from error


def refusal(uri: str, error: Exception) -> StorageError:
    """Return the StorageError that says why a store refused."""
    reason = " ".join(str(getattr(error, "orig", None) or error).split())[:200]
    remedy = "make it writable or set tracking.uri"
    if _TORN_UPGRADE.search(reason):
        remedy = (
            "an upgrade of its tables was cut off: put back a copy from before, or set "
            "tracking.uri to a new file"
        )
    return StorageError(
        f"cannot record runs at {hide_password(uri)}: {hide_password(reason)}; {remedy}"
    )
