"""Bars -> FeatureTable: causal, stationary columns, from built-in sets and the user's function."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int

from lstm_model.config.pipeline import FeaturesConfig, FeatureSet
from lstm_model.data.bars import Bars, Histories, adjust_all
from lstm_model.data.calendar import after_gap, days_since_epoch
from lstm_model.data.custom_features import StoredFeatures, custom_columns
from lstm_model.data.exogenous import Exogenous, missing_series
from lstm_model.data.har import HAR_NAMES, har_terms
from lstm_model.data.indicators import INDICATORS, indicator_columns
from lstm_model.data.trailing import MEMORY_BARS

WARM_UP_BARS = MEMORY_BARS
"""Bars masked at the start of each ticker: as many as a column may use."""

SETS: dict[FeatureSet, tuple[str, ...]] = {"indicators": INDICATORS, "har": HAR_NAMES}
"""Columns of each set."""


@dataclass(frozen=True, slots=True)
class FeatureTable:
    """One row for each bar of each ticker, in the order of the panel.

    tickers: the panel's tickers.
    ticker_of_row: position of the row's ticker in `tickers`.
    dates: days since 1970-01-01.
    names: column names.
    values: the features.
    ready: whether the row is past the warm-up, all its features are finite, and it does not come
        over 14 days after the ticker's row before, because no window spans such a gap.
    """

    tickers: tuple[str, ...]
    ticker_of_row: Int[np.ndarray, " row"]
    dates: Int[np.ndarray, " row"]
    names: tuple[str, ...]
    values: Float[np.ndarray, "row feature"]
    ready: Bool[np.ndarray, " row"]


def compute_features(
    bars: Bars,
    features: FeaturesConfig | None = None,
    histories: Histories | None = None,
    exogenous: Exogenous | None = None,
    stored: StoredFeatures | None = None,
) -> FeatureTable:
    """Compute each ticker's features from its own history, and from the exogenous series.

    `histories` are the same bars, adjusted, if the caller already has them; `stored` is the user's
    function as a bundle has it. Raises ConfigError if the function breaks a rule, BarsError if
    exogenous series are not given.
    """
    features = features or FeaturesConfig()
    table = tabulate_features(adjust_all(bars) if histories is None else histories, features.sets)
    if features.exogenous:
        if exogenous is None:
            raise missing_series(features.exogenous_tickers)
        table = _join_exogenous(table, exogenous)
    if features.custom is None:
        return table
    names, columns = custom_columns(bars, features.custom, table.names, stored)
    return replace(
        table,
        names=(*table.names, *names),
        values=np.column_stack([table.values, columns]),
        ready=table.ready & np.isfinite(columns).all(axis=1),
    )


def _join_exogenous(table: FeatureTable, exogenous: Exogenous) -> FeatureTable:
    ends = np.cumsum(np.bincount(table.ticker_of_row, minlength=len(table.tickers)))[:-1]
    days = np.split(table.dates, ends)
    joined = [exogenous.join(t, own) for t, own in zip(table.tickers, days, strict=True)]
    columns = np.concatenate(joined)
    return replace(
        table,
        names=(*table.names, *exogenous.names),
        values=np.column_stack([table.values, columns]),
        ready=table.ready & np.isfinite(columns).all(axis=1),
    )


def tabulate_features(
    histories: Histories, sets: Sequence[FeatureSet] = ("indicators",)
) -> FeatureTable:
    """Compute the built-in columns from adjusted bars."""
    compute = {"indicators": indicator_columns, "har": har_terms}
    frames = list(histories.values())
    values = np.concatenate(
        [np.column_stack([compute[name](frame) for name in sets]) for frame in frames]
    )
    warm = np.concatenate([np.arange(len(frame)) >= WARM_UP_BARS for frame in frames])
    days = [days_since_epoch(frame["date"]) for frame in frames]
    follows = ~np.concatenate([after_gap(own) for own in days])
    lengths = [len(frame) for frame in frames]
    return FeatureTable(
        tickers=tuple(histories),
        ticker_of_row=np.repeat(np.arange(len(frames)), lengths),
        dates=np.concatenate(days),
        names=tuple(column for name in sets for column in SETS[name]),
        values=values,
        ready=warm & follows & np.isfinite(values).all(axis=1),
    )
