"""A table of the page: a caption, a head, and cells that are ready to print."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lstm_model.report.page.numbers import Cell

MOST_ROWS = 20
"""Of a table that grows with the data: more is read from the artifacts, not from a page."""

Column = tuple[str, Sequence[Cell]]


@dataclass(frozen=True, slots=True)
class Table:
    """Each row's first cell names the row; `text` columns align left, `strong` rows stand out."""

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
    """Return two columns, a name and its value."""
    rows = tuple((Cell(name), Cell(value)) for name, value in pairs)
    return Table(caption, head, rows)


def out_of(shown: int, total: int) -> str:
    """Say how many of how many rows a table shows, where it does not show all."""
    return f"; {shown} of {total:,}" if shown < total else ""
