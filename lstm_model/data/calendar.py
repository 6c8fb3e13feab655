"""Dates as whole days since 1970-01-01, as every stage after the bars stores them."""

import datetime as dt

import numpy as np
import pandas as pd
from jaxtyping import Int

EPOCH = dt.date(1970, 1, 1)

SESSIONS_A_YEAR = 252
"""Of a stock exchange; what is annualised is multiplied by it."""


def days_since_epoch(dates: "pd.Series[pd.Timestamp]") -> Int[np.ndarray, " row"]:
    """Return dates as whole days; pandas may hold them in any unit."""
    return dates.to_numpy().astype("datetime64[D]").astype(np.int64)


def day_of(date: dt.date) -> int:
    """Return a date as whole days since 1970-01-01."""
    return (date - EPOCH).days


def date_of(day: int | np.int64) -> dt.date:
    """Return the date of a day, counted from 1970-01-01."""
    return EPOCH + dt.timedelta(days=int(day))


def dates_of(days: Int[np.ndarray, " date"]) -> tuple[dt.date, ...]:
    """Return the dates of days, counted from 1970-01-01."""
    return tuple(days.astype("datetime64[D]").tolist())
