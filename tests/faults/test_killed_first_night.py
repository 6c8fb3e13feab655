"""A first night that is killed: what it leaves, and what the same command then comes to.

These nights have no server but the one they start for themselves, as a user's first night has.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.pipeline.conftest import QUICKSTART, SMALL
from tests.processes import count_trials, wait_until

pytestmark = pytest.mark.e2e
DELAYS = (6, 9, 12, 16, 22, 30)
"""Seconds after which a night is killed: its imports, its server, its stores, its first trials."""


class Nights:
    """The same command, run in one folder again and again."""

    def __init__(self, folder: Path, **changes: str) -> None:
        self.folder = folder
        settings = SMALL | {key.replace("__", "."): value for key, value in changes.items()}
        pairs = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
        self.words = [
            sys.executable, "-m", "flows.cli", "run", "--config", QUICKSTART,
            "--study-name", "first", "--summary", "summary.json", *pairs,
        ]  # fmt: skip
        kept = {k: v for k, v in os.environ.items() if not k.startswith("PREFECT_")}
        self.environment = kept | {
            "PREFECT_HOME": str(folder / "prefect-home"),
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        }
        folder.mkdir()

    def start(self) -> "subprocess.Popen[bytes]":
        """Start a night; what it says is added to one log."""
        with (self.folder / "log.txt").open("a") as log:
            return subprocess.Popen(
                self.words, cwd=self.folder, env=self.environment, stdout=log, stderr=log
            )

    def kill(self, night: "subprocess.Popen[bytes]") -> list[psutil.Process]:
        """Kill a night with -9, wait until all that it had started is gone, and return that."""
        started = psutil.Process(night.pid).children(recursive=True)
        os.kill(night.pid, signal.SIGKILL)
        night.wait()
        _, alive = psutil.wait_procs(started, timeout=20)
        assert not alive
        return started

    def run_to_the_end(self) -> dict[str, Any]:
        """Run a night undisturbed and return its summary."""
        with self.start() as night:
            assert night.wait(280) == 0, self.said()
        return dict(json.loads((self.folder / "summary.json").read_text()))

    def said(self) -> str:
        """Return what all nights said."""
        return (self.folder / "log.txt").read_text()


def table(summary: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Return the study's table without what a clock says."""
    return [(t["number"], t["state"], t["value"], t["params"]) for t in summary["trials"]]


@pytest.mark.timeout(400)
def test_a_first_night_killed_while_it_makes_its_store_costs_nothing(tmp_path: Path) -> None:
    """After kill -9 while MLflow makes its tables no server and no torn store are left.

    The same command then ends with its total.
    """
    nights = Nights(tmp_path / "nights", search__trials="2")
    night = nights.start()
    store = nights.folder / "mlruns" / "mlflow.db"
    wait_until((store.parent / ".mlflow.db.making").exists)
    assert any("create_app" in " ".join(p.cmdline()) for p in psutil.Process(night.pid).children())
    nights.kill(night)
    summary = nights.run_to_the_end()
    assert [row[1] for row in table(summary)] == ["COMPLETE"] * 2
    assert not list(store.parent.glob("*.torn-*"))
    assert "set aside" not in nights.said()


def kill_by_the_clock(nights: Nights) -> None:
    """Kill the command after each delay in turn, wherever it may be by then."""
    for delay in DELAYS:
        night = nights.start()
        try:
            night.wait(delay)
        except subprocess.TimeoutExpired:
            nights.kill(night)


def kill_at_each_step(nights: Nights) -> None:
    """Kill the command as soon as it has come to each step in turn, however fast the machine is."""
    runs, studies = nights.folder / "mlruns", nights.folder / "data" / "studies.db"
    steps: tuple[Callable[[], object], ...] = (
        (runs / ".mlflow.db.making").exists,
        (runs / "mlflow.db").exists,
        studies.exists,
        lambda: count_trials(studies, "RUNNING"),
        lambda: count_trials(studies, "COMPLETE"),
    )
    for reached in steps:
        night = nights.start()
        wait_until(reached)
        assert night.poll() is None, nights.said()
        nights.kill(night)


LONGER = {"search__trials": "4", "training__epochs": "12"}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Run the night that the killed ones are held against, once."""
    return Nights(tmp_path_factory.mktemp("undisturbed") / "nights", **LONGER).run_to_the_end()


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("kill", [kill_by_the_clock, kill_at_each_step])
def test_a_first_night_killed_again_and_again_equals_an_undisturbed_one(
    kill: Callable[[Nights], None], tmp_path: Path, undisturbed: dict[str, Any]
) -> None:
    """Killed five or six times in one folder, the command ends with its exact total and table."""
    nights = Nights(tmp_path / "nights", **LONGER)
    kill(nights)
    summary = nights.run_to_the_end()
    assert table(summary) == table(undisturbed)
    assert len(table(summary)) == 4
    store = nights.folder / "data" / "studies.db"
    assert (count_trials(store, "COMPLETE"), count_trials(store, "RUNNING")) == (4, 0)
    assert not list(nights.folder.glob("*/*.torn-*"))
