"""What learning curves say of over-fitting, in a sentence."""

import math
from collections.abc import Sequence
from statistics import median

from lstm_model.model.training import EpochResult

RISE = 0.01
"""A validation loss that ends less than this share above its best has not risen."""


def overfitting_note(curves: Sequence[Sequence[EpochResult]]) -> str:
    """Say how far train loss lies below validation loss at the best epoch, and what came after."""
    read = [
        [e for e in c if math.isfinite(e.validation_loss) and math.isfinite(e.train_loss)]
        for c in curves
    ]
    read = [curve for curve in read if curve]
    if not read:
        return "Over-fitting cannot be read: no epoch has both a train and a validation loss."
    bests = [min(curve, key=lambda e: (e.validation_loss, e.epoch)) for curve in read]
    lasts = [curve[-1] for curve in read]
    train, validation = (
        median(b.train_loss for b in bests),
        median(b.validation_loss for b in bests),
    )
    gap = median(_below(b.train_loss, b.validation_loss) for b in bests)
    middle = " in the median" if len(read) > 1 else ""
    text = (
        f"At the best epoch ({_epochs([b.epoch for b in bests])} of "
        f"{_epochs([e.epoch for e in lasts])}) train loss is {train:.3g}, {_apart(gap)} "
        f"validation loss, {validation:.3g}{middle}. "
    )
    rises = [
        _below(b.validation_loss, e.validation_loss) for b, e in zip(bests, lasts, strict=True)
    ]
    risen = [
        e.validation_loss / b.validation_loss - 1
        for b, e, rise in zip(bests, lasts, rises, strict=True)
        if rise > RISE
    ]
    if not risen:
        return f"{text}Validation loss did not rise after its best: no sign of over-fitting yet."
    which = "" if len(read) == 1 else f" in {len(risen)} of {len(read)} seeds"
    tail = " in the median" if len(risen) > 1 else ""
    return (
        f"{text}After its best validation loss rose{which}, by {_percent(median(risen))}{tail} at "
        f"the last epoch; early stopping keeps the best epoch's weights."
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
