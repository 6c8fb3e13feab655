"""Beside: what the leak audit must know of exogenous series to cut them where they were known."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from lstm_model.config.pipeline import FeaturesConfig
from lstm_model.data.bars import Bars
from lstm_model.data.calendar import days_since_epoch
from lstm_model.data.closes import known_at, market_for_closes
from lstm_model.data.exogenous import series_market


@dataclass(frozen=True, slots=True)
class Beside:
    """The exogenous tickers of audited bars, with the calendars by whose closes bars are known.

    series: calendar of each exogenous ticker; None if it is not known.
    market: calendar of forecast tickers whose suffix names none.
    """

    series: Mapping[str, str | None] = field(default_factory=dict)
    market: str | None = None

    @classmethod
    def of(cls, features: FeaturesConfig, market: str | None) -> "Beside":
        """Return the exogenous tickers of a configuration."""
        return cls({one.ticker: series_market(one) for one in features.exogenous}, market)

    def groups(self, tickers: Sequence[str]) -> list[list[str]]:
        """Return the tickers of each market; all together if nothing is beside them."""
        if not self.series:
            return [list(tickers)]
        markets: dict[str | None, list[str]] = {}
        for ticker in tickers:
            markets.setdefault(market_for_closes(ticker, self.market), []).append(ticker)
        return list(markets.values())

    def last_days(self, ticker: str, cut: int) -> dict[str, int]:
        """Return each series' last day whose bar may be known at the ticker's close of a day."""
        market = market_for_closes(ticker, self.market)
        return {
            name: cut if known_at(cut, calendar, market) else cut - 1
            for name, calendar in self.series.items()
        }


ALONE = Beside()
"""No exogenous series."""


def have_begun(bars: Bars, last_days: Mapping[str, int]) -> bool:
    """Return whether every series has a bar by its day; before that its columns are masked."""
    first = {ticker: days_since_epoch(bars.of(ticker)["date"]).min() for ticker in last_days}
    return all(first[ticker] <= day for ticker, day in last_days.items())
