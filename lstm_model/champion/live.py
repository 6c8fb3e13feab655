"""Live record of a version: what came of the forecasts that the ledger has of it."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.stats import spearmanr

from lstm_model.champion.decay import Decay, DecayRules, watch
from lstm_model.champion.ledger_entry import Entry, Forecast, Score
from lstm_model.champion.outcomes import Outcomes, dated_losses
from lstm_model.champion.paired import DatedLosses
from lstm_model.data.calendar import day_of
from lstm_model.evaluation.by_date import date_means
from lstm_model.evaluation.long_run import is_constant
from lstm_model.evaluation.measured import MIN_DATES, Measured, NotComputed, too_short
from lstm_model.model.judged_errors import JudgedErrors


@dataclass(frozen=True, slots=True)
class LiveRecord:
    """Forecasts of one version that came true, in the order in which they were made.

    days: since 1970-01-01, of the bar after whose close each was made. held: whether the truth lay
    in the interval; NaN where there was none.
    """

    tickers: tuple[str, ...]
    days: Int[np.ndarray, " forecast"]
    forecasts: Float[np.ndarray, " forecast"]
    truths: Float[np.ndarray, " forecast"]
    held: Float[np.ndarray, " forecast"]

    def outcomes(self) -> Outcomes:
        """Return the errors by ticker and day."""
        return Outcomes(self.tickers, self.days, self.truths - self.forecasts)

    def errors(self) -> JudgedErrors:
        """Return the errors by day, as a band takes them."""
        return JudgedErrors.of(self.truths, self.forecasts, self.days)

    @property
    def mse(self) -> Measured:
        """The mean squared error."""
        if not len(self.truths):
            return NotComputed("no forecast has come true")
        return float(np.mean((self.truths - self.forecasts) ** 2))

    @property
    def coverage(self) -> Measured:
        """The share of truths inside their interval."""
        known = self.held[np.isfinite(self.held)]
        return float(known.mean()) if len(known) else NotComputed("no interval has come true")

    @property
    def information_coefficient(self) -> Measured:
        """Spearman's rank correlation of forecasts and truths; needs 30 of them."""
        if len(self.truths) < MIN_DATES:
            return too_short(len(self.truths))
        if is_constant(self.forecasts) or is_constant(self.truths):
            return NotComputed("forecasts or truths do not vary")
        return float(spearmanr(self.forecasts, self.truths).statistic)


def live_record(entries: Sequence[Entry], model: str, version: int) -> LiveRecord:
    """Collect a version's forecasts that have a score.

    The truth is the one that was first known; a bar that was corrected later changes nothing here.
    """
    truths = {e.content.of: e.content.truth for e in entries if isinstance(e.content, Score)}
    made = [
        (entry.content, truths[entry.number])
        for entry in entries
        if isinstance(entry.content, Forecast)
        and entry.number in truths
        and (entry.content.model_name, entry.content.model_version) == (model, version)
    ]
    made.sort(key=lambda one: one[0].last_bar)
    last_bars = [dt.date.fromisoformat(forecast.last_bar) for forecast, _ in made]
    return LiveRecord(
        tickers=tuple(forecast.ticker for forecast, _ in made),
        days=np.array([day_of(date) for date in last_bars], dtype=np.int64),
        forecasts=np.array([forecast.forecast for forecast, _ in made], dtype=float),
        truths=np.array([truth for _, truth in made], dtype=float),
        held=np.array([_held(forecast, truth) for forecast, truth in made], dtype=float),
    )


def reference_losses(judged: JudgedErrors) -> DatedLosses:
    """Return the squared errors of the test block by day, which live losses are held against."""
    return DatedLosses(np.unique(judged.days), date_means(judged.errors**2, judged.days))


def watch_live(judged: JudgedErrors | None, live: LiveRecord, rules: DecayRules) -> Decay:
    """Say whether a version's live losses are too high, against its own test block's."""
    none = JudgedErrors(np.empty(0, dtype=np.int64), np.empty(0))
    return watch(reference_losses(judged or none), dated_losses(live.outcomes()), rules)


def _held(forecast: Forecast, truth: float) -> float:
    if forecast.lower is None or forecast.upper is None:
        return float("nan")
    return float(forecast.lower <= truth <= forecast.upper)
