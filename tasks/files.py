"""Atomic writes: a file is complete or absent."""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError

from lstm_model.errors import StorageError


def write_atomically(path: Path, write: Callable[[Path], object]) -> Path:
    """Call `write` on a temporary file next to `path`, sync it, and move it into place.

    Raises StorageError if the disk is full or read-only; an existing file at `path` then stays.
    """
    partial: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        os.close(handle)
        partial = Path(name)
        write(partial)
        partial.chmod(0o666 & ~_umask())
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        raise StorageError(
            f"cannot write {path}: {error.strerror or error}; free space or make it writable"
        ) from error
    finally:
        if partial is not None:
            partial.unlink(missing_ok=True)
    return path


def move_into_place(folder: Path, place: Path) -> Path:
    """Move a finished folder to its place, and replace a folder that exists there."""
    for file in folder.iterdir():
        with file.open("rb") as written:
            os.fsync(written.fileno())
    with tempfile.TemporaryDirectory(prefix=f".{place.name}.", dir=place.parent) as old:
        if place.exists():
            place.replace(Path(old) / place.name)
        folder.replace(place)
    return place


def _umask() -> int:
    # The only way to read it is to set it.
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


@contextmanager
def refuse_politely(what: str) -> Iterator[None]:
    """Turn a disk error into a StorageError that names what was being written."""
    try:
        yield
    except (OSError, SafetensorError) as error:
        reason = getattr(error, "strerror", None) or error
        raise StorageError(
            f"cannot write {what}: {reason}; free space or make it writable"
        ) from error
