"""Outcomes: errors by ticker and day, and those that two models and a benchmark share."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from lstm_model.champion.paired import DatedLosses, LossPair, PairedLosses
from lstm_model.data.targets import TargetKind
from lstm_model.evaluation.losses import MSE, QLIKE, Loss, losses_by_date, losses_of


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Errors of forecasts that came true, each of a ticker and a day.

    tickers: of the samples. days: since 1970-01-01, of the bar after whose close the forecast was
    made. errors: truth less forecast, in the target's unit; those that are not finite do not count.
    smearing: constant by which a log forecast becomes one of the variance; QLIKE needs it. Raises
    ValueError if a ticker has two outcomes of a day.
    """

    tickers: tuple[str, ...]
    days: Int[np.ndarray, " sample"]
    errors: Float[np.ndarray, " sample"]
    smearing: float | None = None

    def __post_init__(self) -> None:
        if len(set(self._keys())) < len(self.tickers):
            raise ValueError("a ticker must have one outcome a day but has two; keep one")

    def by_key(self) -> dict[tuple[str, int], float]:
        """Return the finite errors by ticker and day."""
        known = zip(self._keys(), self.errors.tolist(), strict=True)
        return {key: error for key, error in known if np.isfinite(error)}

    def _keys(self) -> list[tuple[str, int]]:
        return list(zip(self.tickers, self.days.tolist(), strict=True))


NONE = Outcomes((), np.empty(0, dtype=np.int64), np.empty(0))
"""No outcome."""


@dataclass(frozen=True, slots=True)
class Rivals:
    """Paired losses of champion, challenger and benchmark, and the target's other losses by title.

    live: dates of them that were forecast before the outcome was known.
    """

    paired: PairedLosses
    other: Mapping[str, LossPair]
    live: int


def pair(
    kind: TargetKind,
    champion: Outcomes,
    challenger: Outcomes,
    benchmark: Outcomes,
    live_champion: Outcomes = NONE,
    live_challenger: Outcomes = NONE,
) -> Rivals:
    """Pair the outcomes that all three have; a day's live ones where both models have them.

    champion, challenger, benchmark: on the newest block, by models that were neither trained,
    stopped nor selected on it. live_champion, live_challenger: of forecasts that were written down
    before their session opened. A day is never mixed of both.
    """
    yardstick = benchmark.by_key()
    live = _shared(live_champion, live_challenger, yardstick)
    live_days = {day for _, day in live}
    block = [key for key in _shared(champion, challenger, yardstick) if key[1] not in live_days]
    keys = sorted([*block, *live], key=lambda key: (key[1], key[0]))
    of_live = set(live)

    def errors(older: Outcomes, newer: Outcomes) -> Float[np.ndarray, " sample"]:
        before, after = older.by_key(), newer.by_key()
        return np.array([(after if key in of_live else before)[key] for key in keys])

    days = np.array([day for _, day in keys], dtype=np.int64)
    first, second = errors(champion, live_champion), errors(challenger, live_challenger)
    third = np.array([yardstick[key] for key in keys])
    paired = PairedLosses(
        _dated(MSE, first, days), _dated(MSE, second, days), _dated(MSE, third, days)
    )
    other = {}
    if QLIKE in losses_of(kind) and None not in (champion.smearing, challenger.smearing):
        other[QLIKE.title] = LossPair(
            _dated(QLIKE, first - (champion.smearing or 0.0), days),
            _dated(QLIKE, second - (challenger.smearing or 0.0), days),
        )
    return Rivals(paired, other, len(live_days))


def dated_losses(outcomes: Outcomes) -> DatedLosses:
    """Return the squared errors, of several tickers their mean on each day."""
    known = sorted(outcomes.by_key().items(), key=lambda item: item[0][1])
    days = np.array([day for (_, day), _ in known], dtype=np.int64)
    return _dated(MSE, np.array([error for _, error in known]), days)


def _shared(
    one: Outcomes, other: Outcomes, benchmark: Mapping[tuple[str, int], float]
) -> list[tuple[str, int]]:
    also = other.by_key()
    return [key for key in one.by_key() if key in also and key in benchmark]


def _dated(
    loss: Loss, errors: Float[np.ndarray, " sample"], days: Int[np.ndarray, " sample"]
) -> DatedLosses:
    # QLIKE of a tiny error can be rounded to below 0.
    return DatedLosses(np.unique(days), np.maximum(0.0, losses_by_date(loss, errors, days)))
