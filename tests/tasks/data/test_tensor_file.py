"""Safetensors files, filled part by part and mapped."""

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from tasks.data.tensor_file import TensorFile, map_tensors

ARRAYS = {
    "narrow": np.arange(21, dtype=np.float32).reshape(7, 3),
    "wide": np.linspace(0, 1, 7),
    "whole": np.arange(5),
    "empty": np.empty((7, 0)),
}


def write(path: Path) -> Path:
    layout = {name: (array.dtype, array.shape) for name, array in ARRAYS.items()}
    with TensorFile(path, layout, {"names": "[1]"}) as file:
        for rows in (slice(0, 4), slice(4, 7)):
            for name, array in ARRAYS.items():
                file.append(name, array[rows])
    return path


def assert_equal(found: dict[str, np.ndarray]) -> None:
    assert set(found) == set(ARRAYS)
    for name, expected in ARRAYS.items():
        assert found[name].dtype == expected.dtype
        np.testing.assert_array_equal(found[name], expected)


def test_parts_make_the_arrays(tmp_path: Path) -> None:
    """Arrays that were appended in turns are mapped whole, aligned and read-only."""
    arrays, metadata = map_tensors(write(tmp_path / "file"))
    assert_equal(arrays)
    assert metadata == {"names": "[1]"}
    assert all(array.flags.aligned and not array.flags.writeable for array in arrays.values())


def test_the_library_reads_and_writes_the_same(tmp_path: Path) -> None:
    """The library reads what is written here, and what it writes is mapped here."""
    assert_equal(load_file(write(tmp_path / "ours")))
    save_file(ARRAYS, tmp_path / "theirs", metadata={"names": "[1]"})
    assert_equal(map_tensors(tmp_path / "theirs")[0])


@pytest.mark.parametrize("kept", [0, 5, 100, -1])
def test_a_torn_file_is_refused(tmp_path: Path, kept: int) -> None:
    """A file that ends early, wherever it does, is a ValueError."""
    path = write(tmp_path / "file")
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(ValueError, match=r"header|mmap|Expecting|Unterminated|JSON|empty"):
        map_tensors(path)


def test_a_file_that_is_not_filled_is_refused(tmp_path: Path) -> None:
    """Fewer rows than declared are refused on closing, and so are more."""
    layout = {"rows": (np.dtype(float), (3,))}
    for count in (2, 4):
        with (
            pytest.raises(ValueError, match="must be filled to the declared shapes"),
            TensorFile(tmp_path / "file", layout, {}) as file,
        ):
            file.append("rows", np.zeros(count))
