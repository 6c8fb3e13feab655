"""The ledger on disk: every forecast and its score, a line each, only ever appended to."""

import datetime as dt
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from lstm_model.champion.ledger_entry import (
    Break,
    Entry,
    Forecast,
    Score,
    first_break,
    identity,
    link,
)
from lstm_model.config.pipeline import PipelineConfig
from lstm_model.errors import AlreadyForecast, LedgerError
from tasks.files import refuse_politely
from tasks.progress import print_note

WAIT_SECONDS = 30.0


def ledger_of(config: PipelineConfig) -> "Ledger":
    """Return the ledger of a configuration, beside its store of bars."""
    return Ledger(config.data.raw_dir.parent / "ledger.jsonl")


@dataclass(frozen=True, slots=True)
class Ledger:
    """A file of entries; each has the hash of the one before, so no line can be changed unseen."""

    path: Path

    def entries(self) -> list[Entry]:
        """Read every entry; raises LedgerError for a line that is none, unless it was cut.

        A last line that was cut while it was written counts as not written.
        """
        entries: list[Entry] = []
        lines = self._lines()
        for place, line in enumerate(lines, start=1):
            try:
                entries.append(Entry.from_line(line))
            except ValueError as error:
                if place == len(lines) and not line.endswith("\n"):
                    break
                raise LedgerError(
                    f"entry {place} of the ledger {self.path} must be readable but is not: "
                    f"{str(error)[:100]}; restore the file from a backup"
                ) from error
        return entries

    def verify(self) -> Break | None:
        """Return the first entry that does not hold; None if all do."""
        lines = self._lines()
        entries: list[Entry] = []
        for place, line in enumerate(lines, start=1):
            try:
                entries.append(Entry.from_line(line))
            except ValueError:
                reason = "it is not an entry"
                if place == len(lines) and not line.endswith("\n"):
                    reason = "it was cut while it was written; the next forecast repairs that"
                return first_break(entries) or Break(place, reason)
        return first_break(entries)

    def require_whole(self) -> None:
        """Raise LedgerError if an entry does not hold."""
        self._require(first_break(self.entries()))

    def _require(self, broken: Break | None) -> None:
        if broken is not None:
            raise LedgerError(
                f"the ledger {self.path} must hold but entry {broken.number} does not: "
                f"{broken.reason}; restore the file from a backup"
            )

    def append(
        self, contents: Sequence[Forecast | Score], now: dt.datetime | None = None
    ) -> list[Entry]:
        """Append forecasts and scores, all or none, and sync them to disk; return their entries.

        now: in UTC. Raises LedgerError for a second forecast of a session by the same version, for
        a forecast of a session that has opened, for a clock before the last entry, and if the
        ledger does not hold. Raises StorageError if the disk fails.
        """
        with self._writing():
            self._drop_cut_line()
            before = self.entries()
            self._require(first_break(before))
            # Read with the lock held, so that times ascend however many runs wait for it.
            now = now or dt.datetime.now(dt.UTC).replace(tzinfo=None)
            entries = self._follow(before, contents, now)
            text = "".join(f"{entry.to_line()}\n" for entry in entries)
            with self.path.open("a", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
        return entries

    def _follow(
        self, before: list[Entry], contents: Sequence[Forecast | Score], now: dt.datetime
    ) -> list[Entry]:
        last = before[-1] if before else None
        stamp = now.isoformat(timespec="microseconds")
        if last is not None and stamp < last.written_at:
            raise LedgerError(
                f"an entry must not be written before the last one, {last.written_at} UTC, but the "
                f"clock says {stamp}; set the clock"
            )
        seen = {identity(e.content) for e in before if isinstance(e.content, Forecast)}
        entries = []
        for content in contents:
            if isinstance(content, Forecast):
                if identity(content) in seen:
                    raise AlreadyForecast(
                        f"{content.ticker}: version {content.model_version} may forecast "
                        f"{content.session} once but has done so; see lstm-hpo ledger show"
                    )
                if stamp >= content.opens_at:
                    raise LedgerError(
                        f"{content.ticker}: a forecast must be written before its session opens, "
                        f"{content.opens_at} UTC, but it is {stamp}; fetch newer bars"
                    )
                seen.add(identity(content))
            last = link(last, content, now)
            entries.append(last)
        return entries

    def _lines(self) -> list[str]:
        with refuse_politely(f"the ledger {self.path}"):
            if not self.path.exists():
                return []
            return self.path.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True)

    def _drop_cut_line(self) -> None:
        """Remove a last line that was cut; it was never reported as written."""
        lines = self._lines()
        if not lines or lines[-1].endswith("\n"):
            return
        whole = "".join(lines[:-1]).encode()
        with self.path.open("r+b") as file:
            file.truncate(len(whole))
            os.fsync(file.fileno())
        print_note(f"the last line of {self.path} was cut while it was written; it was removed")

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with refuse_politely(f"the ledger {self.path}"):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.path.with_suffix(".lock"), timeout=WAIT_SECONDS)
            try:
                lock.acquire()
            except Timeout:
                raise LedgerError(
                    f"only one run may write to the ledger {self.path} but another has held it for "
                    f"{WAIT_SECONDS:g} s; wait for it to end"
                ) from None
            try:
                yield
            finally:
                lock.release()
