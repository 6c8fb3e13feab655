"""A panel's unequal histories: tickers that a block lacks, and dates with one ticker only."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Int

from lstm_model.data.bars import Finding
from lstm_model.data.calendar import date_of, dates_of
from lstm_model.data.views import ChronoSplit

MOST_NAMED = 3
MOST_ALONE = 50
"""Findings up to which each ticker has its own; more become one with a count."""


def panel_findings(split: ChronoSplit) -> tuple[Finding, ...]:
    """Return what a panel of several tickers lacks; nothing for a single ticker.

    `short_history`: a ticker without samples in a block, because it begins or ends inside the
    range; it is used where it exists. `one_ticker_dates`: dates on which only one ticker has a bar.
    """
    tickers = split.search.rows.tickers
    if len(tickers) < 2:
        return ()
    views = (split.search.rows, split.held_out.rows)
    first_test = np.datetime64(split.test_start, "D").astype(int)
    parts = [(views[0].ticker_of_row, views[0].dates)]
    later = views[1].dates >= first_test  # the earlier rows are in both views
    parts.append((views[1].ticker_of_row[later], views[1].dates[later]))
    codes, dates = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    return (
        *_short_histories(split, codes, dates),
        *_dates_of_one(tickers, codes, dates),
    )


def _short_histories(
    split: ChronoSplit, codes: Int[np.ndarray, " row"], dates: Int[np.ndarray, " row"]
) -> Sequence[Finding]:
    tickers = split.search.rows.tickers
    blocks = {
        "train": split.search.rows.ticker_of_row[split.search.train],
        "validation": split.search.rows.ticker_of_row[split.search.validation],
        "test": split.held_out.rows.ticker_of_row[split.held_out.test],
    }
    counts = {name: np.bincount(own, minlength=len(tickers)) for name, own in blocks.items()}
    found = []
    for code, ticker in enumerate(tickers):
        lacking = [name for name, count in counts.items() if count[code] == 0]
        if not lacking:
            continue
        own = dates[codes == code]
        first, last = date_of(own.min()), date_of(own.max())
        value = f"no sample in {' and '.join(lacking)}: its bars are {first} to {last}"
        found.append(Finding(ticker, str(first), "short_history", value, "noted"))
    if len(found) <= MOST_ALONE:
        return found
    named = "; ".join(f"{f.ticker}: {f.value}" for f in found[:MOST_NAMED])
    value = f"{len(found)} tickers lack samples in a block: {named}; ..."
    first_date = min(finding.date for finding in found)
    return [Finding(found[0].ticker, first_date, "short_history", value, "noted", len(found))]


def _dates_of_one(
    tickers: Sequence[str], codes: Int[np.ndarray, " row"], dates: Int[np.ndarray, " row"]
) -> Sequence[Finding]:
    days, place, count = np.unique(dates, return_inverse=True, return_counts=True)
    alone = days[count == 1]
    if not len(alone):
        return []
    who = [tickers[code] for code in np.unique(codes[count[place] == 1])]
    named = ", ".join(map(str, dates_of(alone[:MOST_NAMED])))
    value = (
        f"{len(alone):,} of {len(days):,} dates have one ticker only: {named}"
        f"{', ...' if len(alone) > MOST_NAMED else ''}"
    )
    name = ", ".join(who[:MOST_NAMED]) + (", ..." if len(who) > MOST_NAMED else "")
    first = str(date_of(alone[0]))
    return [Finding(name, first, "one_ticker_dates", value, "noted", len(alone))]
