"""Files that never change: each has the hash of its bytes in its name, so damage shows."""

import hashlib
from pathlib import Path

from lstm_model.errors import StorageError
from tasks.data.store.folder import set_aside
from tasks.files import write_atomically


def write_hashed(folder: Path, stem: str, content: bytes) -> Path:
    """Write `<stem>-<hash>.parquet`; raises StorageError if the disk fails."""
    path = folder / f"{stem}-{_sha16(content)}.parquet"
    return write_atomically(path, lambda partial: partial.write_bytes(content))


def read_hashed(path: Path) -> bytes | None:
    """Return a file's bytes; None if they do not match its name, and the file is set aside.

    Raises StorageError if it cannot be read.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise StorageError(
            f"cannot read {path}: {error.strerror or error}; make it readable"
        ) from error
    if path.stem.endswith(f"-{_sha16(content)}"):
        return content
    set_aside(path, "it does not match the hash in its name")
    return None


def _sha16(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]
