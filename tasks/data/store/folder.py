"""Where a store keeps its files, who may write, and what happens to a file that is damaged."""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote

from filelock import FileLock, Timeout

from lstm_model.errors import StorageError
from tasks.files import refuse_politely
from tasks.progress import print_note

WAIT_SECONDS = 60.0
"""How long a writer waits for another; storing a ticker takes a tenth of a second."""

SNAPSHOTS = "snapshots"


@dataclass(frozen=True, slots=True)
class Store:
    """A store of bars in a folder."""

    root: Path

    def folder_of(self, source: str, ticker: str) -> Path:
        """Return a ticker's folder; two sources of one ticker never share it."""
        return self.root / source / quote(ticker, safe="^=-&")

    @property
    def snapshots(self) -> Path:
        """The folder of the snapshots."""
        return self.root / SNAPSHOTS

    def tickers(self) -> list[tuple[str, str]]:
        """Return source and ticker of everything stored, by name."""
        folders = {path.parent for path in self.root.glob("*/*/known-*.parquet")}
        return sorted((folder.parent.name, unquote(folder.name)) for folder in folders)

    @contextmanager
    def writing(self, wait_seconds: float = WAIT_SECONDS) -> Iterator[None]:
        """Hold the store against a second writer; raises StorageError if one does not finish."""
        with refuse_politely(f"the store of bars in {self.root}"):
            self.root.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.root / ".lock", timeout=wait_seconds)
            try:
                lock.acquire()
            except Timeout:
                raise StorageError(
                    f"only one run may write to the store of bars in {self.root} but another has "
                    f"held it for {wait_seconds:g} s; wait for it to end, or set another "
                    f"data.raw_dir"
                ) from None
        try:
            yield
        finally:
            lock.release()


def set_aside(path: Path, reason: str) -> Path:
    """Rename a damaged file so that nothing reads it again, and name it in a note."""
    stamp = dt.datetime.now(dt.UTC).strftime("%Y%m%dT%H%M%S%f")
    aside = path.with_name(f"{path.name}.damaged-{stamp}")
    with refuse_politely(str(aside)):
        path.replace(aside)
    print_note(f"{path} is damaged ({reason}); it was set aside as {aside.name}")
    return aside
