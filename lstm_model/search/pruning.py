"""Pruning by numbers that are fixed before a trial starts: epoch limits, or the best trial's folds.

If a pruner looked at all trials that happen to have finished, the result would depend on timing.
Here the owner derives the limits from earlier generations, and the worker compares with them.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

WARM_UP_EPOCHS = 2
MEDIAN_LEAST_TRIALS = 5
REDUCTION_FACTOR = 3
WILCOXON_P = 0.1
WILCOXON_LEAST_FOLDS = 2

PrunerName = Literal["none", "median", "hyperband", "wilcoxon"]

Curve = Mapping[int, float]
Limits = dict[int, float]


def epoch_limits(pruner: PrunerName, curves: Sequence[Curve], number: int, epochs: int) -> Limits:
    """Return, by epoch, the loss above which trial `number` is pruned; wilcoxon has no limits."""
    if pruner == "median":
        return median_limits(curves, epochs)
    if pruner == "hyperband":
        return hyperband_limits(curves, number, epochs)
    return {}


def median_limits(curves: Sequence[Curve], epochs: int) -> Limits:
    """Return the median loss of earlier trials at each epoch; a trial above it is pruned.

    There is no limit in the warm-up, after the last epoch, or before five trials got that far.
    Golovin et al. (2017), "Google Vizier", section 3.2.
    """
    limits: Limits = {}
    for epoch in range(WARM_UP_EPOCHS + 1, epochs):
        losses = [curve[epoch] for curve in curves if epoch in curve]
        if len(losses) >= MEDIAN_LEAST_TRIALS:
            limits[epoch] = float(np.median(losses))
    return limits


def hyperband_limits(curves: Sequence[Curve], number: int, epochs: int) -> Limits:
    """Return the loss that the best third of earlier trials reached, at each rung of a bracket.

    Brackets alternate by trial number. Bracket b has its first rung at 3^b epochs, so one bracket
    never prunes early. Li et al. (2018), "Hyperband", JMLR 18(185); asynchronous promotion as in
    Li et al. (2020), "A System for Massively Parallel Hyperparameter Tuning".
    """
    rungs = []
    rung = 1
    while rung < epochs:
        rungs.append(rung)
        rung *= REDUCTION_FACTOR
    bracket = number % (len(rungs) + 1)
    limits: Limits = {}
    for epoch in rungs[bracket:]:
        losses = sorted(curve[epoch] for curve in curves if epoch in curve)
        if len(losses) >= REDUCTION_FACTOR:
            limits[epoch] = losses[len(losses) // REDUCTION_FACTOR - 1]
    return limits


def is_clearly_worse(folds: Sequence[float], best_folds: Sequence[float]) -> bool:
    """Return whether the folds so far are worse than the best trial's: signed-rank test at 10 %.

    Wilcoxon (1945), "Individual Comparisons by Ranking Methods", one-sided and exact.
    """
    count = min(len(folds), len(best_folds))
    if count < WILCOXON_LEAST_FOLDS:
        return False
    differences = np.asarray(folds[:count]) - np.asarray(best_folds[:count])
    if not differences.any():
        return False
    from scipy.stats import wilcoxon  # noqa: PLC0415 - slow, and most trials have no folds

    return bool(wilcoxon(differences, alternative="greater").pvalue < WILCOXON_P)
