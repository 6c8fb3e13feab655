"""Choosing among finished trials: the best loss, or the cheapest that is as good as the best."""

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Candidate:
    """A completed trial as the choice sees it."""

    number: int
    loss: float
    standard_error: float
    seconds: float


def best_by_loss(candidates: Sequence[Candidate]) -> Candidate:
    """Return the lowest loss; among equals the lower number."""
    return min(candidates, key=lambda c: (c.loss, c.number))


def cheapest_within_one_error(candidates: Sequence[Candidate]) -> Candidate:
    """Return the fastest trial whose loss is within one standard error of the best one's.

    Breiman, Friedman, Olshen & Stone (1984), "Classification and Regression Trees", section 3.4.3.
    """
    best = best_by_loss(candidates)
    error = best.standard_error if math.isfinite(best.standard_error) else 0.0
    good = [c for c in candidates if c.loss <= best.loss + error]
    return min(good, key=lambda c: (c.seconds, c.number))


def pareto_front(candidates: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """Return the trials that no other beats in loss and seconds at once, by ascending seconds."""
    front: list[Candidate] = []
    for candidate in sorted(candidates, key=lambda c: (c.seconds, c.loss, c.number)):
        if not front or candidate.loss < front[-1].loss:
            front.append(candidate)
    return tuple(front)
