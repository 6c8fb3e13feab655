"""Claims about one file with many tickers' bars: what is read, and what is refused in one line."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lstm_model.errors import BarsError, ConfigError
from tasks.data.panel_file import read_panel_file


@pytest.fixture
def panel() -> pd.DataFrame:
    draws = np.random.default_rng(1)
    dates = pd.bdate_range("2020-01-01", periods=30)
    parts = []
    for ticker in ("NAN", "A", "BRK-B"):
        close = 100 * np.exp(np.cumsum(draws.normal(0, 0.01, 30)))
        parts.append(
            pd.DataFrame(
                {
                    "ticker": ticker,
                    "date": dates,
                    "open": close,
                    "high": close * 1.01,
                    "low": close / 1.01,
                    "close": close,
                    "volume": 1e6,
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def long(frame: pd.DataFrame, path: Path) -> None:
    frame.to_parquet(path, index=False)


def by_date(frame: pd.DataFrame, path: Path) -> None:
    frame.sort_values(["date", "ticker"], ascending=False).to_parquet(path)


def indexed(frame: pd.DataFrame, path: Path) -> None:
    frame.set_index(["ticker", "date"]).to_parquet(path)


def vendors(frame: pd.DataFrame, path: Path) -> None:
    names = {"ticker": "Symbol", "date": "Trade Date", "close": "Close"}
    frame.assign(note="x", date=frame["date"].dt.strftime("%d.%m.%Y")).rename(
        columns=names
    ).to_parquet(path, index=False)


def zoned(frame: pd.DataFrame, path: Path) -> None:
    frame.assign(date=frame["date"].dt.tz_localize("America/New_York")).to_parquet(path)


def csv(frame: pd.DataFrame, path: Path) -> None:
    frame.to_csv(path.with_suffix(".csv"), index=False)


def german(frame: pd.DataFrame, path: Path) -> None:
    frame.to_csv(path.with_suffix(".csv"), index=False, sep=";", decimal=",")


@pytest.mark.parametrize("write", [long, by_date, indexed, vendors, zoned, csv, german])
def test_every_layout_gives_the_same_bars(
    panel: pd.DataFrame, tmp_path: Path, write: Callable[[pd.DataFrame, Path], None]
) -> None:
    """Parquet or CSV, columns or index, any vendor's names: each number is read to the last bit."""
    write(panel, tmp_path / "bars.parquet")
    (path,) = tmp_path.iterdir()
    found = read_panel_file(path)
    order = ["ticker", "date"]
    pd.testing.assert_frame_equal(
        found.sort_values(order, ignore_index=True),
        panel.sort_values(order, ignore_index=True),
        check_dtype=False,
        check_exact=True,
    )
    assert list(found.dtypes[["open", "volume"]]) == [np.float64, np.float64]


def test_tickers_keep_the_order_of_their_first_rows(panel: pd.DataFrame, tmp_path: Path) -> None:
    """The first ticker of the file is the first of the frame; NAN is a ticker, not a hole."""
    long(panel, tmp_path / "bars.parquet")
    assert list(read_panel_file(tmp_path / "bars.parquet")["ticker"].unique()) == [
        "NAN", "A", "BRK-B",
    ]  # fmt: skip


def without(name: str) -> Callable[[pd.DataFrame], pd.DataFrame]:
    return lambda frame: frame.drop(columns=name)


def with_cell(row: int, name: str, value: object) -> Callable[[pd.DataFrame], pd.DataFrame]:
    def change(frame: pd.DataFrame) -> pd.DataFrame:
        frame = frame.astype({name: object})
        frame.loc[row, name] = value
        return frame.astype({name: str}) if value is not None else frame

    return change


@pytest.mark.parametrize("ending", [".parquet", ".csv"])
@pytest.mark.parametrize(("change", "words"), [
    (without("ticker"), "column 'ticker' is required but"),
    (without("close"), "column 'close' is required but"),
    (without("date"), "column 'date' is required but"),
    (with_cell(31, "ticker", ""), "row 31 (from 0): missing_ticker"),
    (with_cell(3, "date", None), "row 3 (from 0): missing_date"),
    (with_cell(33, "date", "soon"), "A: unreadable_date: dates must all have one format"),
    (with_cell(33, "close", "x1"), "A: text_price: close on line 3"),
    (lambda frame: frame.head(0), "must have bars but has a header only"),
])  # fmt: skip
def test_what_is_refused(
    panel: pd.DataFrame,
    tmp_path: Path,
    ending: str,
    change: Callable[[pd.DataFrame], pd.DataFrame],
    words: str,
) -> None:
    """A column that is missing, and a row that breaks a rule, are named in one line."""
    path = tmp_path / f"bars{ending}"
    changed = change(panel)
    if ending == ".csv":
        changed.to_csv(path, index=False)
    else:
        changed.to_parquet(path, index=False)
    with pytest.raises(BarsError) as refused:
        read_panel_file(path)
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(("content", "words"), [
    (b"", "must be a Parquet file but begins with"),
    (b"PAR1 and no more", "must be a whole Parquet file"),
    (b"<html></html>", "must be a Parquet file but begins with '<html>"),
    (b"date,open\n1,2\n", "name it .csv"),
])  # fmt: skip
def test_what_is_no_table(tmp_path: Path, content: bytes, words: str) -> None:
    """A file that is no table is refused by what it is."""
    path = tmp_path / "bars.parquet"
    path.write_bytes(content)
    with pytest.raises(BarsError) as refused:
        read_panel_file(path)
    assert words in str(refused.value)


def test_columns_for_each_ticker(panel: pd.DataFrame, tmp_path: Path) -> None:
    """The table of yfinance is refused with the call that makes it long."""
    wide = panel.pivot_table(index="date", columns="ticker", values=["open", "close"])
    wide.to_parquet(tmp_path / "bars.parquet")
    with pytest.raises(BarsError, match="must have a row for each ticker and date"):
        read_panel_file(tmp_path / "bars.parquet")


def test_a_cut_file_and_one_that_is_not_there(panel: pd.DataFrame, tmp_path: Path) -> None:
    """A last row that was cut is not forecast from; a missing file is misuse."""
    path = tmp_path / "bars.csv"
    panel.to_csv(path, index=False)
    path.write_text(path.read_text()[:-40])
    with pytest.raises(BarsError, match="must be whole but its last row is cut"):
        read_panel_file(path)
    for nothing in (tmp_path, tmp_path / "none.csv"):
        with pytest.raises(ConfigError, match="BARS must be a file but there is none"):
            read_panel_file(nothing)
