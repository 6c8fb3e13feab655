"""One file with many tickers' bars, Parquet or CSV -> raw bars as a served model takes them."""

from pathlib import Path

import pandas as pd

from lstm_model.data.columns import Columns, cut, key_of, match_columns
from lstm_model.data.dates import LINE, parse_dates
from lstm_model.data.numerals import plain_numbers
from lstm_model.data.row_keys import require_keys
from lstm_model.errors import BarsError, ConfigError
from tasks.data.file_text import text_of
from tasks.data.sources.parquet_folder import ENDING, flat_table, numbers_of, read_whole
from tasks.data.table_file import read_table, require_columns

TICKERS = ("ticker", "symbol", "symbols", "code", "isin", "name")
"""Names of the column that says whose bar a row is; the first that is there counts."""


def read_panel_file(path: Path) -> pd.DataFrame:
    """Return ticker, date and the columns of bars, with tickers in the order of their first rows.

    Other columns are left out. Numbers are floats, dates the exchange's own days. Raises
    ConfigError if there is no such file, and BarsError in one line if it is no table, lacks a
    column, or has a row without ticker or date, or a cell that is no number or no date.
    """
    if not path.is_file():
        raise ConfigError(f"BARS must be a file but there is none at {str(path)!r}; pass another")
    table = _parquet(path) if _is_parquet(path) else _csv(path)
    header = [str(name) for name in table.columns]
    columns = match_columns(header)
    place = _ticker_column(header, path)
    require_columns(columns, header, path)
    if table.empty:
        raise BarsError(f"{path} must have bars but has a header only; fill it")
    frame = _named(table, columns, place)
    require_keys(frame)
    parts = [_of_ticker(rows, str(ticker)) for ticker, rows in frame.groupby("ticker", sort=False)]
    return pd.concat(parts, ignore_index=True)


def _is_parquet(path: Path) -> bool:
    with path.open("rb") as opened:
        return opened.read(4) == b"PAR1" or path.name.lower().endswith(ENDING)


def _parquet(path: Path) -> pd.DataFrame:
    frame = read_whole(path)
    if isinstance(frame.columns, pd.MultiIndex):
        raise BarsError(
            f"{path} must have a row for each ticker and date but has columns for each ticker; "
            f"write it with frame.stack(level='Ticker').reset_index()"
        )
    flat = flat_table(frame, path)
    return flat.set_axis(range(1, len(flat) + 1))


def _csv(path: Path) -> pd.DataFrame:
    try:
        table = read_table(text_of(path.read_bytes(), str(path)), str(path))
    except OSError as error:
        raise BarsError(f"{path} must be readable but is not: {error}") from error
    if table.unfinished is not None:
        raise BarsError(
            f"{path} must be whole but its last row is cut: {table.unfinished!r}; write it again"
        )
    lines = pd.Index(table.lines, name=LINE)
    return pd.DataFrame(list(table.rows), lines, list(table.header), dtype=str)


def _ticker_column(header: list[str], path: Path) -> int:
    keys = [key_of(name) for name in header]
    place = next((keys.index(name) for name in TICKERS if name in keys), None)
    if place is None:
        shown = ", ".join(cut(name, 24) for name in header[:20])
        raise BarsError(f"column 'ticker' is required but {path} has {shown}; add it")
    return place


def _named(table: pd.DataFrame, columns: Columns, place: int) -> pd.DataFrame:
    bars = table.iloc[:, list(columns.places.values())].set_axis(list(columns.places), axis=1)
    ticker = table.iloc[:, place]
    known = ticker.notna()
    bars.insert(0, "ticker", ticker.where(~known, ticker.astype(str).str.strip()))
    return bars


def _of_ticker(rows: pd.DataFrame, ticker: str) -> pd.DataFrame:
    cells = rows.drop(columns=["ticker", "date"])
    if rows.index.name == LINE:
        written = plain_numbers(cells, ticker)
    else:
        written = cells.apply(numbers_of, ticker=ticker)
    frame: pd.DataFrame = written.apply(pd.to_numeric, errors="coerce").astype(float)
    frame.insert(0, "date", parse_dates(rows["date"], ticker).to_numpy())
    frame.insert(0, "ticker", ticker)
    if "stock_splits" in frame:
        # Vendors that list a ratio for every day write 1 where there was no split.
        frame["stock_splits"] = frame["stock_splits"].mask(frame["stock_splits"] == 1, 0)
    return frame
