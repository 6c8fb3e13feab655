"""A real server, worker and deployment on loopback ports, as the README starts them."""

import datetime as dt
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import mlflow
import pandas as pd
import psutil
import pytest

from lstm_model.data.calendar import last_closed_session
from tests.pipeline.test_forecast import write_bars
from tests.processes import count_trials, wait_until

from .conftest import ROOT, SMALL_SPACE

pytestmark = pytest.mark.e2e
BIN = Path(sys.executable).parent


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, dict[str, str]]]:
    """Copy what a deployment needs, start a server and a worker on it, and end both afterwards."""
    tmp_path = tmp_path_factory.mktemp("site")
    for folder in ("flows", "tasks", "lstm_model", "configs"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    for file in ("prefect.yaml", "prefect.toml"):
        shutil.copy(ROOT / file, tmp_path)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = os.environ | {
        "PREFECT_HOME": str(tmp_path / "prefect-home"),
        "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
    }
    environment.pop("PREFECT_SERVER_ALLOW_EPHEMERAL_MODE", None)
    started = []

    def start(*words: str) -> None:
        with (tmp_path / f"{words[1]}.log").open("w") as log:
            process = subprocess.Popen(
                words, cwd=tmp_path, env=environment, stdout=log, stderr=log, start_new_session=True
            )
        started.append(process)

    try:
        start("prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port))
        wait_for(lambda: httpx.get(f"{environment['PREFECT_API_URL']}/health").is_success, 300)
        prefect(tmp_path, environment, "work-pool", "create", "--type", "process", "lstm-hpo")
        prefect(tmp_path, environment, "--no-prompt", "deploy", "--all")
        start("prefect", "worker", "start", "--pool", "lstm-hpo")
        yield tmp_path, environment
    finally:
        for process in reversed(started):
            os.killpg(process.pid, signal.SIGTERM)
        for process in started:
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait(20)


def wait_for(condition: Callable[[], bool], timeout_seconds: float) -> None:
    deadline = time.monotonic() + timeout_seconds
    while True:
        try:
            if condition():
                return
        except httpx.HTTPError:
            pass
        if time.monotonic() > deadline:
            pytest.fail(f"nothing for {timeout_seconds:g} s")
        time.sleep(1)


def prefect(
    folder: Path, environment: dict[str, str], *words: str
) -> "subprocess.CompletedProcess[str]":
    ended = subprocess.run(
        ["prefect", *words], cwd=folder, env=environment, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended


def test_the_deployment_runs_by_command_and_is_scheduled(
    site: tuple[Path, dict[str, str]],
) -> None:
    """`prefect deployment run --watch` returns 0, and an auto-scheduled run appears."""
    folder, environment = site
    overrides = {
        "search.space": SMALL_SPACE,
        "search.trials": 2,
        "training.epochs": 1,
        "training.retrain.max_epochs": 2,
        "training.retrain.seeds": 1,
        "evaluation.references": 0,
        "windows.length": 20,
        "data.start": "2014-01-01",
    }
    prefect(
        folder, environment, "deployment", "run", "lstm-hpo/daily", "--watch",
        "-p", "config=configs/quickstart.yaml",
        "-p", "study_name=deployed",
        "-p", f"overrides={json.dumps(overrides)}",
    )  # fmt: skip
    runs = runs_of(folder, "deployed")
    roles = sorted(run.data.tags["role"] for run in runs)
    assert roles == ["night", "retrain", "trial", "trial"]
    assert {run.info.status for run in runs} == {"FINISHED"}

    def scheduled() -> bool:
        answer = httpx.post(
            f"{environment['PREFECT_API_URL']}/flow_runs/filter",
            json={"flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}}},
        )
        return any(run["auto_scheduled"] for run in answer.json())

    wait_for(scheduled, 300)
    doctor = subprocess.run(
        ["lstm-hpo", "doctor"], cwd=folder, env=environment, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert doctor.returncode == 0, doctor.stdout + doctor.stderr
    forecast_by_deployment(folder, environment)


def forecast_by_deployment(folder: Path, environment: dict[str, str]) -> None:
    """Run lstm-hpo/forecast twice: it forecasts once, and then has nothing new."""
    today = last_closed_session("XNYS", dt.datetime.now(dt.UTC))
    write_bars(folder / "bars", today, today)
    bars = {"data.source": "csv", "data.csv_dir": "bars", "data.tickers": ["X"], "data.start": None}
    words = [
        "deployment", "run", "lstm-hpo/forecast", "--watch",
        "-p", "config=configs/quickstart.yaml", "-p", f"overrides={json.dumps(bars)}",
    ]  # fmt: skip
    promote = ["lstm-hpo", "champion", "promote", "1", "--why", "test"]
    subprocess.run(promote, cwd=folder, env=environment, check=False)  # the gate may have done it
    prefect(folder, environment, *words)
    (stored,) = (folder / "data" / "forecasts").iterdir()
    assert list(pd.read_parquet(stored)["ticker"]) == ["X"]
    api = environment["PREFECT_API_URL"]
    key = {"artifacts": {"key": {"any_": ["lstm-hpo-forecast"]}}}
    (artifact,) = httpx.post(f"{api}/artifacts/filter", json=key).json()
    assert "% a year" in artifact["data"]
    prefect(folder, environment, *words)
    ended = {"sort": "END_TIME_DESC", "flow_runs": {"state": {"type": {"any_": ["COMPLETED"]}}}}
    found = httpx.post(f"{api}/flow_runs/filter", json=ended).json()
    assert found[0]["state_name"] == "NothingNew"
    assert len(list((folder / "data" / "forecasts").iterdir())) == 1


def test_a_cancelled_run_ends_cleanly_and_the_next_one_goes_on(
    site: tuple[Path, dict[str, str]],
) -> None:
    """Cancelling in Prefect in mid-trial ends every process, and leaves nothing RUNNING.

    The same deployment run again ends with the total, the trial that was cut off included.
    """
    folder, environment = site
    store, api = folder / "data" / "studies.db", environment["PREFECT_API_URL"]
    done = count_trials(store, "COMPLETE")
    overrides = {
        "search.space": SMALL_SPACE,
        "search.trials": 3,
        "search.generation": 1,
        "training.epochs": 200,
        "training.retrain.max_epochs": 2,
        "training.retrain.seeds": 1,
        "evaluation.references": 0,
        "windows.length": 20,
        "data.start": "2014-01-01",
    }
    words = [
        "deployment", "run", "lstm-hpo/daily",
        "-p", "config=configs/quickstart.yaml",
        "-p", "study_name=cancelled",
        "-p", f"overrides={json.dumps(overrides)}",
    ]  # fmt: skip
    started = prefect(folder, environment, *words)
    run_id = re.search(r"UUID: ([0-9a-f-]{36})", started.stdout)
    assert run_id, started.stdout
    wait_until(lambda: count_trials(store, "COMPLETE") > done)
    wait_until(lambda: count_trials(store, "RUNNING"))
    own = [p for p in psutil.process_iter(["environ"]) if run_id[1] in str(p.info["environ"])]
    assert own
    prefect(folder, environment, "flow-run", "cancel", run_id[1])
    _, alive = psutil.wait_procs(own, timeout=300)
    assert not alive
    state = httpx.get(f"{api}/flow_runs/{run_id[1]}").json()["state"]["type"]
    assert state in {"CANCELLED", "CANCELLING"}
    assert "RUNNING" not in {run.info.status for run in runs_of(folder, "cancelled")}

    prefect(folder, environment, *words, "--watch")
    assert count_trials(store, "COMPLETE") == done + 3
    assert count_trials(store, "RUNNING") == 0
    assert "RUNNING" not in {run.info.status for run in runs_of(folder, "cancelled")}


def runs_of(folder: Path, study_name: str) -> list[mlflow.entities.Run]:
    """Return the runs of a study's nights and all below them; tests of a site share its store."""
    client = mlflow.MlflowClient(f"sqlite:///{folder / 'mlruns' / 'mlflow.db'}")
    nights = client.search_runs(["1"], f"tags.study_name = '{study_name}'")
    keys = {night.data.tags.get("study_key") for night in nights}
    return [run for run in client.search_runs(["1"]) if run.data.tags.get("study_key") in keys]


def test_without_a_server_the_doctor_says_what_to_do(tmp_path: Path) -> None:
    """With no server set, the user is told which one to start and which variable to set."""
    (tmp_path / "data").mkdir()
    (tmp_path / "mlruns").mkdir()
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PREFECT_")}
    doctor = subprocess.run(
        [str(BIN / "lstm-hpo"), "doctor"],
        cwd=tmp_path,
        env=environment | {"PREFECT_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert doctor.returncode == 1
    assert "PREFECT_API_URL is not set" in doctor.stdout
    assert "prefect server start" in doctor.stdout
