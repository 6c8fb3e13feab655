"""A folder of Parquet files: what people write is read, or refused in one line by its kind."""

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lstm_model.data.cleaning import clean_bars, tidy_bars
from lstm_model.errors import BarsError, LstmHpoError, TickerUnknown
from tasks.data.sources.csv_folder import CsvSource
from tasks.data.sources.parquet_folder import ParquetSource, read_parquet_file
from tests.stored import raw_bars

BARS = raw_bars().assign(date=lambda frame: pd.to_datetime(frame["date"]))
DAYS = list(BARS["date"].dt.date)

Writer = Callable[[pd.DataFrame, Path], object]


def with_index(name: str | None) -> Writer:
    return lambda frame, path: frame.set_index("date").rename_axis(name).to_parquet(path)


def with_dates(change: Callable[["pd.Series[pd.Timestamp]"], object]) -> Writer:
    return lambda frame, path: frame.assign(date=change(frame["date"])).to_parquet(path)


def with_numbers(change: Callable[[float], object]) -> Writer:
    def write(frame: pd.DataFrame, path: Path) -> None:
        frame.assign(**{n: frame[n].map(change) for n in frame.columns[1:]}).to_parquet(path)

    return write


def milliseconds(days: "pd.Series[pd.Timestamp]") -> object:
    return days.astype("datetime64[ms]").astype("int64")


def as_float32(frame: pd.DataFrame, path: Path) -> None:
    frame.astype(dict.fromkeys(("open", "high", "low", "close"), "float32")).to_parquet(path)


def with_nullable(frame: pd.DataFrame, path: Path) -> None:
    frame.astype({"close": "Float64", "volume": "Int64"}).to_parquet(path)


def as_yfinance(frame: pd.DataFrame, path: Path) -> None:
    """As yf.download("X").to_parquet: two levels of columns, dates in the index."""
    levels = [(name.title(), "X") for name in frame.columns[1:]]
    frame.set_index("date").set_axis(pd.MultiIndex.from_tuples(levels), axis=1).to_parquet(path)


def with_ticker_level(frame: pd.DataFrame, path: Path) -> None:
    """One ticker's part of a panel: an index of ticker and date."""
    frame.assign(ticker="X").set_index(["ticker", "date"]).to_parquet(path)


def without_pandas(frame: pd.DataFrame, path: Path) -> None:
    """As polars and duckdb write: without pandas' own metadata."""
    table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
    pq.write_table(table, path, compression="zstd")


def filtered(frame: pd.DataFrame, path: Path) -> None:
    """Write a part of a larger frame: its index of numbers is no range."""
    pd.concat([frame, frame]).iloc[::-1].iloc[: len(frame)].to_parquet(path)


LAYOUTS: dict[str, Writer] = {
    "a column": lambda frame, path: frame.to_parquet(path),
    "an index named Date": with_index("Date"),
    "an index without a name": with_index(None),
    "dates without a time": with_dates(lambda days: days.dt.date),
    "dates as text": with_dates(lambda days: days.dt.strftime("%Y-%m-%d")),
    "New York's midnights": with_dates(lambda days: days.dt.tz_localize("America/New_York")),
    "milliseconds since 1970": with_dates(milliseconds),
    "numbers as text": with_numbers(str),
    "decimals": with_numbers(lambda value: Decimal(str(value))),
    "32-bit floats": as_float32,
    "pandas' nullable numbers": with_nullable,
    "yfinance's two levels": as_yfinance,
    "an index of ticker and date": with_ticker_level,
    "no metadata of pandas": without_pandas,
    "part of a frame": filtered,
}  # fmt: skip


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts_are_read(tmp_path: Path, layout: str) -> None:
    """The same bars come out of every layout, to the bit."""
    LAYOUTS[layout](BARS, tmp_path / "X.parquet")
    bars = clean_bars(ParquetSource(tmp_path).fetch("X", None, None), "X").frame
    assert list(bars["date"].dt.date) == DAYS
    for name in ("open", "high", "low", "close", "volume"):
        assert bars[name].tolist() == BARS[name].tolist()


def test_a_parquet_file_gives_what_the_same_csv_file_gives(tmp_path: Path) -> None:
    """Bars, ignored columns and actions are equal: vendors' names, ratios of 1, empty cells."""
    frame = BARS.rename(columns={"date": "timestamp", "close": "4. close"}).assign(
        vwap=1.5, split_coefficient=1.0, dividend_amount=0.0, adjusted_close=BARS["close"]
    )
    frame.loc[20, "dividend_amount"] = 0.5
    frame.loc[3, "volume"] = np.nan
    frame.to_parquet(tmp_path / "X.parquet")
    frame.to_csv(tmp_path / "X.csv", index=False)
    sources = ParquetSource(tmp_path), CsvSource(tmp_path)
    ours, theirs = (clean_bars(source.fetch("X", DAYS[2], DAYS[30]), "X") for source in sources)
    pd.testing.assert_frame_equal(ours.frame, theirs.frame)
    assert ours.findings == theirs.findings
    assert sources[0].findings == sources[1].findings
    assert [(f.rule, f.value) for f in sources[0].findings] == [("ignored_column", "vwap")]


@pytest.mark.parametrize(
    ("start", "end", "kept"),
    [
        (None, None, slice(None)),
        (DAYS[5], None, slice(5, None)),
        (None, DAYS[5], slice(6)),
        (DAYS[3], DAYS[5], slice(3, 6)),
        (dt.date(2030, 1, 1), None, slice(0)),
    ],
)
def test_a_span_is_kept(
    tmp_path: Path, start: dt.date | None, end: dt.date | None, kept: slice
) -> None:
    """Files are cut to start <= date <= end."""
    BARS.to_parquet(tmp_path / "X.parquet")
    frame = ParquetSource(tmp_path).fetch("X", start, end)
    assert list(frame["date"].dt.date) == DAYS[kept]


def test_names_are_found_in_any_case(tmp_path: Path) -> None:
    """The file's name may be in lower case; a ticker without a file is unknown."""
    BARS.to_parquet(tmp_path / "m&m.ns.parquet")
    source = ParquetSource(tmp_path)
    assert len(source.fetch("M&M.NS", None, None)) == 40
    with pytest.raises(TickerUnknown, match=r"parquet needs one <TICKER>.parquet .*Y.parquet is m"):
        source.fetch("Y", None, None)


def two_tickers(path: Path) -> None:
    BARS.assign(Symbol=["A"] * 20 + ["B"] * 20).to_parquet(path)


def two_tickers_index(path: Path) -> None:
    panel = pd.concat([BARS.assign(ticker="A"), BARS.assign(ticker="B")])
    panel.set_index(["ticker", "date"]).to_parquet(path)


def two_tickers_columns(path: Path) -> None:
    parts = {name: BARS.set_index("date") for name in ("A", "B")}
    pd.concat(parts, axis=1).to_parquet(path)


def torn(path: Path) -> None:
    BARS.to_parquet(path)
    path.write_bytes(path.read_bytes()[:-40])


def damaged_page(path: Path) -> None:
    table = pa.Table.from_pandas(BARS)
    pq.write_table(table, path, compression="none", use_dictionary=False, write_page_checksum=True)
    content = bytearray(path.read_bytes())
    place = content.index(BARS["close"].iloc[9:12].to_numpy().tobytes())  # not in a page's header
    content[place + 6] ^= 1
    path.write_bytes(content)


REFUSED: dict[str, tuple[Callable[[Path], object], str]] = {
    "CSV": (
        lambda path: BARS.to_csv(path, index=False),
        "must be a Parquet file but begins with 'date,open.*it is CSV: name it .csv",
    ),
    "web page": (lambda path: path.write_text("<html>"), "begins with '<html>'.*to_parquet"),
    "pointer": (
        lambda path: path.write_text("version https://git-lfs.github.com/spec/v1\noid"),
        "git lfs pull",
    ),
    "empty": (lambda path: path.write_bytes(b""), "must be a Parquet file but begins with ''"),
    "torn": (torn, "must be a whole Parquet file but cannot be read: ArrowInvalid.*write it again"),
    "damaged page": (damaged_page, "must be a whole Parquet file.*CRC checksum"),
    "folder": (lambda path: path.mkdir(), "must be a file but is a folder"),
    "missing column": (
        lambda path: BARS.drop(columns=["high", "close"]).to_parquet(path),
        "column 'high', 'close' is required but .* has date, open, low, volume; add it",
    ),
    "no dates": (
        lambda path: BARS.drop(columns="date").to_parquet(path),
        "column 'date' is required but .* has open, high, low, close, volume",
    ),
    "a column twice": (
        lambda path: BARS.assign(Close=1.0).to_parquet(path),
        "'close' occurs twice",
    ),
    "two tickers": (two_tickers, "must have the bars of one ticker but has 2: A, B"),
    "two tickers in the index": (two_tickers_index, "must have the bars of one ticker but has 2"),
    "two tickers in the columns": (two_tickers_columns, "must have the bars of one ticker"),
    "text": (
        lambda path: BARS.assign(close="soon").to_parquet(path),
        "text_price: close on line 1 is 'soon'",
    ),
    "lists": (
        lambda path: BARS.assign(close=[[1.0]] * 40).to_parquet(path),
        "text_price: close on line 1",
    ),
    "booleans": (lambda path: BARS.assign(close=True).to_parquet(path), "text_price"),
    "no bars": (lambda path: BARS.head(0).to_parquet(path), "at least one bar is required"),
    "a null date": (
        lambda path: BARS.assign(date=BARS["date"].where(BARS.index != 3)).to_parquet(path),
        "unreadable_date",
    ),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_no_table_of_bars_is_refused_by_name(tmp_path: Path, kind: str) -> None:
    """Each kind is told in one line, with the ticker, the file and a remedy."""
    write, words = REFUSED[kind]
    write(tmp_path / "X.parquet")
    with pytest.raises(BarsError, match=words) as refused:
        clean_bars(ParquetSource(tmp_path).fetch("X", None, None), "X")
    assert "\n" not in str(refused.value)
    assert str(refused.value).startswith("X")


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return a file in which any byte of a date or a price may be hit: none is compressed."""
    path = tmp_path_factory.mktemp("bars") / "X.parquet"
    dates = BARS["date"].dt.strftime("%Y-%m-%d")
    BARS.assign(date=dates).to_parquet(path, compression=None)
    return path.read_bytes()


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_damaged_files_are_read_or_refused(
    content: bytes, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """A file with changed bytes gives bars or one line, and never another error."""
    changed = bytearray(content)
    for _ in range(data.draw(st.integers(1, 4))):
        changed[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.one_of(st.none(), st.integers(0, len(content))))
    path = tmp_path_factory.getbasetemp() / "fuzz.parquet"
    path.write_bytes(changed[:cut])
    try:
        tidy_bars(read_parquet_file(path, "X")[0], "X")
    except LstmHpoError as error:
        assert "\n" not in str(error)
