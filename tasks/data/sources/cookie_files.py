"""The files in which yfinance keeps its cookies from night to night: dropped if damaged."""

import sqlite3
from contextlib import closing
from pathlib import Path

from lstm_model.errors import StorageError
from tasks.progress import print_note


def open_cache(folder: Path) -> None:
    """Make the folder, and drop damaged databases in it; yfinance fetches what it lacks.

    yfinance itself fails at such a file, before every request and as if the source had failed.
    Raises StorageError if the folder or a database cannot be used.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(
            f"data.raw_dir must be writable but {folder} cannot be made: {error}"
        ) from error
    for path in sorted(folder.glob("*.db")):
        try:
            if not _is_whole(path):
                _drop(path)
        except (sqlite3.Error, OSError) as error:
            raise StorageError(
                f"{path} must be a file of cookies but cannot be used: {error}; remove it"
            ) from error


def _is_whole(path: Path) -> bool:
    """Return whether a database can be read; raises sqlite3.OperationalError if not even opened."""
    try:
        with closing(sqlite3.connect(path)) as database:
            (found,) = database.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError:
        return False
    return bool(found == "ok")


def _drop(path: Path) -> None:
    print_note(f"{path} is damaged and removed; the cookies in it are fetched again")
    for ending in ("", "-wal", "-shm"):
        path.with_name(path.name + ending).unlink(missing_ok=True)
