"""Both views of a data set as one, for the model that is served after the judged one was judged."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
from jaxtyping import Bool, Int

from lstm_model.data.calendar import day_of
from lstm_model.data.views import ChronoSplit, Rows

_FACTS = ("tickers", "feature_names", "window_length", "har_skip")


def whole_rows(split: ChronoSplit) -> Iterator[Rows]:
    """Yield each ticker's rows of the search view, then those of its test block."""
    search, held_out = split.search.rows, split.held_out.rows
    in_test = held_out.dates >= day_of(split.test_start)
    for code in range(len(search.tickers)):
        older = _where(search, search.ticker_of_row == code)
        newer = _where(held_out, in_test & (held_out.ticker_of_row == code))
        yield _joined(older, newer)


def whole_samples(split: ChronoSplit) -> Int[np.ndarray, " sample"]:
    """Return the rows of `whole_rows` that are samples of any block.

    The bars that the purge took away from a block stay away: their labels are in neither view.
    """
    search, held_out = split.search.rows, split.held_out.rows
    in_test = held_out.dates >= day_of(split.test_start)
    learnt = np.zeros(len(search.dates), dtype=bool)
    learnt[split.search.train] = learnt[split.search.validation] = True
    tested = np.zeros(len(held_out.dates), dtype=bool)
    tested[split.held_out.test] = True
    parts = []
    for code in range(len(search.tickers)):
        parts.append(learnt[search.ticker_of_row == code])
        parts.append(tested[in_test & (held_out.ticker_of_row == code)])
    return np.flatnonzero(np.concatenate(parts))


def row_count(split: ChronoSplit) -> int:
    """Return the number of rows of `whole_rows`."""
    in_test = split.held_out.rows.dates >= day_of(split.test_start)
    return len(split.search.rows.dates) + int(in_test.sum())


def _where(rows: Rows, kept: Bool[np.ndarray, " row"]) -> Rows:
    columns: dict[str, Any] = {name: getattr(rows, name)[kept] for name in _columns()}
    return dataclasses.replace(rows, **columns)


def _joined(older: Rows, newer: Rows) -> Rows:
    columns: dict[str, Any] = {
        name: np.concatenate([getattr(older, name), getattr(newer, name)]) for name in _columns()
    }
    return dataclasses.replace(older, **columns)


def _columns() -> list[str]:
    return [field.name for field in dataclasses.fields(Rows) if field.name not in _FACTS]
