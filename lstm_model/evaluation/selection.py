"""Selection bias: how much of the winner's score comes from having tried many configurations."""

import itertools
import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.integrate import quad
from scipy.special import ndtr

from lstm_model.evaluation.inputs import SearchFacts, Validation
from lstm_model.evaluation.measured import Measured, NotComputed

CHUNK = 1000
"""Splits ranked at once: all 12,870 splits of 1,000 trials would take 100 MB per array."""


@dataclass(frozen=True, slots=True)
class SelectionBias:
    """The winner's validation score and the best score expected of as many trials without skill.

    r2: the winner's 1 - SSE / SSE of the benchmark on validation. expected_best: best R2 expected
    of `trials` forecasts that differ from the benchmark by noise of the same size as the winner
    does. deflated: r2 - expected_best. pbo: probability of backtest overfitting by CSCV (Bailey et
    al. 2014), over the `pbo_trials` trials of this study; above one half, the best trial in one
    half of the blocks tends to be below the median in the other.
    """

    benchmark: str
    trials: int
    studies: int
    r2: Measured
    expected_best: Measured
    deflated: Measured
    pbo: Measured
    pbo_trials: int


def measure_selection(
    benchmark: str, validation: Validation, search: SearchFacts, horizon: int
) -> SelectionBias:
    """Compare the winner's validation R2 with that of the best of as many trials of pure noise.

    horizon: of the labels, in bars; one date in `horizon` counts as a sample, because tickers of a
    date and overlapping labels share their shocks. The forecasts are cross-stopped, so that early
    stopping does not raise the R2; the search chose on this block, which is what the comparison is
    about. Trials of one search resemble each other, so the best of as many independent ones is an
    upper bound.
    """
    r2, expected = _winner_scores(benchmark, validation, search.trials, horizon)
    return SelectionBias(
        benchmark=benchmark,
        trials=search.trials,
        studies=search.studies,
        r2=r2,
        expected_best=expected,
        deflated=_difference(r2, expected),
        pbo=probability_of_overfitting(search.block_losses),
        pbo_trials=len(search.block_losses),
    )


def _difference(first: Measured, second: Measured) -> Measured:
    if isinstance(first, NotComputed):
        return first
    return second if isinstance(second, NotComputed) else first - second


def _winner_scores(
    benchmark: str, validation: Validation, trials: int, horizon: int
) -> tuple[Measured, Measured]:
    errors = validation.truth - validation.forecasts[benchmark]
    shifts = validation.model - validation.forecasts[benchmark]
    known = np.isfinite(errors) & np.isfinite(shifts)
    if not known.any():
        missing = NotComputed("the benchmark is missing on every sample")
        return missing, missing
    noise = float(np.mean(errors[known] ** 2))
    if noise == 0.0:
        perfect = NotComputed("the benchmark has no error")
        return perfect, perfect
    r2 = 1.0 - float(np.mean((errors - shifts)[known] ** 2)) / noise
    share = math.sqrt(float(np.mean(shifts[known] ** 2)) / noise)
    if trials < 1:
        return r2, NotComputed("there are no trials")
    n = len(np.unique(validation.dates[known])) // horizon
    return r2, best_of_noise(trials, max(n, 1), share)


def expected_maximum(n: int) -> float:
    """Return the mean of the largest of n independent standard normal numbers, by integration.

    E = integral of 1 - Phi(x)^n - Phi(-x)^n over x > 0. Raises ValueError for n < 1.
    """
    if n < 1:
        raise ValueError(f"the largest of n numbers needs n >= 1 but n is {n}")
    if n == 1:
        return 0.0
    # Beyond 10 the integrand is zero to rounding for any n below 1e15.
    mean, _ = quad(lambda x: 1 - ndtr(x) ** n - ndtr(-x) ** n, 0.0, 10.0)
    return float(mean)


def best_of_noise(trials: int, n: int, share: float) -> float:
    """Return the expected best R2 of `trials` forecasts that are the benchmark plus noise.

    n: independent samples. share: RMS of the noise over RMS of the benchmark's errors e. With noise
    of amplitude a, R2 = 2 mean(e noise) / mean(e^2) - a^2, and mean(e noise) / mean(e^2) is about
    a Z / sqrt(n), so the best has 2 a E[max Z] / sqrt(n) - a^2. A search without skill may stay at
    the benchmark, so this is the largest of these values over amplitudes up to `share`: never
    negative, and E[max Z]^2 / n at most.
    """
    largest = expected_maximum(trials) / math.sqrt(n)
    amplitude = min(share, largest)
    return 2.0 * amplitude * largest - amplitude**2


def probability_of_overfitting(losses: Float[np.ndarray, "trial block"]) -> Measured:
    """Return how often the best trial of one half of the blocks is below the median of the other.

    losses: mean squared errors on an even number of equally long, consecutive blocks of validation;
    every way of choosing half of them is tried. A rank at the median and a tie count one half, so
    that noise gives 1/2 for any number of trials. NotComputed below 2 trials, for an odd number of
    blocks, if a loss is not finite, and if all losses are equal. Bailey, Borwein, Lopez de Prado &
    Zhu (2017), "The Probability of Backtest Overfitting", J. Computational Finance 20(4), 39-69.
    """
    trials, blocks = losses.shape
    if trials < 2:
        return NotComputed(f"n = {trials} < 2 trials")
    if blocks < 2 or blocks % 2:
        return NotComputed(f"halves need an even number of blocks, not {blocks}")
    if not np.isfinite(losses).all():
        return NotComputed("a loss is not finite")
    if np.ptp(losses, axis=0).max() == 0.0:
        return NotComputed("all trials have equal losses")
    halves = np.array(list(itertools.combinations(range(blocks), blocks // 2)))
    inside = np.zeros((len(halves), blocks))
    np.put_along_axis(inside, halves, 1.0, axis=1)
    worse = [
        _below_median(part @ losses.T, (1.0 - part) @ losses.T)
        for part in np.array_split(inside, math.ceil(len(inside) / CHUNK))
    ]
    return float(np.concatenate(worse).mean())


def _below_median(
    seen: Float[np.ndarray, "split trial"], unseen: Float[np.ndarray, "split trial"]
) -> Float[np.ndarray, " split"]:
    """Return 1 where the best of `seen` is below the median of `unseen`, 1/2 at it, 0 above it."""
    chosen = np.take_along_axis(unseen, seen.argmin(axis=1)[:, None], axis=1)
    better = (unseen < chosen).sum(axis=1)
    worse = (unseen > chosen).sum(axis=1)
    below: Float[np.ndarray, " split"] = (1.0 + np.sign(better - worse)) / 2.0
    return below
