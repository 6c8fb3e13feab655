"""Content hashes (sha256) of files and folders. Imports nothing of ours: it must load anywhere."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

Files = Iterable[tuple[str, bytes]]
"""Paths within a folder, with / between their parts, and contents."""


def content_sha256(files: Files) -> str:
    """Return one hash of names and contents; the order of the files does not matter."""
    digest = hashlib.sha256()
    for name, content in sorted(files):
        digest.update(f"{name}\n".encode())
        digest.update(hashlib.sha256(content).digest())
    return digest.hexdigest()


def files_of(folder: Path, pattern: str = "*") -> list[tuple[str, bytes]]:
    """Read the folder's files, at any depth; what Python compiled (__pycache__) is left out."""
    return [
        (path.relative_to(folder).as_posix(), path.read_bytes())
        for path in sorted(folder.rglob(pattern))
        if path.is_file() and "__pycache__" not in path.parts
    ]


def folder_sha256(folder: Path) -> str:
    """Return the hash of all files of a folder."""
    return content_sha256(files_of(folder))


def code_sha256(package: Path) -> str:
    """Return the hash of a package's Python files."""
    return content_sha256(files_of(package, "*.py"))
