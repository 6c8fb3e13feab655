"""Counts out of shares, in exact arithmetic: where blocks begin, and how many dates they need.

Floats cannot say 0.7: times 45 it is 31.499999999999996 and rounds to 31, where 31.5 rounds to 32.
So a share is read as the decimal that it is written as.
"""

import math
from fractions import Fraction
from functools import lru_cache

MOST_TRIED = 50_000
"""Counts that `dates_needed` looks at; shares of 0.0001 need 20,000."""


@lru_cache(maxsize=64)
def exact(share: float) -> Fraction:
    """Return the decimal that a share is written as: 7/10 for 0.7, not the nearest binary one."""
    return Fraction(repr(float(share)))


def block_starts(dates: int, train: float, validation: float) -> tuple[int, int]:
    """Return at which of `dates` dates validation and test begin, counted from 0.

    The position nearest to the share, the even one of two as near, and the last date at the latest.
    """
    first = round(dates * exact(train))
    second = round(dates * (exact(train) + exact(validation)))
    return min(first, dates - 1), min(second, dates - 1)


def dates_needed(train: float, validation: float, purge: int, least: int) -> int:
    """Return the count of dates from which on every block keeps `least` of them after the purge.

    Both boundaries of validation are rounded, so with one date more it may have one less. The
    answer is therefore searched with `block_starts` itself, downwards from a count at which no
    rounding matters: one date fewer leaves a block short. Where a share is so small that this takes
    more than MOST_TRIED counts, the answer suffices but may not be the least.
    """
    test = 1 - exact(train) - exact(validation)
    half = Fraction(1, 2)
    # Train is rounded once and purged, validation twice and purged, test once.
    enough = max(
        math.ceil((least + purge + half) / exact(train)),
        math.ceil((least + purge + 1) / exact(validation)),
        math.ceil((least + half) / test),
    )
    for dates in range(enough - 1, max(0, enough - MOST_TRIED), -1):
        first, second = block_starts(dates, train, validation)
        if min(first - purge, second - first - purge, dates - second) < least:
            return dates + 1
    return max(1, enough - MOST_TRIED + 1)
