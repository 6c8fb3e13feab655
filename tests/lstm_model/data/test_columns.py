"""Names of columns of all vendors."""

import pandas as pd
import pytest

from lstm_model.data.columns import match_columns, rename_columns
from lstm_model.errors import BarsError

BARS = "date open high low close volume"
ACTIONS = " dividends stock_splits"
ADJUSTED = "date open high low close adj_close volume"


@pytest.mark.parametrize(
    ("header", "ours"),
    [
        ("Date,Open,High,Low,Close,Volume,Dividends,Stock Splits", BARS + ACTIONS),
        ("Date,Open,High,Low,Close*,Adj Close**,Volume", ADJUSTED),
        (
            "timestamp,open,high,low,close,adjusted_close,volume,dividend_amount,split_coefficient",
            "date open high low close adj_close volume dividends stock_splits",
        ),
        ("date,1. open,2. high,3. low,4. close,5. volume", BARS),
        ("Date,Open,High,Low,Close,Adjusted_close,Volume", ADJUSTED),
        (
            "date,close,high,low,open,volume,adjClose,adjHigh,divCash,splitFactor",
            "date close high low open volume adj_close dividends stock_splits",
        ),
        (
            "Date,Open,High,Low,Close,Volume,Ex-Dividend,Split Ratio,Adj. Open,Adj. Close",
            f"{BARS} dividends stock_splits adj_close",
        ),
        ("Date,Close/Last,Volume,Open,High,Low", "date close volume open high low"),
        ("Date,Price,Open,High,Low,Vol.,Change %", "date close open high low volume"),
        ("Datum;Eröffnung;Hoch;Tief;Schluss;Stücke;Volumen", BARS),
        ("<TICKER>,<PER>,<DATE>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>", BARS),
        ("unix,date,open,high,low,close,Volume", BARS),
        (",Open,High,Low,Close,Volume", BARS),
        ("ticker,date,open,high,low,close,volume,closeadj,closeunadj", f"{BARS} adj_close"),
    ],
)  # fmt: skip
def test_a_vendors_columns_are_known(header: str, ours: str) -> None:
    """Each vendor's header gives the columns of bars, in the header's order; the rest is named."""
    names = header.split(";" if ";" in header else ",")
    columns = match_columns(names)
    assert list(columns.places) == ours.split()
    assert len(columns.places) + len(columns.ignored) == len(names)


@pytest.mark.parametrize(
    ("header", "close"), [("Date,Price,Close", 2), ("Date,Close,Last", 1), ("Date,Last", 1)]
)
def test_a_second_best_name_counts_only_alone(header: str, close: int) -> None:
    """A price is a close only where no column is called close."""
    assert match_columns(header.split(",")).places["close"] == close


@pytest.mark.parametrize("header", ["Date,DATETIME,open", "Date,date", "Date,1. date"])
def test_a_column_that_occurs_twice_is_refused(header: str) -> None:
    """Two columns of one meaning are refused, with both names."""
    with pytest.raises(BarsError, match="'date' occurs twice, as 'Date' and"):
        match_columns(header.split(","))


def test_rename_keeps_what_bars_are_made_of() -> None:
    """Columns that bars are not made of are left out, also where a name is missing."""
    frame = rename_columns(pd.DataFrame({"Capital Gains": [0], "Close": [1], "": [2]}))
    assert list(frame.columns) == ["close"]
    assert frame["close"].tolist() == [1]
