"""Ruling: one night's verdict of the gate as it is kept, and what followed from it."""

from dataclasses import dataclass
from typing import Literal

from lstm_model.champion.budget import GateState
from lstm_model.champion.gate import GateVerdict
from lstm_model.evaluation.measured import Measured, NotComputed


@dataclass(frozen=True, slots=True)
class Ruling:
    """One verdict of the gate, and what followed from it.

    night: day since 1970-01-01 of the newest bar that night. at: ISO time in UTC. challenger,
    champion: versions; the champion is None where there was none. outcome: "not_compared" if there
    was nothing to compare by. promoted: whether the challenger becomes the champion. live_dates:
    dates that were forecast before the outcome. p_better, p_worse, ratio: numbers, or why there is
    none. last_look, last_large_look: the gate's state afterwards.
    """

    model: str
    night: int
    at: str
    challenger: int
    champion: int | None
    outcome: Literal["better", "worse", "not_sure", "not_compared"]
    promoted: bool
    text: str
    dates: int
    live_dates: int
    p_better: float | str
    p_worse: float | str
    ratio: float | str
    last_look: int | None
    last_large_look: int | None

    @property
    def state(self) -> GateState:
        """What the gate remembers after this verdict."""
        return GateState(self.last_look, self.last_large_look)

    @property
    def forecaster(self) -> int | None:
        """The version that forecasts after this night."""
        return self.challenger if self.promoted else self.champion


@dataclass(frozen=True, slots=True)
class Case:
    """Who stands at the gate tonight."""

    model: str
    night: int
    at: str
    challenger: int
    champion: int | None


def ruling_of(case: Case, verdict: GateVerdict, live_dates: int, *, promotes: bool) -> Ruling:
    """Return the ruling on a verdict; promotes: whether "better" is enough for a promotion."""
    return Ruling(
        model=case.model, night=case.night, at=case.at, challenger=case.challenger,
        champion=case.champion,
        outcome=verdict.outcome,
        promoted=promotes and verdict.outcome == "better",
        text=verdict.text,
        dates=verdict.dates,
        live_dates=live_dates,
        p_better=_plain(verdict.p_better),
        p_worse=_plain(verdict.p_worse),
        ratio=_plain(verdict.ratio),
        last_look=verdict.state.last_look,
        last_large_look=verdict.state.last_large_look,
    )  # fmt: skip


def not_compared(case: Case, reason: str, state: GateState) -> Ruling:
    """Return the ruling where champion and challenger have nothing to be compared by."""
    return Ruling(
        model=case.model, night=case.night, at=case.at, challenger=case.challenger,
        champion=case.champion,
        outcome="not_compared",
        promoted=False,
        text=f"Not compared: {reason}.",
        dates=0,
        live_dates=0,
        p_better=reason,
        p_worse=reason,
        ratio=reason,
        last_look=state.last_look,
        last_large_look=state.last_large_look,
    )  # fmt: skip


def _plain(value: Measured) -> float | str:
    return value.reason if isinstance(value, NotComputed) else value
