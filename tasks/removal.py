"""Removing what is no longer needed: folders, and the free space in a SQLite file."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from lstm_model.errors import StorageError
from tasks.files import refuse_politely

GONE = ".gone-"
"""What the name of a folder begins with while it is removed; a kill may leave one."""

BUSY_SECONDS = 5.0
MOST_FREE = 0.1
"""Share of a SQLite file that may be free before it is written anew."""


@dataclass(frozen=True, slots=True)
class Removal:
    """Something that is removed: what it is, and its size on disk, None where nobody knows."""

    what: str
    size: int | None = None


@contextmanager
def held_by_one(path: Path) -> Iterator[None]:
    """Hold a lock file; raises StorageError if another process has it."""
    with refuse_politely(str(path)):
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path, timeout=0)
        try:
            lock.acquire()
        except Timeout:
            raise StorageError(
                f"only one lstm-hpo gc may run at a time but another holds {path}; wait for it"
            ) from None
    try:
        yield
    finally:
        lock.release()


def bytes_text(size: int | None) -> str:
    """Return a size as people read it."""
    if size is None:
        return "?"
    return f"{size / 1e6:.1f} MB" if size < 1e9 else f"{size / 1e9:.2f} GB"


def folder_size(folder: Path) -> int:
    """Return the bytes of all files in a folder; one that is not there has none."""
    total = 0
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):
            total += 0 if path.is_dir() else path.lstat().st_size
    return total


def remove_folder(folder: Path) -> None:
    """Remove a folder, if it is there; to everybody else it is whole or gone, even after a kill.

    Raises StorageError if the disk refuses.
    """
    with refuse_politely(f"{folder}, which is to be deleted"):
        if not folder.exists():
            return
        aside = folder if folder.name.startswith(GONE) else folder.with_name(GONE + folder.name)
        if aside != folder:
            if aside.exists():
                shutil.rmtree(aside)
            folder.replace(aside)
        shutil.rmtree(aside)


def half_removed(folder: Path) -> tuple[Path, ...]:
    """Return the folders in `folder` whose removal was cut off."""
    return tuple(sorted(folder.glob(f"{GONE}*")))


def compact(address: str) -> int:
    """Write a SQLite store anew where over a tenth of it is free; return the bytes that it lost.

    A store that is busy, and one that is no file, stays as it is. A kill leaves the old file.
    """
    try:
        url = make_url(address)
    except ArgumentError:
        return 0
    path = Path(url.database or "")
    if url.get_backend_name() != "sqlite" or not path.is_file():
        return 0
    before = path.stat().st_size
    with suppress(sqlite3.OperationalError), closing(sqlite3.connect(path)) as database:
        database.execute(f"pragma busy_timeout = {int(BUSY_SECONDS * 1000)}")
        (free,) = database.execute("pragma freelist_count").fetchone()
        (pages,) = database.execute("pragma page_count").fetchone()
        if free > MOST_FREE * pages:
            database.execute("vacuum")
    return max(0, before - path.stat().st_size)
