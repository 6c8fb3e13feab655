"""The folder with every sample of a data set, from which the served model learns.

It is written after the evaluation. This module does not import Prefect, because workers use it.
"""

from functools import lru_cache
from pathlib import Path

from lstm_model.data.scaling import Scaler
from lstm_model.data.whole import row_count, whole_rows, whole_samples
from lstm_model.data.windows import WindowSet, scaled_windows, with_sequence_length
from lstm_model.search.hyper_params import HyperParams
from tasks.data.data_set import DataSet, append_rows, load_split, load_view, open_view, scratch
from tasks.files import move_into_place, refuse_politely

_ALL = "all"


def write_whole_view(data_set: DataSet) -> str:
    """Write the rows of both views, a ticker at a time; return the folder, named by its content.

    Raises StorageError if the disk fails; then no part of it remains.
    """
    split = load_split(data_set)
    folder = Path(data_set.search_path).parent
    name = f"whole-{data_set.search_sha256[:16]}-{data_set.snapshot_sha256[:16]}"
    with refuse_politely(f"a data set in {folder}"), scratch(folder) as partial:
        ends = {_ALL: whole_samples(split)}
        with open_view(partial / name, row_count(split), ends, split.search.rows) as view:
            for rows in whole_rows(split):
                append_rows(view, rows)
        return str(move_into_place(partial / name, folder / name))


@lru_cache(maxsize=2)
def load_whole_windows(
    path: str, feature_scaling: str, sequence_length: int | None
) -> tuple[Scaler, WindowSet, int]:
    """Return the scaler of all samples, their windows and the number of tickers."""
    rows, blocks = load_view(Path(path))
    params = HyperParams(feature_scaling=feature_scaling, sequence_length=sequence_length)
    rows = with_sequence_length(rows, params)
    scaler = Scaler.fit(rows, blocks[_ALL], feature_scaling)
    return scaler, scaled_windows(rows, blocks[_ALL], scaler), len(rows.tickers)
