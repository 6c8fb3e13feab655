"""Dates as sources write them -> the exchange's own calendar days; one format per column."""

import re
from typing import Any

import numpy as np
import pandas as pd

from lstm_model.data.columns import cut
from lstm_model.errors import BarsError

NOTATIONS = (
    "%Y-%m-%d", "%Y%m%d", "%Y/%m/%d", "%Y.%m.%d", "%d.%m.%Y",
    "%m/%d/%Y", "%d/%m/%Y", "%d-%m-%Y", "%m-%d-%Y",
    "%b %d, %Y", "%B %d, %Y", "%b %d %Y", "%d %b %Y", "%d %b, %Y", "%d %B %Y",
    "%d-%b-%Y", "%d-%b-%y", "%d-%B-%Y", "%Y-%b-%d",
)  # fmt: skip

LINE = "line"
"""Name of an index that has the number of each row's line in its file."""

# An offset is one only behind a time of day: the -2022 of 31-12-2022 is a year.
_STAMP = re.compile(
    r"(?P<day>.*?)(?:"
    r"(?:T|,?\s+)(?P<hour>\d{1,2}):\d{2}(?::\d{2}(?:[.,]\d+)?)?(?:\s*(?P<half>[AP])M)?"
    r"\s*(?P<zone>Z|UTC|GMT|[+-]\d{2}(?::?\d{2}(?::\d{2})?)?)?"
    r"|\s*(?P<utc>Z|UTC))?",
    re.IGNORECASE | re.DOTALL,
)
_WEEKDAY = re.compile(r"^(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*\.?,?\s+", re.IGNORECASE)
_EPOCH = r"-?\d{9,19}(?:\.0*)?"
_UNITS = ((1e11, "s"), (1e14, "ms"), (1e17, "us"), (np.inf, "ns"))
_FRIDAY, _SATURDAY, _SUNDAY = 4, 5, 6


def parse_dates(column: "pd.Series[pd.Timestamp]", ticker: str) -> "pd.Series[pd.Timestamp]":
    """Return calendar days; an offset from UTC is dropped, never converted.

    Numbers of 9 digits and more are seconds since 1970, or thousandths and so on of them. Raises
    BarsError for a date that is missing, if no format, or more than one, fits every row, if
    offsets do not belong to one zone, and if midnights of an eastern zone were converted to UTC.
    """
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        column = column.dt.tz_localize(None)
    if pd.api.types.is_datetime64_dtype(column):
        for row in np.flatnonzero(column.isna())[:1]:
            raise _unreadable(column, "NaT", int(row), ticker)
        days = column
    else:
        text = column.astype(str).str.strip()
        if len(text) and text.str.fullmatch(_EPOCH).all():
            days = _from_epoch(text)
            _refuse_day_early(text, days, days.dt.hour.to_numpy(), ticker)
        else:
            days = _from_text(text, ticker)
    return days.dt.normalize().astype("datetime64[us]").reset_index(drop=True)


def _from_epoch(text: "pd.Series[str]") -> "pd.Series[pd.Timestamp]":
    numbers = text.str.partition(".")[0].astype("int64")
    unit = next(unit for limit, unit in _UNITS if numbers.abs().max() < limit)
    return pd.Series(numbers.to_numpy().astype(f"datetime64[{unit}]"), index=text.index)


def _from_text(text: "pd.Series[str]", ticker: str) -> "pd.Series[pd.Timestamp]":
    plain = text.str.replace(_WEEKDAY, "", regex=True)
    if not text.str.contains(r":|Z$|UTC$", case=False).any():
        return _read(plain, text, ticker)
    stamps = [match for value in plain if (match := _STAMP.fullmatch(value))]
    days = _read(pd.Series([s["day"] for s in stamps], text.index, dtype=str), text, ticker)
    offsets = [_offset_minutes(stamp["zone"] or stamp["utc"]) for stamp in stamps]
    _require_one_zone(text, days, offsets, ticker)
    if set(offsets) == {0}:
        hours = [int(stamp["hour"] or 0) for stamp in stamps]
        _refuse_day_early(text, days, np.array(hours), ticker)
    return days


def _read(days: "pd.Series[str]", text: "pd.Series[str]", ticker: str) -> "pd.Series[pd.Timestamp]":
    """Parse with the only format that fits every row; a guess could swap day and month."""
    # Most formats do not fit even the first row, and are not tried on the others.
    parsed = [_parse(days, form) for form in NOTATIONS if _parse(days.iloc[:1], form).notna().all()]
    fitting = [read for read in parsed if read.notna().all()]
    if not fitting:
        closest = min((_parse(days, form) for form in NOTATIONS), key=lambda r: int(r.isna().sum()))
        row = int(np.flatnonzero(closest.isna())[0])
        raise _unreadable(text, text.iloc[row], row, ticker)
    if any(not read.equals(fitting[0]) for read in fitting):
        raise BarsError(
            f"{ticker}: ambiguous_date: dates must have only one reading but "
            f"{cut(text.iloc[0])!r} and all others could be day first or month first; "
            f"write YYYY-MM-DD"
        )
    return fitting[0]


def _parse(days: "pd.Series[str]", notation: str) -> "pd.Series[pd.Timestamp]":
    return pd.to_datetime(days, format=notation, errors="coerce")


def _unreadable(column: "pd.Series[Any]", value: str, row: int, ticker: str) -> BarsError:
    return BarsError(
        f"{ticker}: unreadable_date: dates must all have one format, such as YYYY-MM-DD, but one "
        f"{_place(column, row)}is {cut(value)!r}; fix the row"
    )


def _place(column: "pd.Series[Any]", row: int) -> str:
    return f"on line {column.index[row]} " if column.index.name == LINE else ""


def _require_one_zone(
    text: "pd.Series[str]",
    days: "pd.Series[pd.Timestamp]",
    offsets: list[int | None],
    ticker: str,
) -> None:
    """Refuse offsets that move by over an hour from one day to the next.

    A zone's offset may change by more over its history: Lisbon had +00:00, +01:00 and +02:00.
    """
    order = np.argsort(days.to_numpy(), kind="stable").tolist()
    previous = offsets[order[0]]
    for row in order:
        offset = offsets[row]
        if (offset is None) != (previous is None) or abs((offset or 0) - (previous or 0)) > 60:
            first = text.iloc[order[0]]
            raise BarsError(
                f"{ticker}: mixed_zones: dates must share one time zone but {cut(first)!r} and "
                f"{cut(text.iloc[row])!r} {_place(text, row)}do not; write plain YYYY-MM-DD"
            )
        previous = offset


def _refuse_day_early(
    text: "pd.Series[str]", days: "pd.Series[pd.Timestamp]", hours: np.ndarray, ticker: str
) -> None:
    """Refuse UTC stamps that put an eastern exchange's session on the day before.

    Midnight in Tokyo is 15:00 UTC of the day before, so Monday's bar is dated Sunday and none is
    dated Friday. In a panel these bars would be known a day too early.
    """
    late = days[hours >= 10]
    weekdays = set(late.dt.weekday)
    if _SUNDAY in weekdays and not weekdays & {_FRIDAY, _SATURDAY}:
        row = int(np.flatnonzero((hours >= 10) & (days.dt.weekday == _SUNDAY).to_numpy())[0])
        raise BarsError(
            f"{ticker}: day_early: dates must be the exchange's own but {cut(text.iloc[row])!r} "
            f"{_place(text, row)}is a Sunday and no bar is dated Friday: midnights of a zone east "
            f"of UTC were converted to UTC; write the exchange's own days as YYYY-MM-DD"
        )


def _offset_minutes(zone: str | None) -> int | None:
    """Return an offset from UTC in minutes, None for a plain date."""
    if zone is None:
        return None
    digits = re.sub(r"\D", "", zone)
    if not digits:
        return 0
    return int(f"{zone[0]}1") * (int(digits[:2]) * 60 + int(digits[2:4] or 0))
