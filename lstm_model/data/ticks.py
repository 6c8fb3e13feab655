"""When two prices are the same: what rounding leaves between them counts for nothing.

Adjusted prices carry a factor that depends on where history starts. Rounding then parts prices that
were equal, and whatever asks "which is higher?" or divides by their distance makes a jump of it.
"""

import numpy as np
from jaxtyping import Float

Rows = Float[np.ndarray, " row"]

SAME = 1e-6 / np.sqrt(2.0)
"""Up to this share of the price, two prices are the same.

Ten times what a source rounds by (Yahoo's prices are 32-bit: 6e-8), a billion times what adjustment
does (1e-15), and less than a cent up to a price of 14,000. It is no round number: no two prices on
one tick lie exactly so far apart, and rounding never decides on which side they are.
"""


def steps(price: Rows) -> Rows:
    """Return how far each price is from the one before; exactly 0 where they are the same."""
    change = np.diff(price, prepend=np.nan)
    return np.where(np.abs(change) <= SAME * price, 0.0, change)


def place(price: Rows, lowest: Rows, highest: Rows) -> Rows:
    """Return where a price lies between two, from -1 to 1; 0, the middle, where they are the same.

    A distance of `SAME` is known to 1e-9 of itself, and so is the place.
    """
    span = highest - lowest
    flat = span <= SAME * highest
    return np.where(flat, 0.0, 2 * (price - lowest) / np.where(flat, 1.0, span) - 1)


def balance(up: Rows, down: Rows) -> Rows:
    """Return which of two non-negative sums outweighs, from -1 to 1; 0 where both are zero."""
    both = up + down
    none = both == 0
    return np.where(none, 0.0, (up - down) / np.where(none, 1.0, both))
