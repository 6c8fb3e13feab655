"""The rows of a raw frame between two dates."""

import datetime as dt

import pandas as pd

from lstm_model.data.dates import parse_dates


def within(
    frame: pd.DataFrame, ticker: str, start: dt.date | None, end: dt.date | None
) -> pd.DataFrame:
    """Parse all dates, because only together they show their format; then keep the span."""
    if "date" not in frame or frame.empty:
        return frame
    days = parse_dates(frame["date"], ticker)
    first, last = pd.Timestamp(start or dt.date.min), pd.Timestamp(end or dt.date.max)
    keep = ((days >= first) & (days <= last)).to_numpy()
    return frame.assign(date=days.to_numpy())[keep]
