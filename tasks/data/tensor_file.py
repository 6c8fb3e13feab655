"""Safetensors files that are filled part by part and read by mapping: no array is held twice.

The format is the library's own (https://github.com/huggingface/safetensors, "Format"): the header's
length in 8 bytes, the header as JSON, the arrays. The library's writer takes whole arrays and
copies them, and its reader copies them too.
"""

import json
import math
import mmap
from pathlib import Path
from types import TracebackType

import numpy as np

CODES: dict[str, np.dtype] = {
    "F32": np.dtype("<f4"),
    "F64": np.dtype("<f8"),
    "I64": np.dtype("<i8"),
}

Layout = dict[str, tuple[np.dtype, tuple[int, ...]]]
"""The arrays' types and shapes, by name."""


class TensorFile:
    """A file whose arrays have known shapes, and are appended to a few rows at a time."""

    def __init__(self, path: Path, layout: Layout, metadata: dict[str, str]) -> None:
        codes = {dtype: code for code, dtype in CODES.items()}
        # Wide types first, as the library does it, so that every array is aligned.
        names = sorted(layout, key=lambda name: (-layout[name][0].itemsize, name))
        header: dict[str, object] = {"__metadata__": metadata}
        self._next: dict[str, int] = {}
        self._end: dict[str, int] = {}
        end = 0
        for name in names:
            dtype, shape = layout[name]
            self._next[name] = end
            end += dtype.itemsize * math.prod(shape)
            self._end[name] = end
            offsets = [self._next[name], end]
            header[name] = {"dtype": codes[dtype], "shape": shape, "data_offsets": offsets}
        text = json.dumps(header).encode()
        text += b" " * (-len(text) % 8)
        self._file = path.open("wb")
        self._file.write(len(text).to_bytes(8, "little") + text)
        self._start = self._file.tell()
        self.path = path

    def append(self, name: str, array: np.ndarray) -> None:
        """Write the next rows of an array."""
        self._file.seek(self._start + self._next[name])
        self._file.write(np.ascontiguousarray(array).data)
        self._next[name] += array.nbytes

    def __enter__(self) -> "TensorFile":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()
        if kind is None and self._next != self._end:
            raise ValueError(f"{self.path} must be filled to the declared shapes but is not")


def map_tensors(path: Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Map a file's arrays, read-only, and return them with its metadata.

    A file is replaced but never written to once it stands, so what is mapped stays as it was.
    Raises OSError where it cannot be read, ValueError or KeyError where it is no such file.
    """
    with path.open("rb") as file:
        mapping = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    start = 8 + int.from_bytes(mapping[:8], "little")
    header = json.loads(mapping[8:start])
    metadata: dict[str, str] = header.pop("__metadata__")
    size = start + max(entry["data_offsets"][1] for entry in header.values())
    if len(mapping) != size:
        raise ValueError(f"its header asks for {size} bytes but it has {len(mapping)}")
    arrays: dict[str, np.ndarray] = {
        name: np.ndarray(
            shape=entry["shape"],
            dtype=CODES[entry["dtype"]],
            buffer=mapping,
            offset=start + entry["data_offsets"][0],
        )
        for name, entry in header.items()
    }
    return arrays, metadata
