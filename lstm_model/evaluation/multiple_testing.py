"""Many forecasts at once: superior predictive ability, stepwise, and the model confidence set."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from lstm_model.evaluation.accuracy_tests import EQUAL, no_contest
from lstm_model.evaluation.bootstrap import block_length, stationary_samples
from lstm_model.evaluation.long_run import ROUNDING
from lstm_model.evaluation.measured import MIN_DATES, Measured, NotComputed, too_short

STEPWISE_SIZE = 0.05
"""Chance that any of the forecasts named superior is not."""

CONFIDENCE_SET_SIZE = 0.10
"""Chance that the best forecast is not in the model confidence set."""


@dataclass(frozen=True, slots=True)
class SuperiorAbility:
    """Whether any of several forecasts beats a benchmark, the search among them accounted for.

    p_value: Hansen (2005), consistent. superior: those that do, at 5 % over all (StepM, Romano &
    Wolf 2005).
    """

    benchmark: str
    p_value: Measured
    superior: tuple[str, ...] | NotComputed


@dataclass(frozen=True, slots=True)
class ConfidenceSet:
    """The forecasts that cannot be told from the best at `size` (Hansen, Lunde & Nason 2011)."""

    size: float
    p_values: dict[str, float] | NotComputed

    @property
    def members(self) -> tuple[str, ...]:
        """The forecasts in the set; empty where it was not computed."""
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

    `losses` holds one value a date of every forecast, the benchmark among them. Stationary
    bootstrap; mean block length after Politis & White (2004), of the most persistent difference
    from the benchmark. NotComputed below 30 dates and where no loss differs from the benchmark's
    by more than a constant; a forecast that does not is not superior.
    """
    names = [name for name in losses if name != benchmark]
    reason = _why_not(losses)
    if reason:
        return SuperiorAbility(benchmark, reason, reason)
    reasons = {name: no_contest(losses[benchmark], losses[name]) for name in names}
    names = [name for name, why in reasons.items() if why is None]
    if not names:
        reason = next(why for why in reasons.values() if why)
        return SuperiorAbility(benchmark, reason, reason)
    gains = np.column_stack([losses[benchmark] - losses[name] for name in names])
    block = block_length(gains)
    # 1.6 s to import, and the workers that score trials compare nothing.
    from arch.bootstrap import SPA  # noqa: PLC0415

    # arch 8's SPA takes `studentize` but never divides, so a noisy rival would drown the others.
    studentised = gains / _long_run_sd(gains, block)
    test = SPA(np.zeros(len(gains)), -studentised, block_size=block, reps=repetitions, seed=seed)
    test.compute()
    p_value = float(test.pvalues["consistent"])
    # Step by step here: arch 8's StepM fails where its last step leaves no rival.
    left = np.ones(len(names), dtype=bool)
    found = test.better_models(STEPWISE_SIZE)
    while len(found):
        left[found] = False
        if not left.any():
            break
        test.subset(left)
        found = test.better_models(STEPWISE_SIZE)
    superior = tuple(name for name, worse in zip(names, left, strict=True) if not worse)
    return SuperiorAbility(benchmark, p_value, superior)


def confidence_set(
    losses: Mapping[str, Float[np.ndarray, " date"]],
    seed: int,
    repetitions: int,
) -> ConfidenceSet:
    """Find the forecasts that cannot be told from the best, by the range statistic.

    `losses` holds one value a date of every forecast. Stationary bootstrap; mean block length
    after Politis & White (2004), of the most persistent difference from the mean over forecasts.
    Forecasts with the same losses share a p-value. NotComputed below 30 dates, for one forecast,
    and where all have the same losses.
    """
    reason = _why_not(losses)
    if reason:
        return ConfidenceSet(CONFIDENCE_SET_SIZE, reason)
    twin_of, distinct = _twins(losses)
    if len(distinct) == 1:
        return ConfidenceSet(CONFIDENCE_SET_SIZE, EQUAL)
    columns = np.column_stack([losses[name] for name in distinct])
    block = block_length(columns - columns.mean(axis=1, keepdims=True))
    days = stationary_samples(len(columns), repetitions, block, seed)
    found = dict(zip(distinct, _range_p_values(columns, days), strict=True))
    return ConfidenceSet(CONFIDENCE_SET_SIZE, {name: found[twin_of[name]] for name in losses})


def _range_p_values(
    losses: Float[np.ndarray, "date forecast"], days: Int[np.ndarray, "repetition date"]
) -> list[float]:
    """Eliminate the worst of the pair furthest apart until one is left; return p of each column.

    Hansen, Lunde & Nason (2011), Econometrica 79(2), 453-497: a p-value is the largest so far.
    arch 8's MCS does the same, and fails where two pairs are as far apart.
    """
    (n, forecasts), repetitions = losses.shape, len(days)
    cells = (days + n * np.arange(repetitions)[:, None]).ravel()
    drawn = np.bincount(cells, minlength=n * repetitions).reshape(repetitions, n)
    mean, resampled = losses.mean(axis=0), drawn @ losses / n
    apart = mean[:, None] - mean
    chance = resampled[:, :, None] - resampled[:, None, :] - apart
    deviation = np.sqrt(np.mean(chance**2, axis=0))
    # A difference that is the same on each day is certain, and one of nothing is none.
    moves = deviation > ROUNDING * np.abs(losses).max()
    statistic = np.where(apart > 0, np.inf, np.where(apart < 0, -np.inf, 0.0))
    np.divide(apart, deviation, out=statistic, where=moves)
    chance = np.divide(chance, deviation, out=np.zeros_like(chance), where=moves)
    p_values, left, largest = [1.0] * forecasts, list(range(forecasts)), 0.0
    while len(left) > 1:
        pairs = np.ix_(left, left)
        worst, _ = np.unravel_index(statistic[pairs].argmax(), (len(left), len(left)))
        by_chance = chance[:, left][:, :, left].max(axis=(1, 2))
        largest = max(largest, float(np.mean(by_chance > statistic[pairs].max())))
        p_values[left.pop(int(worst))] = largest
    return p_values


def _why_not(losses: Mapping[str, Float[np.ndarray, " date"]]) -> NotComputed | None:
    if len(losses) < 2:
        return NotComputed("there is nothing to compare with")
    n = len(next(iter(losses.values())))
    return too_short(n) if n < MIN_DATES else None


def _twins(
    losses: Mapping[str, Float[np.ndarray, " date"]],
) -> tuple[dict[str, str], list[str]]:
    """Name for each forecast the first with the same losses, and list those first ones."""
    twin_of: dict[str, str] = {}
    distinct: list[str] = []
    for name, values in losses.items():
        same = (other for other in distinct if no_contest(losses[other], values) == EQUAL)
        twin_of[name] = next(same, name)
        if twin_of[name] == name:
            distinct.append(name)
    return twin_of, distinct


def _long_run_sd(
    gains: Float[np.ndarray, "date forecast"], block: int
) -> Float[np.ndarray, " forecast"]:
    """Return the standard deviation of sqrt(n) x mean under the stationary bootstrap.

    Politis & Romano (1994), JASA 89(428), 1303-1313; Hansen (2005) divides by it.
    """
    n = len(gains)
    spectrum = np.abs(np.fft.rfft(gains - gains.mean(axis=0), 2 * n, axis=0)) ** 2
    covariances = np.fft.irfft(spectrum, 2 * n, axis=0)[:n] / n
    lag, stays = np.arange(n), 1.0 - 1.0 / block
    weight = (1 - lag / n) * stays**lag + lag / n * stays ** (n - lag)
    variance = covariances[0] + 2 * weight[1:] @ covariances[1:]
    deviation: Float[np.ndarray, " forecast"] = np.sqrt(variance)
    return deviation
