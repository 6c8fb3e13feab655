"""Cells -> numbers, and how finely a column of numbers was printed."""

import re

import numpy as np
import pandas as pd
from jaxtyping import Float

from lstm_model.data.bars import PRICES
from lstm_model.data.cleaning.record import LEAVE_OUT, Record

_NULLS = {"", "null", "nan", "none", "n/a", "na", "-"}
_RATIO = re.compile(r"\s*(\d+(?:\.\d+)?)\s*[:/]\s*(\d+(?:\.\d+)?)\s*")
_FLOAT32 = 1.2e-7
"""Relative rounding of a number that once was a 32-bit float, as Yahoo's are."""


def parse_numbers(
    column: "pd.Series[float]", dates: "pd.Series[pd.Timestamp]", record: Record, name: str
) -> "pd.Series[float]":
    """Return a column as numbers; raises BarsError for text, and for an infinite number.

    A split may be written 4:1 or 4/1.
    """
    column = column.reset_index(drop=True)
    if column.dtype == np.float64 and not np.isinf(column.to_numpy()).any():
        return column  # what a network source gives, every night for every ticker
    if name == "stock_splits":
        column = column.map(_ratio)
    numbers = pd.to_numeric(column, errors="coerce").astype(float)
    kind = "price" if name in PRICES else name
    for row in np.flatnonzero(numbers.isna() & column.notna()):
        cell = str(column[row])
        if cell.strip().lower() not in _NULLS:
            shown = cell if len(cell) <= 40 else f"{cell[:40]}..."
            raise record.refusal(
                f"text_{kind}", dates[row], f"{name} is {shown!r}", "fix or remove the row"
            )
    if name == "adj_close":
        return numbers.where(np.isfinite(numbers))
    for row in np.flatnonzero(np.isinf(numbers)):
        value = f"{name} is {numbers[row]}"
        raise record.refusal(f"infinite_{kind}", dates[row], value, f"fix the row: {LEAVE_OUT}")
    return numbers


def require_positive(frame: pd.DataFrame, record: Record) -> None:
    """Raise BarsError for a high, low or close of zero or less, or a negative open."""
    for column in PRICES:
        for row in np.flatnonzero(frame[column] <= 0):
            raise record.refusal(
                "non_positive_price", frame["date"][row], f"{column} is {frame[column][row]:g}",
                f"a price must be above zero; {LEAVE_OUT}",
            )  # fmt: skip


def rounding_error(values: Float[np.ndarray, " row"]) -> Float[np.ndarray, " row"]:
    """Return the largest relative error with which each number of a column was printed.

    A column has fixed decimals or fixed significant digits; the coarser reading counts.
    """
    known = values[np.isfinite(values)]
    decimals = next((d for d in range(11) if np.allclose(np.round(known, d), known, 1e-12, 0)), 11)
    power = np.floor(np.log10(known))
    digits = next(
        (
            s
            for s in range(1, 12)
            if np.allclose(np.round(known / 10**power, s - 1) * 10**power, known, 1e-12, 0)
        ),
        12,
    )
    by_digits = 0.5 * 10.0 ** (np.floor(np.log10(values)) + 1 - digits)
    error: Float[np.ndarray, " row"] = np.maximum(0.5 * 10.0**-decimals, by_digits) / values
    return error + _FLOAT32


def _ratio(cell: object) -> object:
    match = _RATIO.fullmatch(cell) if isinstance(cell, str) else None
    return cell if match is None else float(match[1]) / float(match[2])
