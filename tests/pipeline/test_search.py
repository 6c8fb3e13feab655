"""The search: asked for everything it offers, cut off, resumed and made again."""

import contextlib
import json
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from flows.cli import call
from tests.processes import count_trials as count

from .conftest import LONG, Command, rows_of, runs_by_status

pytestmark = pytest.mark.e2e

Search = Callable[..., Any]


def test_twelve_trials_are_twelve_trials(search_alone: Search) -> None:
    """12 trials at once equal 3 + 5 + 1 + 3 after restarts, on 1, 2 and 4 workers, bit for bit."""
    tables = []
    for workers in ("1", "2", "4"):
        study = search_alone(
            12, folder=f"workers-{workers}", search__workers=workers, search__generation="4"
        )
        tables.append(rows_of(study))
    for total in (3, 8, 9, 12):
        study = search_alone(total, folder="steps", search__generation="4")
        assert len(study.trials) == total
    tables.append(rows_of(study))
    assert tables[0] == tables[1] == tables[2] == tables[3]
    assert len({row[3] for row in tables[0]}) == 12


def test_the_time_budget_keeps_what_there_is(
    search_alone: Search, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: Any
) -> None:
    """When the budget runs out the trials under way are cut off, and what is complete is kept.

    The next run, given the time, goes on to the total.
    """
    store = tmp_path / "data" / "studies.db"

    def runs_out_in_the_second_generation(_: float) -> float | None:
        return 0.0 if count(store, "COMPLETE") >= 2 and count(store, "RUNNING") == 2 else None

    with monkeypatch.context() as clock:
        clock.setattr("tasks.search.study._seconds_until", runs_out_in_the_second_generation)
        study = search_alone(400, search__time_budget_seconds="3600", **LONG)
    assert "search.time_budget_seconds ran out; 2 trials were cut off" in capfd.readouterr().err
    done = [row for row in rows_of(study) if row[1] == "COMPLETE"]
    assert len(done) == 2
    assert "RUNNING" not in runs_by_status(tmp_path)
    rows = rows_of(search_alone(4, **LONG))
    assert [row[1] for row in rows] == ["COMPLETE"] * 4
    assert rows[:2] == done


def test_a_budget_too_short_for_one_trial_is_told(lstm_hpo_run: Command) -> None:
    """Without a single completed trial the night fails in one line that says why."""
    night = lstm_hpo_run(
        "--trials", "4", search__time_budget_seconds="0.5", training__epochs="9999"
    )
    assert night.status == 1
    last = night.err.splitlines()[-1]
    assert last.startswith("lstm-hpo: a search needs a completed trial")
    assert "search.time_budget_seconds (0.5) ran out" in last


def test_a_study_of_which_all_trials_fail_is_told(
    lstm_hpo_run: Command, search_alone: Search, tmp_path: Path
) -> None:
    """Where every trial overruns, the last line says which limit, and each run is kept as FAILED.

    With the limit raised the same study goes on to its total with the same parameters.
    """
    limits = {"search__trial_timeout_seconds": "0.2", **LONG}
    night = lstm_hpo_run("--trials", "2", "--study-name", "slow", **limits)
    assert night.status == 1
    last = night.err.splitlines()[-1]
    assert last.startswith("lstm-hpo: a search needs a completed trial but none of 2 completed")
    assert "search.trial_timeout_seconds (0.2)" in last
    assert runs_by_status(tmp_path) == {"FAILED": ["night", "trial", "trial"]}
    store = tmp_path / "data" / "studies.db"
    assert count(store, "FAIL") == 2
    study = search_alone(2, name="slow", **LONG)
    assert [trial.state for trial in study.trials] == ["COMPLETE"] * 2
    assert count(store, "COMPLETE") == 2


def test_a_learning_rate_of_a_thousand_spoils_its_own_trial_alone(search_alone: Search) -> None:
    """A configuration that diverges is pruned or loses; the search ends with another."""
    choices = {"lr": [0.001, 1000.0], "batch_size": [64, 128], "hidden_size": [8]}
    space = json.dumps({k: {"type": "categorical", "choices": v} for k, v in choices.items()})
    study = search_alone(4, search__space=space, search__sampler="grid", search__examples="0")
    assert {trial.params.lr for trial in study.trials} == {0.001, 1000.0}
    assert study.best_params.lr == 0.001


VARIANTS: dict[str, dict[str, str]] = {
    "asynchronous": {"search__generation": "null"},
    "walk forward": {
        "search__objective": "walk_forward",
        "search__pruner": "wilcoxon",
        "search__sampler": "gp",
        "search__startup_trials": "2",
    },
    "seeds": {"search__objective": "seeds", "search__seeds": "2", "search__sampler": "cmaes"},
    "best epoch": {
        "search__objective_epoch": "best",
        "search__pruner": "hyperband",
        "search__examples": "5",
        "training__epochs": "5",
    },
}
"""Every objective, a pruner of each kind, and both samplers that learn beside the default."""


@pytest.mark.parametrize("name", VARIANTS)
def test_every_way_to_search_runs_and_resumes(name: str, search_alone: Search) -> None:
    """Each objective with its pruner and sampler reaches its total, in two calls as in one."""
    changes = VARIANTS[name]
    part, resumed, whole = (
        search_alone(total, folder=folder, **changes)
        for folder, total in (("a", 3), ("a", 5), ("b", 5))
    )
    assert len(part.trials) == resumed.resumed_trials == 3
    assert [trial.state in {"COMPLETE", "PRUNED"} for trial in resumed.trials] == [True] * 5
    if name != "asynchronous":
        assert rows_of(resumed) == rows_of(whole)


def test_loss_and_seconds_give_a_front(search_alone: Search) -> None:
    """With two things to minimise the front is reported, and the chosen trial lies on it."""
    study = search_alone(5, search__minimise="[loss, seconds]")
    trials = {trial.number: trial for trial in study.trials}
    seconds = [trials[number].seconds for number in study.front]
    losses = [trials[number].loss for number in study.front]
    assert seconds == sorted(seconds)
    assert losses == sorted(losses, reverse=True)
    best = min(study.trials, key=lambda trial: trial.loss)
    chosen = trials[study.best.number]
    assert chosen.loss <= best.loss + best.standard_error
    assert chosen.seconds <= best.seconds


def test_a_warm_start_tries_last_nights_best_on_todays_data(search_alone: Search) -> None:
    """The best two of the last study of the same space come first, and are scored anew."""
    first = search_alone(4, name="warm")
    ranked = sorted(first.trials, key=lambda trial: trial.loss)[:2]
    second = search_alone(
        3, name="warm",
        data__start="2013-06-01", search__warm_start="2", search__examples="0",
    )  # fmt: skip
    tried = second.trials[:2]
    assert [trial.params for trial in tried] == [trial.params for trial in ranked]
    assert [trial.loss for trial in tried] != [trial.loss for trial in ranked]


def test_the_same_name_on_other_data_says_so(search_alone: Search, capfd: Any) -> None:
    """A study's name on other bars starts a new study, and the user is told."""
    search_alone(1, name="twice")
    assert "exists on other data" not in capfd.readouterr().err
    search_alone(1, name="twice", data__start="2013-06-01")
    assert "study twice exists on other data" in capfd.readouterr().err


def replayed(words: list[str], capfd: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    status = call(["replay-trial", *words])
    out, err = capfd.readouterr()
    return status, out, err


def test_a_trial_trains_again_to_the_same_loss(
    search_alone: Search, capfd: pytest.CaptureFixture[str]
) -> None:
    """From the record alone a trial gives its loss again, with its prepared data deleted too.

    A record that does not fit ends with 1 and the drift; a trial that is not there with 2.
    """
    value = search_alone(3, name="again", search__pruner="median").trials[2].loss
    for prepared in Path("data/processed").iterdir():
        shutil.rmtree(prepared)
    status, out, err = replayed(["again", "2"], capfd)
    assert status == 0, err
    assert out.count(repr(value)) == 2
    assert f"instructions {torch.backends.cpu.get_cpu_capability()}, onednn " in out
    assert "nothing changed: lstm-hpo " in out
    assert out.endswith("identical\n")

    status, _, err = replayed(["again", "7"], capfd)
    assert (status, err.count("\n")) == (2, 1)
    assert "has none with number 7" in err
    status, _, err = replayed(["nonesuch", "0"], capfd)
    assert status == 2
    assert "'nonesuch' is that of 0; choose from: again@" in err

    with contextlib.closing(sqlite3.connect("data/studies.db")) as database:
        database.execute("update trial_values set value = value + 1e-15")
        database.execute(
            'update trial_user_attributes set value_json = replace(value_json, \'"torch": "\', '
            "'\"torch\": \"0.') where key = 'environment'"
        )
        database.commit()
    status, _, err = replayed(["again", "2"], capfd)
    assert status == 1
    assert "must give the recorded loss but differs" in err
    assert "changed since: torch 0." in err
