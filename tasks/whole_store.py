"""SQLite stores are complete or absent: created in a temporary file, then moved into place.

SQLite commits each CREATE separately. If a first night were killed while MLflow or Optuna creates
its tables, some of them would remain, and MLflow would refuse the file forever.
"""

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from filelock import FileLock, Timeout
from sqlalchemy import Engine, event

from lstm_model.errors import StorageError
from tasks.progress import print_note

PATIENCE_SECONDS = 120.0
"""How long to wait for a process that creates the same store."""

QUIET_SECONDS = 5.0
"""How long an incomplete store is left alone after its last change; its creator may still run."""


@dataclass(frozen=True, slots=True)
class StoreKind:
    """How to create a kind of store, and how to recognise a complete one."""

    setting: str
    """Key of the configuration that names the file."""
    build: Callable[[Path], None]
    """Creates a new store at a path, and leaves no connection open."""
    is_whole: Callable[[sqlite3.Connection, set[str]], bool]
    """Returns, from a connection and the table names, whether the store is complete."""
    filled_when_made: frozenset[str]
    """Tables into which the creation itself writes rows; a row elsewhere is data."""


def make_whole(path: Path, kind: StoreKind) -> None:
    """Create the store if it is missing; set an incomplete one aside first.

    A store that can be opened is not touched. Raises StorageError if the file is incomplete and has
    data, if another process takes too long to create it, or if the disk fails.
    """
    if _is_whole(path, kind):
        return
    try:
        with _made_alone(path):
            _wait_for_another_program(path, kind)
            if not _is_whole(path, kind):
                _refuse_data(path, kind)
                _set_aside(path)
                _make(path, kind)
    except sqlite3.Error as error:
        raise StorageError(
            f"cannot create a store at {path}: {error}; set {kind.setting} to another file"
        ) from error


def _is_whole(path: Path, kind: StoreKind) -> bool:
    """Return whether the store is complete; a file that SQLite cannot read counts as complete."""
    if not path.exists() or (path.is_file() and path.stat().st_size == 0):
        return False
    try:
        with _opened(path) as database:
            return kind.is_whole(database, _tables(database))
    except sqlite3.Error:
        return True


def _refuse_data(path: Path, kind: StoreKind) -> None:
    """Raise StorageError if an incomplete store has rows that its creation did not write."""
    if not path.exists():
        return
    with _opened(path) as database:
        data = {
            table
            for table in _tables(database) - kind.filled_when_made
            if has_rows(database, table)
        }
    if data:
        raise StorageError(
            f"{kind.setting} must be a complete store or a new file but {path} is incomplete and "
            f"has rows ({', '.join(sorted(data)[:3])}); set {kind.setting} to another file"
        )


def has_rows(database: sqlite3.Connection, table: str) -> bool:
    """Return whether an existing table has a row."""
    query = f'select exists (select 1 from "{table}")'  # noqa: S608 - a name from the schema
    return bool(database.execute(query).fetchone()[0])


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    # Not read-only: opening it rolls back what a killed writer left half-written.
    address = f"file:{quote(str(path))}?mode=rw"
    with closing(sqlite3.connect(address, timeout=60, uri=True)) as database:
        yield database


def _tables(database: sqlite3.Connection) -> set[str]:
    rows = database.execute(
        "select name from sqlite_master where type = 'table' and name not like 'sqlite_%'"
    )
    return {name for (name,) in rows}


@contextmanager
def _made_alone(path: Path) -> Iterator[None]:
    """Hold the lock next to the store; the system frees it when its holder ends, even if killed."""
    lock = FileLock(path.with_name(f".{path.name}.lock"), timeout=PATIENCE_SECONDS)
    try:
        lock.acquire()
    except Timeout:
        raise StorageError(
            f"one process at a time may create a store but another has been creating {path} for "
            f"{PATIENCE_SECONDS:g} s; end that process"
        ) from None
    try:
        yield
    finally:
        lock.release()


def _wait_for_another_program(path: Path, kind: StoreKind) -> None:
    """Wait while an incomplete store still changes: `mlflow ui` creates one without a lock."""
    while path.exists() and not _is_whole(path, kind):
        parts = (part for part in (path, *_companions(path)) if part.exists())
        changed = max((part.stat().st_mtime for part in parts), default=0.0)
        if not 0 <= time.time() - changed < QUIET_SECONDS:
            return
        time.sleep(0.2)


def _companions(path: Path) -> tuple[Path, ...]:
    return tuple(path.with_name(path.name + end) for end in ("-journal", "-wal", "-shm"))


def _set_aside(path: Path) -> None:
    """Rename an incomplete store and SQLite's files next to it, and tell the user."""
    if path.exists() and path.stat().st_size == 0:
        path.unlink()
    aside = _free_name(path)
    # SQLite would replay a remaining journal into the new store.
    for part in (path, *_companions(path)):
        if part.exists():
            part.replace(aside.with_name(aside.name + part.name.removeprefix(path.name)))
    if aside.exists():
        print_note(
            f"{path} was interrupted while it was created and is empty; "
            f"it is set aside as {aside.name}, and a new one is created"
        )


def _free_name(path: Path) -> Path:
    aside = path.with_name(f"{path.name}.torn-{time.strftime('%Y%m%d-%H%M%S')}")
    while aside.exists():
        aside = aside.with_name(f"{aside.name}x")
    return aside


def _make(path: Path, kind: StoreKind) -> None:
    """Build a store in a temporary file and move it into place, synced, without a log to replay."""
    new = path.with_name(f".{path.name}.making")
    _remove(new)  # left by a killed process: we hold the lock
    try:
        with _unsynced(new):
            kind.build(new)
        with _opened(new) as database:
            database.execute("pragma wal_checkpoint(truncate)")
        _sync(new)
        new.replace(path)
        _sync(path.parent)
    finally:
        _remove(new)


def _remove(path: Path) -> None:
    for part in (path, *_companions(path)):
        part.unlink(missing_ok=True)


@contextmanager
def _unsynced(path: Path) -> Iterator[None]:
    """Skip syncing for a file that nobody needs yet; this takes a fifth of the time."""

    def skip(connection: object, _record: object) -> None:
        if isinstance(connection, sqlite3.Connection):
            (_, _, file) = connection.execute("pragma database_list").fetchone()
            if Path(file).resolve() == path.resolve():
                connection.execute("pragma synchronous = off")

    event.listen(Engine, "connect", skip)
    try:
        yield
    finally:
        event.remove(Engine, "connect", skip)


def _sync(path: Path) -> None:
    if path.is_dir() and os.name == "nt":  # Windows has no handle for a folder
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
