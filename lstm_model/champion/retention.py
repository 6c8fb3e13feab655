"""Which nights and studies are deleted, and which stay: decided from values alone."""

import datetime as dt
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

Version = tuple[str, int]
"""Name of a registered model, and the number of a version."""


@dataclass(frozen=True, slots=True)
class Night:
    """A night as its record has it.

    started: in milliseconds since 1970. versions: that it registered. is_begun: whether its
    deletion has begun, so it must be finished.
    """

    run_id: str
    name: str
    study_name: str
    started: int
    is_running: bool
    versions: tuple[Version, ...] = ()
    is_begun: bool = False


def nights_that_go(
    nights: Iterable[Night], keep: int, named: AbstractSet[Version]
) -> tuple[Night, ...]:
    """Return the nights whose files are deleted, the oldest first.

    The newest `keep` nights of each study name stay, and any night that is running or whose version
    is in `named`. A night whose deletion has begun goes unless a version of it is named; it counts
    among no newest, and neither does a running one, which may have died long ago.
    """
    newest: dict[str, int] = {}
    going = []
    for night in sorted(nights, key=lambda night: (night.started, night.run_id), reverse=True):
        if night.is_running:
            continue
        if not night.is_begun:
            newest[night.study_name] = newest.get(night.study_name, 0) + 1
        old = night.is_begun or newest[night.study_name] > keep
        if old and not any(version in named for version in night.versions):
            going.append(night)
    return tuple(reversed(going))


@dataclass(frozen=True, slots=True)
class StudyAge:
    """A study of the search as its store has it.

    key: `name@hash`. started: when its first trial was, None without trials. space: hash of what it
    searched. finished, completed: trials that ended, and those of them that have a loss.
    """

    key: str
    started: dt.datetime | None
    space: str
    finished: int
    completed: int

    @property
    def name(self) -> str:
        """Name under which nights search."""
        return self.key.rpartition("@")[0]


def studies_that_go(
    studies: Sequence[StudyAge], keep: int, used: AbstractSet[str]
) -> tuple[StudyAge, ...]:
    """Return the studies that are deleted, the oldest first.

    The newest `keep` of each name stay, those in `used`, and the newest of each name and space that
    has a loss, from which the next night of that space starts.
    """
    ranks: dict[str, int] = {}
    good: set[tuple[str, str]] = set()
    going = []
    ordered = sorted(studies, key=lambda one: (one.started or dt.datetime.min, one.key))
    for study in reversed(ordered):
        ranks[study.name] = ranks.get(study.name, 0) + 1
        is_start = study.completed > 0 and (study.name, study.space) not in good
        if is_start:
            good.add((study.name, study.space))
        if ranks[study.name] > keep and study.key not in used and not is_start:
            going.append(study)
    return tuple(reversed(going))
