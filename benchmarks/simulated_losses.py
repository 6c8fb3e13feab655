"""Simulated squared errors of two models that forecast log volatility, as a night has them.

The noise that no model can forecast is the log of a gamma variable, which is skewed as the log of
a range is, with a tenth of its variance in an AR(0.95) of regimes that every model misses. On top
each model has its own deviations, an AR(0.9) with Student's t(5) steps, as large as the correlation
of the models' errors says. Variance one.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.signal import lfilter

Draws = np.random.Generator
WARM_UP = 100


@dataclass(frozen=True, slots=True)
class Rivals:
    """How a champion and its challengers differ.

    correlation: of the errors of any two. gain: share by which a challenger's mean squared error is
    lower. alike: correlation of the own deviations of challengers of neighbouring nights.
    """

    correlation: float
    gain: float = 0.0
    alike: float = 0.0


def unforecast(draws: Draws, days: int) -> np.ndarray:
    """Draw the errors that no model can avoid, of variance one."""
    skewed = np.log(draws.gamma(1.5, size=days))
    skewed = (skewed - DIGAMMA) / math.sqrt(TRIGAMMA)
    regimes = persistent(draws.normal(size=days + WARM_UP), 0.95)
    return math.sqrt(0.9) * skewed + math.sqrt(0.1) * regimes


DIGAMMA, TRIGAMMA = 0.03648997397857652, 0.9348022005446793
"""Mean and variance of the log of a gamma variable of shape 1.5."""


def persistent(steps: np.ndarray, persistence: float) -> np.ndarray:
    """Return AR(1) paths of the variance of their steps, without the warm-up."""
    paths = lfilter([math.sqrt(1 - persistence**2)], [1, -persistence], steps, axis=-1)
    return np.asarray(paths)[..., WARM_UP:]


def squared_errors(
    draws: Draws, rivals: Rivals, days: int, challengers: int
) -> tuple[np.ndarray, np.ndarray]:
    """Draw squared errors of a champion (day) and of its challengers (challenger, day)."""
    common = unforecast(draws, days)
    size = math.sqrt(1 / rivals.correlation - 1)
    steps = draws.standard_t(5, size=(challengers + 1, days + WARM_UP)) * math.sqrt(3 / 5)
    for night in range(2, challengers + 1):
        fresh = math.sqrt(1 - rivals.alike**2) * steps[night]
        steps[night] = rivals.alike * steps[night - 1] + fresh
    errors = common + size * persistent(steps, 0.9)
    errors[1:] *= math.sqrt(1 - rivals.gain)
    squared = errors**2
    return squared[0], squared[1:]
