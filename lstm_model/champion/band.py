"""Band around the next forecast: by the judged model's errors and by those that came true."""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from lstm_model.model.judged_errors import JudgedErrors
from lstm_model.shares import exact

NEWEST = 500
"""Dates whose errors make a band: two years, so that live ones have replaced all others by then."""


@dataclass(frozen=True, slots=True)
class Band:
    """forecast + below .. forecast + above should contain the truth with probability `coverage`."""

    below: float
    above: float
    coverage: float


def band(judged: JudgedErrors, live: JudgedErrors, coverage: float) -> Band | None:
    """Return the band of the next forecast; None if there are too few errors for it.

    judged: of the test block. live: of the version's own forecasts that came true; a live day
    replaces the judged one. The newest 500 dates count. Each tail has half of what the band may
    miss, and its bound is an order statistic of the errors: above the ceil((n + 1) (1 - tail))-th
    smallest, below its mirror image. That is split conformal prediction with both signs kept (Lei
    et al. 2018, JASA 113(523), 1094-1111), so a model whose errors have drifted to one side gets a
    band that has moved with them. It assumes exchangeable errors; the ledger's live coverage shows
    what comes of it.
    """
    errors = np.sort(_newest(judged, live))
    n, tail = len(errors), (1 - exact(coverage)) / 2
    rank = math.ceil((n + 1) * (1 - tail))
    if rank > n:
        return None
    return Band(float(errors[n - rank]), float(errors[rank - 1]), coverage)


def _newest(judged: JudgedErrors, live: JudgedErrors) -> Float[np.ndarray, " sample"]:
    kept = ~np.isin(judged.days, live.days)
    days = np.concatenate([judged.days[kept], live.days])
    errors = np.concatenate([judged.errors[kept], live.errors])
    newest = np.unique(days)[-NEWEST:]
    return errors[days >= newest[0]] if len(newest) else errors
