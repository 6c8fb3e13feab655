"""What a user may decide about the cleaning of bars; every other rule is fixed."""

import datetime as dt
from dataclasses import dataclass
from typing import Literal

from lstm_model.config.pipeline import DataConfig


@dataclass(frozen=True, slots=True)
class CleaningRules:
    """The decisions of one run; without them nothing depends on the day of the call.

    today: no bar may be dated after it; None checks nothing.
    market: calendar of exchange_calendars for tickers whose suffix names no market.
    prices: whether dividends are already in the prices; None decides by the ex-dates or refuses.
    unlisted_splits: what happens to a split's jump that no action explains.
    max_outside_range: share of bars whose close may stand outside low..high.
    """

    today: dt.date | None = None
    market: str | None = None
    prices: Literal["raw", "adjusted"] | None = None
    unlisted_splits: Literal["refuse", "apply", "keep"] = "refuse"
    max_outside_range: float = 0.05

    @classmethod
    def of(cls, data: DataConfig, today: dt.date | None) -> "CleaningRules":
        """Return the rules that a configuration sets."""
        return cls(today, data.market, data.prices, data.unlisted_splits, data.max_outside_range)
