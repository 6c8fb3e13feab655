"""Entries of the ledger of forecasts: each carries the hash of the entry before it."""

import datetime as dt
import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Literal

ORIGIN = "0" * 64
"""What the first entry has in place of an earlier entry's hash."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """One forecast, written down before its session opens.

    model_version: in the registry. bundle_sha256: of the model's files. snapshot_sha256: of the
    bars that it saw. last_bar: date of the newest of them. session: the first date forecast, the
    next session of the ticker's calendar. opens_at: when that session opens, in UTC. horizon: in
    bars. forecast, lower, upper: in `unit`; coverage: of the interval. annualised_volatility: for
    volatility, per year, else None.
    """

    ticker: str
    session: str
    last_bar: str
    opens_at: str
    model_name: str
    model_version: int
    bundle_sha256: str
    snapshot_sha256: str
    target: Literal["log_return", "log_volatility"]
    horizon: int
    unit: str
    forecast: float
    lower: float | None
    upper: float | None
    coverage: float | None
    annualised_volatility: float | None = None


@dataclass(frozen=True, slots=True)
class Score:
    """What came of a forecast, when its bars were first known.

    of: number of the forecast's entry. truth: in the forecast's unit. label_end: date of the last
    bar of the label. learnt: when that bar was learnt, in UTC.
    """

    of: int
    truth: float
    label_end: str
    learnt: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A link of the chain: a forecast or a score, numbered from 1.

    written_at: ISO time in UTC. previous: hash of the entry before. sha256: of all the rest.
    """

    number: int
    written_at: str
    previous: str
    content: Forecast | Score
    sha256: str

    def to_line(self) -> str:
        """Return the entry as a line of JSON."""
        return json.dumps(_facts(self) | {"sha256": self.sha256}, sort_keys=True)

    @classmethod
    def from_line(cls, line: str) -> "Entry":
        """Read a line; raises ValueError if it is no entry, whatever its hash says."""
        try:
            facts = json.loads(line)
            kinds = {"forecast": Forecast, "score": Score}
            content = kinds[facts["kind"]](**facts["content"])
            return cls(
                int(facts["number"]), str(facts["written_at"]), str(facts["previous"]), content,
                str(facts["sha256"]),
            )  # fmt: skip
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"not an entry: {error}") from error


def link(last: Entry | None, content: Forecast | Score, written_at: dt.datetime) -> Entry:
    """Return the entry that follows `last`, or the first; written_at is in UTC."""
    number = 1 if last is None else last.number + 1
    previous = ORIGIN if last is None else last.sha256
    stamp = written_at.isoformat(timespec="microseconds")
    bare = Entry(number, stamp, previous, content, "")
    return Entry(number, stamp, previous, content, _hash(bare))


@dataclass(frozen=True, slots=True)
class Break:
    """The first entry that does not hold, and why."""

    number: int
    reason: str


def first_break(entries: Iterable[Entry]) -> Break | None:
    """Return the first entry that does not hold; None if the whole chain does.

    An entry holds if its number, its hash and the hash of the one before are right, if it was not
    written before that one, and if a forecast was written before its session opened and is the
    version's first of that session.
    """
    last: Entry | None = None
    seen: set[tuple[str, int, str, str]] = set()
    for place, entry in enumerate(entries, start=1):
        reason = _why_broken(last, entry, place)
        if not reason and isinstance(entry.content, Forecast):
            key = identity(entry.content)
            if key in seen:
                reason = f"a second forecast of {key[2]} {key[3]} by version {key[1]}"
            seen.add(key)
        if reason:
            return Break(place, reason)
        last = entry
    return None


def last_call(entries: Sequence[Entry]) -> tuple[Entry, ...]:
    """Return the forecasts that were written last, all at once; empty if there are none."""
    made = [entry for entry in entries if isinstance(entry.content, Forecast)]
    return tuple(entry for entry in made if entry.written_at == made[-1].written_at)


def not_yet_made(entries: Sequence[Entry], made: Sequence[Forecast]) -> tuple[Forecast, ...]:
    """Return the forecasts that are new to the ledger.

    Tickers of one panel may have other sessions: on a Saturday only those that always trade are
    new.
    """
    seen = {identity(entry.content) for entry in entries if isinstance(entry.content, Forecast)}
    return tuple(forecast for forecast in made if identity(forecast) not in seen)


def identity(forecast: Forecast) -> tuple[str, int, str, str]:
    """Return what a forecast may be only once: model, version, ticker, session."""
    return (forecast.model_name, forecast.model_version, forecast.ticker, forecast.session)


def _why_broken(last: Entry | None, entry: Entry, place: int) -> str:
    if entry.number != place:
        return f"it is numbered {entry.number}: an entry was removed or moved"
    if entry.previous != (ORIGIN if last is None else last.sha256):
        return "it does not follow from the entry before it, which was changed or removed"
    if entry.sha256 != _hash(entry):
        return "its content was changed"
    if last is not None and entry.written_at < last.written_at:
        return f"it was written at {entry.written_at}, before the entry before it"
    if isinstance(entry.content, Forecast) and entry.written_at >= entry.content.opens_at:
        return f"it was written at {entry.written_at}, after its session opened"
    return ""


def _facts(entry: Entry) -> dict[str, object]:
    content = asdict(entry.content)
    return {
        "number": entry.number,
        "written_at": entry.written_at,
        "previous": entry.previous,
        "kind": "forecast" if isinstance(entry.content, Forecast) else "score",
        "content": {field.name: content[field.name] for field in fields(entry.content)},
    }


def _hash(entry: Entry) -> str:
    return hashlib.sha256(json.dumps(_facts(entry), sort_keys=True).encode()).hexdigest()
