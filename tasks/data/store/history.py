"""What happened to a ticker's stored bars, and when it was learnt."""

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

from lstm_model.data.revisions.known import LEARNT
from lstm_model.errors import ConfigError
from tasks.data.store.folder import Store
from tasks.data.store.known_file import open_known


@dataclass(frozen=True, slots=True)
class Event:
    """What was learnt at one time, in words; `learnt` is in UTC."""

    learnt: str
    what: str


@dataclass(frozen=True, slots=True)
class TickerHistory:
    """The stored bars of one ticker from one source, and the events that led to them."""

    source: str
    ticker: str
    bars: int
    first: str
    last: str
    events: tuple[Event, ...]


def history_of(raw_dir: Path, ticker: str) -> tuple[TickerHistory, ...]:
    """Return a ticker's history at each source; raises ConfigError if nothing is stored of it."""
    store = Store(raw_dir)
    sources = [source for source, name in store.tickers() if name == ticker]
    if not sources:
        stored = ", ".join(dict.fromkeys(name for _, name in store.tickers())) or "no ticker"
        raise ConfigError(
            f"a ticker must be stored in {raw_dir} but {ticker!r} is not; it has {stored[:200]}"
        )
    return tuple(
        history for source in sources if (history := _history(store, source, ticker)) is not None
    )


def _history(store: Store, source: str, ticker: str) -> TickerHistory | None:
    file = open_known(store.folder_of(source, ticker))
    if file is None:
        return None
    known = file.whole()
    rows = known.rows
    is_first = ~rows.duplicated("date")
    events: list[tuple[dt.datetime, str]] = []
    for stamp, group in rows.groupby(LEARNT):
        learnt = stamp.to_pydatetime()  # type: ignore[union-attr]
        new, revised = group[is_first[group.index]], group[~is_first[group.index]]
        if len(new):
            days = new["date"]
            events.append((learnt, f"{len(new)} bars, {days.min():%F} .. {days.max():%F}"))
        for _, row in revised.iterrows():
            events.append((learnt, f"{row['date']:%F} corrected, close {row['close']:g}"))
    for rescaling in known.rescalings:
        name, factor = rescaling.factors[0]
        what = f"bars before {rescaling.before} multiplied: {name} and the like by {factor:.6g}"
        events.append((rescaling.learnt, what))
    events.sort(key=lambda event: event[0])
    days = rows["date"]
    return TickerHistory(
        source,
        ticker,
        int(is_first.sum()),
        f"{days.min():%F}",
        f"{days.max():%F}",
        tuple(Event(learnt.isoformat(" ", "seconds"), what) for learnt, what in events),
    )
