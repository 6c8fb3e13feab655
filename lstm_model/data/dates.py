"""Dates as sources write them -> the exchange's own calendar days; one notation a column."""

import re

import pandas as pd

from lstm_model.errors import BarsError

NOTATIONS = ("%Y-%m-%d", "%Y%m%d", "%Y/%m/%d", "%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y")

_OFFSET = re.compile(r"\s*(?:Z|UTC|([+-])(\d{2}):?(\d{2}))$")
_TIME_OF_DAY = re.compile(r"[ T]\d{1,2}:.*$")


def parse_dates(column: "pd.Series[pd.Timestamp]", ticker: str) -> "pd.Series[pd.Timestamp]":
    """Return calendar days; an offset from UTC is cut off, never converted.

    Raises BarsError where offsets are over an hour apart, and where no notation, or more than one,
    fits every row.
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
    """Read by the one notation that fits every row: a single guess could swap day and month."""
    parsed = [pd.to_datetime(text, format=notation, errors="coerce") for notation in NOTATIONS]
    fitting = [days for days in parsed if days.notna().all()]
    if not fitting:
        closest = min(parsed, key=lambda days: int(days.isna().sum()))
        raise BarsError(
            f"{ticker}: unreadable_date: dates are written in one notation, YYYY-MM-DD, but one is "
            f"{text[closest.isna()].iloc[0]!r}; mend the row"
        )
    if any(not days.equals(fitting[0]) for days in fitting):
        raise BarsError(
            f"{ticker}: ambiguous_date: dates can be read one way only, but {text.iloc[0]!r} could "
            f"be day first or month first, on every row; write YYYY-MM-DD"
        )
    return fitting[0]


def _require_one_zone(text: "pd.Series[str]", ticker: str) -> None:
    offsets = {_offset_minutes(value) for value in text}
    hours = [offset for offset in offsets if offset is not None]
    if hours and (None in offsets or max(hours) - min(hours) > 60):
        odd = next(v for v in text if _offset_minutes(v) != _offset_minutes(text.iloc[0]))
        raise BarsError(
            f"{ticker}: mixed_zones: dates share one time zone, but {text.iloc[0]!r} and "
            f"{odd!r} do not; write plain YYYY-MM-DD"
        )


def _offset_minutes(text: str) -> int | None:
    """Return a time stamp's offset from UTC, None for a plain date."""
    match = _OFFSET.search(text) if ":" in text or text.endswith(("Z", "UTC")) else None
    if match is None:
        return None
    sign, hours, minutes = match.groups()
    return 0 if sign is None else int(f"{sign}1") * (int(hours) * 60 + int(minutes))
