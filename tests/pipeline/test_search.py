"""The search under fire: killed, cut off, locked out, and asked for everything it offers."""

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import mlflow
import psutil
import pytest
import torch
from prefect import flow

from flows.cli import call, parse_settings
from flows.lstm_hpo import take_snapshot
from lstm_model.config.loader import load_config
from tasks.data.prepare import prepare_data_set
from tasks.search.study import StudyResult, search_hyperparameters
from tasks.search.workers import open_workers
from tasks.tracking.runs import open_night
from tests.processes import count_trials as count
from tests.processes import wait_until, wait_until_busy, workers_of

from .conftest import QUICKSTART, SMALL, Command

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]

LONG = {"training.epochs": "25"}
"""Long enough to be caught in mid-trial."""


def table(summary: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Return the study's table without what a clock says."""
    return [(t["number"], t["state"], t["value"], t["params"]) for t in summary["trials"]]


def command_line(*arguments: str, **changes: str) -> list[str]:
    settings = SMALL | {key.replace("__", "."): value for key, value in changes.items()}
    pairs = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
    return [sys.executable, "-m", "flows.cli", "run", "--config", QUICKSTART, *pairs, *arguments]


def runs_by_status(folder: Path) -> dict[str, list[str]]:
    """Return the MLflow runs' roles by status."""
    client = mlflow.MlflowClient(f"sqlite:///{folder / 'mlruns' / 'mlflow.db'}")
    found: dict[str, list[str]] = {}
    for run in client.search_runs(["1"]):
        found.setdefault(run.info.status, []).append(run.data.tags["role"])
    return {status: sorted(roles) for status, roles in found.items()}


@pytest.fixture(scope="module")
def undisturbed(prefect_server: None, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Run the study that the disturbed ones are held against, once."""
    folder = tmp_path_factory.mktemp("undisturbed")
    words = command_line(
        "--trials", "4", "--study-name", "fire", "--summary", "s.json", **as_words(LONG)
    )
    subprocess.run(words, cwd=folder, check=True, capture_output=True)
    return json.loads((folder / "s.json").read_text())


@pytest.mark.parametrize("victim", ["worker", "parent"])
def test_a_killed_process_costs_nothing_but_time(
    victim: str, lstm_hpo_run: Command, undisturbed: Any, tmp_path: Path
) -> None:
    """After kill -9 of a worker or the parent in mid-trial, the next run ends with the total.

    Its table equals an undisturbed study's, and no MLflow run is left RUNNING or finished twice.
    """
    store = tmp_path / "data" / "studies.db"
    words = command_line("--trials", "4", "--study-name", "fire", **as_words(LONG))
    with (tmp_path / "err.txt").open("w") as err:
        process = subprocess.Popen(words, cwd=tmp_path, stdout=err, stderr=err)
        # The second generation's: by then the workers are warm, and what they do is train.
        wait_until(lambda: (count(store, "COMPLETE"), count(store, "RUNNING")) == (2, 2))
        workers = workers_of(process.pid)
        wait_until_busy(workers[0])
        os.kill(process.pid if victim == "parent" else workers[0].pid, signal.SIGKILL)
        process.wait(120)
    if victim == "parent":
        assert "trial" in runs_by_status(tmp_path)["RUNNING"]
        _, alive = psutil.wait_procs(workers, timeout=20)
        assert not alive
    assert count(store, "COMPLETE") < 4

    after = lstm_hpo_run("--trials", "4", "--study-name", "fire", **as_words(LONG))
    assert after.status == 0, after.err
    assert table(after.summary) == table(undisturbed)
    assert count(store, "COMPLETE") == 4
    assert count(store, "RUNNING") == 0
    by_status = runs_by_status(tmp_path)
    assert "RUNNING" not in by_status
    assert by_status["FINISHED"].count("trial") == 4
    assert "trial" in by_status["FAILED"]


def as_words(settings: dict[str, str]) -> dict[str, str]:
    return {key.replace(".", "__"): value for key, value in settings.items()}


def test_a_locked_database_is_waited_for(
    lstm_hpo_run: Command, undisturbed: Any, tmp_path: Path
) -> None:
    """With both SQLite files locked for 30 s in mid-search, nothing is lost."""
    (tmp_path / "locked").mkdir()
    stores = [tmp_path / "locked" / "data/studies.db", tmp_path / "locked" / "mlruns/mlflow.db"]
    held: list[float] = []

    def hold() -> None:
        wait_until(lambda: count(stores[0], "RUNNING"))
        started = time.monotonic()
        with contextlib.ExitStack() as stack:
            for store in stores:
                database = stack.enter_context(
                    contextlib.closing(sqlite3.connect(store, timeout=60))
                )
                database.execute("begin exclusive")
            time.sleep(30)
        held.append(time.monotonic() - started)

    thread = threading.Thread(target=hold)
    thread.start()
    night = lstm_hpo_run("--trials", "4", "--study-name", "fire", folder="locked", **as_words(LONG))
    thread.join()
    assert night.status == 0, night.err
    assert held[0] >= 30
    assert table(night.summary) == table(undisturbed)


def test_twelve_trials_are_twelve_trials(lstm_hpo_run: Command) -> None:
    """12 trials at once equal 3 + 5 + 1 + 3 after restarts, on 1, 2 and 4 workers, bit for bit."""
    tables = []
    for workers in ("1", "2", "4"):
        night = lstm_hpo_run(
            "--trials", "12", "--study-name", "twelve",
            folder=f"workers-{workers}", search__workers=workers, search__generation="4",
        )  # fmt: skip
        assert night.status == 0, night.err
        tables.append(table(night.summary))
    for total in ("3", "8", "9", "12"):
        night = lstm_hpo_run(
            "--trials", total, "--study-name", "twelve",
            folder="steps", search__generation="4",
        )  # fmt: skip
        assert len(night.summary["trials"]) == int(total)
    tables.append(table(night.summary))
    assert tables[0] == tables[1] == tables[2] == tables[3]
    assert len({str(row[3]) for row in tables[0]}) == 12


def test_the_time_budget_keeps_what_there_is(lstm_hpo_run: Command, tmp_path: Path) -> None:
    """When the budget runs out the trials under way are cut off, and the night ends with a model.

    The next run, given the time, goes on to the total.
    """
    changes = {"search__time_budget_seconds": "30", "training__epochs": "12"}
    night = lstm_hpo_run("--trials", "400", "--study-name", "brief", **changes)
    assert night.status == 0, night.err
    assert "search.time_budget_seconds ran out" in night.err
    done = [row for row in table(night.summary) if row[1] == "COMPLETE"]
    assert 0 < len(done) < 400
    assert "RUNNING" not in runs_by_status(tmp_path)
    more = len(done) + 2
    after = lstm_hpo_run("--trials", str(more), "--study-name", "brief", training__epochs="12")
    assert after.status == 0, after.err
    rows = table(after.summary)
    assert [row[1] for row in rows].count("COMPLETE") == more
    assert [row for row in rows if row[0] in {kept[0] for kept in done}] == done


def test_a_budget_too_short_for_one_trial_is_told(lstm_hpo_run: Command) -> None:
    """Without a single completed trial the night fails in one line that says why."""
    night = lstm_hpo_run("--trials", "4", search__time_budget_seconds="0.5", training__epochs="400")
    assert night.status == 1
    last = night.err.splitlines()[-1]
    assert last.startswith("lstm-hpo: a search needs one completed trial")
    assert "search.time_budget_seconds (0.5) ran out" in last


def test_a_study_of_which_all_trials_fail_is_told(lstm_hpo_run: Command, tmp_path: Path) -> None:
    """Where every trial overruns, the last line says which limit, and each run is kept as FAILED.

    With the limit raised the same study goes on to its total with the same parameters.
    """
    limits = {"search__trial_timeout_seconds": "0.2", "training__epochs": "40"}
    night = lstm_hpo_run("--trials", "2", "--study-name", "slow", **limits)
    assert night.status == 1
    last = night.err.splitlines()[-1]
    assert last.startswith("lstm-hpo: a search needs one completed trial but none of 2 did")
    assert "search.trial_timeout_seconds (0.2)" in last
    assert runs_by_status(tmp_path) == {"FAILED": ["night", "trial", "trial"]}
    store = tmp_path / "data" / "studies.db"
    assert count(store, "FAIL") == 2
    after = lstm_hpo_run("--trials", "2", "--study-name", "slow", training__epochs="40")
    assert after.status == 0, after.err
    assert count(store, "COMPLETE") == 2


def test_a_learning_rate_of_a_thousand_spoils_its_own_trial_alone(lstm_hpo_run: Command) -> None:
    """A configuration that diverges is pruned or loses; the night ends with another's model."""
    choices = {"lr": [0.001, 1000.0], "batch_size": [64, 128], "hidden_size": [8]}
    space = json.dumps({k: {"type": "categorical", "choices": v} for k, v in choices.items()})
    night = lstm_hpo_run(
        "--trials", "4", "--study-name", "hot",
        search__space=space, search__sampler="grid", search__examples="0",
    )  # fmt: skip
    assert night.status == 0, night.err
    assert "Traceback" not in night.err
    tried = {row["params"]["lr"] for row in night.summary["trials"]}
    assert tried == {0.001, 1000.0}
    assert night.summary["best"]["params"]["lr"] == 0.001


VARIANTS: dict[str, dict[str, str]] = {
    "asynchronous": {"search__generation": "null"},
    "gp": {"search__sampler": "gp", "search__startup_trials": "2"},
    "cmaes": {"search__sampler": "cmaes"},
    "qmc": {"search__sampler": "qmc"},
    "grid": {"search__sampler": "grid"},
    "random": {"search__sampler": "random"},
    "seeds": {"search__objective": "seeds", "search__seeds": "2"},
    "walk forward": {"search__objective": "walk_forward", "search__pruner": "wilcoxon"},
    "median": {"search__pruner": "median", "training__epochs": "5"},
    "hyperband": {"search__pruner": "hyperband", "training__epochs": "5"},
    "best epoch": {"search__objective_epoch": "best"},
    "examples": {"search__examples": "5"},
}


@flow(name="searches", validate_parameters=False)
def search_in_turn(searches: list[tuple[str, int]], changes: dict[str, str]) -> list[StudyResult]:
    """Run the night as far as its search, once for each (folder, total), on the same workers."""
    found = []
    words = [f"{key.replace('__', '.')}={value}" for key, value in (SMALL | changes).items()]
    with open_workers(load_config(QUICKSTART, parse_settings(words))) as workers:
        for folder, total in searches:
            own = [f"search.trials={total}", f"search.storage=sqlite:///{folder}/studies.db"]
            settings = load_config(QUICKSTART, parse_settings(words + own))
            data_set = prepare_data_set(take_snapshot(settings), settings)
            with open_night(settings, "way") as night:
                found.append(search_hyperparameters(settings, data_set, "way", night, workers))
    return found


@pytest.mark.parametrize("name", VARIANTS)
def test_every_way_to_search_runs_and_resumes(
    name: str, prefect_server: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each sampler, pruner and objective reaches its total, in two calls as in one."""
    monkeypatch.chdir(tmp_path)
    part, resumed, whole = search_in_turn([("a", 3), ("a", 5), ("b", 5)], VARIANTS[name])
    assert len(part.trials) == resumed.resumed_trials == 3
    finished = [row for row in resumed.trials if row.state in {"COMPLETE", "PRUNED"}]
    assert len(finished) == 5
    if name != "asynchronous":
        tables = [
            [(row.number, row.state, row.value, row.params) for row in study.trials]
            for study in (resumed, whole)
        ]
        assert tables[0] == tables[1]


def test_loss_and_seconds_give_a_front(lstm_hpo_run: Command) -> None:
    """With two things to minimise the front is reported, and the chosen trial lies on it."""
    night = lstm_hpo_run("--trials", "5", search__minimise="[loss, seconds]")
    assert night.status == 0, night.err
    front = night.summary["front"]
    rows = {t["number"]: t for t in night.summary["trials"]}
    seconds = [rows[number]["seconds"] for number in front]
    losses = [rows[number]["value"] for number in front]
    assert seconds == sorted(seconds)
    assert losses == sorted(losses, reverse=True)
    best = min(rows.values(), key=lambda row: row["value"])
    chosen = rows[night.summary["best"]["number"]]
    assert chosen["value"] <= best["value"] + best["standard_error"]
    assert chosen["seconds"] <= best["seconds"]


def test_a_warm_start_tries_last_nights_best_on_todays_data(lstm_hpo_run: Command) -> None:
    """The best two of the last study of the same space come first, and are scored anew."""
    first = lstm_hpo_run("--trials", "4", "--study-name", "warm")
    ranked = sorted(first.summary["trials"], key=lambda t: t["value"])[:2]
    second = lstm_hpo_run(
        "--trials", "3", "--study-name", "warm",
        data__start="2011-06-01", search__warm_start="2", search__examples="0",
    )  # fmt: skip
    assert second.status == 0, second.err
    tried = second.summary["trials"]
    assert [t["params"] for t in tried[:2]] == [t["params"] for t in ranked]
    assert [t["value"] for t in tried[:2]] != [t["value"] for t in ranked]


def replayed(words: list[str], capfd: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    status = call(["replay-trial", *words])
    out, err = capfd.readouterr()
    return status, out, err


def test_a_trial_trains_again_to_the_same_loss(
    lstm_hpo_run: Command, capfd: pytest.CaptureFixture[str]
) -> None:
    """From the record alone a trial gives its loss again, with its prepared data deleted too.

    A record that does not fit ends with 1 and the drift; a trial that is not there with 2.
    """
    night = lstm_hpo_run("--trials", "3", "--study-name", "again", search__pruner="median")
    value = night.summary["trials"][2]["value"]
    for prepared in Path("data/processed").iterdir():
        prepared.unlink()
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
    assert "'nonesuch' names 0; there are: again@" in err

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
