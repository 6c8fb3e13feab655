"""Bars without prices: what is dropped, and where its dividend or split goes."""

import numpy as np
import pandas as pd
from jaxtyping import Bool

from lstm_model.data.bars import PRICES
from lstm_model.data.cleaning.record import Record, day

LABELS = ["high", "low", "close"]
"""The prices that features and targets read; a bar without an open is whole."""


def drop_rows(
    frame: pd.DataFrame, dropped: "Bool[np.ndarray, ' row']", record: Record
) -> pd.DataFrame:
    """Return the other rows; a dividend or split on a dropped row moves to the next that stays.

    What has no next row is noted: a later bar may still carry it.
    """
    if not dropped.any():
        return frame
    kept = np.flatnonzero(~dropped)
    for name, none in (("dividends", 0.0), ("stock_splits", 1.0)):
        if name not in frame:
            continue
        values = frame[name].to_numpy(copy=True)
        for row in np.flatnonzero(dropped & np.isfinite(values) & (values != 0) & (values != none)):
            where = np.searchsorted(kept, row)
            value = f"{name} {values[row]:g} on a row that is dropped"
            if where == len(kept):
                record.noted("action_without_bar", frame["date"][row], f"{value}, and no later bar")
                continue
            to = kept[where]
            if where > 0:  # nobody held the share before the first bar
                now = values[to] if np.isfinite(values[to]) else 0.0
                carried = now + values[row] if name == "dividends" else (now or 1.0) * values[row]
                values[to] = carried
                value = f"{value}, carried to {day(frame['date'][to])}"
                record.repaired("action_carried", frame["date"][row], value)
        frame = frame.assign(**{name: values})
    return frame[~dropped].reset_index(drop=True)


def drop_unfinished_row(frame: pd.DataFrame, last_column: str, record: Record) -> pd.DataFrame:
    """Drop the file's last row if only it lacks the last column: it was cut while written.

    What stands before the cut may be cut too: 17 instead of 178.2.
    """
    empty = frame[last_column].isna()
    cut = empty & (np.arange(len(frame)) == len(frame) - 1)
    if len(frame) > 2 and cut.any() and empty.sum() == 1 and frame["close"][cut].notna().any():
        value = f"the last row ends before {last_column}, close {frame['close'].iloc[-1]:g}"
        record.repaired("unfinished_row", frame["date"].iloc[-1], value)
        return drop_rows(frame, cut.to_numpy(), record)
    return frame


def drop_missing(frame: pd.DataFrame, record: Record) -> pd.DataFrame:
    """Drop rows without prices; raises BarsError if they are over 5 % between first and last bar.

    Rows before the first and after the last price are no bars and count for nothing.
    """
    nothing = (frame[list(PRICES)].fillna(0.0) == 0).all(axis=1)
    missing = (frame[LABELS].isna().any(axis=1) | nothing).to_numpy()
    whole = np.flatnonzero(~missing)
    if not len(whole):
        raise record.refusal(
            "missing_prices", frame["date"].iloc[0], f"none of {len(frame)} rows has all prices",
            "use another source",
        )  # fmt: skip
    first, last = int(whole[0]), int(whole[-1])
    dates = frame["date"]
    if first > 0:
        record.repaired("leading_nulls", dates[0], f"{first} rows before the first price")
    if last < len(frame) - 1:
        rows = len(frame) - 1 - last
        volume = frame["volume"].iloc[-1] if "volume" in frame else np.nan
        value = (
            f"{rows} newest row(s) have no prices yet (volume {volume:g}); "
            f"the newest bar is {day(dates[last])}"
        )
        record.noted("newest_prices_missing", dates[last + 1], value)
    inside = dates[first : last + 1][missing[first : last + 1]]
    if len(inside):
        record.require_few(len(inside), last + 1 - first, "missing_prices", inside.iloc[0])
    for date in inside:
        record.repaired("missing_prices", date, "null")
    return drop_rows(frame, missing, record)


def fill_open(frame: pd.DataFrame, record: Record) -> pd.DataFrame:
    """Set an open of zero or null to the last close, within the bar's range; nothing reads it."""
    missing = frame["open"].isna() | (frame["open"] == 0)
    if not missing.any():
        return frame
    dates = frame["date"][missing]
    value = f"zero or null on {len(dates)} of {len(frame)} bars to {day(dates.iloc[-1])}"
    record.repaired("missing_open", dates.iloc[0], value)
    before = frame["close"].shift().fillna(frame["close"])
    low, high = frame[["low", "close"]].min(axis=1), frame[["high", "close"]].max(axis=1)
    return frame.assign(open=frame["open"].where(~missing, before.clip(low, high)))


def complete_volume(frame: pd.DataFrame, record: Record) -> pd.DataFrame:
    """Set a missing volume to zero; raises BarsError for a negative one."""
    if "volume" not in frame:
        record.repaired("missing_volume", frame["date"].iloc[0], "no column")
        return frame.assign(volume=0.0)
    for row in np.flatnonzero(frame["volume"] < 0):
        value = f"volume is {frame['volume'][row]:g}"
        raise record.refusal("negative_volume", frame["date"][row], value, "fix the row")
    for date in frame["date"][frame["volume"].isna()]:
        record.repaired("missing_volume", date, "null")
    return frame.assign(volume=frame["volume"].fillna(0.0))
