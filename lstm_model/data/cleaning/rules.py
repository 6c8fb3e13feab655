"""What a user may decide about the cleaning of bars; every other rule is fixed."""

import datetime as dt
from dataclasses import dataclass
from typing import Literal

from lstm_model.config.data import DataConfig


@dataclass(frozen=True, slots=True)
class CleaningRules:
    """The decisions of one run; without `now` nothing depends on the time of the call.

    now: time of the call, with a zone: no bar may be dated after it, and a session that has not
        closed by then has no bar yet; None checks neither.
    market: calendar of exchange_calendars for tickers whose suffix names no market.
    prices: whether dividends are already in the prices; None decides by the ex-dates or refuses.
    unlisted_splits: what happens to a split's jump that no action explains.
    max_outside_range: share of bars whose close may stand outside low..high.
    """

    now: dt.datetime | None = None
    market: str | None = None
    prices: Literal["raw", "adjusted"] | None = None
    unlisted_splits: Literal["refuse", "apply", "keep"] = "refuse"
    max_outside_range: float = 0.05

    def __post_init__(self) -> None:
        if self.now is not None and self.now.tzinfo is None:
            raise ValueError(f"now needs a zone but {self.now} has none; use datetime.now(UTC)")

    @property
    def today(self) -> dt.date | None:
        """The latest day anywhere: Auckland has tomorrow's bar while it is today elsewhere."""
        if self.now is None:
            return None
        return (self.now.astimezone(dt.UTC) + dt.timedelta(hours=14)).date()

    @classmethod
    def of(cls, data: DataConfig, now: dt.datetime | None) -> "CleaningRules":
        """Return the rules that a configuration sets."""
        return cls(now, data.market, data.prices, data.unlisted_splits, data.max_outside_range)
