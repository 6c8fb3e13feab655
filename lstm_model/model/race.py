"""The race of the references: which of them are worth training from every seed."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean, stdev

from scipy.special import stdtrit

CONFIDENCE = 0.95
"""Of the interval in which one more seed of the winner would lie."""


def highest_loss_of_a_seed(losses: list[float]) -> float:
    """Return the upper end of the interval in which another seed's validation loss would lie.

    losses: of the winner's seeds. It is mean + t sd sqrt(1 + 1/n), a prediction interval of normal
    draws; with a single seed nothing is known of the spread, and it is infinite.
    """
    n = len(losses)
    if n < 2:
        return math.inf
    quantile = float(stdtrit(n - 1, (1 + CONFIDENCE) / 2))
    return fmean(losses) + quantile * stdev(losses) * math.sqrt(1 + 1 / n)


@dataclass(frozen=True, slots=True)
class Heat:
    """Which references run, in order, and why the others do not."""

    running: tuple[str, ...]
    out: Mapping[str, str]


def within(work: Mapping[str, float], left: float) -> Heat:
    """Let references run in the given order, as long as their work fits what is left.

    work: of each reference, as a multiple of the search's; so is `left`. One that does not fit is
    passed over, and a cheaper one behind it may still run.
    """
    running: list[str] = []
    out: dict[str, str] = {}
    for name, needed in work.items():
        if needed <= left:
            running.append(name)
            left -= needed
        else:
            out[name] = (
                f"it needs {needed:.2g} times the work of the search, and {max(left, 0.0):.2g} is "
                f"left of evaluation.reference_budget"
            )
    return Heat(tuple(running), out)
