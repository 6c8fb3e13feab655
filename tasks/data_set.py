"""The prepared data set on disk: one file the search may see, one for the test block.

Importing this module imports no Prefect, because workers read their data through it.
"""

import datetime as dt
import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from lstm_model.errors import StorageError
from lstm_model.split import ChronoSplit, Rows, SearchView, TestView
from tasks.files import write_atomically


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
    rows, blocks = _load(path)
    return SearchView(rows, blocks["train"], blocks["validation"])


def load_split(data_set: DataSet) -> ChronoSplit:
    """Read both views back."""
    rows, blocks = _load(data_set.held_out_path)
    return ChronoSplit(
        search=load_search_view(data_set.search_path),
        held_out=TestView(rows, blocks["test"]),
        validation_start=data_set.validation_start,
        test_start=data_set.test_start,
    )


def save_rows(path: Path, rows: Rows, blocks: dict[str, np.ndarray]) -> None:
    """Write the rows of a view and its blocks of samples."""
    arrays = {
        "ticker_of_row": rows.ticker_of_row,
        "dates": rows.dates,
        "features": rows.features,
        "labels": rows.labels,
        "label_ends": rows.label_ends,
        "last_values": rows.last_values,
        "har_terms": rows.har_terms,
    } | {f"block.{name}": ends for name, ends in blocks.items()}
    names = {
        "tickers": json.dumps(rows.tickers),
        "feature_names": json.dumps(rows.feature_names),
        "window_length": str(rows.window_length),
    }
    contiguous = {name: np.ascontiguousarray(array) for name, array in arrays.items()}

    def save(partial: Path) -> None:
        try:
            save_file(contiguous, partial, metadata=names)
        except SafetensorError as error:  # what a full disk becomes in there
            raise OSError(str(error)) from error

    write_atomically(path, save)


def _load(path: str) -> tuple[Rows, dict[str, np.ndarray]]:
    try:
        with safe_open(path, framework="numpy") as file:
            names = file.metadata()
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
    except (OSError, SafetensorError) as error:
        raise StorageError(f"cannot read data set {path}: {error}; prepare it again") from error
    blocks = {
        name.removeprefix("block."): arrays.pop(name)
        for name in list(arrays)
        if name.startswith("block.")
    }
    rows = Rows(
        tickers=tuple(json.loads(names["tickers"])),
        feature_names=tuple(json.loads(names["feature_names"])),
        window_length=int(names["window_length"]),
        **arrays,
    )
    return rows, blocks
