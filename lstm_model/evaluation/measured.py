"""A number, or why there is none: what stands in a table where a value cannot be computed."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

MIN_DATES = 30
"""Below it the normal approximation that a test rests on says nothing."""


@dataclass(frozen=True, slots=True)
class NotComputed:
    """Stands in a number's place and says why it is not there."""

    reason: str

    def __str__(self) -> str:
        return f"not computed: {self.reason}"


Measured = float | NotComputed


@dataclass(frozen=True, slots=True)
class Statistic:
    """What a test gives: its statistic and its p-value."""

    value: float
    p_value: float


Tested = Statistic | NotComputed


def too_short(n: int) -> NotComputed:
    """Say that a sample is too short for a test's asymptotics."""
    return NotComputed(f"n = {n} < {MIN_DATES}")


def show(value: Measured, digits: str = ".4g") -> str:
    """Spell a number, or the reason for its absence."""
    if isinstance(value, NotComputed):
        return str(value)
    return format(value, digits) if math.isfinite(value) else str(value)


def plain(value: Any) -> Any:
    """Return a record as JSON takes it; in the place of a missing number stands the reason."""
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
    """Return a record's numbers by dotted names, those of its tests among them; no others."""
    found: dict[str, float] = {}
    for field in fields(record):
        value, name = getattr(record, field.name), f"{prefix}.{field.name}"
        if isinstance(value, Statistic):
            found |= {f"{name}.statistic": value.value, f"{name}.p_value": value.p_value}
        elif isinstance(value, float | int) and not isinstance(value, bool):
            found[name] = float(value)
    return found
