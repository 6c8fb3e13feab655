"""Decay alarm: Page's CUSUM of the champion's live losses against those of its test block."""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.optimize import brentq

from lstm_model.champion.paired import DatedLosses
from lstm_model.evaluation.long_run import ROUNDING, is_constant, long_run_covariance
from lstm_model.evaluation.measured import Measured, NotComputed

OVERSHOOT = 1.166
"""Siegmund's correction of the threshold for a sum that moves in steps."""


@dataclass(frozen=True, slots=True)
class DecayRules:
    """When losses that stay too high are an alarm; docs/champion.md has the simulations.

    rise: by which share the mean loss must be higher to be found soonest; half of it is forgiven
    every night. nights_between_false_alarms: on average, while nothing changes. most: losses above
    this quantile of the reference count as that, so that one wild night is no alarm.
    min_reference: fewer dates are no reference.
    """

    rise: float = 0.2
    nights_between_false_alarms: float = 1000.0
    most: float = 0.99
    min_reference: int = 250

    def __post_init__(self) -> None:
        for name, low, high in (
            ("rise", 0.01, 10.0),
            ("nights_between_false_alarms", 10.0, 1e6),
            ("most", 0.5, 1.0),
            ("min_reference", 100, np.inf),
        ):
            value = getattr(self, name)
            if not low <= value <= high:
                raise ValueError(f"{name} must be from {low} to {high} but is {value}; correct it")


@dataclass(frozen=True, slots=True)
class Decay:
    """Whether the champion's live losses have been too high for too long.

    statistic, threshold: of the CUSUM, in long-run standard deviations of a loss; the alarm is on
    from the first date above the threshold until the sum is back at zero. since: first date, in
    days since 1970-01-01, of the rise, None while the sum is zero. ratio: of the mean loss since
    then to the reference's, both limited as the sum is.
    """

    alarm: bool
    statistic: Measured
    threshold: Measured
    since: int | None
    ratio: Measured
    text: str


def watch(reference: DatedLosses, live: DatedLosses, rules: DecayRules) -> Decay:
    """Say whether the live losses are higher than the reference by more than chance.

    reference: of the test block on which the champion was judged. live: of its forecasts that were
    written down before the outcome, all of them. Looks at losses alone: inputs that have changed
    are no alarm while the forecasts are as good as before. Page (1954), "Continuous Inspection
    Schemes", Biometrika 41(1/2), 100-115; threshold by the run length of Siegmund (1985),
    "Sequential Analysis", ch. 2, with the long-run variance in place of the variance, because
    losses of neighbouring nights resemble each other.
    """
    known = len(reference.dates)
    if known < rules.min_reference:
        return _silent(f"{known} reference dates (rule: {rules.min_reference} or more)")
    if not len(live.dates):
        return _silent("no live loss yet")
    most = float(np.quantile(reference.losses, rules.most))
    usual = np.minimum(reference.losses, most)
    if not math.isfinite(most) or is_constant(usual):
        return _silent("the reference losses do not vary, or are not finite")
    mean, spread = float(usual.mean()), _long_run_deviation(usual)
    if spread <= ROUNDING * most:
        return _silent("the reference losses have no long-run variance")
    allowance = rules.rise / 2 * mean / spread
    threshold = threshold_of(allowance, rules.nights_between_false_alarms)
    sums, on = _cusum((np.minimum(live.losses, most) - mean) / spread - allowance, threshold)
    statistic = float(sums[-1])
    zeros = np.flatnonzero(sums == 0)
    start = int(zeros[-1]) + 1 if len(zeros) else 0
    if start == len(sums):
        text = f"the live losses are as usual (threshold {threshold:.1f})"
        return Decay(False, 0.0, threshold, None, NotComputed("no rise"), text)
    ratio = float(np.minimum(live.losses[start:], most).mean()) / mean
    since = int(live.dates[start])
    day = np.datetime64(since, "D")
    text = (
        f"the mean loss since {day} ({len(sums) - start} nights) is {ratio - 1:+.0%} of the test "
        f"block's: {'higher by more than' if on else 'within'} chance (sum {statistic:.1f}, "
        f"threshold {threshold:.1f})"
    )
    return Decay(on, statistic, threshold, since, ratio, text)


def threshold_of(allowance: float, run_length: float) -> float:
    """Return the threshold at which the mean run to a false alarm is `run_length` nights.

    For steps of mean -allowance and variance 1: run_length = (exp(2kb) - 2kb - 1) / (2 k^2) with
    b = threshold + 1.166. Siegmund (1985), ch. 2. At least 0.
    """
    target = 2 * allowance**2 * run_length
    scaled = brentq(lambda x: math.expm1(x) - x - target, 1e-9, math.log1p(target) + 50)
    return max(0.0, float(scaled) / (2 * allowance) - OVERSHOOT)


def _cusum(
    steps: Float[np.ndarray, " night"], threshold: float
) -> tuple[Float[np.ndarray, " night"], bool]:
    """Return Page's sums, max(0, last + step), and whether the alarm is on at the end."""
    sums, on = np.zeros(len(steps)), False
    last = 0.0
    for night, step in enumerate(steps):
        last = max(0.0, last + float(step))
        sums[night] = last
        on = last > threshold or (on and last > 0)
    return sums, on


def _long_run_deviation(values: Float[np.ndarray, " date"]) -> float:
    return math.sqrt(float(long_run_covariance(values[:, None])[0, 0]))


def _silent(why: str) -> Decay:
    unknown = NotComputed(why)
    return Decay(False, unknown, unknown, None, unknown, f"not watched: {why}")
