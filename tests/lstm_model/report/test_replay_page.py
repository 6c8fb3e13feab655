"""Claims about a replay's page, text and summary: they say what the scores say."""

import json
import re
from dataclasses import replace

import pytest

from lstm_model.champion.budget import GateRules
from lstm_model.replay.nights import ReplaySamples
from lstm_model.replay.scores import score
from lstm_model.replay.succession import succeed
from lstm_model.replay.summary import Replay, replay_json
from lstm_model.report.replay_page import replay_page
from lstm_model.report.replay_text import replay_text
from tests.lstm_model.replay.conftest import NightMaker, make_night, samples  # noqa: F401


@pytest.fixture(scope="module")
def replay(make_night: NightMaker, samples: ReplaySamples) -> Replay:  # noqa: F811
    """Return four nights, of which the third is promoted and the last has no model."""
    nights = (make_night(200, 1.0), make_night(240, 1.0), make_night(280, 0.4),
              make_night(320, 0.4, failure="it <b>diverged</b>"))  # fmt: skip
    steps = succeed(nights, samples, "log_return", 1, GateRules())
    found = score(nights, steps, samples, "log_return", 1)
    return Replay("<i>s</i>", "log_return", "log return", 1, nights, steps, samples, found, 12.3)


def test_the_page_says_what_the_scores_say(replay: Replay) -> None:
    """Every way's MSE, both promotions and the failed night are there; names are escaped."""
    page = replay_page(replay)
    assert "<i>s</i>" not in page
    assert "<b>diverged</b>" not in page
    assert "no model, because it &lt;b&gt;diverged" in page
    for way in replay.scores.by_arm.values():
        assert f"<td>{way.mse:.5g}</td>" in page
    assert "The gate promoted 2 of 4 nights&#39; models: 2017-02-03, 2017-04-24." in page
    assert re.search(
        r"The procedure&#39;s MSE is \d+\.\d% lower than that of never retrained", page
    )
    outside = re.findall(r'(?:src|href)="(?!#|data:)[^"]+"', page.partition("<script>")[0])
    assert outside == []


def test_a_replay_without_a_champion_has_a_page(
    make_night: NightMaker,  # noqa: F811
    samples: ReplaySamples,  # noqa: F811
) -> None:
    """Nothing is scored, and page and text say why."""
    nights = (make_night(200, 5.0), make_night(240, 5.0))
    steps = succeed(nights, samples, "log_return", 1, GateRules())
    found = score(nights, steps, samples, "log_return", 1)
    none = Replay("s", "log_return", "log return", 1, nights, steps, samples, found, 1.0)
    sentence = "The gate promoted nobody, so the procedure has no forecast."
    assert sentence in replay_page(none)
    assert sentence in replay_text(none)
    assert json.loads(replay_json(none))["scores"]["procedure"]["mse"] is None


def test_the_summary_has_each_night(replay: Replay) -> None:
    """A night's forecast and truth are the procedure's of the morning after it."""
    summary = json.loads(replay_json(replay))
    assert [night["promoted"] for night in summary["nights"]] == [True, False, True, False]
    assert [night["champion"] for night in summary["nights"]] == [
        "2017-02-03", "2017-02-03", "2017-04-24", "2017-04-24"
    ]  # fmt: skip
    assert summary["nights"][3]["outcome"] == "no_model"
    second = summary["nights"][1]
    place = 240
    assert second["truth"] == replay.samples.truth[place]
    assert second["forecast"] == replay.nights[0].forecasts["served"][place]
    panel = replace(replay, samples=replace(replay.samples, tickers=("X",) * 399 + ("Y",)))
    by_ticker = json.loads(replay_json(panel))["nights"][1]["truth"]
    assert by_ticker == {"X": replay.samples.truth[place]}
