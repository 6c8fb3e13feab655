"""Arrays as .npy files in one folder: written a few rows at a time, read by memory mapping.

Rows are written to a plain file, not through a mapping: on a full disk a write raises an error, but
a mapping kills the process.
"""

from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

Layout = dict[str, tuple[np.dtype, tuple[int, ...]]]
"""Type and shape of each array, by name."""


class ArrayFolder:
    """A folder of arrays with known shapes, to which rows are appended in order."""

    def __init__(self, folder: Path, layout: Layout) -> None:
        folder.mkdir()
        self.folder = folder
        self._stack = ExitStack()
        self._missing = {name: shape[0] for name, (_, shape) in layout.items()}
        self._files = {}
        for name, (dtype, shape) in layout.items():
            file = self._stack.enter_context((folder / f"{name}.npy").open("wb"))
            header = {
                "descr": np.lib.format.dtype_to_descr(dtype),
                "fortran_order": False,
                "shape": shape,
            }
            np.lib.format.write_array_header_1_0(file, header)
            self._files[name] = file

    def append(self, name: str, rows: np.ndarray) -> None:
        """Write the next rows of an array."""
        self._files[name].write(np.ascontiguousarray(rows).data)
        self._missing[name] -= len(rows)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()
        if kind is None and any(self._missing.values()):
            raise ValueError(f"{self.folder} must be filled to the declared shapes but is not")


def map_arrays(folder: Path) -> dict[str, np.ndarray]:
    """Map a folder's arrays read-only; a finished folder may be replaced but is never written to.

    Raises OSError if a file cannot be read, ValueError if it is not a complete array.
    """
    return {
        path.stem: np.asarray(np.load(path, mmap_mode="r")) for path in sorted(folder.glob("*.npy"))
    }
