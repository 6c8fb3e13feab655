"""The journal of the champion: who took the place, when, by whom and why; only appended to."""

import datetime as dt
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from filelock import FileLock

from tasks.champion.lines import append_line, damaged, read_lines

WHAT = "the champion's journal"


@dataclass(frozen=True, slots=True)
class Succession:
    """One change of the champion.

    kind: `promote` or `rollback`. version: takes the place. previous: had it before, None for the
    first. at: ISO time in UTC. by: a person, or the gate. why: in words.
    """

    model: str
    kind: Literal["promote", "rollback"]
    version: int
    previous: int | None
    at: str
    by: str
    why: str


@dataclass(frozen=True, slots=True)
class Journal:
    """Two lines for each change: what is meant to happen, and that it has.

    A change whose second line is missing was cut off, and is finished by whoever comes next.
    """

    path: Path

    def lock(self) -> FileLock:
        """Return the lock under which the champion is changed."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        return FileLock(self.path.with_suffix(".lock"), timeout=60)

    def begin(self, change: Succession) -> None:
        """Write down what is about to happen."""
        self._append({"state": "begun", **asdict(change)})

    def finish(self, change: Succession) -> None:
        """Write down that it has happened."""
        self._append({"state": "done", **asdict(change)})

    def history(self, model: str) -> list[Succession]:
        """Return the changes that have happened, the oldest first."""
        return [change for state, change in self._lines(model) if state == "done"]

    def unfinished(self, model: str) -> Succession | None:
        """Return the change that was cut off, if the last one was."""
        lines = self._lines(model)
        return lines[-1][1] if lines and lines[-1][0] == "begun" else None

    def _lines(self, model: str) -> list[tuple[str, Succession]]:
        found = []
        for place, facts in enumerate(read_lines(self.path, WHAT), start=1):
            try:
                state, change = facts.pop("state"), Succession(**facts)
            except (TypeError, KeyError) as error:
                raise damaged(self.path, WHAT, place) from error
            if change.model == model:
                found.append((state, change))
        return found

    def _append(self, facts: dict[str, object]) -> None:
        append_line(self.path, facts)


def now() -> str:
    """Return the time as the journal writes it, in UTC."""
    return dt.datetime.now(dt.UTC).replace(tzinfo=None).isoformat(timespec="milliseconds")
