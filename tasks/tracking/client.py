"""MLflow's client for a night: quiet, patient with a locked database, with clear errors."""

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
"""How long to wait for another writer's lock. MLflow itself gives up after 20 s per call."""

_LOCKED = "TEMPORARILY_UNAVAILABLE"

_TORN_UPGRADE = re.compile(r"table \S+ already exists|duplicate column name")
"""MLflow's error on tables whose upgrade was interrupted."""


class PatientClient:
    """An MlflowClient that repeats its calls while the database is locked.

    A call that found it locked was rolled back completely, so repeating it duplicates nothing.
    A missing SQLite store is created.
    """

    def __init__(self, uri: str) -> None:
        path = uri.removeprefix("sqlite:///")
        if path != uri:
            make_whole(Path(path), _RUNS)
        self._client = patiently(lambda: MlflowClient(tracking_uri=uri, registry_uri=uri))

    def find_night(self, run: str) -> str | None:
        """Return the id of the night with this id, or of the latest one with this name."""
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
        """Return a run's text file, or None if it has none with that name."""
        if name not in {item.path for item in self.list_artifacts(run_id)}:
            return None
        with TemporaryDirectory() as folder:
            return Path(self.download_artifacts(run_id, name, folder)).read_text(encoding="utf-8")

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method: Callable[..., Any] = getattr(self._client, name)

        @wraps(method)
        def call(*arguments: object, **options: object) -> Any:
            return patiently(lambda: method(*arguments, **options))

        return call


def patiently(call: Callable[[], Result]) -> Result:
    """Repeat a call until the database is free, with growing pauses; other errors are raised."""
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
    # On opening a store MLflow passes on the database's own error.
    return isinstance(error, OperationalError) and "database is locked" in str(error)


def _build(path: Path) -> None:
    from mlflow.store.tracking import DEFAULT_LOCAL_FILE_AND_ARTIFACT_PATH  # noqa: PLC0415 - only on a first night
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore  # noqa: PLC0415 - as above

    root = DEFAULT_LOCAL_FILE_AND_ARTIFACT_PATH
    store = SqlAlchemyStore(f"sqlite:///{path}", root)  # type: ignore[no-untyped-call]
    store.engine.dispose()


def _is_whole(database: sqlite3.Connection, tables: set[str]) -> bool:
    # MLflow writes the default experiment last, and the store of an older version has it too.
    return "experiments" in tables and has_rows(database, "experiments")


_RUNS = StoreKind("tracking.uri", _build, _is_whole, frozenset({"alembic_version", "workspaces"}))


def quiet_mlflow() -> None:
    """Keep migrations and notices of MLflow off the user's terminal; errors are raised anyway."""
    for name in ("alembic", "mlflow"):
        logging.getLogger(name).setLevel(logging.ERROR)
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)


def resolve_uri(uri: str) -> str:
    """Return the tracking URI with an absolute SQLite path, and create its folder."""
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
    """Raise ConfigError if the address is not valid, or names a SQLite file that does not exist."""
    try:
        TrackingConfig(uri=uri)
    except ValueError as error:
        reason = str(error).splitlines()[-2].strip().removeprefix("Value error, ")
        raise ConfigError(f"--uri {reason.partition(' [type=')[0]}") from None
    path = uri.removeprefix("sqlite:///")
    if path != uri and not Path(path).is_file():
        raise ConfigError(
            f"--uri must name a database of runs but there is no {path}; pass another"
        )


@contextmanager
def refusals_named(uri: str) -> Iterator[None]:
    """Turn an error of a store into a StorageError that names the store, without its password."""
    try:
        yield
    except (OSError, MlflowException, SQLAlchemyError) as error:
        raise refusal(uri, error) from error


def refusal(uri: str, error: Exception) -> StorageError:
    """Return the StorageError that says why a store failed."""
    reason = " ".join(str(getattr(error, "orig", None) or error).split())[:200]
    remedy = "make it writable or set tracking.uri"
    if _TORN_UPGRADE.search(reason):
        remedy = (
            "an upgrade of its tables was interrupted: restore an earlier copy, or set "
            "tracking.uri to a new file"
        )
    return StorageError(
        f"cannot record runs at {hide_password(uri)}: {hide_password(reason)}; {remedy}"
    )
