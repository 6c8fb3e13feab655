"""The market of a ticker, by its suffix, and its sessions a year."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from lstm_model.data.calendar import DEFAULT_MARKET, sessions_a_year

ALWAYS_OPEN = "24/7"
WORKING_DAYS = "24/5"
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
    market only drops bars that hold nothing, unless the bars follow its calendar
    (`cleaning.expected_sessions`).
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
        return Market(WORKING_DAYS)
    if configured is not None:
        return Market(configured)
    plain = re.fullmatch(r"[A-Z0-9]{1,5}(-[A-Z])?", ticker) is not None
    return Market(DEFAULT_MARKET, presumed=True) if plain else Market(None)


def ticker_sessions_a_year(ticker: str, configured: str | None) -> int:
    """Return the sessions a year of a ticker's market, 252 if it is not known."""
    return portfolio_sessions_a_year([ticker], configured)


def portfolio_sessions_a_year(tickers: Iterable[str], configured: str | None) -> int:
    """Return the days a year on which at least one of the tickers trades.

    A portfolio has a return on each of these days: 365 with one crypto currency among stocks. A
    market that is not known counts as New York's.
    """
    names = {market_of(ticker, configured).name or DEFAULT_MARKET for ticker in tickers}
    return sessions_a_year(*sorted(names))
