"""Claims about a replay's scores: each morning is forecast by the model in charge, for all ways."""

import numpy as np
import pytest

from lstm_model.champion.budget import GateRules
from lstm_model.evaluation.measured import NotComputed
from lstm_model.replay.nights import SERVED, ReplayNight, ReplaySamples
from lstm_model.replay.scores import PROCEDURE, score
from lstm_model.replay.succession import succeed

from .conftest import NightMaker


@pytest.fixture(scope="module")
def nights(make_night: NightMaker) -> list[ReplayNight]:
    """Return a champion, one that stays out, one that takes its place, and none at last."""
    return [make_night(200, 1.0), make_night(240, 1.0), make_night(280, 0.4),
            make_night(320, 0.4, failure="it diverged")]  # fmt: skip


def test_each_way_has_its_own_model_in_charge(
    nights: list[ReplayNight], samples: ReplaySamples
) -> None:
    """Champion, newest night and first night forecast the mornings that are theirs."""
    steps = succeed(nights, samples, "log_return", 1, GateRules())
    assert [step.champion for step in steps] == [0, 0, 2, 2]
    found = score(nights, steps, samples, "log_return", 1)
    days = samples.days[found.samples]
    assert days.tolist() == samples.days[200:-1].tolist()
    places = np.searchsorted(samples.days, days)
    charge = {
        PROCEDURE: np.where(days < nights[2].day, 0, 2),
        "no_gate": np.searchsorted([240, 280], places, side="right"),
        "never_retrained": np.zeros(len(days), dtype=int),
    }
    for name, who in charge.items():
        expected = [nights[k].forecasts[SERVED][p] for k, p in zip(who, places, strict=True)]
        assert found.forecasts[name].tolist() == expected
    assert set(found.by_arm) == {
        "procedure", "judged_twin", "no_gate", "no_search", "never_retrained", "train_mean"
    }  # fmt: skip
    ours = found.by_arm[PROCEDURE]
    assert ours.mse == pytest.approx(found.squared_errors[PROCEDURE].mean())
    assert isinstance(ours.qlike, NotComputed)
    assert ours.mse < found.by_arm["never_retrained"].mse < found.by_arm["train_mean"].mse


def test_without_a_champion_no_morning_is_scored(
    make_night: NightMaker, samples: ReplaySamples
) -> None:
    """A procedure that promotes nobody has no forecast, so nothing is compared with it."""
    nights = [make_night(200, 5.0), make_night(240, 5.0)]
    steps = succeed(nights, samples, "log_return", 1, GateRules())
    assert not len(score(nights, steps, samples, "log_return", 1).days)
