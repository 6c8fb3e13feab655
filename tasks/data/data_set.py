"""The prepared data set on disk: one file the search may see, one for the test block.

Importing this module imports no Prefect, because workers read their data through it.
"""

import datetime as dt
import itertools
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from lstm_model.data.split import Blocks, positions
from lstm_model.data.views import ChronoSplit, Rows, SearchView, TestView
from lstm_model.data.windows import ScaledView, scale_view
from lstm_model.errors import StorageError
from lstm_model.search.hyper_params import HyperParams
from tasks.data.tensor_file import TensorFile, map_tensors
from tasks.files import refuse_politely, write_atomically

_BLOCK = "block."
_COLUMNS = tuple(
    field.name
    for field in fields(Rows)
    if field.name not in ("tickers", "feature_names", "window_length", "har_skip")
)


@dataclass(frozen=True, slots=True)
class DataSet:
    """References to the prepared blocks; the search is handed `search_path` and nothing else."""

    search_path: str
    search_sha256: str
    snapshot_sha256: str
    held_out_path: str
    feature_count: int
    train_samples: int
    validation_samples: int
    test_samples: int
    validation_start: dt.date
    test_start: dt.date


@lru_cache(maxsize=2)
def load_search_view(path: str) -> SearchView:
    """Map the search view into memory; kept by a worker from trial to trial."""
    rows, blocks = _load(Path(path))
    return SearchView(rows, blocks["train"], blocks["validation"])


@lru_cache(maxsize=2)
def load_scaled_view(path: str, feature_scaling: str, sequence_length: int | None) -> ScaledView:
    """Scale the search view once a process: every trial and final training trains on the same."""
    params = HyperParams(feature_scaling=feature_scaling, sequence_length=sequence_length)
    return scale_view(load_search_view(path), params)


def load_split(data_set: DataSet) -> ChronoSplit:
    """Map both views back."""
    rows, blocks = _load(Path(data_set.held_out_path))
    return ChronoSplit(
        search=load_search_view(data_set.search_path),
        held_out=TestView(rows, blocks["test"]),
        validation_start=data_set.validation_start,
        test_start=data_set.test_start,
    )


def save_views(
    folder: Path, parts: Iterable[tuple[Rows, Rows]], blocks: Blocks, snapshot_sha256: str
) -> DataSet:
    """Write both views as their rows come, each named by the hash of what the search may see.

    Raises StorageError where the disk refuses; nothing of the data set then stays.
    """
    search_ends = {
        "train": positions(blocks.train, blocks.seen),
        "validation": positions(blocks.validation, blocks.seen),
    }
    test_ends = {"test": positions(blocks.test, blocks.held_out)}
    with refuse_politely(f"a data set in {folder}"), _scratch(folder) as scratch:
        search, held_out = scratch / "search", scratch / "test"
        parts = iter(parts)
        first = next(parts)
        with (
            _view_file(search, int(blocks.seen.sum()), search_ends, first[0]) as search_file,
            _view_file(held_out, int(blocks.held_out.sum()), test_ends, first[1]) as held_out_file,
        ):
            for search_rows, held_out_rows in itertools.chain([first], parts):
                _append(search_file, search_rows)
                _append(held_out_file, held_out_rows)
        rows, samples = _load(search)
        sha256 = SearchView(rows, samples["train"], samples["validation"]).sha256()
        search_path = folder / f"search-{sha256[:16]}.safetensors"
        held_out_path = folder / f"test-{sha256[:16]}-{snapshot_sha256[:16]}.safetensors"
        write_atomically(search_path, search.replace)
        write_atomically(held_out_path, held_out.replace)
    return DataSet(
        search_path=str(search_path),
        search_sha256=sha256,
        snapshot_sha256=snapshot_sha256,
        held_out_path=str(held_out_path),
        feature_count=len(rows.feature_names),
        train_samples=len(search_ends["train"]),
        validation_samples=len(search_ends["validation"]),
        test_samples=len(test_ends["test"]),
        validation_start=blocks.validation_start,
        test_start=blocks.test_start,
    )


def save_rows(path: Path, rows: Rows, blocks: dict[str, np.ndarray]) -> None:
    """Write one view, its rows in memory, and its blocks of samples."""

    def save(partial: Path) -> None:
        with _view_file(partial, len(rows.dates), blocks, rows) as file:
            _append(file, rows)

    write_atomically(path, save)


@contextmanager
def _scratch(folder: Path) -> Iterator[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".views-", dir=folder) as scratch:
        yield Path(scratch)


@contextmanager
def _view_file(
    path: Path, row_count: int, ends: dict[str, np.ndarray], like: Rows
) -> Iterator[TensorFile]:
    """Open a view's file, its blocks of samples written, for `row_count` rows like `like`."""
    columns = {name: getattr(like, name) for name in _COLUMNS}
    layout = {name: (a.dtype, (row_count, *a.shape[1:])) for name, a in columns.items()}
    layout |= {_BLOCK + name: (array.dtype, array.shape) for name, array in ends.items()}
    names = {
        "tickers": json.dumps(like.tickers),
        "feature_names": json.dumps(like.feature_names),
        "window_length": str(like.window_length),
        "har_skip": json.dumps(like.har_skip),
    }
    with TensorFile(path, layout, names) as file:
        for name, array in ends.items():
            file.append(_BLOCK + name, array)
        yield file


def _append(file: TensorFile, rows: Rows) -> None:
    for name in _COLUMNS:
        file.append(name, getattr(rows, name))


def _load(path: Path) -> tuple[Rows, dict[str, np.ndarray]]:
    try:
        arrays, names = map_tensors(path)
    except (OSError, ValueError, KeyError) as error:
        raise StorageError(f"cannot read data set {path}: {error}; prepare it again") from error
    blocks = {
        name.removeprefix(_BLOCK): arrays.pop(name).copy()  # torch takes writable arrays alone
        for name in list(arrays)
        if name.startswith(_BLOCK)
    }
    rows = Rows(
        tickers=tuple(json.loads(names["tickers"])),
        feature_names=tuple(json.loads(names["feature_names"])),
        window_length=int(names["window_length"]),
        har_skip=json.loads(names["har_skip"]),
        **arrays,
    )
    return rows, blocks
