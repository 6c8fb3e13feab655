"""What a source of bars is: the raw frame of one ticker, unadjusted."""

import datetime as dt
from typing import Protocol

import pandas as pd

from lstm_model.data.bars import Finding


class BarSource(Protocol):
    """Where raw bars come from."""

    @property
    def incremental(self) -> bool:
        """Whether it can be asked for a part of the bars at the cost of a part."""
        ...

    @property
    def network(self) -> bool:
        """Whether it asks another machine: then requests are spaced, and failures may pass."""
        ...

    @property
    def findings(self) -> list[Finding]:
        """What the frames fetched so far do not show, such as columns that were ignored."""
        ...

    def fetch(self, ticker: str, start: dt.date | None, end: dt.date | None) -> pd.DataFrame:
        """Return raw bars with start <= date <= end.

        Raises SourceUnreachable if a retry may help, TickerUnknown if it cannot.
        """
        ...
