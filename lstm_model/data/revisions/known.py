"""Bars as known: rows with the time at which each was learnt, and the vendor's rescalings."""

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lstm_model.data.bars import PRICES

COLUMNS = (*PRICES, "adj_close", "volume", "dividends", "stock_splits")
"""Columns that a source may have, in the order in which they are stored; `date` comes first."""

LEARNT = "learnt"
"""Name of the column with the time at which a row was learnt, in UTC."""


@dataclass(frozen=True, slots=True)
class Rescaling:
    """A vendor's multiplication of history, as after a dividend or a split.

    learnt: when it was seen, in UTC. before: bars before this date were multiplied.
    factors: by column; a column that is not named was not changed.
    """

    learnt: dt.datetime
    before: dt.date
    factors: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class KnownBars:
    """All revisions of one ticker's raw bars, or those of its newest dates.

    rows: columns date, learnt and some of COLUMNS; by date, then by the time it was learnt.
    last_learnt: time of the ticker's newest revision, in UTC.
    rescalings: in the order in which they were learnt.
    asked_from: the earliest date that the source was asked for; None if for all it has.
    """

    rows: pd.DataFrame
    last_learnt: dt.datetime
    rescalings: tuple[Rescaling, ...] = ()
    asked_from: dt.date | None = None

    def as_of(self, learnt: dt.datetime | None = None) -> pd.DataFrame:
        """Return the raw bars as they were known at a time; None takes all that is known.

        A row is in the vendor's scale of the time at which it was learnt, so later rescalings
        multiply it. The frame has no row if nothing was known then.
        """
        rows = self.printed(learnt)
        for rescaling in self.rescalings:
            if learnt is not None and rescaling.learnt > learnt:
                continue
            earlier = (rows[LEARNT] < rescaling.learnt) & (
                rows["date"] < pd.Timestamp(rescaling.before)
            )
            for name, factor in rescaling.factors:
                rows[name] = rows[name] * np.where(earlier, factor, 1.0)
        return rows.drop(columns=LEARNT)

    def printed(self, learnt: dt.datetime | None = None) -> pd.DataFrame:
        """Return the newest row of each date as the source printed it, in the scale of its time."""
        rows = self.rows
        if learnt is not None:
            rows = rows[rows[LEARNT] <= learnt]
        return rows.drop_duplicates("date", keep="last").reset_index(drop=True)

    def covers(self, start: dt.date | None) -> bool:
        """Return whether the source was asked for all bars from a date on; None is its first."""
        return self.asked_from is None or (start is not None and self.asked_from <= start)
