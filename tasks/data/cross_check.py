"""A second opinion: closes beside those of another source, compared and never mixed."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from lstm_model.config.data import DataConfig
from lstm_model.data.bars import Finding
from lstm_model.data.cleaning import tidy_bars
from lstm_model.data.revisions.levels import find_levels
from lstm_model.errors import BarsError, SourceError
from tasks.data.sources import BarSource, open_source
from tasks.data.sources.patience import fetch_patiently
from tasks.data.store.folder import Store
from tasks.data.store.refresh import TickerBars, read_refreshed

MOST_APART = 0.001
"""Relative difference up to which two vendors' closes are the same: they round, and some take the
last trade where others take the auction."""

MOST_DATES = 3


def cross_check(
    store: Store, data: DataConfig, parts: Sequence[TickerBars]
) -> tuple[TickerBars, ...]:
    """Return the parts with a finding `cross_check` for each ticker on which the sources differ.

    A second source that does not answer, or does not know a ticker, is noted and ends nothing.
    """
    if data.cross_check is None:
        return tuple(parts)
    own: dict[str, object] = {"source": data.cross_check}
    if data.cross_check_dir is not None:
        own |= {"csv_dir": data.cross_check_dir, "parquet_dir": data.cross_check_dir}
    second = open_source(data.model_copy(update=own))
    return tuple(_checked(store, data, second, part) for part in parts)


def _checked(store: Store, data: DataConfig, second: BarSource, part: TickerBars) -> TickerBars:
    ours = read_refreshed(store, data, part)
    try:
        raw = fetch_patiently(second, part.ticker, data.start, data.end)
        theirs = tidy_bars(raw, part.ticker).frame
    except (SourceError, BarsError) as error:
        value = f"{data.cross_check} gives nothing to compare with: {error}"
        finding = Finding(part.ticker, part.last, "cross_check", value, "noted")
    else:
        found = compare_closes(ours, theirs, part.ticker, str(data.cross_check))
        if found is None:
            return part
        finding = found
    return replace(part, findings=(*part.findings, finding))


def compare_closes(
    ours: pd.DataFrame, theirs: pd.DataFrame, ticker: str, name: str
) -> Finding | None:
    """Compare two frames' closes on their common dates; None if they agree.

    A common factor, as after a split that only one source applied, is told as one.
    """
    both = ours[["date", "close"]].merge(theirs[["date", "close"]], on="date", suffixes=("", "_2"))
    both = both[both["close_2"] > 0]
    if both.empty:
        date = f"{ours['date'].iloc[-1]:%Y-%m-%d}"
        return Finding(ticker, date, "cross_check", f"{name} has none of these dates", "noted")
    ratio = np.log(both["close_2"].to_numpy() / both["close"].to_numpy())
    levels = find_levels(ratio, np.full(len(ratio), MOST_APART))
    apart = np.abs(ratio - levels) > MOST_APART
    told, first = [], None
    steps = np.flatnonzero(np.diff(np.append(levels, 0.0)))
    if len(steps):
        factor = np.exp(levels[steps[-1]])
        day = both["date"].iloc[int(steps[-1])]
        told.append(f"{name} has {factor:.6g} times our closes up to {day:%Y-%m-%d}")
        first = day
    if apart.any():
        rows = both[apart]
        samples = ", ".join(
            f"{row.date:%Y-%m-%d} {row.close_2:g} beside {row.close:g}"
            for row in rows.head(MOST_DATES).itertuples()
        )
        told.append(f"{len(rows)} of {len(both)} closes differ from {name}: {samples}")
        first = first or rows["date"].iloc[0]
    inside = (ours["date"] >= theirs["date"].min()) & (ours["date"] <= theirs["date"].max())
    only_ours = int((~ours["date"][inside].isin(theirs["date"])).sum())
    within = (theirs["date"] >= ours["date"].min()) & (theirs["date"] <= ours["date"].max())
    missing = theirs["date"][within & theirs["close"].notna() & ~theirs["date"].isin(ours["date"])]
    if only_ours or len(missing):
        told.append(f"{only_ours} sessions only here, {len(missing)} only at {name}")
        first = first or (missing.iloc[0] if len(missing) else ours["date"].iloc[0])
    if not told or first is None:
        return None
    return Finding(ticker, f"{first:%Y-%m-%d}", "cross_check", "; ".join(told), "noted")
