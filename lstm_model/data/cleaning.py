"""Raw frame of one ticker -> Bars; every defect is repaired or refused by a rule of this table.

| rule | defect | action |
|---|---|---|
| mixed_zones | time stamps with and without an offset, or offsets over an hour apart | refused |
| unreadable_date | not a date, or not in the format of the others | refused |
| ambiguous_date | day first or month first, and no row decides | refused |
| text_price, infinite_price | text or inf instead of a price (or volume, action) | refused |
| non_positive_price | a price, or an adjusted close, of zero or less | refused |
| missing_prices | a price is null or NaN | row dropped; over 5 % of rows: refused |
| unordered_dates | dates that do not ascend | sorted |
| duplicate_date | a date occurs twice | equal rows: one kept; unequal: refused |
| unit_error | close moves by a factor of 80-125 or its inverse | scaled, as from pence to pounds |
| price_jump | any other move by a factor over 20 in one bar | refused |
| range_violation | open or close outside low..high | range widened; over 5 % of rows: refused |
| missing_volume | volume is absent or NaN | set to zero |
| negative_volume, negative_action | below zero | refused |
| constant_price | close never moves | refused |
| split_not_applied | a split's jump, on its bar or up to 3 earlier | put into `split_factor` |
| dividend_unit_error | over 10 % of a price that did not fall by half of it | divided by 100 |
| dividend_repeated | the same amount again within 5 bars | dropped |
| dividend_over_price | a dividend of the full price or more | refused |
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from lstm_model.data.bars import PRICES, Bars, Finding
from lstm_model.data.dates import parse_dates
from lstm_model.errors import BarsError
from lstm_model.shares import exact

MAX_REPAIRED_SHARE = 0.05
_NULLS = {"", "null", "nan", "none", "n/a", "na", "-"}


def clean_bars(raw: pd.DataFrame, ticker: str) -> Bars:
    """Turn one ticker's raw frame into Bars; raises BarsError for a defect that is refused.

    `raw` has the columns date, open, high, low, close and optionally adj_close, volume, dividends,
    stock_splits, as text or as numbers. Repairs use only the bar and earlier ones, so later bars do
    not change earlier ones. The only exception is a split that is listed up to 3 bars after its
    jump.
    """
    for column in ("date", *PRICES):
        if column not in raw.columns:
            raise BarsError(
                f"{ticker}: column {column!r} is required but the source has "
                f"{', '.join(map(str, raw.columns)) or 'none'}; add it"
            )
    if raw.empty:
        raise BarsError(f"{ticker}: at least one bar is required but the source has none")
    findings: list[Finding] = []
    frame = pd.DataFrame({"date": parse_dates(raw["date"], ticker)})
    for column in PRICES:
        frame[column] = _parse_numbers(raw[column], frame["date"], ticker, column)
    for column in ("adj_close", "volume", "dividends", "stock_splits"):
        if column in raw.columns:
            frame[column] = _parse_numbers(raw[column], frame["date"], ticker, column)
    frame = _drop_missing(frame, ticker, findings)
    frame = _order_dates(frame, ticker, findings)
    frame = _scale_units(frame, ticker, findings)
    frame = _widen_ranges(frame, ticker, findings)
    frame = _complete_volume(frame, ticker, findings)
    if len(frame) > 1 and frame["close"].nunique() == 1:
        raise BarsError(
            f"{ticker}: constant_price: a price must move, but close is "
            f"{frame['close'].iloc[0]:g} on all {len(frame)} bars; check the source"
        )
    frame = _apply_actions(frame, ticker, findings)
    columns = ["date", *PRICES, "volume", "dividends", "stock_splits"]
    frame = frame[[*columns, "split_factor", "dividend_factor"]]
    frame.insert(0, "ticker", ticker)
    return Bars(frame, tuple(findings))


def _refuse(rule: str, ticker: str, date: object, value: str, remedy: str) -> BarsError:
    return BarsError(f"{ticker} {_day(date)}: {rule}: {value}; {remedy}")


def _day(date: object) -> str:
    return date.strftime("%Y-%m-%d") if isinstance(date, pd.Timestamp) else str(date)


def _parse_numbers(
    column: "pd.Series[float]", dates: "pd.Series[pd.Timestamp]", ticker: str, name: str
) -> "pd.Series[float]":
    column = column.reset_index(drop=True)
    numbers = pd.to_numeric(column, errors="coerce").astype(float)
    for row in np.flatnonzero(numbers.isna() & column.notna()):
        if str(column[row]).strip().lower() not in _NULLS:
            raise _refuse(
                "text_price" if name in PRICES else f"text_{name}",
                ticker, dates[row], f"{name} is {column[row]!r}", "fix or remove the row",
            )  # fmt: skip
    for row in np.flatnonzero(np.isinf(numbers)):
        rule = "infinite_price" if name in PRICES else f"infinite_{name}"
        raise _refuse(rule, ticker, dates[row], f"{name} is {numbers[row]}", "fix the row")
    if name in (*PRICES, "adj_close"):
        for row in np.flatnonzero(numbers <= 0):
            raise _refuse(
                "non_positive_price", ticker, dates[row], f"{name} is {numbers[row]:g}",
                "a price must be above zero; fix or remove the row",
            )  # fmt: skip
    return numbers


def _share_is_repairable(count: int, total: int, rule: str, ticker: str, date: object) -> None:
    if count > exact(MAX_REPAIRED_SHARE) * total:
        raise _refuse(
            rule, ticker, date, f"and {count - 1} more of {total} bars",
            f"at most {MAX_REPAIRED_SHARE:.0%} are repaired; use another source or start date",
        )  # fmt: skip


def _drop_missing(frame: pd.DataFrame, ticker: str, findings: list[Finding]) -> pd.DataFrame:
    missing = frame[list(PRICES)].isna().any(axis=1)
    if missing.any():
        dates = frame["date"][missing]
        _share_is_repairable(len(dates), len(frame), "missing_prices", ticker, dates.iloc[0])
        for date in dates:
            findings.append(Finding(ticker, _day(date), "missing_prices", "null", "repaired"))
    return frame[~missing].reset_index(drop=True)


def _order_dates(frame: pd.DataFrame, ticker: str, findings: list[Finding]) -> pd.DataFrame:
    dates = frame["date"]
    if not dates.is_monotonic_increasing:
        first = dates[1:][np.diff(dates) < np.timedelta64(0)].iloc[0]
        value = "descending" if dates.is_monotonic_decreasing else "unordered"
        findings.append(Finding(ticker, _day(first), "unordered_dates", value, "repaired"))
        frame = frame.sort_values("date", kind="stable", ignore_index=True)
    repeated = frame.duplicated(keep="first")
    for date in frame["date"][repeated]:
        findings.append(Finding(ticker, _day(date), "duplicate_date", "equal rows", "repaired"))
    frame = frame[~repeated].reset_index(drop=True)
    unequal = frame.duplicated(subset="date")
    if unequal.any():
        date = frame["date"][unequal].iloc[0]
        closes = frame["close"][frame["date"] == date].tolist()
        raise _refuse("duplicate_date", ticker, date, f"closes {closes}", "keep one row per date")
    return frame


def _scale_units(frame: pd.DataFrame, ticker: str, findings: list[Finding]) -> pd.DataFrame:
    close = frame["close"].to_numpy()
    scale = np.ones(len(close))
    for row, move in _large_moves(close):
        unit = 100.0 if 80 < 1 / move < 125 else 0.01 if 80 < move < 125 else None
        if unit is None:
            raise _refuse(
                "price_jump", ticker, frame["date"][row], f"close moves by a factor of {move:.4g}",
                "a factor over 20 in one bar is an error; fix the source or start after it",
            )  # fmt: skip
        scale[row:] *= unit
    for scaled in np.flatnonzero(scale != 1.0):
        value = f"close {close[scaled]:g} scaled by {scale[scaled]:g}"
        date = _day(frame["date"][scaled])
        findings.append(Finding(ticker, date, "unit_error", value, "repaired"))
    columns = [c for c in (*PRICES, "adj_close") if c in frame]
    return frame.assign(**{column: frame[column] * scale for column in columns})


def _large_moves(
    close: "np.ndarray[tuple[int], np.dtype[np.float64]]",
) -> Iterator[tuple[int, float]]:
    moves = close[1:] / close[:-1]
    for row in np.flatnonzero(np.abs(np.log(moves)) > np.log(20.0)):
        yield int(row) + 1, float(moves[row])


def _widen_ranges(frame: pd.DataFrame, ticker: str, findings: list[Finding]) -> pd.DataFrame:
    lowest = frame[list(PRICES)].min(axis=1)
    highest = frame[list(PRICES)].max(axis=1)
    # Less than a millionth of the price is rounding in the source, not a defect.
    off = (frame["low"] > lowest * (1 + 1e-6)) | (frame["high"] < highest * (1 - 1e-6))
    if off.any():
        _share_is_repairable(
            int(off.sum()), len(frame), "range_violation", ticker, frame["date"][off].iloc[0]
        )
    for bar in frame[off].itertuples():
        value = f"open {bar.open:g}, close {bar.close:g} outside {bar.low:g}..{bar.high:g}"
        findings.append(Finding(ticker, _day(bar.date), "range_violation", value, "repaired"))
    return frame.assign(low=lowest, high=highest)


def _complete_volume(frame: pd.DataFrame, ticker: str, findings: list[Finding]) -> pd.DataFrame:
    if "volume" not in frame:
        first = _day(frame["date"].iloc[0])
        findings.append(Finding(ticker, first, "missing_volume", "no column", "repaired"))
        return frame.assign(volume=0.0)
    for row in np.flatnonzero(frame["volume"] < 0):
        raise _refuse(
            "negative_volume", ticker, frame["date"][row], f"volume is {frame['volume'][row]:g}",
            "fix the row",
        )  # fmt: skip
    for date in frame["date"][frame["volume"].isna()]:
        findings.append(Finding(ticker, _day(date), "missing_volume", "null", "repaired"))
    return frame.assign(volume=frame["volume"].fillna(0.0))


def _apply_actions(frame: pd.DataFrame, ticker: str, findings: list[Finding]) -> pd.DataFrame:
    """Add the day's split and dividend factors of a holder's wealth per share."""
    zeros = pd.Series(0.0, index=frame.index)
    dividends = frame["dividends"].fillna(0.0) if "dividends" in frame else zeros
    splits = frame["stock_splits"].fillna(0.0) if "stock_splits" in frame else zeros
    if "dividends" not in frame and "stock_splits" not in frame and "adj_close" in frame:
        dividends, splits = _implied_actions(frame)
    for name, column in (("dividends", dividends), ("stock_splits", splits)):
        for row in np.flatnonzero(column < 0):
            value = f"{name} is {column[row]:g}"
            raise _refuse("negative_action", ticker, frame["date"][row], value, "fix the row")
    split_factor = _split_factors(frame, splits, ticker, findings)
    previous = (frame["close"].shift() / split_factor).to_numpy()
    close = frame["close"].to_numpy()
    paid = dividends.to_numpy(copy=True)
    for row in np.flatnonzero(paid[1:] > 0) + 1:
        amount, date = float(paid[row]), _day(frame["date"][row])
        if amount in paid[max(0, row - 5) : row]:
            findings.append(Finding(ticker, date, "dividend_repeated", f"{amount:g}", "repaired"))
            paid[row] = 0.0
        elif amount > 0.1 * previous[row] and previous[row] - close[row] < amount / 2:
            value = f"{amount:g} at a price of {previous[row]:g}"
            findings.append(Finding(ticker, date, "dividend_unit_error", value, "repaired"))
            paid[row] = amount / 100
        if paid[row] >= previous[row]:
            raise _refuse(
                "dividend_over_price", ticker, date, f"{amount:g} at a price of {previous[row]:g}",
                "fix the dividend",
            )  # fmt: skip
    dividends = pd.Series(paid, index=frame.index)
    return frame.assign(
        dividends=dividends,
        stock_splits=splits,
        split_factor=split_factor,
        dividend_factor=1.0 / (1.0 - (dividends / previous).fillna(0.0)),
    )


def _split_factors(
    frame: pd.DataFrame, splits: "pd.Series[float]", ticker: str, findings: list[Finding]
) -> "pd.Series[float]":
    """Return the ratio on the bar where an unapplied split makes the price jump, else 1.

    Yahoo applies splits to its prices and lists them too; sometimes it does not apply one, or lists
    it a bar or two off. A ratio within 25 % of 1 looks like a day's move and is left alone.
    """
    factor = pd.Series(1.0, index=frame.index)
    close = frame["close"].to_numpy()
    drop = np.log(close[:-1] / close[1:])  # the drop onto bar i is at i - 1
    for row in np.flatnonzero(
        (splits > 0) & (np.abs(np.log(splits.where(splits > 0, 1.0))) > np.log(1.25))
    ):
        ratio = float(splits[row])
        first = max(1, int(row) - 3)
        distance = np.abs(drop[first - 1 : row] - np.log(ratio))
        if len(distance) and distance.min() < 0.25 * abs(np.log(ratio)):
            at = first + int(distance.argmin())
            factor[at] = ratio
            value = f"{ratio:g}:1, close {close[at - 1]:g} -> {close[at]:g}"
            date = _day(frame["date"][at])
            findings.append(Finding(ticker, date, "split_not_applied", value, "repaired"))
    return factor


def _implied_actions(frame: pd.DataFrame) -> "tuple[pd.Series[float], pd.Series[float]]":
    """Derive dividends and splits from a vendor's adjusted close, where no actions are listed.

    The ratio of two days' adjusted/raw quotients does not depend on later actions. A move below
    5e-5 is rounding to six decimals; one over 25 % is a split; a small fall is neither.
    """
    quotient = frame["adj_close"] / frame["close"]
    factor = (quotient / quotient.shift()).fillna(1.0)
    is_split = (factor > 1.25) | (factor < 1 / 1.25)
    is_dividend = (factor - 1 > 5e-5) & ~is_split
    dividends = (frame["close"].shift() * (1 - 1 / factor)).where(is_dividend, 0.0)
    return dividends, factor.where(is_split, 0.0)
