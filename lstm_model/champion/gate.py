"""Gate: whether a challenger takes the champion's place, with each rule's value and result."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import numpy as np

from lstm_model.champion import reasons
from lstm_model.champion.budget import GateRules, GateState, tonights_look
from lstm_model.champion.paired import DatedLosses, LossPair, PairedLosses
from lstm_model.champion.reasons import Reason
from lstm_model.evaluation.accuracy_tests import better_p, diebold_mariano
from lstm_model.evaluation.measured import Measured, NotComputed, Statistic

Outcome = Literal["better", "worse", "not_sure"]
OPENINGS: Mapping[Outcome, str] = MappingProxyType(
    {"better": "Better", "worse": "Worse", "not_sure": "Not sure yet"}
)
FIRST_OPENINGS: Mapping[Outcome, str] = MappingProxyType(
    {
        "better": "Good enough to be the first champion",
        "worse": "Not good enough to be the first champion",
        "not_sure": "Not sure yet",
    }
)
NO_OTHER_LOSS: Mapping[str, LossPair] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class GateVerdict:
    """The gate's answer on one challenger.

    outcome: "better" promotes, "worse" drops the challenger, "not_sure" leaves everything as it is.
    is_first: there was no champion, so the opponent is the benchmark. p_better, p_worse: one-sided
    Diebold-Mariano p-values. ratio: of the challenger's mean loss to its opponent's. reasons: every
    rule, in the order in which they are asked. state: to keep.
    """

    outcome: Outcome
    is_first: bool
    dates: int
    p_better: Measured
    p_worse: Measured
    ratio: Measured
    reasons: tuple[Reason, ...]
    state: GateState

    @property
    def text(self) -> str:
        """The verdict in words: the outcome, then every rule."""
        opening = (FIRST_OPENINGS if self.is_first else OPENINGS)[self.outcome]
        return f"{opening}: {'; '.join(reason.text for reason in self.reasons)}."


def judge(
    paired: PairedLosses,
    *,
    night: int,
    horizon: int,
    state: GateState,
    rules: GateRules,
    other_losses: Mapping[str, LossPair] = NO_OTHER_LOSS,
) -> GateVerdict:
    """Say whether the challenger is better or worse than the champion, or that it is not sure yet.

    Better needs enough dates, a p-value below tonight's level, a mean loss lower by the margin and
    below the benchmark's, and no other loss that is higher by the margin. Worse is the same with
    the two in each other's place, without benchmark and other losses. night: today, in days since
    1970-01-01. horizon: of the labels, in bars. other_losses: of the same dates, by title, such as
    QLIKE; raises ValueError if the dates differ.

    A look counts once the dates suffice, also if the means alone rule the challenger out: whoever
    spends the level only where the means look good picks the luckiest of all nights. The challenger
    must have been named without regard to these losses, for the same reason.
    """
    for title, other in other_losses.items():
        if not np.array_equal(other.dates, paired.dates):
            raise ValueError(f"{title} must be of the same dates but is not; pair all losses alike")
    ours, theirs = paired.challenger, paired.champion
    enough = reasons.enough_dates(ours, rules)
    if not enough.passed:
        return _not_tested(len(ours.dates), enough, state, is_first=False)
    look = tonights_look(night, state, rules)
    p_better, p_worse = _p_values(ours, theirs, horizon)
    ratio = reasons.ratio(ours, theirs)
    asked = (
        enough,
        reasons.budget(look, night, state, rules),
        reasons.evidence(p_better, look.level),
        reasons.margin(ratio, rules),
        reasons.below_benchmark(paired),
        *(reasons.no_worse(title, loss, rules) for title, loss in other_losses.items()),
    )
    # As the champion would be asked in the challenger's place.
    reverse = reasons.margin(reasons.ratio(theirs, ours), rules)
    outcome: Outcome = "not_sure"
    if all(reason.passed for reason in asked):
        outcome = "better"
    elif reasons.below(p_worse, look.level) and reverse.passed:
        outcome = "worse"
    return GateVerdict(
        outcome=outcome,
        is_first=False,
        dates=len(paired.dates),
        p_better=p_better,
        p_worse=p_worse,
        ratio=ratio,
        reasons=asked,
        state=look.state,
    )


def judge_first(
    challenger: DatedLosses,
    benchmark: DatedLosses,
    *,
    horizon: int,
    state: GateState,
    rules: GateRules,
) -> GateVerdict:
    """Say whether a model may be the first champion: if it is not worse than the benchmark.

    It need not be shown better, because the choice is between it and no forecast at all; of returns
    no model ever is. Its mean loss may be above the benchmark's by `first_margin`, and it may not
    be shown worse at `first_alpha`. "better" means that it may. Takes nothing from the budget of
    false promotions: there is nobody to replace. Raises ValueError if the dates differ.
    """
    paired = PairedLosses(champion=benchmark, challenger=challenger, benchmark=benchmark)
    enough = reasons.enough_dates(challenger, rules)
    if not enough.passed:
        return _not_tested(len(paired.dates), enough, state, is_first=True)
    p_better, p_worse = _p_values(challenger, benchmark, horizon)
    ratio = reasons.ratio(challenger, benchmark)
    asked = (
        enough,
        reasons.first_margin(ratio, rules),
        reasons.not_shown_worse(p_worse, rules),
    )
    return GateVerdict(
        outcome="better" if all(reason.passed for reason in asked) else "worse",
        is_first=True,
        dates=len(challenger.dates),
        p_better=p_better,
        p_worse=p_worse,
        ratio=ratio,
        reasons=asked,
        state=state,
    )


def _not_tested(dates: int, enough: Reason, state: GateState, *, is_first: bool) -> GateVerdict:
    unknown = NotComputed("too few paired dates")
    return GateVerdict("not_sure", is_first, dates, unknown, unknown, unknown, (enough,), state)


def _p_values(ours: DatedLosses, theirs: DatedLosses, horizon: int) -> tuple[Measured, Measured]:
    """Return the one-sided p-values that ours is better, and that it is worse.

    By the project's long-run rule at every length; docs/champion.md compares it with the stationary
    bootstrap and with Harvey, Leybourne & Newbold's correction on short samples.
    """
    test = diebold_mariano(ours.losses, theirs.losses, horizon)
    if isinstance(test, NotComputed):
        return test, test
    return better_p(test), better_p(Statistic(-test.value, test.p_value))
