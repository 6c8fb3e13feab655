"""Raw frame of one ticker -> Bars: every defect is repaired, noted or refused by a named rule.

docs/data.md has the table of rules: what each does, what it costs, and what it cannot see.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from lstm_model.data.bars import PRICES, Bars, Finding
from lstm_model.data.cleaning.actions import apply_actions, list_actions
from lstm_model.data.cleaning.expected_sessions import (
    drop_unfinished_session,
    note_missing_sessions,
)
from lstm_model.data.cleaning.missing import (
    complete_volume,
    drop_missing,
    drop_unfinished_row,
    fill_open,
)
from lstm_model.data.cleaning.numbers import parse_numbers, require_positive
from lstm_model.data.cleaning.order import check_dates, order_dates
from lstm_model.data.cleaning.ranges import check_ranges
from lstm_model.data.cleaning.record import Record
from lstm_model.data.cleaning.rules import CleaningRules
from lstm_model.data.cleaning.sessions import check_gaps, check_weekdays, drop_closed_days
from lstm_model.data.cleaning.spikes import repair_spikes
from lstm_model.data.cleaning.stillness import drop_dead_ends
from lstm_model.data.dates import parse_dates
from lstm_model.data.market import market_of
from lstm_model.errors import BarsError

OPTIONAL = ("adj_close", "volume", "dividends", "stock_splits")

__all__ = ["CleaningRules", "TidyBars", "clean_bars", "clean_tidy", "tidy_bars"]


@dataclass(frozen=True, slots=True)
class TidyBars:
    """One ticker's raw bars with nothing repaired but their form.

    frame: `date` ascending and without repetition, then numbers; null where a cell is empty.
    findings: what was found on the way.
    """

    frame: pd.DataFrame
    findings: tuple[Finding, ...] = ()


def clean_bars(raw: pd.DataFrame, ticker: str, rules: CleaningRules | None = None) -> Bars:
    """Turn one ticker's raw frame into Bars; raises BarsError for a defect that is refused.

    `raw` has the columns date, open, high, low, close and optionally adj_close, volume, dividends,
    stock_splits, as text or as numbers. Repairs use only the bar and earlier ones, so later bars do
    not change earlier ones. The exceptions look a bounded number of bars ahead: spikes 3, steps of
    adjusted closes 5, splits 10, and dead ends to the next trade.
    """
    return clean_tidy(tidy_bars(raw, ticker, rules), ticker, rules)


def tidy_bars(raw: pd.DataFrame, ticker: str, rules: CleaningRules | None = None) -> TidyBars:
    """Parse a raw frame and order its rows; raises BarsError where that cannot be told.

    Bars of sessions that have not closed at `rules.now` are left out: they are not known yet.
    """
    rules = rules or CleaningRules()
    record = Record(ticker)
    frame = drop_unfinished_row(_read(raw, record), _last_column(raw), record)
    frame = order_dates(frame, record)
    check_dates(frame["date"], rules.today, record)
    frame = drop_unfinished_session(frame, market_of(ticker, rules.market), rules.now, record)
    return TidyBars(frame, tuple(record.findings))


def clean_tidy(tidy: TidyBars, ticker: str, rules: CleaningRules | None = None) -> Bars:
    """Turn tidy bars into Bars, as `clean_bars` does with a raw frame."""
    rules = rules or CleaningRules()
    record = Record(ticker, list(tidy.findings))
    market = market_of(ticker, rules.market)
    frame = tidy.frame
    check_dates(frame["date"], rules.today, record)
    frame = check_weekdays(frame, market, record)
    with_nulls = frame["date"]
    frame = drop_missing(frame, record)
    frame = fill_open(frame, record)
    require_positive(frame, record)
    check_gaps(frame["date"], record)
    note_missing_sessions(frame["date"], with_nulls, market, record)
    frame = drop_closed_days(frame, market, record)
    frame = drop_dead_ends(frame, record)
    frame = complete_volume(frame, record)
    frame = check_ranges(frame, rules, record)
    frame = repair_spikes(frame, record)
    if frame.empty:
        raise BarsError(f"{ticker}: no bar is left of {len(tidy.frame)} rows; check the source")
    if len(frame) > 1 and frame["close"].nunique() == 1:
        raise BarsError(
            f"{ticker}: constant_price: a price must move, but close is "
            f"{frame['close'].iloc[0]:g} on all {len(frame)} bars; check the source"
        )
    listed = "dividends" in frame
    frame = list_actions(frame, rules, record)
    frame = apply_actions(frame, listed, rules, record)
    columns = ["date", *PRICES, "volume", "dividends", "stock_splits"]
    frame = frame[[*columns, "split_factor", "dividend_factor"]].astype({"volume": float})
    frame.insert(0, "ticker", ticker)
    return Bars(frame.reset_index(drop=True), record.summary())


def _read(raw: pd.DataFrame, record: Record) -> pd.DataFrame:
    """Parse the columns; raises BarsError for one that is missing, and for text or no date."""
    for column in ("date", *PRICES):
        if column not in raw.columns:
            raise BarsError(
                f"{record.ticker}: column {column!r} is required but the source has "
                f"{', '.join(map(str, raw.columns)) or 'none'}; add it"
            )
    if raw.empty:
        raise BarsError(f"{record.ticker}: at least one bar is required but the source has none")
    dates = parse_dates(raw["date"], record.ticker)
    check_dates(dates, None, record)
    numbers = {
        column: parse_numbers(raw[column], dates, record, column)
        for column in (*PRICES, *OPTIONAL)
        if column in raw.columns
    }
    frame = pd.DataFrame({"date": dates, **numbers})
    if "adj_close" in frame and frame["adj_close"].isna().all():
        frame = frame.drop(columns="adj_close")
    for name in ("dividends", "stock_splits"):
        if name in frame:
            for row in np.flatnonzero(frame[name] < 0):
                value = f"{name} is {frame[name][row]:g}"
                raise record.refusal("negative_action", frame["date"][row], value, "fix the row")
    return frame


def _last_column(raw: pd.DataFrame) -> str:
    return [str(c) for c in raw.columns if c in ("date", *PRICES, *OPTIONAL)][-1]
