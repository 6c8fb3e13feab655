"""Claims about a version's live record: only its own forecasts that came true, as first known."""

import datetime as dt
from dataclasses import replace

import numpy as np
import pytest

from lstm_model.champion.decay import DecayRules
from lstm_model.champion.ledger_entry import Entry, Forecast, Score, link
from lstm_model.champion.live import live_record, watch_live
from lstm_model.evaluation.measured import NotComputed
from lstm_model.model.judged_errors import JudgedErrors
from tests.tasks.champion.test_ledger import forecast

START = dt.date(2026, 1, 1)


def chain(contents: list[Forecast | Score]) -> list[Entry]:
    entries: list[Entry] = []
    for place, content in enumerate(contents):
        moment = dt.datetime(2026, 1, 1) + dt.timedelta(hours=place)
        entries.append(link(entries[-1] if entries else None, content, moment))
    return entries


def made(day: int, value: float, version: int = 1) -> Forecast:
    last = START + dt.timedelta(days=day)
    return replace(
        forecast(version=version), forecast=value, lower=value - 1, upper=value + 1,
        last_bar=last.isoformat(), session=(last + dt.timedelta(days=1)).isoformat(),
    )  # fmt: skip


def night_by_night(values: np.ndarray, truths: np.ndarray) -> list[Entry]:
    forecasts = [made(day, value) for day, value in enumerate(values)]
    scores = [Score(n, truth, "2026-01-01", "") for n, truth in enumerate(truths, start=1)]
    return chain([*forecasts, *scores])


def test_only_what_came_true_of_this_version_counts() -> None:
    """Another version's forecasts and those without a score are left out."""
    entries = chain([made(0, 1.0), made(0, 5.0, version=2), made(1, 2.0),
                     Score(1, 1.5, "2026-01-02", ""), Score(2, 1.5, "2026-01-02", "")])  # fmt: skip
    live = live_record(entries, "lstm-hpo", 1)
    assert live.days.tolist() == [20454]
    assert (live.mse, live.coverage) == (0.25, 1.0)
    assert live_record(entries, "lstm-hpo", 2).coverage == 0.0
    assert isinstance(live.information_coefficient, NotComputed)
    assert isinstance(live_record(entries, "another", 1).mse, NotComputed)


def test_numbers_of_forty_nights() -> None:
    """Error, coverage and rank correlation are those of the forecasts."""
    truths = np.random.default_rng(0).normal(size=40)
    live = live_record(night_by_night(truths + 0.5, truths), "lstm-hpo", 1)
    assert live.mse == pytest.approx(0.25)
    assert (live.coverage, live.information_coefficient) == (1.0, pytest.approx(1.0))
    assert live.errors().errors == pytest.approx(np.full(40, -0.5))


@pytest.mark.parametrize(("size", "alarm"), [(1.0, False), (3.0, True)])
def test_an_alarm_is_on_losses(size: float, alarm: bool) -> None:
    """Errors three times as large as on the test block are an alarm, equal ones are not."""
    draws = np.random.default_rng(3)
    judged = JudgedErrors(np.arange(400), draws.normal(size=400))
    truths = size * draws.normal(size=60)
    live = live_record(night_by_night(np.zeros(60), truths), "lstm-hpo", 1)
    assert watch_live(judged, live, DecayRules()).alarm is alarm
    assert "not watched" in watch_live(None, live, DecayRules()).text
