"""Dates: in order, each once, none absurd."""

import datetime as dt

import numpy as np
import pandas as pd

from lstm_model.data.bars import PRICES
from lstm_model.data.cleaning.record import Record

FIRST_DATE = pd.Timestamp(1900, 1, 1)


def check_dates(dates: "pd.Series[pd.Timestamp]", today: dt.date | None, record: Record) -> None:
    """Raise BarsError for a row before 1900, or after `today`."""
    for date in dates[dates < FIRST_DATE]:
        raise record.refusal(
            "date_before_1900", date, "a bar must be dated from 1900 on", "fix or remove the row"
        )
    if today is not None:
        for date in dates[dates > pd.Timestamp(today)]:
            raise record.refusal(
                "future_date", date, f"a bar cannot be dated after today, {today}",
                "fix or remove the row, or set data.end before it",
            )  # fmt: skip


def order_dates(frame: pd.DataFrame, record: Record) -> pd.DataFrame:
    """Sort by date and keep one of equal rows; raises BarsError if they differ.

    The newest date may come twice, once as it was during the session: if only the volume differs,
    the row with more volume is the later one and is kept.
    """
    dates = frame["date"]
    if not dates.is_monotonic_increasing:
        first = dates[1:][np.diff(dates) < np.timedelta64(0)].iloc[0]
        value = "descending" if dates.is_monotonic_decreasing else "unordered"
        record.repaired("unordered_dates", first, value)
        frame = frame.sort_values("date", kind="stable", ignore_index=True)
    repeated = frame.duplicated(keep="first")
    for date in frame["date"][repeated]:
        record.repaired("duplicate_date", date, "equal rows")
    frame = frame[~repeated].reset_index(drop=True)
    frame = _keep_finished_session(frame, record)
    unequal = frame.duplicated(subset="date")
    if unequal.any():
        date = frame["date"][unequal].iloc[0]
        closes = frame["close"][frame["date"] == date].tolist()
        raise record.refusal("duplicate_date", date, f"closes {closes}", "keep one row per date")
    return frame


def _keep_finished_session(frame: pd.DataFrame, record: Record) -> pd.DataFrame:
    newest = frame["date"] == frame["date"].iloc[-1]
    rows = frame[newest]
    if (
        "volume" not in frame
        or len(rows) < 2
        or len(rows.drop(columns="volume").drop_duplicates()) > 1
    ):
        return frame
    kept = rows["volume"].fillna(-1.0).idxmax()
    volumes = ", ".join(f"{volume:g}" for volume in rows["volume"])
    record.repaired("duplicate_date", frame["date"].iloc[-1], f"only volume differs: {volumes}")
    keep = ~newest | (frame.index == kept)
    finished: pd.DataFrame = frame[keep].reset_index(drop=True)
    return finished


def is_still(frame: pd.DataFrame) -> "pd.Series[bool]":
    """Return the bars that only repeat the last close: four equal prices and no volume."""
    close = frame["close"]
    still: pd.Series[bool] = close == close.shift()
    for price in PRICES:
        still &= frame[price] == close
    return still & ~(frame["volume"] > 0) if "volume" in frame else still
