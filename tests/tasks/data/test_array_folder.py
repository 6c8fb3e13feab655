"""Folders of .npy files, filled part by part and mapped."""

from pathlib import Path

import numpy as np
import pytest

from tasks.data.array_folder import ArrayFolder, map_arrays

ARRAYS = {
    "narrow": np.arange(21, dtype=np.float32).reshape(7, 3),
    "wide": np.linspace(0, 1, 7),
    "whole": np.arange(5),
    "empty": np.empty((7, 0)),
}


def write(folder: Path) -> Path:
    layout = {name: (array.dtype, array.shape) for name, array in ARRAYS.items()}
    with ArrayFolder(folder, layout) as arrays:
        for rows in (slice(0, 4), slice(4, 7)):
            for name, array in ARRAYS.items():
                arrays.append(name, array[rows])
    return folder


def test_parts_make_the_arrays(tmp_path: Path) -> None:
    """Arrays that were appended in turns are mapped whole, aligned and read-only."""
    found = map_arrays(write(tmp_path / "view"))
    assert set(found) == set(ARRAYS)
    for name, expected in ARRAYS.items():
        assert found[name].dtype == expected.dtype
        np.testing.assert_array_equal(found[name], expected)
        assert found[name].flags.aligned
        assert not found[name].flags.writeable


@pytest.mark.parametrize("kept", [0, 5, 100, -1])
def test_a_torn_file_is_refused(tmp_path: Path, kept: int) -> None:
    """A file that ends early, wherever it does, cannot be mapped."""
    path = write(tmp_path / "view") / "narrow.npy"
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises((ValueError, EOFError)):
        map_arrays(path.parent)


def test_an_array_that_is_not_filled_is_refused(tmp_path: Path) -> None:
    """Fewer rows than declared are refused on closing, and so are more."""
    layout = {"rows": (np.dtype(float), (3,))}
    for count in (2, 4):
        with (
            pytest.raises(ValueError, match="must be filled to the declared shapes"),
            ArrayFolder(tmp_path / str(count), layout) as arrays,
        ):
            arrays.append("rows", np.zeros(count))
