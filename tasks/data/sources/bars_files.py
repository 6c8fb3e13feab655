"""Files of bars of any kind that a source reads, by their endings."""

import datetime as dt
from pathlib import Path

import pandas as pd

from lstm_model.data.bars import Finding
from tasks.data.sources.csv_folder import ENDINGS as CSV_ENDINGS
from tasks.data.sources.csv_folder import read_bars_file
from tasks.data.sources.parquet_folder import ENDING as PARQUET_ENDING
from tasks.data.sources.parquet_folder import read_parquet_file

ENDINGS = (*CSV_ENDINGS, PARQUET_ENDING)
"""Endings of the files that are read from a folder."""


def read_file(
    path: Path, ticker: str, start: dt.date | None = None, end: dt.date | None = None
) -> tuple[pd.DataFrame, list[Finding]]:
    """Read one file by its ending, CSV if it has none of ours; return raw bars and findings."""
    if path.name.lower().endswith(PARQUET_ENDING):
        return read_parquet_file(path, ticker, start, end)
    return read_bars_file(path, ticker, start, end)
