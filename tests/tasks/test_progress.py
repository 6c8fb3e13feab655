"""What a night says while it runs."""

import pytest

from lstm_model.model.early_stopping import LearningCurve
from lstm_model.model.training import EpochResult
from lstm_model.search.hyper_params import BALANCED
from lstm_model.search.trial import Trial
from tasks.progress import STAGES, StageClock, TrainingProgress, TrialProgress, duration

Lines = pytest.CaptureFixture[str]


def test_every_stage_is_announced_once_in_order(capsys: Lines) -> None:
    """Each stage has one line that says which of how many it is, and its seconds are kept."""
    clock = StageClock()
    for name in STAGES:
        with clock.stage(name):
            pass
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(":")[0] for line in lines] == [
        "[1/10] download", "[2/10] prepare", "[3/10] audit", "[4/10] search", "[5/10] retrain",
        "[6/10] references", "[7/10] evaluate", "[8/10] deploy", "[9/10] record", "[10/10] gate",
    ]  # fmt: skip
    assert list(clock.seconds) == list(STAGES)


def test_a_stage_that_fails_has_its_seconds_too() -> None:
    """The clock stops when a stage raises."""
    clock = StageClock()
    with pytest.raises(KeyError), clock.stage("audit"):
        raise KeyError
    assert clock.seconds["audit"] >= 0


def test_trials_are_counted_with_the_best_loss_and_the_time_left(capsys: Lines) -> None:
    """Finished trials count, failed ones do not; each line has the best loss so far."""
    with TrialProgress(total=4, finished=1) as progress:
        progress.advance(Trial(1, "COMPLETE", BALANCED, 0.5, seconds=2.0))
        progress.advance(Trial(2, "FAIL", BALANCED, None, reason="its worker died"))
        progress.advance(Trial(2, "PRUNED", BALANCED, None, reason="above the limit"))
        progress.advance(Trial(3, "COMPLETE", BALANCED, 0.75))
    first, second, third, last = capsys.readouterr().err.splitlines()
    assert first.startswith("  2/4 trial 1: loss 0.5000 in 2.0 s, best loss 0.5000, about ")
    assert second.startswith("  2/4 trial 2: FAIL: its worker died")
    assert third.startswith("  3/4 trial 2: PRUNED: above the limit")
    assert last == "  4/4 trial 3: loss 0.7500 in 0.0 s, best loss 0.5000"


def test_final_trainings_are_counted_with_the_time_left(capsys: Lines) -> None:
    """Each training has a line, a failed one with its reason; only the last names no time left."""
    curve = LearningCurve(1, (EpochResult(1, 0.5, 0.5, 1.0), EpochResult(2, 0.4, 0.6, 1.0)))
    with TrainingProgress("retrain", [3.0, 1.0]) as progress:
        progress.advance("winner", 0, 3.0, curve)
        progress.advance("minimal", 1, 1.0, "its worker died")
    first, last = capsys.readouterr().err.splitlines()
    assert first.startswith("  1/2 winner, seed 1: best at epoch 1 of 2, about ")
    assert last == "  2/2 minimal, seed 2: failed: its worker died"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (89, "89 s"), (90, "2 min"), (3599, "1 h 0 min"), (5000, "1 h 23 min")],
)
def test_durations_are_said_as_people_say_them(seconds: float, text: str) -> None:
    """Seconds, then minutes, then hours."""
    assert duration(seconds) == text
