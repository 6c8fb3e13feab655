"""Decay alarm: Page's CUSUM of the champion's live losses against those of its test block."""

import math
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
from jaxtyping import Bool, Float
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
    yardstick = _yardstick(reference, rules)
    if isinstance(yardstick, NotComputed):
        return _silent(yardstick)
    if not len(live.dates):
        return _silent(NotComputed("no live loss yet"))
    sums, threshold = yardstick.sums(live.losses), yardstick.threshold
    statistic, on = float(sums[-1]), bool(_alarm_on(sums, threshold)[-1])
    zeros = np.flatnonzero(sums == 0)
    start = int(zeros[-1]) + 1 if len(zeros) else 0
    if start == len(sums):
        text = f"the live losses are as usual (threshold {threshold:.1f})"
        return Decay(False, 0.0, threshold, None, NotComputed("no rise"), text)
    ratio = float(np.minimum(live.losses[start:], yardstick.most).mean()) / yardstick.mean
    since = int(live.dates[start])
    text = (
        f"the mean loss since {np.datetime64(since, 'D')} ({len(sums) - start} nights) is "
        f"{ratio - 1:+.0%} of the test block's: {'more than' if on else 'within'} chance "
        f"(sum {statistic:.1f}, threshold {threshold:.1f})"
    )
    return Decay(on, statistic, threshold, since, ratio, text)


def first_alarm(reference: DatedLosses, live: DatedLosses, rules: DecayRules) -> int | None:
    """Return the first date of an alarm, in days since 1970-01-01; None if there is none."""
    yardstick = _yardstick(reference, rules)
    if isinstance(yardstick, NotComputed):
        return None
    above = yardstick.sums(live.losses) > yardstick.threshold
    return int(live.dates[np.argmax(above)]) if above.any() else None


@dataclass(frozen=True, slots=True)
class _Yardstick:
    """What is usual: losses limited to `most`, their mean and long-run standard deviation."""

    most: float
    mean: float
    spread: float
    allowance: float
    threshold: float

    def sums(self, losses: Float[np.ndarray, " night"]) -> Float[np.ndarray, " night"]:
        """Return Page's sums, max(0, last + step)."""
        steps = (np.minimum(losses, self.most) - self.mean) / self.spread - self.allowance
        path = accumulate(steps.tolist(), lambda last, step: max(0.0, last + step), initial=0.0)
        return np.array(list(path)[1:], dtype=float)


def _yardstick(reference: DatedLosses, rules: DecayRules) -> _Yardstick | NotComputed:
    known = len(reference.dates)
    if known < rules.min_reference:
        return NotComputed(f"{known} reference dates (rule: {rules.min_reference} or more)")
    most = float(np.quantile(reference.losses, rules.most, method="lower"))
    usual = np.minimum(reference.losses, most)
    if not math.isfinite(most) or is_constant(usual):
        return NotComputed("the reference losses do not vary, or are not finite")
    mean = float(usual.mean())
    spread = math.sqrt(float(long_run_covariance(usual[:, None])[0, 0]))
    if spread <= ROUNDING * most:
        return NotComputed("the reference losses have no long-run variance")
    allowance = rules.rise / 2 * mean / spread
    threshold = threshold_of(allowance, rules.nights_between_false_alarms)
    return _Yardstick(most, mean, spread, allowance, threshold)


def threshold_of(allowance: float, run_length: float) -> float:
    """Return the threshold at which the mean run to a false alarm is `run_length` nights.

    For steps of mean -allowance and variance 1: run_length = (exp(2kb) - 2kb - 1) / (2 k^2) with
    b = threshold + 1.166. Siegmund (1985), ch. 2. At least 0.
    """
    target = 2 * allowance**2 * run_length
    scaled = brentq(lambda x: math.expm1(x) - x - target, 1e-9, math.log1p(target) + 50)
    return max(0.0, float(scaled) / (2 * allowance) - OVERSHOOT)


def _alarm_on(sums: Float[np.ndarray, " night"], threshold: float) -> Bool[np.ndarray, " night"]:
    """Say for each night whether the sum has been above the threshold since it was last zero."""
    nights = np.arange(len(sums))
    last_zero = np.maximum.accumulate(np.where(sums == 0, nights, -1))
    last_above = np.maximum.accumulate(np.where(sums > threshold, nights, -1))
    on: Bool[np.ndarray, " night"] = last_above > last_zero
    return on


def _silent(why: NotComputed) -> Decay:
    return Decay(False, why, why, None, why, f"not watched: {why.reason}")
