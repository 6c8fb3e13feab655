"""A folder of CSV files as a source: columns, dates and spans, and what is refused."""

import datetime as dt
from pathlib import Path

import pytest

from lstm_model.data.cleaning import clean_bars
from lstm_model.errors import BarsError, TickerUnknown
from tasks.data.sources.csv_folder import CsvSource

DAYS = [dt.date(2024, 3, day) for day in (11, 12, 13, 14, 15)]


@pytest.mark.parametrize(
    "header",
    [
        "Date,Open,High,Low,Close,Adj Close,Volume,Dividends,Stock Splits",
        "DATE,OPEN,HIGH,LOW,CLOSE,ADJCLOSE,VOLUME,DIVIDENDS,STOCK SPLITS",
        " datetime , open,high,low,close,adj_close,volume,dividends,stock_splits",
    ],
)
def test_csv_columns(tmp_path: Path, header: str) -> None:
    """Columns are known by name in any case, other ones are left out, a byte order mark is none."""
    text = f"\ufeff{header},Repaired?\n2024-03-04,1,2,1,2,2,9,0,0,False\n"
    (tmp_path / "T.csv").write_text(text, encoding="utf-8")
    frame = CsvSource(tmp_path).fetch("T", None, None)
    assert list(frame.columns) == [
        "date", "open", "high", "low", "close", "adj_close", "volume", "dividends", "stock_splits",
    ]  # fmt: skip
    assert frame["close"].tolist() == ["2"]


@pytest.mark.parametrize(
    "dates",
    [
        [f"{day:%Y-%m-%d}" for day in DAYS],
        [f"{day:%Y-%m-%d} 00:00:00-05:00" for day in DAYS],
        [f"{day.month}/{day.day}/{day.year}" for day in DAYS],
        [f"{day.month}/{day.day}/{day.year} 00:00:00" for day in DAYS],
        [f"{day:%d/%m/%Y}" for day in DAYS],
        [f"{day:%d.%m.%Y}" for day in DAYS],
        [f"{day:%Y%m%d}" for day in DAYS],
    ],
)
@pytest.mark.parametrize(
    ("start", "end", "kept"),
    [
        (None, None, 5),
        (DAYS[1], None, 4),
        (None, DAYS[1], 2),
        (DAYS[1], DAYS[3], 3),
        (dt.date(2030, 1, 1), None, 0),
    ],
)
def test_csv_span(
    tmp_path: Path, dates: list[str], start: dt.date | None, end: dt.date | None, kept: int
) -> None:
    """Files are cut to start <= date <= end, however their dates are written."""
    rows = "".join(f"{date},1,2,1,2\n" for date in dates)
    (tmp_path / "T.csv").write_text("date,open,high,low,close\n" + rows)
    bars = CsvSource(tmp_path).fetch("T", start, end)
    span = [day for day in DAYS if (start or day) <= day <= (end or day)]
    assert [day.date() for day in bars["date"]] == span
    assert len(bars) == kept


@pytest.mark.parametrize("start", [None, dt.date(2024, 3, 5)])
@pytest.mark.parametrize(
    ("dates", "refusal"),
    [
        (["2024-03-04", "soon"], "unreadable_date.*'soon'"),
        (["2024-03-04", "13.03.2024"], "unreadable_date.*'13.03.2024'"),
        (["03/04/2024", "04/04/2024", "05/04/2024"], "ambiguous_date.*'03/04/2024'"),
    ],
)
def test_csv_dates_are_refused(
    tmp_path: Path, dates: list[str], refusal: str, start: dt.date | None
) -> None:
    """A date that cannot be read, or in two ways, is refused, and not cut away beforehand."""
    rows = "".join(f"{date},1,2,1,2\n" for date in dates)
    (tmp_path / "T.csv").write_text("date,open,high,low,close\n" + rows)
    with pytest.raises(BarsError, match=refusal):
        CsvSource(tmp_path).fetch("T", start, None)


def test_csv_missing_file(tmp_path: Path) -> None:
    """A ticker without its file is unknown, and the message names the file."""
    with pytest.raises(TickerUnknown, match=r"T\.csv is missing; add it"):
        CsvSource(tmp_path).fetch("T", None, None)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "must have a header and bars but is empty"),
        (b'date,open\n"2024', "must be a CSV file"),
        (b"date,open\n\xff\xfe,1\n", "must be a CSV file"),
        (b"Date,DATETIME,open\n1,2,3\n", "'date' occurs twice"),
    ],
)
def test_csv_broken_file(tmp_path: Path, content: bytes, words: str) -> None:
    """A file that is no table is refused in one line."""
    (tmp_path / "T.csv").write_bytes(content)
    with pytest.raises(BarsError, match=words) as refusal:
        CsvSource(tmp_path).fetch("T", None, None)
    assert "\n" not in str(refusal.value)


def test_csv_header_alone(tmp_path: Path) -> None:
    """A file with a header and no bar is refused by the cleaning."""
    (tmp_path / "T.csv").write_text("date,open,high,low,close\n")
    with pytest.raises(BarsError, match="at least one bar"):
        clean_bars(CsvSource(tmp_path).fetch("T", DAYS[0], None), "T")
