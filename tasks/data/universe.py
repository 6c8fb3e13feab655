"""The bars of every configured ticker; those that cannot be used are told together."""

import math
from collections.abc import Callable, Collection
from dataclasses import dataclass

from lstm_model.config.data import DataConfig
from lstm_model.data.bars import Finding
from lstm_model.data.columns import cut
from lstm_model.errors import BarsError, LstmHpoError, SourceError, SourceUnreachable
from lstm_model.shares import exact
from tasks.data.store.refresh import TickerBars
from tasks.progress import print_note

MOST_REASONS = 10
"""Tickers whose reason a message gives; the others are named."""


@dataclass(frozen=True, slots=True)
class Universe:
    """The usable bars, in the order of the configuration, and a finding for each other ticker."""

    parts: tuple[TickerBars, ...]
    left_out: tuple[Finding, ...]


def fetch_universe(data: DataConfig, fetch: Callable[[str], TickerBars]) -> Universe:
    """Fetch every ticker; go on without a few where `data.min_coverage` allows it.

    All tickers are tried before any is refused. Only a source that does not answer ends it at
    once, when too few tickers are left: the others would wait for it in vain. Raises the error of
    the first bad ticker, with all of them in its message.
    """
    parts: list[TickerBars] = []
    failures: dict[str, LstmHpoError] = {}
    for ticker in data.tickers:
        try:
            parts.append(fetch(ticker))
        except (SourceError, BarsError) as error:
            failures[ticker] = error
            possible = len(data.tickers) - len(failures)
            if isinstance(error, SourceUnreachable) and possible < _required(data):
                raise
    if failures and len(parts) < _required(data):
        raise _too_few(data, len(parts), failures)
    if failures:
        print_note(f"{len(failures)} of {_tickers(data)} left out: {_reasons(failures)}")
    left_out = (Finding(t, "", "left_out", str(error), "noted") for t, error in failures.items())
    return Universe(tuple(parts), tuple(left_out))


def covers(data: DataConfig, tickers: Collection[str]) -> bool:
    """Return whether bars of these tickers are enough of the configured ones, and no others."""
    return set(tickers) <= set(data.tickers) and len(set(tickers)) >= _required(data)


def _required(data: DataConfig) -> int:
    """Return the number of tickers that must be usable: at least one."""
    return math.ceil(exact(data.min_coverage) * len(data.tickers))


def _too_few(data: DataConfig, usable: int, failures: dict[str, LstmHpoError]) -> LstmHpoError:
    first = next(iter(failures.values()))
    if len(data.tickers) == 1:
        return first
    remedy = "remove them from data.tickers"
    if share := math.floor(100 * usable / len(data.tickers)) / 100:
        remedy += f", or set data.min_coverage to {share:g} to go on without them"
    return type(first)(
        f"{len(failures)} of {_tickers(data)} cannot be used but data.min_coverage is "
        f"{data.min_coverage:g}: {_reasons(failures)}; {remedy}"
    )


def _tickers(data: DataConfig) -> str:
    return f"{len(data.tickers)} tickers"


def _reasons(failures: dict[str, LstmHpoError]) -> str:
    names = list(failures)
    reasons = [
        text if (text := cut(str(failures[name]), 300)).startswith(name) else f"{name}: {text}"
        for name in names[:MOST_REASONS]
    ]
    others = names[MOST_REASONS:]
    return "; ".join(reasons) + (f"; and {', '.join(others)}" if others else "")
