"""The search under fire: killed and locked out, held against one search that nothing disturbed."""

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.processes import count_trials as count
from tests.processes import wait_until, wait_until_busy, workers_of

from .conftest import LONG, QUICKSTART, Table, give_store, rows_of, runs_by_status, settings_of

pytestmark = pytest.mark.e2e

Search = Callable[..., Any]
_undisturbed: list[Table] = []


@pytest.fixture
def undisturbed(search_alone: Search) -> Table:
    """Run the study that the disturbed ones are held against, once."""
    if not _undisturbed:
        _undisturbed.append(rows_of(search_alone(4, name="fire", folder="undisturbed", **LONG)))
    return _undisturbed[0]


@pytest.mark.parametrize("victim", ["worker", "parent"])
def test_a_killed_process_costs_nothing_but_time(
    victim: str, search_alone: Search, undisturbed: Table, tmp_path: Path, empty_store: Path
) -> None:
    """After kill -9 of a worker or the parent in mid-trial, the next run ends with the total.

    Its table equals an undisturbed study's, and no MLflow run is left RUNNING or finished twice.
    """
    store = tmp_path / "data" / "studies.db"
    with night_caught_in_mid_trial(tmp_path, empty_store) as (process, workers):
        os.kill(process.pid if victim == "parent" else workers[0].pid, signal.SIGKILL)
    if victim == "parent":
        assert "trial" in runs_by_status(tmp_path)["RUNNING"]
        _, alive = psutil.wait_procs(workers, timeout=60)
        assert not alive
    assert count(store, "COMPLETE") < 4

    assert rows_of(search_alone(4, name="fire", **LONG)) == undisturbed
    assert count(store, "COMPLETE") == 4
    assert count(store, "RUNNING") == 0
    by_status = runs_by_status(tmp_path)
    assert "RUNNING" not in by_status
    assert by_status["FINISHED"].count("trial") == 4
    assert "trial" in by_status["FAILED"]


def test_an_interrupt_ends_cleanly_and_the_next_run_goes_on(
    search_alone: Search, undisturbed: Table, tmp_path: Path, empty_store: Path
) -> None:
    """Ctrl-C in mid-trial ends in one line, and leaves nothing RUNNING and nothing half-done."""
    with night_caught_in_mid_trial(tmp_path, empty_store) as (process, _):
        process.send_signal(signal.SIGINT)
        assert process.wait(300) == 130
    last = (tmp_path / "err.txt").read_text().splitlines()[-1]
    assert last.startswith("lstm-hpo: interrupted"), last
    by_status = runs_by_status(tmp_path)
    assert set(by_status) == {"FINISHED", "FAILED"}
    assert set(by_status["FINISHED"]) == {"trial"}
    assert set(by_status["FAILED"]) == {"night", "trial"}

    after = search_alone(4, name="fire", **LONG)
    assert after.resumed_trials >= 2
    assert rows_of(after) == undisturbed


@contextlib.contextmanager
def night_caught_in_mid_trial(
    folder: Path, empty_store: Path
) -> Iterator[tuple["subprocess.Popen[bytes]", list[psutil.Process]]]:
    """Start a night on the session's server, and hand it out with its workers in mid-trial."""
    give_store(folder, empty_store)
    words = [sys.executable, "-m", "flows.cli", "run", "--config", QUICKSTART]
    words += ["--trials", "4", "--study-name", "fire"]
    words += [word for setting in settings_of(folder, LONG) for word in ("--set", setting)]
    store = folder / "data" / "studies.db"
    with (folder / "err.txt").open("w") as err:
        process = subprocess.Popen(
            words, cwd=folder, stdout=err, stderr=err, env=environment_of_server()
        )
    try:
        # The second generation's: by then the workers are warm, and what they do is train.
        wait_until(lambda: count(store, "COMPLETE") >= 2 and count(store, "RUNNING"))
        workers = workers_of(process.pid)
        wait_until_busy(workers[0])
        yield process, workers
        process.wait(300)
    finally:
        process.kill()
        process.wait()


def environment_of_server() -> dict[str, str]:
    """Return the environment of a night that uses the session's Prefect server."""
    from prefect.settings import PREFECT_API_URL

    return os.environ | {"PREFECT_API_URL": str(PREFECT_API_URL.value())}


def test_a_locked_database_is_waited_for(
    search_alone: Search, undisturbed: Table, tmp_path: Path
) -> None:
    """With both SQLite files locked for 30 s in mid-search, nothing is lost.

    MLflow by itself gives up after 20 s.
    """
    (tmp_path / "locked").mkdir()
    stores = [tmp_path / "locked" / "data/studies.db", tmp_path / "locked" / "mlruns/mlflow.db"]
    held: list[tuple[float, int]] = []

    def hold() -> None:
        wait_until(lambda: count(stores[0], "RUNNING"))
        with contextlib.ExitStack() as stack:
            for store in stores:
                database = stack.enter_context(
                    contextlib.closing(sqlite3.connect(store, timeout=60))
                )
                database.execute("begin exclusive")
                if store == stores[0]:
                    counting = "select count(*) from trials where state = 'COMPLETE'"
                    (complete,) = database.execute(counting).fetchone()
            started = time.monotonic()
            time.sleep(30)  # how long it is held is what this test is about
            held.append((time.monotonic() - started, complete))

    thread = threading.Thread(target=hold)
    thread.start()
    study = search_alone(4, name="fire", folder="locked", **LONG)
    thread.join()
    ((seconds, complete),) = held
    assert seconds >= 30
    assert complete < 4
    assert rows_of(study) == undisturbed
