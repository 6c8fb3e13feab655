"""Claims about chunks: every row once, and nothing that was written is lost."""

from pathlib import Path

import numpy as np
import pytest

from lstm_model.data.chunks import CHUNK_ROWS, row_chunks


@pytest.mark.parametrize("count", [0, 1, CHUNK_ROWS, CHUNK_ROWS + 1, 2 * CHUNK_ROWS + 5])
def test_every_row_comes_once(count: int) -> None:
    """The slices cover the rows in order without overlap, each with its rows."""
    array = np.arange(count)
    seen = []
    for rows, chunk in row_chunks(array):
        np.testing.assert_array_equal(chunk, array[rows])
        seen.append(chunk)
    np.testing.assert_array_equal(np.concatenate([np.arange(0), *seen]), array)


@pytest.mark.parametrize("mode", ["r", "c"])
def test_a_mapped_file_keeps_its_values(tmp_path: Path, mode: str) -> None:
    """A second pass over a mapped file sees what the first saw, changes in memory included."""
    path = tmp_path / "rows"
    np.arange(3.0 * CHUNK_ROWS).tofile(path)
    array = np.memmap(path, dtype=float, mode=mode)
    if mode == "c":
        array[7] = -1.0
    expected = np.array(array)
    for _ in range(2):
        walked = np.concatenate([np.array(chunk) for _, chunk in row_chunks(array)])
        np.testing.assert_array_equal(walked, expected)
