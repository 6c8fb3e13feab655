"""Reasons: each rule of the gate with its value, its bound, and whether it is kept, in words."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from lstm_model.champion.budget import GateRules, GateState, Look
from lstm_model.champion.paired import DatedLosses, LossPair, PairedLosses
from lstm_model.evaluation.measured import Measured, NotComputed


@dataclass(frozen=True, slots=True)
class Reason:
    """A rule of the gate: what was found, what the rule asks for, and whether it is kept."""

    rule: Literal["dates", "budget", "evidence", "margin", "benchmark", "other_loss"]
    value: Measured
    bound: float
    passed: bool
    text: str


def enough_dates(losses: DatedLosses, rules: GateRules) -> Reason:
    """Ask for `min_dates` paired dates."""
    found = len(losses.dates)
    passed = found >= rules.min_dates
    text = f"{found} paired dates (rule: {rules.min_dates} or more)"
    return Reason("dates", float(found), float(rules.min_dates), passed, text)


def budget(look: Look, night: int, state: GateState, rules: GateRules) -> Reason:
    """Ask for a look that the budget has left."""
    due = np.datetime64(look.next_large, "D")
    if look.level == 0 and state.last_look is not None:
        last = np.datetime64(state.last_look, "D")
        text = f"no look is left for {np.datetime64(night, 'D')}: the last one was of {last}"
    else:
        size = "large" if look.is_large else "small"
        text = f"a {size} look at level {look.level:.2g}, the next large one from {due}"
    text += f" (rule: {rules.alpha_a_year:g} within 365 days)"
    return Reason("budget", look.level, 0.0, look.level > 0, text)


def evidence(p: Measured, level: float) -> Reason:
    """Ask for a p-value below tonight's level."""
    text = f"p that it is better than the champion is {_p(p)} (rule: below {level:.2g})"
    return Reason("evidence", p, level, below(p, level), text)


def margin(found: Measured, rules: GateRules) -> Reason:
    """Ask for a mean loss lower than the champion's by the margin."""
    most = 1 - rules.margin
    text = f"its mean loss is {_percent(found)} the champion's (rule: {rules.margin:.1%} lower)"
    return Reason("margin", found, most, at_most(found, most), text)


def first_margin(found: Measured, rules: GateRules) -> Reason:
    """Ask for a mean loss that is not far above the benchmark's."""
    most = 1 + rules.first_margin
    text = (
        f"its mean loss is {_percent(found)} the benchmark's "
        f"(rule: at most {rules.first_margin:.1%} higher)"
    )
    return Reason("margin", found, most, at_most(found, most), text)


def not_shown_worse(p: Measured, rules: GateRules) -> Reason:
    """Ask that a model is not shown worse than the benchmark."""
    text = (
        f"p that it is worse than the benchmark is {_p(p)} (rule: not below {rules.first_alpha:g})"
    )
    return Reason("evidence", p, rules.first_alpha, not below(p, rules.first_alpha), text)


def below_benchmark(paired: PairedLosses) -> Reason:
    """Ask for a mean loss below the benchmark's."""
    found = ratio(paired.challenger, paired.benchmark)
    passed = not isinstance(found, NotComputed) and found < 1
    text = f"its mean loss is {_percent(found)} the benchmark's (rule: lower)"
    return Reason("benchmark", found, 1.0, passed, text)


def no_worse(title: str, paired: LossPair, rules: GateRules) -> Reason:
    """Ask that another loss is not higher by the margin."""
    found, most = ratio(paired.challenger, paired.champion), 1 + rules.margin
    text = (
        f"its mean {title} is {_percent(found)} the champion's "
        f"(rule: at most {rules.margin:.1%} higher)"
    )
    return Reason("other_loss", found, most, at_most(found, most), text)


def ratio(ours: DatedLosses, theirs: DatedLosses) -> Measured:
    """Return the ratio of the mean losses; NotComputed if it has no finite value."""
    if not (np.isfinite(ours.mean) and np.isfinite(theirs.mean)):
        return NotComputed("a forecast is too far from the truth")
    if theirs.mean == 0 or not np.isfinite(ours.mean / theirs.mean):
        return NotComputed("the other forecast has no error")
    return ours.mean / theirs.mean


def below(p: Measured, level: float) -> bool:
    """Say whether a p-value was computed and is below a level."""
    return not isinstance(p, NotComputed) and p < level


def at_most(ratio: Measured, bound: float) -> bool:
    """Say whether a ratio was computed and is at most a bound."""
    return not isinstance(ratio, NotComputed) and ratio <= bound


def _percent(ratio: Measured) -> str:
    if isinstance(ratio, NotComputed):
        return f"not comparable ({ratio.reason}) with"
    if ratio == 1:
        return "equal to"
    return f"{abs(ratio - 1):.1%} {'below' if ratio < 1 else 'above'}"


def _p(p: Measured) -> str:
    return str(p) if isinstance(p, NotComputed) else f"{p:.2g}"
