"""Bars from a folder with one file per ticker, in the layout of any vendor that we know."""

import datetime as dt
from pathlib import Path

import pandas as pd

from lstm_model.config.data import DataConfig
from lstm_model.data.bars import Finding
from lstm_model.data.columns import Columns, cut, match_columns, names_ticker
from lstm_model.data.dates import LINE
from lstm_model.data.numerals import plain_numbers
from lstm_model.errors import BarsError
from tasks.data.file_text import text_of
from tasks.data.sources.span import within
from tasks.data.sources.ticker_file import file_of, require_folder
from tasks.data.table_file import Table, read_table, require_columns, require_one_ticker

ENDINGS = (".csv", ".csv.gz")
"""Endings of the files that the source reads, the first first."""


def open_csv(data: DataConfig) -> "CsvSource":
    """Return the source `csv`; raises ConfigError if `data.csv_dir` is no folder."""
    return CsvSource(require_folder("data.csv_dir", data.csv_dir))


class CsvSource:
    """A folder with one `<TICKER>.csv` or `<TICKER>.csv.gz` per ticker."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.incremental = False
        self.network = False
        self.findings: list[Finding] = []

    def fetch(self, ticker: str, start: dt.date | None, end: dt.date | None) -> pd.DataFrame:
        """Return the rows of a ticker's file, numbers as plain text.

        Raises BarsError in one line if the file is not a table of one ticker's daily bars.
        """
        path = file_of(self.folder, ticker, ENDINGS, "csv")
        frame, findings = read_bars_file(path, ticker, start, end)
        self.findings += findings
        return frame


def read_bars_file(
    path: Path, ticker: str, start: dt.date | None = None, end: dt.date | None = None
) -> tuple[pd.DataFrame, list[Finding]]:
    """Read one file; return its raw bars, and a finding for everything that was left out."""
    try:
        table = read_table(text_of(path.read_bytes(), str(path)), str(path))
        columns = match_columns(table.header)
        for place in columns.ignored:
            if names_ticker(table.header[place]):
                require_one_ticker([cells[place] for cells in table.rows], str(path))
        require_columns(columns, table.header, path)
    except OSError as error:
        raise BarsError(f"{ticker}: {path} must be readable but is not: {error}") from error
    except BarsError as error:
        raise BarsError(f"{ticker}: {error}") from error
    cells = list(zip(*table.rows, strict=True)) or [()] * len(table.header)
    frame = pd.DataFrame(
        {name: pd.Series(cells[place], dtype=str) for name, place in columns.places.items()}
    ).set_index(pd.Index(table.lines, name=LINE))
    frame = within(frame, ticker, start, end)
    numbers = [name for name in frame.columns if name != "date"]
    if not frame.empty:
        frame[numbers] = plain_numbers(frame[numbers], ticker)
    if "stock_splits" in frame:
        # Vendors that list a ratio for every day write 1 where there was no split.
        ratio = pd.to_numeric(frame["stock_splits"], errors="coerce")
        frame["stock_splits"] = frame["stock_splits"].mask(ratio == 1, "0")
    return frame.reset_index(drop=True), _left_out(table, columns, frame["date"], ticker)


def _left_out(
    table: Table, columns: Columns, days: "pd.Series[pd.Timestamp]", ticker: str
) -> list[Finding]:
    """Return a finding for each column, line above the header and cut row that is not read."""
    first, last = (f"{d:%Y-%m-%d}" if len(days) else "" for d in (days.min(), days.max()))
    ignored = [
        cut(table.header[place]) or f"column {place + 1}"
        for place in columns.ignored
        if table.header[place] or any(cells[place].strip() for cells in table.rows)
    ]
    found = [Finding(ticker, first, "ignored_column", name, "noted") for name in ignored]
    found += [Finding(ticker, first, "ignored_line", line, "noted") for line in table.above]
    if table.unfinished is not None:
        found.append(Finding(ticker, last, "unfinished_row", table.unfinished, "repaired"))
    return found
