"""Storing a made view as the search gets it."""

from pathlib import Path

from lstm_model.data.views import SearchView
from tasks.data.data_set import append_rows, open_view


def store_view(folder: Path, view: SearchView) -> str:
    """Write a view that is held in memory; return the path that a trial is handed."""
    ends = {"train": view.train, "validation": view.validation}
    with open_view(folder, len(view.rows.dates), ends, view.rows) as arrays:
        append_rows(arrays, view.rows)
    return str(folder)
