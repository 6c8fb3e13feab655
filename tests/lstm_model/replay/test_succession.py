"""Claims about the succession: who is champion after each night, as the gate of a night says."""

from lstm_model.champion.budget import GateRules
from lstm_model.replay.nights import ReplaySamples
from lstm_model.replay.succession import succeed

from .conftest import NightMaker

RULES = GateRules()


def test_who_is_champion_when(samples: ReplaySamples, make_night: NightMaker) -> None:
    """A poor first model is none, an equal one changes nothing, a better one takes the place."""
    sizes = {200: 3.0, 205: 1.0, 210: 1.0, 250: 0.5, 255: 3.0}
    nights = [make_night(place, size) for place, size in sizes.items()]
    steps = succeed(nights, samples, "log_return", 1, RULES)
    assert [step.champion for step in steps] == [None, 1, 1, 3, 3]
    assert [step.promoted for step in steps] == [False, True, False, True, False]
    outcomes = [step.verdict.outcome for step in steps if step.verdict]
    assert outcomes == ["worse", "better", "not_sure", "better", "worse"]


def test_a_night_without_a_model_changes_nothing(
    samples: ReplaySamples, make_night: NightMaker
) -> None:
    """The champion stays, and no look is spent."""
    nights = [make_night(200, 1.0), make_night(205, 1.0, failure="it diverged")]
    steps = succeed([*nights, make_night(210, 0.3)], samples, "log_return", 1, RULES)
    assert [step.champion for step in steps] == [0, 0, 2]
    assert steps[1].verdict is None


def test_the_future_judges_nobody(samples: ReplaySamples, make_night: NightMaker) -> None:
    """The verdict of a night is the same whatever comes after it."""
    early = [make_night(200, 1.0), make_night(230, 0.4)]
    before = succeed(early, samples, "log_return", 1, RULES)
    after = succeed([*early, make_night(300, 0.1)], samples, "log_return", 1, RULES)
    assert after[:2] == before
