"""What figures of the test block are drawn from: values by date, and bins by forecast."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from lstm_model.evaluation.by_date import calendar_days, date_means
from lstm_model.evaluation.intervals import Interval
from lstm_model.evaluation.long_run import is_constant
from lstm_model.evaluation.measured import NotComputed
from lstm_model.model.bundle import spread_of

BINS = 10


@dataclass(frozen=True, slots=True)
class Series:
    """One value a test date, for figures; a panel's are means over the date's tickers.

    low, high: the conformal interval of the first level, empty where there is none. spread:
    standard deviation over seeds. squared_errors: of every forecast, by name ("model" is ours).
    """

    dates: tuple[dt.date, ...]
    truth: tuple[float, ...]
    forecast: tuple[float, ...]
    spread: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    squared_errors: dict[str, tuple[float, ...]]


def series_by_date(
    members: Float[np.ndarray, "member sample"],
    truth: Float[np.ndarray, " sample"],
    dates: Int[np.ndarray, " sample"],
    intervals: tuple[Interval, ...] | NotComputed,
    losses: Mapping[str, Float[np.ndarray, " date"]],
) -> Series:
    """Average every value over the tickers of a date; one member has no spread, 0."""
    forecast = date_means(members.mean(axis=0), dates)
    spread = spread_of(members)
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    if not isinstance(intervals, NotComputed) and intervals:
        radius = intervals[0].radius
        low, high = tuple((forecast - radius).tolist()), tuple((forecast + radius).tolist())
    return Series(
        dates=calendar_days(np.unique(dates)),
        truth=tuple(date_means(truth, dates).tolist()),
        forecast=tuple(forecast.tolist()),
        spread=tuple(date_means(spread, dates).tolist()),
        low=low,
        high=high,
        squared_errors={name: tuple(values.tolist()) for name, values in losses.items()},
    )


def calibration_bins(
    forecast: Float[np.ndarray, " sample"], truth: Float[np.ndarray, " sample"]
) -> tuple[tuple[float, float, int], ...]:
    """Cut samples into ten equally full bins by forecast: mean forecast, mean truth, count.

    Fewer than ten samples have a bin each, and a constant forecast has one.
    """
    order = np.argsort(forecast, kind="stable")
    count = 1 if is_constant(forecast) else min(BINS, len(forecast))
    return tuple(
        (float(forecast[part].mean()), float(truth[part].mean()), len(part))
        for part in np.array_split(order, count)
    )
