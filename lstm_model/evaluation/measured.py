"""Measured: a number, or the reason why it could not be computed."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

MIN_DATES = 30
"""Below this number of dates the normal approximation of the tests is not reliable."""


@dataclass(frozen=True, slots=True)
class NotComputed:
    """Takes the place of a number and gives the reason why it could not be computed."""

    reason: str

    def __str__(self) -> str:
        return f"not computed: {self.reason}"


Measured = float | NotComputed


@dataclass(frozen=True, slots=True)
class Statistic:
    """The result of a test: its statistic and its p-value."""

    value: float
    p_value: float


Tested = Statistic | NotComputed


def too_short(n: int) -> NotComputed:
    """Say that n dates are too few for a test's asymptotics."""
    return NotComputed(f"n = {n} < {MIN_DATES}")


def show(value: Measured, digits: str = ".4g") -> str:
    """Format a number, or return the reason for its absence."""
    if isinstance(value, NotComputed):
        return str(value)
    return format(value, digits) if math.isfinite(value) else str(value)


def plain(value: Any) -> Any:
    """Return a record as plain JSON types; a missing number is replaced by its reason."""
    if isinstance(value, NotComputed):
        return str(value)
    if is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, tuple | list):
        return [plain(inner) for inner in value]
    return value


def numbers(record: Any, prefix: str) -> dict[str, float]:
    """Return a record's numbers, including those of its tests, by dotted name."""
    found: dict[str, float] = {}
    for field in fields(record):
        value, name = getattr(record, field.name), f"{prefix}.{field.name}"
        if isinstance(value, Statistic):
            found |= {f"{name}.statistic": value.value, f"{name}.p_value": value.p_value}
        elif isinstance(value, float | int) and not isinstance(value, bool):
            found[name] = float(value)
    return found
