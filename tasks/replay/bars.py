"""Bars as a past night would have had them: up to its evening, without later corrections.

This module imports neither Optuna's storage nor MLflow nor Prefect.
"""

import datetime as dt
import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Int

from lstm_model.data.bars import Bars, join_panel
from lstm_model.data.calendar import date_of, days_since_epoch
from lstm_model.data.revisions.known import LEARNT, KnownBars
from lstm_model.errors import StorageError
from tasks.data.snapshots import Snapshot, open_bars, read_manifest
from tasks.data.store.folder import Store
from tasks.data.store.known_file import open_known

EVENING = dt.timedelta(days=1, hours=6)
"""From the start of a day to when its night has fetched bars, in UTC."""


@dataclass(frozen=True, slots=True)
class ReplayBars:
    """The snapshot from which a replay takes its bars, and a hash of it and of when they came."""

    snapshot_path: str
    sha256: str

    @classmethod
    def of(cls, snapshot: Snapshot) -> "ReplayBars":
        """Return the bars of a snapshot; raises StorageError if it cannot be read."""
        manifest = open_bars(snapshot).manifest
        text = repr([(part.ticker, part.bars_sha256, part.learnt) for part in manifest.bars])
        return cls(snapshot.path, hashlib.sha256(text.encode()).hexdigest())

    def of_night(self, day: int) -> Bars:
        """Return the bars of the night of a day, since 1970-01-01, cleaned by tonight's rules.

        A row counts as it was known that evening. One that was first learnt later, because history
        was fetched afterwards, counts as it was first learnt. Raises BarsError as the cleaning
        does, StorageError if the revisions are gone.
        """
        path = Path(self.snapshot_path)
        manifest, store = read_manifest(path), Store(path.parent.parent)
        evening = dt.datetime.combine(date_of(day), dt.time()) + EVENING
        parts = []
        for part in manifest.bars:
            recipe = manifest.recipe_of(part)
            folder = store.folder_of(recipe.source, recipe.ticker)
            file = open_known(folder)
            if file is None:
                raise StorageError(
                    f"the bars of {part.ticker} must be stored but {folder} has no revisions; "
                    f"fetch again"
                )
            end = date_of(day) if recipe.end is None else min(recipe.end, date_of(day))
            known = without_later_corrections(file.whole(), evening)
            if not (known.rows["date"] <= pd.Timestamp(end)).any():
                continue  # it was not listed yet
            parts.append(replace(recipe, end=end).make(known))
        return join_panel(parts)

    def days(self) -> Int[np.ndarray, " day"]:
        """Return every day on which a ticker has a bar, since 1970-01-01."""
        return np.unique(days_since_epoch(self.of_range().frame["date"]))

    def of_range(self) -> Bars:
        """Return all bars as they are known now."""
        path = Path(self.snapshot_path)
        manifest = read_manifest(path)
        return join_panel(list(open_bars(manifest.snapshot(path))))


def without_later_corrections(known: KnownBars, evening: dt.datetime) -> KnownBars:
    """Drop the rows that replaced another one after an evening, in UTC."""
    rows = known.rows
    is_first = ~rows.duplicated("date").to_numpy()
    by_then = (rows[LEARNT] <= pd.Timestamp(evening)).to_numpy()
    return replace(known, rows=rows[np.logical_or(is_first, by_then)].reset_index(drop=True))
