"""The prepared data set on disk: one folder for the search, one for the test block.

This module does not import Prefect, because workers use it to read their data.
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
from tasks.data.array_folder import ArrayFolder, map_arrays
from tasks.files import move_into_place, refuse_politely

_BLOCK = "block."
_FACTS = ("tickers", "feature_names", "window_length", "har_skip")
_FACTS_FILE = "view.json"
_COLUMNS = tuple(field.name for field in fields(Rows) if field.name not in _FACTS)


@dataclass(frozen=True, slots=True)
class DataSet:
    """References to the prepared blocks.

    search_path: folder of the search view, the only one that the search gets.
    search_sha256: hash of the search view's values.
    snapshot_sha256: hash of the stored bars.
    held_out_path: folder of the test view.
    feature_count: number of feature columns.
    train_samples, validation_samples, test_samples: number of samples of the block.
    validation_start, test_start: first date of the block.
    """

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
    """Map the search view into memory; a worker keeps it from trial to trial."""
    rows, blocks = load_view(Path(path))
    return SearchView(rows, blocks["train"], blocks["validation"])


@lru_cache(maxsize=2)
def load_scaled_view(path: str, feature_scaling: str, sequence_length: int | None) -> ScaledView:
    """Scale the search view, once per process for all its trials and final trainings."""
    params = HyperParams(feature_scaling=feature_scaling, sequence_length=sequence_length)
    return scale_view(load_search_view(path), params)


def load_split(data_set: DataSet) -> ChronoSplit:
    """Map both views into memory."""
    rows, blocks = load_view(Path(data_set.held_out_path))
    return ChronoSplit(
        search=load_search_view(data_set.search_path),
        held_out=TestView(rows, blocks["test"]),
        validation_start=data_set.validation_start,
        test_start=data_set.test_start,
    )


def save_views(
    folder: Path, parts: Iterable[tuple[Rows, Rows]], blocks: Blocks, snapshot_sha256: str
) -> DataSet:
    """Write both views while their rows arrive, into folders named by the search view's hash.

    Raises StorageError if the disk fails; then no part of the data set remains.
    """
    search_ends = {
        "train": positions(blocks.train, blocks.seen),
        "validation": positions(blocks.validation, blocks.seen),
    }
    test_ends = {"test": positions(blocks.test, blocks.held_out)}
    with refuse_politely(f"a data set in {folder}"), scratch(folder) as partial:
        search, held_out = partial / "search", partial / "test"
        parts = iter(parts)
        first = next(parts)
        with (
            open_view(search, int(blocks.seen.sum()), search_ends, first[0]) as search_view,
            open_view(held_out, int(blocks.held_out.sum()), test_ends, first[1]) as test_view,
        ):
            for search_rows, held_out_rows in itertools.chain([first], parts):
                append_rows(search_view, search_rows)
                append_rows(test_view, held_out_rows)
        rows, samples = load_view(search)
        sha256 = SearchView(rows, samples["train"], samples["validation"]).sha256()
        search_path = move_into_place(search, folder / f"search-{sha256[:16]}")
        held_out_path = move_into_place(
            held_out, folder / f"test-{sha256[:16]}-{snapshot_sha256[:16]}"
        )
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


@contextmanager
def scratch(folder: Path) -> Iterator[Path]:
    """Yield a hidden folder beside the data sets, which goes again."""
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".views-", dir=folder) as scratch:
        yield Path(scratch)


@contextmanager
def open_view(
    folder: Path, row_count: int, ends: dict[str, np.ndarray], like: Rows
) -> Iterator[ArrayFolder]:
    """Create a view's folder for `row_count` rows like `like`, and write its blocks of samples."""
    columns = {name: getattr(like, name) for name in _COLUMNS}
    layout = {name: (a.dtype, (row_count, *a.shape[1:])) for name, a in columns.items()}
    layout |= {_BLOCK + name: (array.dtype, array.shape) for name, array in ends.items()}
    with ArrayFolder(folder, layout) as arrays:
        for name, array in ends.items():
            arrays.append(_BLOCK + name, array)
        facts = {name: getattr(like, name) for name in _FACTS}
        (folder / _FACTS_FILE).write_text(json.dumps(facts), encoding="utf-8")
        yield arrays


def append_rows(view: ArrayFolder, rows: Rows) -> None:
    """Write the next rows of a view."""
    for name in _COLUMNS:
        view.append(name, getattr(rows, name))


def load_view(folder: Path) -> tuple[Rows, dict[str, np.ndarray]]:
    """Map a view's rows into memory, and read its blocks; raises StorageError if it is damaged."""
    try:
        arrays = map_arrays(folder)
        facts = json.loads((folder / _FACTS_FILE).read_text(encoding="utf-8"))
        blocks = {
            name.removeprefix(_BLOCK): arrays.pop(name).copy()  # torch needs writable arrays
            for name in list(arrays)
            if name.startswith(_BLOCK)
        }
        rows = Rows(
            tickers=tuple(facts["tickers"]),
            feature_names=tuple(facts["feature_names"]),
            window_length=facts["window_length"],
            har_skip=facts["har_skip"],
            **arrays,
        )
    except (OSError, ValueError, KeyError, TypeError, EOFError) as error:
        raise StorageError(f"cannot read data set {folder}: {error}; prepare it again") from error
    return rows, blocks
