"""A table of the page: a caption, headings, and formatted cells."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lstm_model.report.page.numbers import Cell

MOST_ROWS = 20
"""Most rows of a table that grows with the data; the artifacts have all of them."""

Column = tuple[str, Sequence[Cell]]


@dataclass(frozen=True, slots=True)
class Table:
    """A table whose first column names its rows.

    text: columns aligned left. strong: rows that are highlighted.
    """

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    text: frozenset[int] = frozenset({0})
    strong: frozenset[int] = frozenset()


def table_of(
    caption: str,
    *columns: Column,
    text: frozenset[int] = frozenset({0}),
    strong: frozenset[int] = frozenset(),
) -> Table:
    """Return a table from its columns."""
    rows = tuple(zip(*(cells for _, cells in columns), strict=True))
    return Table(caption, tuple(name for name, _ in columns), rows, text, strong)


def pairs_table(caption: str, head: tuple[str, str], pairs: Iterable[tuple[str, str]]) -> Table:
    """Return a table of names and values."""
    rows = tuple((Cell(name), Cell(value)) for name, value in pairs)
    return Table(caption, head, rows)


def out_of(shown: int, total: int) -> str:
    """Say how many rows a table shows, if it does not show all."""
    return f"; {shown} of {total:,}" if shown < total else ""
