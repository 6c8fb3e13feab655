"""Names of columns, as vendors write them -> ours; what is not known is left out and named.

Vendors: Yahoo, Alpha Vantage, EODHD, Tiingo, Quandl, Nasdaq.com, Investing.com, Stooq, MetaTrader,
Sharadar, and German banks.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from lstm_model.errors import BarsError

REQUIRED = ("date", "open", "high", "low", "close")
OPTIONAL = ("adj_close", "volume", "dividends", "stock_splits")

# Of several lines the first that has a match counts: `price` is a close only where no `close` is.
_NAMES: dict[str, tuple[str, ...]] = {
    "date": (
        "date datetime datum tradedate tradingdate",
        "timestamp",
        "time unix epoch opentime windowstart",
    ),
    "open": ("open openprice eröffnung eröffn eroeffnung eröffnungskurs erster anfangskurs",),
    "high": ("high highprice hoch tageshoch höchst höchstkurs",),
    "low": ("low lowprice tief tagestief tiefst tiefstkurs",),
    "close": ("close closelast closeprice schluss schlusskurs", "price last zuletzt kurs"),
    "adj_close": ("adjclose adjustedclose closeadj adjcloseprice",),
    "volume": ("volume vol stücke stuecke noofshares", "volumen umsatz tickvol"),
    "dividends": ("dividends dividend dividendamount divcash exdividend",),
    "stock_splits": (
        "stocksplits stocksplit splits split splitcoefficient splitratio splitfactor",
    ),
}
_RANKS = {
    name: (ours, rank)
    for ours, lines in _NAMES.items()
    for rank, line in enumerate(lines)
    for name in line.split()
}
_VARIED = re.compile(r"^\s*\d+\.\s+|[(\[](?:usd|eur|gbp|inr|jpy|chf|cny)[)\]]")
_UNNAMED = {"", "unnamed0", "index"}
_TICKERS = {"ticker", "symbol", "symbols", "name", "code", "isin"}


@dataclass(frozen=True, slots=True)
class Columns:
    """Where a header has the columns of bars.

    places: of each of our names in the header, in the header's order.
    ignored: places of columns that bars are not made of.
    """

    places: dict[str, int]
    ignored: tuple[int, ...]


def match_columns(header: Sequence[str]) -> Columns:
    """Find the columns of bars; case, spaces, dots, dashes and leading numbers do not matter.

    A first column without a name is the date, if no other is. Raises BarsError if a column occurs
    twice.
    """
    found: dict[str, dict[int, list[int]]] = {}
    for place, name in enumerate(header):
        if (key := key_of(name)) in _RANKS:
            ours, rank = _RANKS[key]
            found.setdefault(ours, {}).setdefault(rank, []).append(place)
    places = {}
    for ours, by_rank in found.items():
        first, *others = by_rank[min(by_rank)]
        if others:
            raise BarsError(
                f"a column must occur once but {ours!r} occurs twice, as {cut(header[first])!r} "
                f"and {cut(header[others[0]])!r}; remove one"
            )
        places[ours] = first
    if "date" not in places and header and key_of(header[0]) in _UNNAMED:
        places["date"] = 0
    places = dict(sorted(places.items(), key=lambda item: item[1]))
    known = set(places.values())
    return Columns(places, tuple(p for p in range(len(header)) if p not in known))


def count_known(cells: Sequence[str]) -> int:
    """Return how many of the cells are names of columns of bars."""
    return sum(key_of(cell) in _RANKS for cell in cells)


def names_ticker(name: str) -> bool:
    """Return whether a column of this name says whose bar a row is."""
    return key_of(name) in _TICKERS


def key_of(name: str) -> str:
    """Return a name without what vendors vary: `1. open`, `<OPEN>` and `Open (USD)` are `open`."""
    return re.sub(r"[^a-zäöüß0-9]", "", _VARIED.sub("", str(name).lower()))


def rename_columns(frame: pd.DataFrame) -> pd.DataFrame:
    """Keep the columns that bars need, under our names; raises what `match_columns` raises."""
    columns = match_columns([str(name) for name in frame.columns])
    return frame.iloc[:, list(columns.places.values())].set_axis(list(columns.places), axis=1)


def cut(text: str, most: int = 40) -> str:
    """Return a cell as a message shows it: on one line, and not too long."""
    line = " ".join(str(text).split())
    return line if len(line) <= most else f"{line[:most]}..."
