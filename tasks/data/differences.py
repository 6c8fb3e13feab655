"""What differs between the bars of two snapshots, and which labels differ with them."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lstm_model.config.pipeline import TargetConfig
from lstm_model.data.bars import PRICES, Bars, adjust_all
from lstm_model.data.targets import tabulate_targets
from tasks.data.snapshots import Snapshot, read_bars

COMPARED = (*PRICES, "volume", "dividends", "stock_splits")
SAME = 1e-6
"""Relative difference up to which two values are the same, as when the bars were learnt."""


@dataclass(frozen=True, slots=True)
class ChangedBar:
    """A bar that two snapshots have with different values: the columns, then and now."""

    date: str
    columns: tuple[str, ...]
    then: tuple[float, ...]
    now: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class TickerDifference:
    """What differs between two snapshots of one ticker.

    added, removed: dates of bars that only the second or the first has. rescaled: by which factor
    all common prices differ, 1 if by none. changed: other differences, beyond that factor.
    labels: dates of common samples whose label differs.
    """

    ticker: str
    added: tuple[str, ...]
    removed: tuple[str, ...]
    rescaled: float
    changed: tuple[ChangedBar, ...]
    labels: tuple[str, ...]

    @property
    def is_none(self) -> bool:
        """Whether nothing differs."""
        return not (self.added or self.removed or self.changed or self.labels) and (
            self.rescaled == 1.0
        )


def compare_snapshots(
    first: Snapshot, second: Snapshot, target: TargetConfig
) -> Iterator[TickerDifference]:
    """Yield a row for each ticker of either snapshot, in the order of the second."""
    then, now = read_bars(first), read_bars(second)
    old, new = dict(then.by_ticker()), dict(now.by_ticker())
    labels_then, labels_now = _labels(then, target), _labels(now, target)
    for ticker in dict.fromkeys((*new, *old)):
        before, after = old.get(ticker), new.get(ticker)
        if before is None:
            yield TickerDifference(ticker, _days(new[ticker]), (), 1.0, (), ())
        elif after is None:
            yield TickerDifference(ticker, (), _days(before), 1.0, (), ())
        else:
            yield _compare(ticker, before, after, labels_then[ticker], labels_now[ticker])


def _compare(
    ticker: str,
    before: pd.DataFrame,
    after: pd.DataFrame,
    labels_before: "pd.Series[float]",
    labels_after: "pd.Series[float]",
) -> TickerDifference:
    old, new = before.set_index("date"), after.set_index("date")
    both = old.index.intersection(new.index)
    a, b = old.loc[both, list(COMPARED)], new.loc[both, list(COMPARED)]
    factor = float(np.median(b["close"] / a["close"])) if len(both) else 1.0
    factor = 1.0 if abs(factor - 1) <= SAME else factor
    expected = a.copy()
    for price in PRICES:
        expected[price] *= factor
    differs = ((b - expected).abs() > SAME * b.abs()).to_numpy()
    changed = tuple(
        ChangedBar(
            f"{both[int(row)]:%Y-%m-%d}",
            names := tuple(COMPARED[column] for column in np.flatnonzero(differs[row])),
            tuple(float(a[name].iloc[row]) for name in names),
            tuple(float(b[name].iloc[row]) for name in names),
        )
        for row in np.flatnonzero(differs.any(axis=1))
    )
    first, second = labels_before.reindex(both), labels_after.reindex(both)
    known = first.notna() & second.notna()
    moved = both[(known & ((first - second).abs() > SAME)).to_numpy()]
    return TickerDifference(
        ticker,
        _days(after[~after["date"].isin(both)]),
        _days(before[~before["date"].isin(both)]),
        factor,
        changed,
        tuple(f"{day:%Y-%m-%d}" for day in moved),
    )


def _labels(bars: Bars, target: TargetConfig) -> "dict[str, pd.Series[float]]":
    labels = tabulate_targets(adjust_all(bars), target.kind, target.horizon).label
    frame = bars.frame[["ticker", "date"]].assign(label=labels)
    return {
        str(ticker): rows.set_index("date")["label"]
        for ticker, rows in frame.groupby("ticker", sort=False)
    }


def _days(frame: pd.DataFrame) -> tuple[str, ...]:
    return tuple(frame["date"].dt.strftime("%Y-%m-%d"))
