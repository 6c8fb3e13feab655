"""The market of a ticker, by its suffix, and the days on which it is open."""

import re
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd
from jaxtyping import Bool

from lstm_model.errors import ConfigError

ALWAYS_OPEN = "24/7"
LAST_YEAR = 2100
OPEN_ON_SUNDAYS = frozenset({"XTAE", "XSAU"})

_SUFFIXES = {
    "XNYS": "", "XTSE": "TO V CN NE", "XMEX": "MX", "BVMF": "SA", "XBUE": "BA", "XSGO": "SN",
    "XLON": "L", "XETR": "DE", "XFRA": "F BE DU HM MU SG HA", "XPAR": "PA", "XAMS": "AS",
    "XBRU": "BR", "XLIS": "LS", "XMIL": "MI", "XMAD": "MC", "XSWX": "SW", "XSTO": "ST",
    "XCSE": "CO", "XHEL": "HE", "XOSL": "OL", "XICE": "IC", "XWBO": "VI", "XWAR": "WA",
    "XPRA": "PR", "XBUD": "BD", "ASEX": "AT", "XIST": "IS", "XDUB": "IR", "XTAE": "TA",
    "XSAU": "SR", "XJSE": "JO", "XTKS": "T", "XHKG": "HK", "XSHG": "SS SZ", "XKRX": "KS KQ",
    "XTAI": "TW TWO", "XSES": "SI", "XIDX": "JK", "XKLS": "KL", "XBKK": "BK", "XBOM": "NS BO",
    "XKAR": "KA", "XASX": "AX", "XNZE": "NZ",
}  # fmt: skip
_MARKET_OF = {suffix: market for market, names in _SUFFIXES.items() for suffix in names.split()}
_CRYPTO = re.compile(r".+-(USD[TC]?|EUR|GBP|JPY|BTC|ETH)")


@dataclass(frozen=True, slots=True)
class Market:
    """Where a ticker is traded.

    name: the calendar in exchange_calendars; None if the market is not known.
    presumed: the ticker has no suffix, so it is taken for a US one as Yahoo lists it. A presumed
    market only drops bars that hold nothing.
    """

    name: str | None
    presumed: bool = False


def market_of(ticker: str, configured: str | None) -> Market:
    """Return a ticker's market by its suffix, else the configured one."""
    _, dot, suffix = ticker.rpartition(".")
    if dot and suffix in _MARKET_OF:
        return Market(_MARKET_OF[suffix])
    if _CRYPTO.fullmatch(ticker):
        return Market(ALWAYS_OPEN)
    if ticker.endswith(("=X", "=F")):
        return Market("24/5")
    if configured is not None:
        return Market(configured)
    plain = re.fullmatch(r"[A-Z0-9]{1,5}(-[A-Z])?", ticker) is not None
    return Market("XNYS", presumed=True) if plain else Market(None)


def is_session(dates: "pd.Series[pd.Timestamp]", market: str) -> "Bool[np.ndarray, ' row']":
    """Return on which dates a market is open; dates that its calendar does not cover count as open.

    Raises ConfigError for an unknown calendar. The calendar is exchange_calendars'.
    """
    last_year = min(int(dates.dt.year.max()), LAST_YEAR)
    first, sessions = _sessions(market, last_year)
    uncovered = (dates < first) | (dates.dt.year > last_year)
    return (dates.isin(sessions) | uncovered).to_numpy()


@lru_cache(maxsize=64)
def _sessions(market: str, last_year: int) -> tuple[pd.Timestamp, pd.DatetimeIndex]:
    """Return the first date that a calendar covers, and its sessions to the end of a year.

    The end is explicit: by default it depends on the day of the call.
    """
    import exchange_calendars  # noqa: PLC0415 - 0.1 s, and most bars need it once

    earliest = pd.Timestamp(1950, 1, 1)
    try:
        bound = exchange_calendars.get_calendar(market).bound_min()
        first = max(earliest, bound) if bound is not None else earliest
        end = pd.Timestamp(last_year, 12, 31)
        latest = exchange_calendars.get_calendar(market).bound_max()
        end = end if latest is None else min(end, latest)
        if end <= first:
            return end + pd.Timedelta(days=1), pd.DatetimeIndex([])
        calendar = exchange_calendars.get_calendar(market, start=first, end=end)
    except exchange_calendars.errors.InvalidCalendarName:
        raise ConfigError(
            f"data.market must be a calendar of exchange_calendars, such as XNYS, XLON or 24/7, "
            f"but is {market!r}; correct it"
        ) from None
    return first, calendar.sessions
