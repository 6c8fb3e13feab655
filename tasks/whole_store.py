"""A SQLite store is there whole or not at all: made in a file beside, and moved into place.

SQLite commits every CREATE by itself, so a first night that is killed while MLflow or Optuna makes
its tables would leave a part of them, which MLflow refuses for ever.
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
"""How long a process that makes the same store is waited for."""

QUIET_SECONDS = 5.0
"""How long a store in parts is left alone after its last change: another program may make it."""


@dataclass(frozen=True, slots=True)
class StoreKind:
    """What makes a kind of store, and what a whole one is known by."""

    setting: str
    """The key of the configuration that names the file."""
    build: Callable[[Path], None]
    """Makes a new one at a path, and leaves no connection open."""
    is_whole: Callable[[sqlite3.Connection, set[str]], bool]
    """Says from a connection and the names of the tables whether the making came to its end."""
    filled_when_made: frozenset[str]
    """Tables with rows that the making itself writes; a row elsewhere is data."""


def make_whole(path: Path, kind: StoreKind) -> None:
    """Make the store if it is not there; set one aside that was cut off while it was made.

    One that can be opened is not touched. Raises StorageError where the file is in parts and holds
    data, where another process makes it for too long, or where the disk refuses.
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
            f"cannot make a store at {path}: {error}; set {kind.setting} to another file"
        ) from error


def _is_whole(path: Path, kind: StoreKind) -> bool:
    """Say whether the store was made to its end; what SQLite cannot read its library may refuse."""
    if not path.exists() or (path.is_file() and path.stat().st_size == 0):
        return False
    try:
        with _opened(path) as database:
            return kind.is_whole(database, _tables(database))
    except sqlite3.Error:
        return True


def _refuse_data(path: Path, kind: StoreKind) -> None:
    """Raise StorageError where a store in parts holds rows which its making did not write."""
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
            f"{kind.setting} names a whole store or a new file but {path} is neither and "
            f"holds rows ({', '.join(sorted(data)[:3])}); set {kind.setting} to another file"
        )


def has_rows(database: sqlite3.Connection, table: str) -> bool:
    """Say whether a table that is there holds a row."""
    query = f'select exists (select 1 from "{table}")'  # noqa: S608 - a name from the schema
    return bool(database.execute(query).fetchone()[0])


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    # Not read-only: what a killed writer left half-written is rolled back by whoever opens it next.
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
    """Hold the lock beside the store; the system frees it when its holder ends, however it ends."""
    lock = FileLock(path.with_name(f".{path.name}.lock"), timeout=PATIENCE_SECONDS)
    try:
        lock.acquire()
    except Timeout:
        raise StorageError(
            f"a store is made by one process at a time but {path} has been in the making for "
            f"{PATIENCE_SECONDS:g} s; end the process that makes it"
        ) from None
    try:
        yield
    finally:
        lock.release()


def _wait_for_another_program(path: Path, kind: StoreKind) -> None:
    """Wait while a store in parts still changes: `mlflow ui` makes one in place, with no lock."""
    while path.exists() and not _is_whole(path, kind):
        parts = (part for part in (path, *_companions(path)) if part.exists())
        changed = max((part.stat().st_mtime for part in parts), default=0.0)
        if not 0 <= time.time() - changed < QUIET_SECONDS:
            return
        time.sleep(0.2)


def _companions(path: Path) -> tuple[Path, ...]:
    return tuple(path.with_name(path.name + end) for end in ("-journal", "-wal", "-shm"))


def _set_aside(path: Path) -> None:
    """Rename a store in parts, with all that SQLite keeps beside it, and name it to the user."""
    if path.exists() and path.stat().st_size == 0:
        path.unlink()
    aside = _free_name(path)
    # A journal that stayed would be played back into the new store.
    for part in (path, *_companions(path)):
        if part.exists():
            part.replace(aside.with_name(aside.name + part.name.removeprefix(path.name)))
    if aside.exists():
        print_note(
            f"{path} was cut off while it was made and holds nothing; "
            f"it is set aside as {aside.name}, and a new one is made"
        )


def _free_name(path: Path) -> Path:
    aside = path.with_name(f"{path.name}.torn-{time.strftime('%Y%m%d-%H%M%S')}")
    while aside.exists():
        aside = aside.with_name(f"{aside.name}x")
    return aside


def _make(path: Path, kind: StoreKind) -> None:
    """Build a store in a file beside and move it into place, synced, with no log to replay."""
    new = path.with_name(f".{path.name}.making")
    _remove(new)  # a killed maker's: we hold the lock
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
    """Let connections to a file that nobody needs yet skip the disk: a fifth of the time."""

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
    if path.is_dir() and os.name == "nt":  # no handle to be had of a folder
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
