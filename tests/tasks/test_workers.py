"""Real worker processes: what they run, what they know, and what their death costs."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from lstm_model.split import Rows
from lstm_model.training import TrainingSettings
from tasks.data_set import save_rows
from tasks.trial import TrialOrder, TrialOutcome, run_trial
from tasks.workers import TrialExecutor

PARAMS = {"hidden_size": 8, "num_layers": 1, "dropout": 0.1, "lr": 1e-3, "batch_size": 32}


@pytest.fixture(scope="module")
def search_path(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Store a small data set of noise as the search gets it."""
    generator = np.random.default_rng(0)
    count, length = 400, 20
    rows = Rows(
        tickers=("X",),
        feature_names=("a", "b"),
        window_length=length,
        ticker_of_row=np.zeros(count, dtype=np.int64),
        dates=np.arange(count),
        features=generator.normal(size=(count, 2)).astype(np.float32),
        labels=generator.normal(size=count),
        label_ends=np.arange(count) + 1,
        last_values=np.zeros(count),
        har_terms=np.empty((count, 0)),
    )
    path = tmp_path_factory.mktemp("data") / "search.safetensors"
    save_rows(path, rows, {"train": np.arange(19, 300), "validation": np.arange(301, 400)})
    return str(path)


def order(number: int, search_path: str, epochs: int = 2) -> TrialOrder:
    return TrialOrder(number, PARAMS, search_path, epochs, TrainingSettings(7, 1.0))


def workers_of(parent: int) -> list[int]:
    """Return the worker processes of a process."""
    listed = subprocess.run(
        ["ps", "-ww", "-o", "pid=,args=", "--ppid", str(parent)],
        capture_output=True, text=True, check=False,
    ).stdout  # fmt: skip
    return [int(line.split()[0]) for line in listed.splitlines() if "spawn_main" in line]


def wait_until(condition: Callable[[], object], timeout_seconds: float) -> bool:
    deadline = time.monotonic() + timeout_seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.1)
    return bool(condition())


def losses(outcome: TrialOutcome) -> list[float]:
    return [epoch.validation_loss for epoch in outcome.parts[0]]


def test_a_worker_returns_what_the_same_trial_gives_here(search_path: str) -> None:
    """A trial in a worker equals the same trial in this process, bit for bit."""
    with TrialExecutor(1, timeout_seconds=120) as executor:
        there = executor.run(order(0, search_path))
    assert there.state == "COMPLETE"
    assert losses(there) == losses(run_trial(order(0, search_path)))


@pytest.mark.skipif(sys.platform != "linux", reason="finds workers by Linux's ps")
def test_a_killed_worker_costs_its_own_trial_alone(search_path: str) -> None:
    """A worker that is killed in mid-trial fails that trial; the next ones run on."""
    with TrialExecutor(1, timeout_seconds=120) as executor:
        assert executor.run(order(0, search_path)).state == "COMPLETE"
        (worker,) = workers_of(os.getpid())
        killer = threading.Timer(1.0, os.kill, (worker, signal.SIGKILL))
        killer.start()
        killed = executor.run(order(1, search_path, epochs=100_000))
        killer.join()
        assert (killed.state, killed.parts) == ("FAIL", ())
        assert "died" in killed.reason
        assert executor.run(order(2, search_path)).state == "COMPLETE"
    assert wait_until(lambda: not workers_of(os.getpid()), 10)


def test_a_trial_past_its_time_is_ended(search_path: str) -> None:
    """A trial that runs past the limit fails with the limit's name and value."""
    with TrialExecutor(1, timeout_seconds=6) as executor:
        late = executor.run(order(0, search_path, epochs=1_000_000))
    assert late.state == "FAIL"
    assert "search.trial_timeout_seconds (6)" in late.reason


def test_an_error_in_a_trial_is_that_trials_outcome(tmp_path: Path) -> None:
    """A trial that cannot read its data fails with the reason, and the executor lives on."""
    with TrialExecutor(1, timeout_seconds=120) as executor:
        failed = executor.run(order(0, str(tmp_path / "none.safetensors")))
    assert failed.state == "FAIL"
    assert "none.safetensors" in failed.reason


@pytest.mark.skipif(sys.platform != "linux", reason="finds workers by Linux's ps")
def test_no_worker_outlives_a_killed_parent(search_path: str, tmp_path: Path) -> None:
    """After kill -9 of the parent in mid-trial its workers end by themselves."""
    code = (
        "import sys\n"
        "from tasks.trial import TrialOrder\n"
        "from tasks.workers import TrialExecutor\n"
        "from lstm_model.training import TrainingSettings\n"
        "if __name__ == '__main__':\n"
        "    import threading, time\n"
        f"    order = TrialOrder(0, {PARAMS!r}, {search_path!r}, 10**6, TrainingSettings(7, 1.0))\n"
        "    executor = TrialExecutor(1, 600)\n"
        "    threading.Thread(target=executor.run, args=[order], daemon=True).start()\n"
        "    time.sleep(600)\n"
    )
    script = tmp_path / "parent.py"
    script.write_text(code)
    parent = subprocess.Popen([sys.executable, str(script)])
    assert wait_until(lambda: workers_of(parent.pid), 60)
    (worker,) = workers_of(parent.pid)
    time.sleep(4)  # the worker has imported torch and is training
    parent.kill()
    parent.wait()
    assert wait_until(lambda: not alive(worker), 10)


def alive(pid: int) -> bool:
    state = subprocess.run(
        ["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False
    ).stdout.strip()
    return bool(state) and not state.startswith("Z")
