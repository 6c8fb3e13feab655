"""Claims about rows without ticker or date: they are refused by their place, never dropped."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from lstm_model.data.row_keys import require_keys
from lstm_model.errors import BarsError


@pytest.mark.parametrize("gap", [None, np.nan, "", "  "])
def test_a_row_without_a_ticker_is_refused(gap: object) -> None:
    """The message has the row's place; NAN is a ticker."""
    frame = pd.DataFrame({"ticker": ["NAN", "NULL", gap], "date": "2020-01-02"})
    require_keys(frame.head(2))
    with pytest.raises(BarsError, match=r"row 2 \(from 0\): missing_ticker"):
        require_keys(frame)


@pytest.mark.parametrize("gap", [None, np.nan, pd.NaT, "NaT", "nan", "None", ""])
@pytest.mark.parametrize("day", ["2020-01-02", dt.date(2020, 1, 2), pd.Timestamp("2020-01-02")])
def test_a_row_without_a_date_is_refused(day: object, gap: object) -> None:
    """The message has the row's place, whatever the dates are."""
    frame = pd.DataFrame({"ticker": "X", "date": [day, gap]}, index=[7, 7])
    require_keys(frame.head(1))
    with pytest.raises(BarsError, match=r"row 1 \(from 0\): missing_date: .* but this has"):
        require_keys(frame)


def test_dates_of_a_column_of_dates() -> None:
    """A column of dates that has none in a row is refused, too."""
    dates = pd.to_datetime(pd.Series(["2020-01-02", None]))
    with pytest.raises(BarsError, match=r"row 1 \(from 0\): missing_date"):
        require_keys(pd.DataFrame({"ticker": "X", "date": dates}))


@pytest.mark.parametrize("name", ["ticker", "date"])
def test_a_missing_column_is_refused(name: str) -> None:
    """Both columns are needed."""
    frame = pd.DataFrame({"ticker": ["X"], "date": ["2020-01-02"]}).drop(columns=name)
    with pytest.raises(BarsError, match=f"need a column '{name}'"):
        require_keys(frame)
