"""Succession: the gate held at every night of a replay, as real nights hold it."""

from collections.abc import Sequence
from dataclasses import dataclass

from lstm_model.champion.budget import GateRules, GateState
from lstm_model.champion.gate import GateVerdict, judge, judge_first
from lstm_model.champion.outcomes import pair
from lstm_model.data.targets import TargetKind
from lstm_model.replay.nights import JUDGED, JUDGED_BENCHMARK, ReplayNight, ReplaySamples


@dataclass(frozen=True, slots=True)
class Step:
    """What the gate did in one night.

    champion: the night whose model forecasts afterwards, by its place; None while there is none.
    verdict: None where the night has no model.
    """

    champion: int | None
    promoted: bool
    verdict: GateVerdict | None


def succeed(
    nights: Sequence[ReplayNight],
    samples: ReplaySamples,
    kind: TargetKind,
    horizon: int,
    rules: GateRules,
) -> tuple[Step, ...]:
    """Hold the gate night by night: each night's model is the challenger.

    Both models are compared on the challenger's test block, as far as its truth was known that
    night and the champion had not seen it.
    """
    state, champion, steps = GateState(), None, []
    for place, night in enumerate(nights):
        if night.failure:
            steps.append(Step(champion, promoted=False, verdict=None))
            continue
        verdict = _verdict(night, None if champion is None else nights[champion], samples, kind,
                           horizon, state, rules)  # fmt: skip
        state = verdict.state
        promoted = verdict.outcome == "better"
        champion = place if promoted else champion
        steps.append(Step(champion, promoted, verdict))
    return tuple(steps)


def _verdict(
    night: ReplayNight,
    champion: ReplayNight | None,
    samples: ReplaySamples,
    kind: TargetKind,
    horizon: int,
    state: GateState,
    rules: GateRules,
) -> GateVerdict:
    start, known = night.test_start, night.day
    own = night.judged_outcomes(samples, JUDGED, start, known)
    benchmark = night.judged_outcomes(samples, JUDGED_BENCHMARK, start, known)
    if champion is None:
        rivals = pair(kind, benchmark, own, benchmark)
        challenger, yardstick = rivals.paired.challenger, rivals.paired.benchmark
        return judge_first(challenger, yardstick, horizon=horizon, state=state, rules=rules)
    theirs = champion.judged_outcomes(samples, JUDGED, start, known)
    rivals = pair(kind, theirs, own, benchmark)
    return judge(
        rivals.paired,
        night=night.day,
        horizon=horizon,
        state=state,
        rules=rules,
        other_losses=rivals.other,
    )
