"""Iterating over rows in chunks, so that no stage holds a second copy of a panel."""

import mmap
from collections.abc import Iterator

import numpy as np

CHUNK_ROWS = 1 << 16


def row_chunks(array: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield an array's rows in order, as a slice and its rows.

    The pages of a file that is mapped read-only leave the process after each chunk. The system
    caches them while it has memory, so reading them again is cheap.
    """
    mapping = _read_only_mapping(array)
    for first in range(0, len(array), CHUNK_ROWS):
        rows = slice(first, min(first + CHUNK_ROWS, len(array)))
        yield rows, array[rows]
        if mapping is not None and hasattr(mmap, "MADV_DONTNEED"):
            mapping.madvise(mmap.MADV_DONTNEED)


def _read_only_mapping(array: np.ndarray) -> mmap.mmap | None:
    if array.flags.writeable:  # to drop a page that was written to would lose what was written
        return None
    base = array.base
    while isinstance(base, np.ndarray):
        base = base.base
    return base if isinstance(base, mmap.mmap) else None
