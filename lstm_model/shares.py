"""From shares to counts in exact arithmetic: where blocks begin, and how many dates they need.

The float 0.7 times 45 is 31.499999999999996, which rounds to 31; the exact 31.5 rounds to 32.
So each share is read as the decimal in which it is written.
"""

import math
from fractions import Fraction
from functools import lru_cache

MOST_TRIED = 50_000
"""Most counts that `dates_needed` tries; shares of 0.0001 need 20,000."""


@lru_cache(maxsize=64)
def exact(share: float) -> Fraction:
    """Return the decimal as which a share is written: 7/10 for 0.7, not the nearest float."""
    return Fraction(repr(float(share)))


def block_starts(dates: int, train: float, validation: float) -> tuple[int, int]:
    """Return the positions, from 0, at which validation and test begin among `dates` dates.

    Each is the position nearest to its share, the even one on a tie, and at most the last date.
    """
    first = round(dates * exact(train))
    second = round(dates * (exact(train) + exact(validation)))
    return min(first, dates - 1), min(second, dates - 1)


def dates_needed(train: float, validation: float, purge: int, least: int) -> int:
    """Return the count of dates from which on every block keeps `least` dates after the purge.

    Both boundaries of validation are rounded, so one more date can leave it with one fewer. The
    search therefore uses `block_starts` itself, and goes down from a count at which rounding does
    not matter until one date fewer leaves a block short. If a share is so small that this takes
    more than MOST_TRIED counts, the answer suffices but may not be the smallest.
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
