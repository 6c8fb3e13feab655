"""Comparing prices: two prices that differ only by rounding are the same.

Adjusted prices carry a factor that depends on where history starts. Its rounding makes equal prices
unequal, and code that asks which is higher, or divides by their distance, then jumps.
"""

import numpy as np
from jaxtyping import Float

Rows = Float[np.ndarray, " row"]

SAME = 1e-6 / np.sqrt(2.0)
"""Two prices that differ by up to this share of the price are the same.

It is ten times a source's rounding (Yahoo's prices are 32-bit: 6e-8), a billion times that of
adjustment (1e-15), and less than a cent up to a price of 14,000. It is not a round number, so no
two prices on a tick grid differ by exactly this much, and rounding decides no comparison.
"""


def steps(price: Rows) -> Rows:
    """Return each price minus the previous one; exactly 0 where they are the same."""
    change = np.diff(price, prepend=np.nan)
    return np.where(np.abs(change) <= SAME * price, 0.0, change)


def place(price: Rows, lowest: Rows, highest: Rows) -> Rows:
    """Return a price's place between two others, from -1 to 1; 0, the middle, if they are the same.

    A distance of `SAME` is known to 1e-9 of itself, and so is the place.
    """
    span = highest - lowest
    flat = span <= SAME * highest
    return np.where(flat, 0.0, 2 * (price - lowest) / np.where(flat, 1.0, span) - 1)


def balance(up: Rows, down: Rows) -> Rows:
    """Return the balance of two non-negative sums, from -1 to 1; 0 where both are zero."""
    both = up + down
    none = both == 0
    return np.where(none, 0.0, (up - down) / np.where(none, 1.0, both))
