"""Formatting of the page's numbers: aligned in a column, rounded, or replaced by a reason."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from lstm_model.evaluation.measured import Measured, NotComputed, Statistic, Tested

NO_VALUE = "\N{EN DASH}"
MINUS = "\N{MINUS SIGN}"
SUPERSCRIPTS = str.maketrans("-0123456789", "\N{SUPERSCRIPT MINUS}⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True, slots=True)
class Cell:
    """One entry of a table; `why` means that the text is a reason for a missing number."""

    text: str
    best: bool = False
    why: bool = False


def number(value: Measured | int | None, spec: str) -> Cell:
    """Format a number, with a true minus sign."""
    if isinstance(value, NotComputed):
        return Cell(str(value), why=True)
    if value is None:
        return Cell(NO_VALUE)
    if math.isnan(value):
        return Cell("not a number", why=True)
    if math.isinf(value):
        return Cell("infinite" if value > 0 else f"{MINUS}infinite", why=True)
    return Cell(format(value, spec).replace("-", MINUS))


def share(value: Measured | int | None, digits: int = 1) -> Cell:
    """Format a share as a percentage."""
    cell = number(value, f".{digits}%")
    return cell if cell.why else Cell(cell.text.replace("%", "\N{NO-BREAK SPACE}%"))


def probability(value: Measured | int | None) -> Cell:
    """Format a p-value with three decimals, or as below 0.001."""
    if isinstance(value, float | int) and 0 <= value < 0.001:
        return Cell("< 0.001")
    return number(value, ".3f")


def statistic(value: Tested) -> tuple[Cell, Cell]:
    """Format a test's statistic and its p-value."""
    if isinstance(value, Statistic):
        return number(value.value, ".2f"), probability(value.p_value)
    return number(value, ""), Cell(NO_VALUE)


def column(values: Sequence[Measured | None]) -> tuple[str, list[Cell]]:
    """Return a power of ten for the column's heading, and its values with equal decimals.

    Up to four significant digits of the smallest value are shown, so that similar values differ.
    """
    sizes = [abs(v) for v in values if isinstance(v, float | int) and math.isfinite(v) and v]
    if not sizes:
        return "", [number(value, ".4g") for value in values]
    power = math.floor(math.log10(max(sizes)))
    power = 0 if -3 <= power < 4 else power
    smallest = math.floor(math.log10(min(sizes))) - power
    decimals = min(max(3 - smallest, 0), 5)
    cells = [
        number(value / 10.0**power if isinstance(value, float | int) else value, f".{decimals}f")
        for value in values
    ]
    return f", in 10{str(power).translate(SUPERSCRIPTS)}" if power else "", cells


def best_of(cells: Sequence[Cell], values: Sequence[Measured | None], highest: bool) -> list[Cell]:
    """Mark the best value of a column; values that print alike are all marked."""
    known = [v for v in values if isinstance(v, float | int) and math.isfinite(v)]
    if not known:
        return list(cells)
    best = max(known) if highest else min(known)
    text = next(c.text for c, v in zip(cells, values, strict=True) if v == best)
    return [Cell(c.text, best=c.text == text and not c.why, why=c.why) for c in cells]


def setting(value: object) -> str:
    """Format a parameter's value as in a configuration file."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.4g}" if isinstance(value, float) else str(value)
