"""A file of JSON lines that is only appended to; a last line that was cut has not happened."""

import json
import os
from pathlib import Path
from typing import Any

from lstm_model.errors import StorageError
from tasks.files import refuse_politely


def append_line(path: Path, facts: dict[str, object]) -> None:
    """Append a line and sync it to disk, after removing a last line that was cut."""
    with refuse_politely(str(path)):
        path.parent.mkdir(parents=True, exist_ok=True)
        content = path.read_bytes() if path.exists() else b""
        torn = content.rpartition(b"\n")[2]
        with path.open("r+b" if content else "wb") as file:
            file.truncate(len(content) - len(torn))
            file.seek(0, os.SEEK_END)
            file.write(json.dumps(facts, sort_keys=True).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())


def read_lines(path: Path, what: str) -> list[dict[str, Any]]:
    """Read every line that was written whole; raises StorageError for a damaged one.

    what: the file's name in that error, such as "the champion's journal".
    """
    with refuse_politely(str(path)):
        if not path.exists():
            return []
        lines = path.read_text("utf-8", errors="replace").splitlines(keepends=True)
    found = []
    for place, line in enumerate(lines, start=1):
        try:
            facts = dict(json.loads(line))
        except (ValueError, TypeError) as error:
            if place == len(lines) and not line.endswith("\n"):
                break
            raise damaged(path, what, place) from error
        found.append(facts)
    return found


def damaged(path: Path, what: str, place: int) -> StorageError:
    """Return the error that names a damaged line."""
    return StorageError(
        f"line {place} of {what} {path} must be readable but is not; restore the file from a backup"
    )
