"""Writing a file so that it is there whole or not at all."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from lstm_model.errors import StorageError


def write_atomically(path: Path, write: Callable[[Path], object]) -> Path:
    """Call `write` on a temporary neighbour of `path`, sync it, and move it into place.

    Raises StorageError where the disk refuses (full, read-only); what stood at `path` stays.
    """
    partial: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        os.close(handle)
        partial = Path(name)
        write(partial)
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        if partial is not None:
            partial.unlink(missing_ok=True)
        raise StorageError(
            f"cannot write {path}: {error.strerror or error}; free or mount it"
        ) from error
    return path
