"""Altered histories for the leak audit: truncated, started later, or with other later bars."""

from collections.abc import Collection, Mapping
from types import MappingProxyType

import numpy as np
from jaxtyping import Bool, Float

from lstm_model.data.bars import PRICES, Bars
from lstm_model.data.calendar import days_since_epoch
from lstm_model.data.features import WARM_UP_BARS

NEXT_DAYS = 5
SPREAD_STARTS, RANDOM_STARTS = 8, 4

LastDays = Mapping[str, int]
"""Tickers that are cut or altered after a last day of their own."""

NONE: LastDays = MappingProxyType({})


def only(bars: Bars, tickers: Collection[str]) -> Bars:
    """Return the bars of these tickers."""
    return bars.where(bars.frame["ticker"].isin(tickers).to_numpy())


def take_tickers(bars: Bars, count: int, beside: Collection[str] = ()) -> Bars:
    """Return the tickers with the longest histories, in the panel's order, and those beside."""
    lengths = bars.frame["ticker"].value_counts(sort=False).drop(list(beside), errors="ignore")
    longest = lengths.sort_values(ascending=False, kind="stable").index[:count]
    return only(bars, {*longest, *beside})


def until(bars: Bars, day: int, last_days: LastDays = NONE) -> Bars:
    """Return the bars up to and including a day, counted from 1970-01-01."""
    return bars.where(~_later(bars, day, last_days))


def without_head(bars: Bars, ticker: str, count: int, beside: Collection[str] = ()) -> Bars:
    """Return one ticker's bars without its first few: a history that starts later.

    The tickers beside it start on the same day.
    """
    own = (bars.frame["ticker"] == ticker).to_numpy()
    kept = own & (np.cumsum(own) > count)
    if beside:
        days = days_since_epoch(bars.frame["date"])
        kept |= bars.frame["ticker"].isin(beside).to_numpy() & (days >= days[kept].min())
    return bars.where(kept)


def late_starts(count: int) -> list[int]:
    """Return several counts of leading bars to drop; each leaves a row past the warm-up.

    One start would expose a mean over all the past; a tie that rounding breaks shows only at some.
    """
    last = count - WARM_UP_BARS - 1
    if last < 1:
        return []
    spread = np.linspace(1, last, SPREAD_STARTS).astype(int)
    drawn = np.random.default_rng(count).integers(1, last, RANDOM_STARTS, endpoint=True)
    return sorted({int(start) for start in (*spread, *drawn)})


def lift_after(bars: Bars, day: int, last_days: LastDays = NONE) -> Bars:
    """Return bars that are far higher after `day`, each by its own factor, with dividends."""
    later = _later(bars, day, last_days)
    return _change(bars, later, _uneven(later, 10.0), dividend=0.01, split=2.0)


def sink_after(bars: Bars, day: int, last_days: LastDays = NONE) -> Bars:
    """Return bars that are far lower after `day`, without dividends or splits."""
    later = _later(bars, day, last_days)
    return _change(bars, later, _uneven(later, 0.1), dividend=0.0, split=0.0)


def widen_after(bars: Bars, day: int, last_days: LastDays = NONE) -> Bars:
    """Return bars with a wide high-low range after `day`."""
    frame, later = bars.frame.copy(), _later(bars, day, last_days)
    frame.loc[later, "high"] *= 1.5
    frame.loc[later, "low"] /= 1.5
    return Bars(frame, bars.findings)


def narrow_after(bars: Bars, day: int, last_days: LastDays = NONE) -> Bars:
    """Return bars whose high-low range is that of open and close after `day`."""
    frame, later = bars.frame.copy(), _later(bars, day, last_days)
    ends = frame.loc[later, ["open", "close"]]
    frame.loc[later, "high"] = ends.max(axis=1)
    frame.loc[later, "low"] = ends.min(axis=1)
    return Bars(frame, bars.findings)


def _later(bars: Bars, day: int, last_days: LastDays) -> Bool[np.ndarray, " row"]:
    days = days_since_epoch(bars.frame["date"])
    later: np.ndarray = days > day
    for ticker, last in last_days.items():
        own = (bars.frame["ticker"] == ticker).to_numpy()
        later = np.where(own, days > last, later)
    return later


def _uneven(later: Bool[np.ndarray, " row"], factor: float) -> Float[np.ndarray, " later"]:
    """Return a factor for each later bar, so that ratios between bars change too."""
    exponents = np.random.default_rng(0).uniform(0.5, 1.5, int(later.sum()))
    factors: np.ndarray = factor**exponents
    return factors


def _change(
    bars: Bars,
    later: Bool[np.ndarray, " row"],
    factors: Float[np.ndarray, " later"],
    dividend: float,
    split: float,
) -> Bars:
    """Scale later prices and volumes; the next days pay `dividend`, a share of the close."""
    frame = bars.frame.copy()
    columns = [*PRICES, "volume"]
    frame.loc[later, columns] = frame.loc[later, columns].mul(factors, axis=0)
    # Only a few days: factors multiply, and over years they would overflow a float.
    soon = later & frame["date"].isin(frame["date"][later].drop_duplicates().nsmallest(NEXT_DAYS))
    frame.loc[soon, "dividends"] = frame.loc[soon, "close"] * dividend
    frame.loc[soon, "dividend_factor"] = 1.0 + dividend
    frame.loc[soon, "stock_splits"] = split
    frame.loc[soon, "split_factor"] = split or 1.0
    return Bars(frame, bars.findings)
