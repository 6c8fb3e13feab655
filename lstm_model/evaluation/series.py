"""Data of the test block's figures: values by date, and bins by forecast."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from lstm_model.data.calendar import dates_of
from lstm_model.evaluation.by_date import date_means
from lstm_model.evaluation.intervals import Interval
from lstm_model.evaluation.long_run import is_constant
from lstm_model.evaluation.measured import NotComputed
from lstm_model.model.bundle import spread_of

BINS = 10


@dataclass(frozen=True, slots=True)
class Series:
    """One value per test date, for figures; for a panel, means over the tickers of the date.

    spread: standard deviation over seeds. low, high: the conformal interval of the first level,
    empty if there is none. squared_errors: of every forecast, by name; ours is "model". All in the
    target's unit, the errors in its square.
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
    """Average every value over the tickers of each date; the spread of a single member is 0."""
    forecast = date_means(members.mean(axis=0), dates)
    spread = spread_of(members)
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    if not isinstance(intervals, NotComputed) and intervals:
        radius = np.array(intervals[0].radii)
        low, high = tuple((forecast - radius).tolist()), tuple((forecast + radius).tolist())
    return Series(
        dates=dates_of(np.unique(dates)),
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
    """Return mean forecast, mean truth and count of ten bins of equal size, by forecast.

    Fewer than ten samples get one bin each; a constant forecast gets a single bin.
    """
    order = np.argsort(forecast, kind="stable")
    count = 1 if is_constant(forecast) else min(BINS, len(forecast))
    return tuple(
        (float(forecast[part].mean()), float(truth[part].mean()), len(part))
        for part in np.array_split(order, count)
    )
