"""Dates as sources write them -> the exchange's own calendar days; one format per column."""

import re

import pandas as pd

from lstm_model.errors import BarsError

NOTATIONS = ("%Y-%m-%d", "%Y%m%d", "%Y/%m/%d", "%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y")

_OFFSET = re.compile(r"\s*(?:Z|UTC|([+-])(\d{2}):?(\d{2}))$")
_TIME_OF_DAY = re.compile(r"[ T]\d{1,2}:.*$")


def parse_dates(column: "pd.Series[pd.Timestamp]", ticker: str) -> "pd.Series[pd.Timestamp]":
    """Return calendar days; an offset from UTC is dropped, never converted.

    Raises BarsError if offsets are over an hour apart, or if no format, or more than one, fits
    every row.
    """
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        column = column.dt.tz_localize(None)
    if not pd.api.types.is_datetime64_dtype(column):
        text = column.astype(str).str.strip()
        _require_one_zone(text, ticker)
        text = text.str.replace(_OFFSET, "", regex=True).str.replace(_TIME_OF_DAY, "", regex=True)
        column = _read(text, ticker)
    return column.dt.normalize().astype("datetime64[us]").reset_index(drop=True)


def _read(text: "pd.Series[str]", ticker: str) -> "pd.Series[pd.Timestamp]":
    """Parse with the only format that fits every row; a guess could swap day and month."""
    parsed = [pd.to_datetime(text, format=notation, errors="coerce") for notation in NOTATIONS]
    fitting = [days for days in parsed if days.notna().all()]
    if not fitting:
        closest = min(parsed, key=lambda days: int(days.isna().sum()))
        raise BarsError(
            f"{ticker}: unreadable_date: dates must all have one format, such as YYYY-MM-DD, but "
            f"one is {text[closest.isna()].iloc[0]!r}; fix the row"
        )
    if any(not days.equals(fitting[0]) for days in fitting):
        raise BarsError(
            f"{ticker}: ambiguous_date: dates must have only one reading but {text.iloc[0]!r} and "
            f"all others could be day first or month first; write YYYY-MM-DD"
        )
    return fitting[0]


def _require_one_zone(text: "pd.Series[str]", ticker: str) -> None:
    offsets = {_offset_minutes(value) for value in text}
    hours = [offset for offset in offsets if offset is not None]
    if hours and (None in offsets or max(hours) - min(hours) > 60):
        odd = next(v for v in text if _offset_minutes(v) != _offset_minutes(text.iloc[0]))
        raise BarsError(
            f"{ticker}: mixed_zones: dates must share one time zone but {text.iloc[0]!r} and "
            f"{odd!r} do not; write plain YYYY-MM-DD"
        )


def _offset_minutes(text: str) -> int | None:
    """Return a time stamp's offset from UTC in minutes, None for a plain date."""
    match = _OFFSET.search(text) if ":" in text or text.endswith(("Z", "UTC")) else None
    if match is None:
        return None
    sign, hours, minutes = match.groups()
    return 0 if sign is None else int(f"{sign}1") * (int(hours) * 60 + int(minutes))
