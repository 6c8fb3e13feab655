"""Bars from a folder with one Parquet file per ticker."""

import datetime as dt
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from lstm_model.config.data import DataConfig
from lstm_model.data.bars import Finding
from lstm_model.data.columns import (
    count_known,
    cut,
    match_columns,
    names_ticker,
)
from lstm_model.data.numerals import plain_numbers
from lstm_model.errors import BarsError
from tasks.data.sources.span import within
from tasks.data.sources.ticker_file import file_of, require_folder
from tasks.data.table_file import require_columns, require_one_ticker

ENDING = ".parquet"


def open_parquet(data: DataConfig) -> "ParquetSource":
    """Return the source `parquet`; raises ConfigError if `data.parquet_dir` is no folder."""
    return ParquetSource(require_folder("data.parquet_dir", data.parquet_dir))


class ParquetSource:
    """A folder with one `<TICKER>.parquet` per ticker."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.incremental = False
        self.network = False
        self.findings: list[Finding] = []

    def fetch(self, ticker: str, start: dt.date | None, end: dt.date | None) -> pd.DataFrame:
        """Return the rows of a ticker's file.

        Raises BarsError in one line if the file is not a table of one ticker's daily bars.
        """
        path = file_of(self.folder, ticker, (ENDING,), "parquet")
        frame, findings = read_parquet_file(path, ticker, start, end)
        self.findings += findings
        return frame


def read_parquet_file(
    path: Path, ticker: str, start: dt.date | None = None, end: dt.date | None = None
) -> tuple[pd.DataFrame, list[Finding]]:
    """Read one file; return its raw bars, and a finding for each column that was left out.

    Columns have the names that CSV files may have; the dates are one of them or the index.
    """
    try:
        table = flat_table(read_whole(path), path)
        header = [str(name) for name in table.columns]
        columns = match_columns(header)
        for place in columns.ignored:
            if names_ticker(header[place]):
                require_one_ticker(table.iloc[:, place].astype(str).unique().tolist(), str(path))
        require_columns(columns, header, path)
    except BarsError as error:
        raise BarsError(f"{ticker}: {error}") from error
    places = list(columns.places.values())
    frame = table.iloc[:, places].set_axis(list(columns.places), axis=1)
    frame = within(frame.set_axis(range(1, len(frame) + 1)), ticker, start, end)
    for name in frame.columns.drop("date"):
        frame[name] = numbers_of(frame[name], ticker)
    if "stock_splits" in frame:
        # Vendors that list a ratio for every day write 1 where there was no split.
        ratio = pd.to_numeric(frame["stock_splits"], errors="coerce")
        frame["stock_splits"] = frame["stock_splits"].mask(ratio == 1, 0)
    first = f"{frame['date'].min():%Y-%m-%d}" if len(frame) else ""
    ignored = [
        Finding(ticker, first, "ignored_column", cut(header[place]), "noted")
        for place in columns.ignored
    ]
    return frame.reset_index(drop=True), ignored


def read_whole(path: Path) -> pd.DataFrame:
    """Read a file whole; raises BarsError, without a ticker, that names what it is instead."""
    if path.is_dir():
        raise BarsError(
            f"{path} must be a file but is a folder; write all parts into one file per ticker"
        )
    try:
        with path.open("rb") as opened:
            start = opened.read(64)
        if not start.startswith(b"PAR1"):
            raise BarsError(
                f"{path} must be a Parquet file but begins with {cut(repr(start)[2:-1])!r}; "
                f"{_remedy_of(start)}"
            )
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            table = file.read(use_threads=False)
        table.validate(full=True)  # texts that are no UTF-8 would fail only later
        frame: pd.DataFrame = table.to_pandas()
    # pyarrow has its own errors for damaged parts, and Python's for damaged texts in them.
    except (OSError, ValueError, KeyError, TypeError, NotImplementedError, pa.ArrowException) as e:
        reason = cut(f"{type(e).__name__}: {e}", 160)
        raise BarsError(
            f"{path} must be a whole Parquet file but cannot be read: {reason}; write it again"
        ) from e
    return frame


def _remedy_of(start: bytes) -> str:
    if start.startswith(b"version https://git-lfs"):
        return "fetch the file itself with `git lfs pull`"
    if count_known(start.decode("latin-1").partition("\n")[0].split(",")) > 1:
        return "it is CSV: name it .csv and set data.source to csv"
    return "write it with DataFrame.to_parquet"


def flat_table(frame: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Return plain columns: names of one level, and the dates among them.

    yfinance's columns have two levels, one of which has the tickers.
    """
    columns = frame.columns
    if isinstance(columns, pd.MultiIndex):
        levels = [columns.get_level_values(level) for level in range(columns.nlevels)]
        named = max(levels, key=lambda level: count_known([str(name) for name in level]))
        for level in levels:
            if level is not named:
                require_one_ticker(level.astype(str).unique().tolist(), str(path))
        frame = frame.set_axis(named, axis=1)
    if "date" not in match_columns([str(name) for name in frame.columns]).places or any(
        names_ticker(str(name)) for name in frame.index.names
    ):
        names = [str(name) if name is not None else "" for name in frame.index.names]
        dates = [pd.Series(frame.index.get_level_values(i)) for i in range(frame.index.nlevels)]
        index = pd.concat(dates, axis=1).set_axis(names, axis=1)
        if not isinstance(frame.index, pd.RangeIndex):
            frame = pd.concat([index, frame.reset_index(drop=True)], axis=1)
    return frame


def numbers_of(column: "pd.Series", ticker: str) -> "pd.Series":
    """Return a column as numbers, or as plain text if it is text; a float32 as it is printed."""
    if pd.api.types.is_bool_dtype(column) or pd.api.types.is_datetime64_any_dtype(column):
        return column.astype(str)
    if column.dtype == "float32":
        return column.astype(str).astype(float)
    if pd.api.types.is_numeric_dtype(column):
        return column.astype(float)
    text = column.astype(object).where(column.notna(), "").astype(str)
    return plain_numbers(text.to_frame(column.name), ticker)[column.name]
