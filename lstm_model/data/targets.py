"""Bars -> TargetTable: the label of each bar, and what was known of it at that bar."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from lstm_model.data.bars import Bars, Histories, adjust_all
from lstm_model.data.calendar import after_gap, days_since_epoch
from lstm_model.data.har import lhar_terms, parkinson_variance
from lstm_model.data.trailing import over_last

TargetKind = Literal["log_return", "log_volatility"]
NO_DATE = np.iinfo(np.int64).max
"""`label_end` of a bar without a label: later than every block."""


@dataclass(frozen=True, slots=True)
class TargetTable:
    """Rows as in the FeatureTable of the same bars.

    label: the value over the bars t+1 .. t+horizon, NaN if there is none, and where over 14 days
        lie between two of the bars t .. t+horizon.
    label_end: the day of bar t+horizon, since 1970-01-01.
    last_value: the same quantity over the bars t-horizon+1 .. t, the persistence forecast; a return
        over such a gap is NaN.
    har_terms: for volatility, the regressors of HAR and of its leverage (`har.lhar_terms`); else
        empty.
    log_return: of bar t, for every target; what a position held over that bar earns.
    """

    label: Float[np.ndarray, " row"]
    label_end: Int[np.ndarray, " row"]
    last_value: Float[np.ndarray, " row"]
    har_terms: Float[np.ndarray, "row term"]
    log_return: Float[np.ndarray, " row"]


def compute_targets(bars: Bars, kind: TargetKind, horizon: int) -> TargetTable:
    """Compute each ticker's targets from its own history."""
    return tabulate_targets(adjust_all(bars), kind, horizon)


def tabulate_targets(histories: Histories, kind: TargetKind, horizon: int) -> TargetTable:
    """Compute targets as `compute_targets` does, from adjusted bars."""
    parts = [_ticker_targets(frame, kind, horizon) for frame in histories.values()]
    return TargetTable(
        label=np.concatenate([part.label for part in parts]),
        label_end=np.concatenate([part.label_end for part in parts]),
        last_value=np.concatenate([part.last_value for part in parts]),
        har_terms=np.concatenate([part.har_terms for part in parts]),
        log_return=np.concatenate([part.log_return for part in parts]),
    )


def _ticker_targets(frame: pd.DataFrame, kind: TargetKind, horizon: int) -> TargetTable:
    days = days_since_epoch(frame["date"])
    label_end = np.full(len(days), NO_DATE)
    label_end[:-horizon] = days[horizon:]
    log_close = pd.Series(np.log(frame["close"]))
    gaps = np.concatenate([[0], np.cumsum(after_gap(days))])
    # Of row t: whether a gap lies between the bars t-horizon .. t.
    crossed = gaps[1:] > gaps[np.maximum(np.arange(len(days)) - horizon, 0) + 1]
    if kind == "log_return":
        last_value = (log_close - log_close.shift(horizon)).mask(crossed)
        terms = np.empty((len(days), 0))
        label = last_value.shift(-horizon)
    else:
        variance = parkinson_variance(frame)
        # A bar without range says nothing about volatility: it is NaN, and so are its labels.
        realised = pd.Series(np.log(over_last(horizon, np.mean, variance.to_numpy())))
        label = realised.shift(-horizon)
        last_value = realised.ffill()
        terms = lhar_terms(frame)
    label = label.mask(np.concatenate([crossed, np.ones(horizon, dtype=bool)])[horizon:])
    return TargetTable(
        label.to_numpy(copy=True),
        label_end,
        last_value.to_numpy(copy=True),
        terms,
        log_close.diff().to_numpy(copy=True),
    )
