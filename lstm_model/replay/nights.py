"""Nights of a replay: which dates they have, and what each has found, forecast and kept."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from lstm_model.champion.outcomes import Outcomes
from lstm_model.errors import ConfigError
from lstm_model.search.hyper_params import HyperParams

JUDGED, SERVED, FIXED = "judged", "served", "fixed"
BENCHMARK, JUDGED_BENCHMARK = "benchmark", "judged_benchmark"
COLUMNS = (JUDGED, JUDGED_BENCHMARK, SERVED, FIXED, BENCHMARK)
"""Forecasts that a night makes of every later sample. judged: by the networks that the test block
judged. served: by those fitted again on all bars, or the judged ones. fixed: as served, with the
first night's parameters in place of the search's. benchmark, judged_benchmark: HAR, or the mean of
the labels, fitted on all samples so far, and on train."""


@dataclass(frozen=True, slots=True)
class ReplaySamples:
    """Every sample that any night forecasts, in the order of their days.

    tickers: of the samples. days, label_ends: days since 1970-01-01 of the bar after whose close a
    forecast is made, and of the bar at whose close the truth is known. truth: in the target's unit.
    """

    tickers: tuple[str, ...]
    days: Int[np.ndarray, " sample"]
    label_ends: Int[np.ndarray, " sample"]
    truth: Float[np.ndarray, " sample"]


@dataclass(frozen=True, slots=True)
class TriedParams:
    """A trial of a night: its parameters and its validation loss, None if it did not complete."""

    params: HyperParams
    loss: float | None


@dataclass(frozen=True, slots=True)
class ReplayNight:
    """One night of a replay.

    day: of the newest bar. test_start: first day of its test block. snapshot_sha256: of the bars
    that it saw. trials: in their order. best: place of the best one among them. epochs: of each
    seed. seconds: of search and of final trainings. forecasts: of every sample by column, NaN where
    the night has none. smearing: by column, of forecasts of a log variance; empty for returns.
    failure: why the night has no model, if it has none.
    """

    day: int
    test_start: int
    snapshot_sha256: str
    trials: tuple[TriedParams, ...]
    best: int
    epochs: tuple[int, ...]
    seconds: tuple[float, float]
    forecasts: Mapping[str, Float[np.ndarray, " sample"]]
    smearing: Mapping[str, float]
    failure: str = ""

    @property
    def best_params(self) -> HyperParams:
        """The parameters that the night trained with."""
        return self.trials[self.best].params

    def judged_outcomes(
        self, samples: ReplaySamples, column: str, start: int, known: int
    ) -> Outcomes:
        """Return errors of a column from `start` on whose truth was known on a day.

        A forecast of a day before the night's own test block does not count.
        """
        first = max(start, self.test_start)
        kept = (samples.days >= first) & (samples.label_ends <= known)
        kept &= np.isfinite(self.forecasts[column]) & np.isfinite(samples.truth)
        return Outcomes(
            tuple(ticker for ticker, keep in zip(samples.tickers, kept, strict=True) if keep),
            samples.days[kept],
            (samples.truth - self.forecasts[column])[kept],
            self.smearing.get(column),
        )


def replay_days(
    days: Int[np.ndarray, " day"], first: dt.date, last: dt.date, every: int
) -> tuple[int, ...]:
    """Return every k-th day with bars of a span, days since 1970-01-01.

    Raises ConfigError if there are fewer than two.
    """
    low, high = ((date - dt.date(1970, 1, 1)).days for date in (first, last))
    inside = np.unique(days[(days >= low) & (days <= high)])[::every]
    if len(inside) < 2:
        raise ConfigError(
            f"a replay needs two nights or more but {first} .. {last} has {len(inside)}; widen "
            f"--from and --to, or lower --every"
        )
    return tuple(int(day) for day in inside)
