"""Numbers as vendors write them -> plain decimal text: $1,234.50, 1.234,50, 2.90M, 1 234,5, 4:1.

The decimal sign of a file is found from all its cells together: a single 1,234 does not tell.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lstm_model.data.columns import cut
from lstm_model.errors import BarsError

NULLS = frozenset({"", "null", "nan", "none", "n/a", "#n/a", "na", "-", "--"})

_POINT = re.compile(r"[+-]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?")
_COMMA = re.compile(r"[+-]?(?:\d{1,3}(?:\.\d{3})+|\d+)(?:,\d+)?")
_RATIO = re.compile(r"(\d+(?:\.\d+)?)\s*[:/]\s*(\d+(?:\.\d+)?)")
_DECORATION = re.compile(r"^[$€£¥]|[$€£¥]$|(?<=\d)[\s'\u2019](?=\d{3}(?:\D|$))")
# Only of volumes: a price of 12K is a slip.
_UNITS = {"k": 1e3, "m": 1e6, "b": 1e9, "t": 1e12}


@dataclass(frozen=True, slots=True)
class _Cell:
    """A cell that is not a plain number: where it is, its digits, and what multiplies them."""

    row: int
    column: int
    digits: str
    unit: float


def plain_numbers(frame: pd.DataFrame, ticker: str) -> pd.DataFrame:
    """Return columns of text with each number written plainly; nulls and inf stay.

    The index has the number of each row's line. Raises BarsError for text that is no number, for
    two decimal signs in a file, and if no cell tells which sign is decimal.
    """
    text = frame.apply(lambda column: column.str.strip())
    plain = text.apply(pd.to_numeric, errors="coerce")
    null = text.apply(lambda column: column.str.lower().isin(NULLS))
    odd = (plain.isna() & ~null).to_numpy()
    if not odd.any():
        return frame
    cells = text.to_numpy(dtype=object, copy=True)
    cells[null.to_numpy()] = ""
    written = list(_odd_cells(cells, odd, frame, ticker))
    comma = _has_decimal_comma(cells, written, plain.notna().to_numpy(), frame, ticker)
    if comma:
        written += [
            _Cell(row, column, str(cells[row, column]), 1.0)
            for row, column in np.argwhere(plain.notna().to_numpy()).tolist()
            if "." in str(cells[row, column])
        ]
    for cell in written:
        digits = cell.digits
        digits = digits.replace(".", "").replace(",", ".") if comma else digits.replace(",", "")
        number = float(digits) * cell.unit
        cells[cell.row, cell.column] = digits if cell.unit == 1.0 else repr(number)
    return pd.DataFrame(cells, index=frame.index, columns=frame.columns)


def _odd_cells(
    cells: np.ndarray, odd: np.ndarray, frame: pd.DataFrame, ticker: str
) -> Iterator[_Cell]:
    names = [str(name) for name in frame.columns]
    for row, column in np.argwhere(odd).tolist():
        digits = _DECORATION.sub("", str(cells[row, column])).strip()
        ratio = _RATIO.fullmatch(digits) if names[column] == "stock_splits" else None
        unit = 1.0
        if ratio and float(ratio[2]):
            digits, unit = ratio[1], 1 / float(ratio[2])
        elif names[column] == "volume" and digits[-1:].lower() in _UNITS:
            digits, unit = digits[:-1], _UNITS[digits[-1].lower()]
        if not (_POINT.fullmatch(digits) or _COMMA.fullmatch(digits)):
            rule = _rule_of(names[column])
            where, value = _place(frame, row, column), cut(cells[row, column])
            raise BarsError(f"{ticker}: {rule}: {where} is {value!r}; fix or remove the row")
        yield _Cell(row, column, digits, unit)


def _has_decimal_comma(
    cells: np.ndarray, written: list[_Cell], plain: np.ndarray, frame: pd.DataFrame, ticker: str
) -> bool:
    """Return whether the file writes 1.234,5; a cell that fits only one notation decides."""
    commas = [cell for cell in written if not _POINT.fullmatch(cell.digits)]
    points = [(c.row, c.column) for c in written if not _COMMA.fullmatch(c.digits)]
    if not commas and not any("," in cell.digits for cell in written):
        return False
    points += [
        (row, column)
        for row, column in np.argwhere(plain).tolist()
        if "." in str(cells[row, column]) and not _COMMA.fullmatch(str(cells[row, column]))
    ]
    if commas and points:
        # The rarer notation is the mistake, and is what the user has to look for.
        comma_is_odd = len(commas) <= len(points)
        row, column = (commas[0].row, commas[0].column) if comma_is_odd else points[0]
        raise BarsError(
            f"{ticker}: mixed_numbers: numbers must all have one decimal sign but "
            f"{_place(frame, row, column)} is {cut(cells[row, column])!r} and "
            f"{len(points if comma_is_odd else commas)} others have "
            f"{'a point' if comma_is_odd else 'a comma'}; fix the row"
        )
    if not commas and not points:
        first = next(cell for cell in written if "," in cell.digits)
        raise BarsError(
            f"{ticker}: ambiguous_number: {_place(frame, first.row, first.column)} is "
            f"{cut(cells[first.row, first.column])!r}, and no number of the file tells whether the "
            f"comma is decimal; write a decimal point and no other separator"
        )
    return bool(commas)


def _place(frame: pd.DataFrame, row: int, column: int) -> str:
    return f"{frame.columns[column]} on line {frame.index[row]}"


def _rule_of(column: str) -> str:
    return "text_price" if column in {"open", "high", "low", "close"} else f"text_{column}"
