"""Drift: how far newer features are from train's, beside how far train's own blocks are apart.

Days are not independent: volatility stays high for months, so the p-value of a test for equal
distributions is wrong, and almost every block of some weeks would be significant. So the statistic
of the newer rows is compared with the same statistic of each block of train of the same length.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.special import rel_entr

from lstm_model.data.calendar import date_of
from lstm_model.evaluation.measured import Measured, NotComputed

NEWEST_DATES = 60
"""Dates of the newest rows that are compared with train."""

DECILES = np.linspace(0.1, 0.9, 9)
LEAST_SHARE = 1e-4
"""Stands in for the share of an empty cell, whose logarithm there is none."""

LEAST_BLOCKS = 4
"""Blocks into which train is cut at least; if the newer rows are longer, blocks are shorter."""


@dataclass(frozen=True, slots=True)
class Part:
    """Some rows of a view: `kept` of its features, with their dates (days since 1970-01-01)."""

    name: str
    features: Float[np.ndarray, "row feature"]
    dates: Int[np.ndarray, " row"]
    kept: Bool[np.ndarray, " row"]

    @property
    def days(self) -> Int[np.ndarray, " date"]:
        """The dates of the kept rows, each once."""
        return np.unique(self.dates[self.kept])

    def column(self, place: int) -> tuple[Float[np.ndarray, " row"], Int[np.ndarray, " row"]]:
        """Return a column's finite values, and their dates."""
        values = self.features[:, place][self.kept]
        finite = np.isfinite(values)
        return values[finite], self.dates[self.kept][finite]


@dataclass(frozen=True, slots=True)
class ColumnDrift:
    """One column's distance from train.

    psi: population stability index over the deciles of train.
    own_largest: that of the block of train that differs most from the rest of train.
    shift: of the mean, in standard deviations of train.
    spread: standard deviation as a multiple of train's.
    """

    name: str
    psi: Measured
    own_largest: Measured
    shift: Measured
    spread: Measured

    @property
    def excess(self) -> float:
        """How far psi is above the largest of train's own; -inf if it was not computed."""
        if isinstance(self.psi, NotComputed) or isinstance(self.own_largest, NotComputed):
            return -np.inf
        return self.psi - self.own_largest


@dataclass(frozen=True, slots=True)
class Drift:
    """Newer rows beside train; columns that are furthest beyond train's own blocks come first.

    name: of the newer rows.
    first, last: their dates.
    dates: number of them.
    own_blocks: blocks of train.
    own_block_dates: dates of each.
    columns: all feature columns.
    """

    name: str
    first: str
    last: str
    dates: int
    own_blocks: int
    own_block_dates: int
    columns: tuple[ColumnDrift, ...]

    @property
    def beyond(self) -> tuple[ColumnDrift, ...]:
        """Columns that differ from train by more than any of train's own blocks."""
        return tuple(column for column in self.columns if column.excess > 0)

    @property
    def expected_beyond(self) -> float:
        """How many would be beyond by chance: the new block is as likely the largest as each."""
        return len(self.columns) / (self.own_blocks + 1)


def newest(dates: Int[np.ndarray, " row"], count: int = NEWEST_DATES) -> Bool[np.ndarray, " row"]:
    """Mark the rows of the last dates."""
    days = np.unique(dates)
    kept: np.ndarray = dates >= days[-min(count, len(days))]
    return kept


def measure_drift(train: Part, newer: Sequence[Part], names: Sequence[str]) -> tuple[Drift, ...]:
    """Compare each newer part with train, column by column."""
    days = train.days
    lengths = [_block_length(len(part.days), len(days)) for part in newer]
    columns: list[list[ColumnDrift]] = [[] for _ in newer]
    for place, name in enumerate(names):
        values, dates = train.column(place)
        reference = _Reference(values, dates) if len(values) else None
        for part, length, found in zip(newer, lengths, columns, strict=True):
            found.append(_compare(name, reference, part.column(place)[0], days, length))
    return tuple(
        Drift(
            name=part.name,
            first=date_of(part.days[0]).isoformat(),
            last=date_of(part.days[-1]).isoformat(),
            dates=len(part.days),
            own_blocks=len(days) // length,
            own_block_dates=length,
            columns=tuple(sorted(found, key=lambda column: -column.excess)),
        )
        for part, length, found in zip(newer, lengths, columns, strict=True)
    )


def stability_index(
    shares: Float[np.ndarray, " cell"], others: Float[np.ndarray, " cell"]
) -> float:
    """Return the population stability index of shares per cell, sum (p - q) ln(p / q).

    It is the symmetric Kullback-Leibler divergence. Siddiqi (2006), "Credit Risk Scorecards".
    """
    p, q = np.maximum(shares, LEAST_SHARE), np.maximum(others, LEAST_SHARE)
    return float((rel_entr(p, q) + rel_entr(q, p)).sum())


class _Reference:
    """A column of train: the edges of its deciles, and the cell of each of its values."""

    def __init__(self, values: Float[np.ndarray, " row"], dates: Int[np.ndarray, " row"]) -> None:
        deciles = np.quantile(values, DECILES).astype(values.dtype)
        # A value that fills a whole decile has a cell of its own, so that both sides of it count.
        repeated = deciles[1:][np.diff(deciles) == 0]
        below = np.nextafter(repeated, repeated.dtype.type(-np.inf))
        self.edges = np.unique(np.concatenate([deciles, below]))
        self.values, self.dates, self.cells = values, dates, self.cell_of(values)
        self.mean, self.sd = float(values.mean(dtype=float)), float(values.std(dtype=float))

    @property
    def cell_count(self) -> int:
        return len(self.edges) + 1

    def cell_of(self, values: Float[np.ndarray, " row"]) -> Int[np.ndarray, " row"]:
        return np.searchsorted(self.edges, values, side="left")

    def counts(self, values: Float[np.ndarray, " row"]) -> Float[np.ndarray, " cell"]:
        return np.bincount(self.cell_of(values), minlength=self.cell_count).astype(float)

    def own_indices(self, days: Int[np.ndarray, " date"], length: int) -> Iterator[float]:
        """Yield the index of each block of `length` dates against the rest; the oldest are left."""
        blocks = len(days) // length
        first = days[len(days) - blocks * length]
        block = np.searchsorted(days, self.dates) - np.searchsorted(days, first)
        cell = np.where(block < 0, blocks, block // length) * self.cell_count + self.cells
        counts = np.bincount(cell, minlength=(blocks + 1) * self.cell_count)
        table = counts.reshape(-1, self.cell_count).astype(float)
        total = table.sum(axis=0)
        for own in table[:blocks]:
            rest = total - own
            if own.sum() and rest.sum():
                yield stability_index(own / own.sum(), rest / rest.sum())


def _block_length(new_dates: int, train_dates: int) -> int:
    return max(1, min(new_dates, train_dates // LEAST_BLOCKS))


def _compare(
    name: str,
    train: _Reference | None,
    values: Float[np.ndarray, " row"],
    days: Int[np.ndarray, " date"],
    length: int,
) -> ColumnDrift:
    if train is None or not len(values):
        reason = NotComputed(f"no finite value in {'train' if train is None else 'the newer rows'}")
        return ColumnDrift(name, reason, reason, reason, reason)
    own = list(train.own_indices(days, length))
    shares = train.counts(values)
    others = np.bincount(train.cells, minlength=train.cell_count)
    constant = NotComputed("constant in train") if train.sd <= 1e-12 * abs(train.mean) else None
    return ColumnDrift(
        name=name,
        psi=stability_index(shares / shares.sum(), others / others.sum()),
        own_largest=max(own) if own else NotComputed("train has a single block"),
        shift=constant or (float(values.mean(dtype=float)) - train.mean) / train.sd,
        spread=constant or float(values.std(dtype=float)) / train.sd,
    )
