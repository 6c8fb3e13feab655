"""Files of all vendors: read whole, or refused in one line that says what the file is."""

import gzip
import io
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lstm_model.data.cleaning import clean_bars
from lstm_model.errors import BarsError, LstmHpoError
from tasks.data.sources.csv_folder import CsvSource, read_bars_file

DAYS = pd.bdate_range("2022-01-13", periods=12)
CLOSE = [1480.56 + 7.25 * (number % 5) for number in range(12)]
VOLUME = [1_200_000 + 10_000 * number for number in range(12)]


def plain(header: str = "Date,Open,High,Low,Close,Volume") -> str:
    rows = [
        f"{day:%Y-%m-%d},{c:.2f},{c + 2:.2f},{c - 2:.2f},{c:.2f},{v}"
        for day, c, v in zip(DAYS, CLOSE, VOLUME, strict=True)
    ]
    return "\n".join([header, *rows]) + "\n"


def vendor(date: str, price: str, volume: str, header: str, *, newest_first: bool = False) -> str:
    """Write the bars with a vendor's formats, one row for each day: open, high, low, close."""
    swap = str.maketrans(",.", ".,") if ";" in header else {}
    rows = []
    for day, close, traded in zip(DAYS, CLOSE, VOLUME, strict=True):
        cells = [f"{p:{price}}".translate(swap) for p in (close, close + 2, close - 2, close)]
        amount = f"{traded / 1e6:.2f}M" if volume == "M" else f"{traded:{volume}}".translate(swap)
        cells = [f"{day:{date}}", *cells, amount]
        rows.append(cells)
    separator = next(sign for sign in ";\t," if sign in header)
    quote = '"' if separator == "," else ""
    lines = [separator.join(f"{quote}{cell}{quote}" for cell in row) for row in rows]
    return "\n".join([header, *(lines[::-1] if newest_first else lines)]) + "\n"


LEVELS = "Price,Open,High,Low,Close,Volume\nTicker,X,X,X,X,X\nDate,,,,,"
LAYOUTS: dict[str, bytes] = {
    "plain": plain().encode(),
    "lower case": plain("date,open,high,low,close,volume").encode(),
    "three header rows": plain(LEVELS).encode(),
    "ticker above": plain("Ticker,X,X,X,X,X\nPrice,Open,High,Low,Close,Volume\nDate,,,,,").encode(),
    "two header rows": plain(",Open,High,Low,Close,Volume\n,X,X,X,X,X\nDate,,,,,").encode(),
    "unnamed index": plain(",Open,High,Low,Close,Volume").encode(),
    "timestamp": plain("Timestamp,Open,High,Low,Close,Volume").encode(),
    "time": plain("time,Open,High,Low,Close,Volume").encode(),
    "alpha vantage": plain("timestamp,1. open,2. high,3. low,4. close,5. volume").encode(),
    "currencies": plain("Date,Open (USD),High (USD),Low (USD),Close (USD),Volume").encode(),
    "MetaTrader": plain("<DATE>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>").encode(),
    "a separator at the end": plain().replace(",1200000\n", ",1200000,\n").encode(),
    "comments": f"# by x\n{plain()}# end\n".encode(),
    "empty rows": f"{plain()},,,,,\n\n,,,,,\n".encode(),
    "row names without a name": plain("Open,High,Low,Close,Volume").encode(),
    "windows": plain().replace("\n", "\r\n").encode(),
    "old mac": plain().replace("\n", "\r").encode(),
    "gzip": gzip.compress(plain().encode()),
    "utf-16": plain().encode("utf-16"),
    "utf-16 without a mark": plain().encode("utf-16-le"),
    "utf-16, other order": plain().encode("utf-16-be"),
    "nasdaq": vendor("%m/%d/%Y", ".2f", "d", "Date,Open,High,Low,Close/Last,Volume").encode(),
    "investing": vendor(
        "%b %d, %Y", ",.2f", "M", '"Date","Open","High","Low","Price","Vol."', newest_first=True
    ).encode(),
    "german": b"\xef\xbb\xbf"
    + vendor("%d.%m.%Y", ",.2f", ",d", "Date;Open;High;Low;Close;Volume").encode(),
    "german names": vendor(
        "%d.%m.%Y", ",.2f", ",d", "Datum;Eröffnung;Hoch;Tief;Schluss;Volumen"
    ).encode("cp1252"),
    "tabs": vendor("%Y-%m-%d", ",.2f", ",d", "Date\tOpen\tHigh\tLow\tClose\tVolume").encode(),
    "dashes": vendor("%d-%m-%Y", ".2f", "d", "Date,Open,High,Low,Close,Volume").encode(),
    "month names": vendor("%d-%b-%Y", ".2f", "d", "Date,Open,High,Low,Close,Volume").encode(),
}  # fmt: skip


def write(folder: Path, content: bytes | str, name: str = "X.csv") -> Path:
    (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    return folder / name


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_layout_gives_the_same_bars(layout: str, tmp_path: Path) -> None:
    """The same twelve bars are read from every layout, and none of them needs a repair."""
    write(tmp_path, LAYOUTS[layout])
    source = CsvSource(tmp_path)
    frame = source.fetch("X", None, None).sort_values("date")
    assert list(frame["date"]) == list(DAYS)
    assert frame["close"].astype(float).tolist() == CLOSE
    assert frame["volume"].astype(float).tolist() == VOLUME
    assert source.findings == []
    assert {f.rule for f in clean_bars(frame, "X").findings} <= {"unordered_dates"}


def test_dollars_are_read(tmp_path: Path) -> None:
    """Nasdaq.com's dollar signs, month first, newest first, and a volume that is not there."""
    rows = "01/14/2022,$1.6,N/A,$1.5,$1.6,$1.5\n01/13/2022,$1.5,100,$1.5,$1.6,$1.45\n"
    write(tmp_path, "Date,Close/Last,Volume,Open,High,Low\n" + rows)
    bars = clean_bars(CsvSource(tmp_path).fetch("X", None, None), "X")
    assert bars.frame["close"].tolist() == [1.5, 1.6]
    assert [f.rule for f in bars.findings] == ["unordered_dates", "missing_volume"]


@pytest.mark.parametrize(
    "header",
    [
        "timestamp,open,high,low,close,adjusted_close,volume,dividend_amount,split_coefficient",
        "Date,Open,High,Low,Close,Adj. Close,Volume,Ex-Dividend,Split Ratio",
        "date,open,high,low,close,adjClose,volume,divCash,splitFactor",
    ],
)
def test_action_columns_are_known(header: str, tmp_path: Path) -> None:
    """A vendor's dividends and splits are read under our names; a ratio of 1 is no split."""
    rows = "2020-08-28,500,505,498,499.23,124.8,1,0,1.0\n2020-08-31,127,131,126,129,129,1,0.2,4\n"
    write(tmp_path, f"{header}\n{rows}")
    bars = clean_bars(CsvSource(tmp_path).fetch("X", None, None), "X").frame
    assert bars["split_factor"].tolist() == [1, 4]
    assert bars["stock_splits"].tolist() == [0, 4]
    assert bars["dividends"].tolist() == [0, 0.2]


def test_what_is_not_read_is_found(tmp_path: Path) -> None:
    """Each ignored column, line above the header and cut last row is a finding."""
    text = (
        "Prices of X\nDate,Open,High,Low,Close,Change %,Empty,\n"
        "2022-01-13,1,1,1,1,5%,,\n2022-01-14,1,1"
    )
    write(tmp_path, text)
    source = CsvSource(tmp_path)
    assert len(source.fetch("X", None, None)) == 1
    assert [(f.ticker, f.date, f.rule, f.value, f.action) for f in source.findings] == [
        ("X", "2022-01-13", "ignored_column", "Change %", "noted"),
        ("X", "2022-01-13", "ignored_column", "Empty", "noted"),
        ("X", "2022-01-13", "ignored_line", "Prices of X", "noted"),
        ("X", "2022-01-13", "unfinished_row", "2022-01-14 1 1", "repaired"),
    ]


@pytest.mark.parametrize("name", ["X.csv", "X.csv.gz", "x.csv", "x.csv.gz", "X.CSV"])
def test_a_file_may_be_packed_or_in_lower_case(name: str, tmp_path: Path) -> None:
    """A ticker's file may end in .csv.gz, and its name may be in lower case."""
    content = plain().encode()
    write(tmp_path, gzip.compress(content) if name.endswith("gz") else content, name)
    assert len(CsvSource(tmp_path).fetch("X", None, None)) == 12


def zip_of(name: str) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr(name, "x")
    return held.getvalue()


ROW = "2022-01-13,1,1,1,1\n"
BARS = f"Date,Open,High,Low,Close\n{ROW}"
REFUSED: dict[str, tuple[bytes | str, list[str]]] = {
    "nothing": ("\n\n", ["is empty", "fill it"]),
    "web page": ("\n<!DOCTYPE html>\n<html></html>", ["a web page", "<!DOCTYPE", "download"]),
    "JSON": ('{"Information": "your key"}', ["JSON", "your key", "CSV"]),
    "list of JSON": ('[\n  {"date": 1}]', ["JSON"]),
    "XML": ("<?xml version='1.0'?>\n<chart/>", ["a web page or XML"]),
    "page with a comment": ("<!-- saved -->\n<table>", ["a web page or XML"]),
    "pickle": (b"\x80\x05\x95", ["a Python pickle", "to_csv"]),
    "Git LFS": ("version https://git-lfs.github.com/spec/v1\noid 1", ["Git LFS", "lfs pull"]),
    "Parquet": (b"PAR1\0\0", ["a Parquet file", "to_csv"]),
    "Excel": (zip_of("xl/workbook.xml"), ["an Excel workbook", "save it as CSV"]),
    "old Excel": (b"\xd0\xcf\x11\xe0\xa1", ["an Excel workbook"]),
    "zip": (zip_of("X.csv"), ["a zip archive", "unpack"]),
    "damaged gzip": (gzip.compress(b"x" * 99)[:20], ["gzip", "download it again"]),
    "no header": (ROW * 3, ["must have a header", "2022-01-13,1,1,1,1", "add a first line"]),
    "words": ("Too Many Requests\n", ["the text 'Too Many Requests'", "download it again"]),
    "other columns": ("name,age\nX,1\n", ["'name,age'", "date, open, high, low, close"]),
    "half rows": (
        "Date\tOpen\tHigh\tLow\tClose\nJan 30, 2024\t0.24 Dividend\nJan 29, 2024\t1\t1\t1\t1\n",
        ["line 2 has 2", "0.24 Dividend"],
    ),
    "Polygon": ("v,vw,o,c,h,l,t,n\n1,1,1,1,1,1,1,1\n", ["Polygon", "rename o, h, l, c"]),
    "no close": ("Date,Open,High,Low\n", ["'close' is required", "has Date, Open, High, Low;"]),
    "long names": (f"Date,{'x' * 99}\n1,2\n", ["'open', 'high'", f"Date, {'x' * 24}...;"]),
    "many names": (",".join(["Date", *map(str, range(50))]) + "\n", ["18 and 31 more;"]),
    "two tickers": (
        f"{BARS.replace('Close', 'Close,Name')}".replace(",1,1,1,1", ",1,1,1,1,AA")
        + "2022-01-13,1,1,1,1,BB\n",
        ["one ticker but has 2: AA, BB", "one file per ticker"],
    ),
    "two tickers above": (
        "Price,Close,Close\nTicker,AA,BB\nDate,,\n2022-01-13,1,1\n", ["has 2: AA, BB"],
    ),
    "short row": (f"{BARS}2022-01-14,1\n2022-01-17,1,1,1,1\n", ["line 3 has 2", "2022-01-14,1"]),
    "long row": (f"{BARS}2022-01-14,1,5,1,5,1,5,1,5\n", ["line 3 has 9"]),
    "text": (f"{BARS}# c\n2022-01-14,1,1,12a,1\n", ["text_price", "low on line 4 is '12a'"]),
    "date": (f"{BARS}2022-01-99,1,1,1,1\n", ["unreadable_date", "line 3 is '2022-01-99'"]),
    "open quote": (f'{BARS}"2022-01-14,1,1,1,1\n', ["line 3 is not"]),
    "not UTF-8": (f"{BARS}".encode() + b"\xff\xfe,1\n", ["UTF-8"]),
}  # fmt: skip


@pytest.mark.parametrize("kind", REFUSED)
def test_a_refusal_names_what_the_file_is(kind: str, tmp_path: Path) -> None:
    """What is no table of one ticker's bars is refused in one line: ticker, file, kind, remedy."""
    content, words = REFUSED[kind]
    write(tmp_path, content)
    with pytest.raises(BarsError) as refused:
        CsvSource(tmp_path).fetch("X", None, None)
    message = str(refused.value)
    assert message.startswith("X: ")
    assert "\n" not in message
    assert len(message) < 400 + len(str(tmp_path))
    for word in words:
        assert word in message


def test_a_file_that_cannot_be_opened_is_refused(tmp_path: Path) -> None:
    """A folder in the place of a file is refused in one line."""
    (tmp_path / "X.csv").mkdir()
    with pytest.raises(BarsError, match=r"X: .* must be readable but is not"):
        read_bars_file(tmp_path / "X.csv", "X")


MUTATED = tuple(LAYOUTS.values())


@settings(deadline=None, max_examples=150)
@given(st.sampled_from(MUTATED), st.integers(0, 10_000), st.binary(max_size=3), st.integers(0, 9))
def test_a_damaged_file_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, at: int, new: bytes, gone: int
) -> None:
    """Any bytes changed in any layout give bars or a refusal in one line, and no other error."""
    at %= len(content)
    path = tmp_path_factory.getbasetemp() / "damaged.csv"
    path.write_bytes(content[:at] + new + content[at + gone :])
    try:
        frame, _ = read_bars_file(path, "X")
        clean_bars(frame, "X")
    except LstmHpoError as error:
        assert "\n" not in str(error)


def test_a_big_file_is_read_as_it_is_written(tmp_path: Path) -> None:
    """Text of plain numbers passes unchanged, so that no digit is lost."""
    values = np.random.default_rng(0).uniform(1, 2, 500)
    days = pd.bdate_range("2000-01-01", periods=500)
    rows = [
        f"{d:%Y-%m-%d},{v!r},{v!r},{v!r},{v!r}"
        for d, v in zip(days, map(float, values), strict=True)
    ]
    write(tmp_path, "\n".join(["date,open,high,low,close", *rows]))
    frame = CsvSource(tmp_path).fetch("X", None, None)
    assert frame["close"].astype(float).tolist() == values.tolist()
