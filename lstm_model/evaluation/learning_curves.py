"""A note on overfitting, from the learning curves."""

import math
from collections.abc import Sequence
from statistics import median

from lstm_model.model.training import EpochResult

RISE = 0.01
"""A validation loss that ends less than this share above its minimum has not risen."""


def overfitting_note(curves: Sequence[Sequence[EpochResult]]) -> str:
    """Say how far train loss is below validation loss at the best epoch, and what followed.

    curves: one per seed; losses are MSE of the scaled label.
    """
    known = [
        [e for e in c if math.isfinite(e.validation_loss) and math.isfinite(e.train_loss)]
        for c in curves
    ]
    known = [curve for curve in known if curve]
    if not known:
        return "Overfitting cannot be assessed: no epoch has both a train and a validation loss."
    bests = [min(curve, key=lambda e: (e.validation_loss, e.epoch)) for curve in known]
    lasts = [curve[-1] for curve in known]
    return f"{_gap(bests, lasts)} {_rise(bests, lasts)}"


def _gap(bests: Sequence[EpochResult], lasts: Sequence[EpochResult]) -> str:
    """Say how far train loss is below validation loss at the best epoch of each seed."""
    train = median(b.train_loss for b in bests)
    validation = median(b.validation_loss for b in bests)
    gap = median(_below(b.train_loss, b.validation_loss) for b in bests)
    over_seeds = " (medians over seeds)" if len(bests) > 1 else ""
    return (
        f"At the best epoch ({_epochs([b.epoch for b in bests])} of "
        f"{_epochs([e.epoch for e in lasts])}), train loss is {train:.3g}, {_apart(gap)} the "
        f"validation loss of {validation:.3g}{over_seeds}."
    )


def _rise(bests: Sequence[EpochResult], lasts: Sequence[EpochResult]) -> str:
    """Say in how many seeds validation loss rose after its minimum, and by how much."""
    risen = [
        last.validation_loss / best.validation_loss - 1
        for best, last in zip(bests, lasts, strict=True)
        if _below(best.validation_loss, last.validation_loss) > RISE
    ]
    if not risen:
        return "Validation loss did not rise after its minimum: no sign of overfitting yet."
    which = "" if len(bests) == 1 else f" in {len(risen)} of {len(bests)} seeds"
    rise = f"{'a median of ' if len(risen) > 1 else ''}{_percent(median(risen))}"
    return (
        f"After its minimum, validation loss rose{which}, by {rise} at the last epoch; early "
        f"stopping keeps the weights of the best epoch."
    )


def _below(lower: float, upper: float) -> float:
    return 1 - lower / upper if upper else 0.0


def _apart(gap: float) -> str:
    if abs(gap) < 0.005:
        return "level with"
    return f"{_percent(gap)} below" if gap > 0 else f"{_percent(-gap)} above"


def _epochs(epochs: list[int]) -> str:
    low, high = min(epochs), max(epochs)
    return f"{low}" if low == high else f"{low} to {high}"


def _percent(share: float) -> str:
    return f"{100 * share:.0f}\N{NO-BREAK SPACE}%"
