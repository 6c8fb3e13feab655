"""Tests of many forecasts at once: SPA, StepM and the model confidence set."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from lstm_model.evaluation.accuracy_tests import EQUAL, why_untestable
from lstm_model.evaluation.bootstrap import block_length, stationary_samples
from lstm_model.evaluation.long_run import ROUNDING
from lstm_model.evaluation.measured import MIN_DATES, Measured, NotComputed, too_short

STEPWISE_SIZE = 0.05
"""Familywise error rate of StepM: chance that any forecast is falsely named superior."""

CONFIDENCE_SET_SIZE = 0.10
"""Chance that the best forecast is not in the model confidence set."""


@dataclass(frozen=True, slots=True)
class SuperiorAbility:
    """Whether any of several forecasts beats a benchmark, corrected for multiple testing.

    p_value: of the SPA test, consistent version (Hansen 2005). superior: the forecasts that beat
    the benchmark at a familywise error rate of 5 % (StepM, Romano & Wolf 2005).
    """

    benchmark: str
    p_value: Measured
    superior: tuple[str, ...] | NotComputed


@dataclass(frozen=True, slots=True)
class ConfidenceSet:
    """The forecasts that are not significantly worse than the best at `size`.

    p_values: by forecast (Hansen, Lunde & Nason 2011).
    """

    size: float
    p_values: dict[str, float] | NotComputed

    @property
    def members(self) -> tuple[str, ...]:
        """The forecasts in the set; empty if it was not computed."""
        if isinstance(self.p_values, NotComputed):
            return ()
        return tuple(name for name, p in self.p_values.items() if p > self.size)


def superior_ability(
    benchmark: str,
    losses: Mapping[str, Float[np.ndarray, " date"]],
    seed: int,
    repetitions: int,
) -> SuperiorAbility:
    """Test whether any forecast has a lower mean loss than `benchmark`, and name those that do.

    losses: one value per date for every forecast, including the benchmark. seed, repetitions: of
    the stationary bootstrap, whose mean block length follows Politis & White (2004), for the most
    persistent difference from the benchmark. A forecast whose loss differs from the benchmark's
    only by a constant is not superior; NotComputed if this holds for all, or below 30 dates.
    """
    names = [name for name in losses if name != benchmark]
    reason = _why_not_comparable(losses)
    if reason:
        return SuperiorAbility(benchmark, reason, reason)
    reasons = {name: why_untestable(losses[benchmark], losses[name]) for name in names}
    names = [name for name, why in reasons.items() if why is None]
    if not names:
        reason = next(why for why in reasons.values() if why)
        return SuperiorAbility(benchmark, reason, reason)
    gains = np.column_stack([losses[benchmark] - losses[name] for name in names])
    block = block_length(gains)
    # Takes 1.6 s to import, and the workers that score trials make no comparisons.
    from arch.bootstrap import SPA  # noqa: PLC0415

    # arch 8's SPA ignores `studentize`, so one noisy forecast would mask all others.
    studentised = gains / _long_run_sd(gains, block)
    test = SPA(np.zeros(len(gains)), -studentised, block_size=block, reps=repetitions, seed=seed)
    test.compute()
    p_value = float(test.pvalues["consistent"])
    superior = _step_through(test, len(names))
    return SuperiorAbility(
        benchmark,
        p_value,
        tuple(name for name, is_in in zip(names, superior, strict=True) if is_in),
    )


def _step_through(test: Any, forecasts: int) -> Bool[np.ndarray, " forecast"]:
    """Find superior forecasts step by step with an SPA test, leaving out those already found.

    arch 8's own StepM fails if its last step leaves no forecast.
    """
    left = np.ones(forecasts, dtype=bool)
    found = test.better_models(STEPWISE_SIZE)
    while len(found):
        left[found] = False
        if not left.any():
            break
        test.subset(left)
        found = test.better_models(STEPWISE_SIZE)
    return ~left


def confidence_set(
    losses: Mapping[str, Float[np.ndarray, " date"]],
    seed: int,
    repetitions: int,
) -> ConfidenceSet:
    """Find the forecasts that are not significantly worse than the best, by the range statistic.

    losses: one value per date for every forecast. seed, repetitions: of the stationary bootstrap,
    whose mean block length follows Politis & White (2004), for the most persistent difference from
    the mean over forecasts. Forecasts with equal losses share a p-value. NotComputed below 30
    dates, for a single forecast, and if all losses are equal.
    """
    reason = _why_not_comparable(losses)
    if reason:
        return ConfidenceSet(CONFIDENCE_SET_SIZE, reason)
    first_of, distinct = _duplicates(losses)
    if len(distinct) == 1:
        return ConfidenceSet(CONFIDENCE_SET_SIZE, EQUAL)
    columns = np.column_stack([losses[name] for name in distinct])
    block = block_length(columns - columns.mean(axis=1, keepdims=True))
    days = stationary_samples(len(columns), repetitions, block, seed)
    found = dict(zip(distinct, _range_p_values(columns, days), strict=True))
    return ConfidenceSet(CONFIDENCE_SET_SIZE, {name: found[first_of[name]] for name in losses})


def _range_p_values(
    losses: Float[np.ndarray, "date forecast"], days: Int[np.ndarray, "repetition date"]
) -> list[float]:
    """Eliminate the worse of the pair furthest apart until one is left; return each column's p.

    A p-value is the largest so far. Hansen, Lunde & Nason (2011), Econometrica 79(2), 453-497.
    arch 8's MCS does the same but fails if two pairs are equally far apart.
    """
    (n, forecasts), repetitions = losses.shape, len(days)
    cells = (days + n * np.arange(repetitions)[:, None]).ravel()
    drawn = np.bincount(cells, minlength=n * repetitions).reshape(repetitions, n)
    mean, resampled = losses.mean(axis=0), drawn @ losses / n
    apart = mean[:, None] - mean
    chance = resampled[:, :, None] - resampled[:, None, :] - apart
    deviation = np.sqrt(np.mean(chance**2, axis=0))
    # A constant difference is certain; a difference of zero is no difference.
    varies = deviation > ROUNDING * np.abs(losses).max()
    statistic = np.where(apart > 0, np.inf, np.where(apart < 0, -np.inf, 0.0))
    np.divide(apart, deviation, out=statistic, where=varies)
    chance = np.divide(chance, deviation, out=np.zeros_like(chance), where=varies)
    p_values, left, largest = [1.0] * forecasts, list(range(forecasts)), 0.0
    while len(left) > 1:
        pairs = np.ix_(left, left)
        worst, _ = np.unravel_index(statistic[pairs].argmax(), (len(left), len(left)))
        by_chance = chance[:, left][:, :, left].max(axis=(1, 2))
        largest = max(largest, float(np.mean(by_chance > statistic[pairs].max())))
        p_values[left.pop(int(worst))] = largest
    return p_values


def _why_not_comparable(losses: Mapping[str, Float[np.ndarray, " date"]]) -> NotComputed | None:
    if len(losses) < 2:
        return NotComputed("there is nothing to compare with")
    n = len(next(iter(losses.values())))
    return too_short(n) if n < MIN_DATES else None


def _duplicates(
    losses: Mapping[str, Float[np.ndarray, " date"]],
) -> tuple[dict[str, str], list[str]]:
    """Map each forecast to the first one with equal losses, and list those first ones."""
    first_of: dict[str, str] = {}
    distinct: list[str] = []
    for name, values in losses.items():
        equal = (other for other in distinct if why_untestable(losses[other], values) == EQUAL)
        first_of[name] = next(equal, name)
        if first_of[name] == name:
            distinct.append(name)
    return first_of, distinct


def _long_run_sd(
    gains: Float[np.ndarray, "date forecast"], block: int
) -> Float[np.ndarray, " forecast"]:
    """Return the standard deviation of sqrt(n) x mean under the stationary bootstrap.

    Hansen (2005) divides by it. Politis & Romano (1994), JASA 89(428), 1303-1313.
    """
    n = len(gains)
    spectrum = np.abs(np.fft.rfft(gains - gains.mean(axis=0), 2 * n, axis=0)) ** 2
    covariances = np.fft.irfft(spectrum, 2 * n, axis=0)[:n] / n
    lag, continues = np.arange(n), 1.0 - 1.0 / block
    weight = (1 - lag / n) * continues**lag + lag / n * continues ** (n - lag)
    variance = covariances[0] + 2 * weight[1:] @ covariances[1:]
    deviation: Float[np.ndarray, " forecast"] = np.sqrt(variance)
    return deviation
