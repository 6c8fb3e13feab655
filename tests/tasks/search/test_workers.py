"""Real worker processes: what they run, what they know, and what their death costs."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch

from lstm_model.data.views import Rows, SearchView
from lstm_model.model.training import TrainingSettings
from lstm_model.search.hyper_params import HyperParams
from tasks.search.trial import TrialResult, TrialSpec, run_trial
from tasks.search.workers import WORKER_THREADS, TrialExecutor, WorkerFailed
from tasks.training.final_training import FinalSpec, train_final
from tests.processes import wait_until, wait_until_busy, workers_of
from tests.views import store_view

pytestmark = pytest.mark.process

Workers = Callable[[], list[psutil.Process]]

PARAMS = HyperParams(hidden_size=8, num_layers=1, dropout=0.1, lr=1e-3, batch_size=32)


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
        log_returns=np.zeros(count),
    )
    view = SearchView(rows, train=np.arange(19, 300), validation=np.arange(301, 400))
    return store_view(tmp_path_factory.mktemp("data") / "search", view)


def spec(number: int, search_path: str, epochs: int = 2) -> TrialSpec:
    return TrialSpec(number, PARAMS, search_path, epochs, TrainingSettings(7, 1.0))


def final_spec(search_path: str, weights: Path, lr: float = 1e-3) -> FinalSpec:
    return FinalSpec(
        params=replace(PARAMS, lr=lr),
        search_path=search_path,
        settings=TrainingSettings(7, 1.0),
        max_epochs=3,
        trial_epochs=2,
        patience=2,
        refit=False,
        weights_path=str(weights),
    )


@pytest.fixture
def own_workers() -> Workers:
    """Find the workers that a test has started: others of this process live for its session."""
    before = set(workers_of(os.getpid()))
    return lambda: [worker for worker in workers_of(os.getpid()) if worker not in before]


def kill_when_busy(worker: psutil.Process) -> None:
    wait_until_busy(worker)
    worker.kill()


def losses(result: TrialResult) -> list[float]:
    return [epoch.validation_loss for epoch in result.parts[0]]


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Compute here as a worker does: how a sum is shared among threads decides its last digits."""
    before = torch.get_num_threads()
    torch.set_num_threads(WORKER_THREADS)
    yield
    torch.set_num_threads(before)


def test_a_worker_returns_what_the_same_trial_gives_here(
    search_path: str, one_thread: None
) -> None:
    """A trial in a worker equals the same trial in this process on one thread, bit for bit."""
    with TrialExecutor(1, timeout_seconds=600) as executor:
        there = executor.run(spec(0, search_path))
    assert there.trial.state == "COMPLETE"
    assert losses(there) == losses(run_trial(spec(0, search_path)))


def test_a_killed_worker_costs_its_own_trial_alone(search_path: str, own_workers: Workers) -> None:
    """A worker that is killed in mid-trial fails that trial; the next ones run on."""
    with TrialExecutor(1, timeout_seconds=600) as executor:
        assert executor.run(spec(0, search_path)).trial.state == "COMPLETE"
        (worker,) = own_workers()
        killer = threading.Thread(target=kill_when_busy, args=[worker])
        killer.start()
        killed = executor.run(spec(1, search_path, epochs=100_000))
        killer.join()
        assert (killed.trial.state, killed.parts) == ("FAIL", ())
        assert "died" in killed.trial.reason
        assert executor.run(spec(2, search_path)).trial.state == "COMPLETE"
    wait_until(lambda: not own_workers())


@pytest.mark.skipif(sys.platform != "linux", reason="prlimit is for Linux")
def test_a_worker_short_of_memory_costs_its_own_trial_alone(
    search_path: str, own_workers: Workers
) -> None:
    """A trial that needs more memory than there is fails with what to lower; its worker lives."""
    import resource

    with TrialExecutor(1, timeout_seconds=600) as executor:
        assert executor.run(spec(0, search_path)).trial.state == "COMPLETE"
        (worker,) = own_workers()
        limit = worker.memory_info().vms + 64 * 2**20
        resource.prlimit(worker.pid, resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
        wide = replace(spec(1, search_path), params=replace(PARAMS, hidden_size=4096))
        failed = executor.run(wide).trial
        assert (failed.state, failed.loss) == ("FAIL", None)
        assert "its worker ran out of memory" in failed.reason
        assert "search.space.hidden_size" in failed.reason
        assert executor.run(spec(2, search_path)).trial.state == "COMPLETE"
        assert own_workers() == [worker]


def test_a_trial_past_its_time_is_ended(search_path: str) -> None:
    """A trial that runs past the limit fails with the limit's name and value."""
    with TrialExecutor(1, timeout_seconds=6) as executor:
        late = executor.run(spec(0, search_path, epochs=1_000_000)).trial
    assert late.state == "FAIL"
    assert "search.trial_timeout_seconds (6)" in late.reason


def test_a_cut_off_ends_trials_that_come_later_too(search_path: str) -> None:
    """After a cut-off no trial begins, also one that was on its way when it came."""
    with TrialExecutor(1, timeout_seconds=600) as executor:
        executor.cut_off("the budget ran out")
        late = executor.run(spec(0, search_path, epochs=1_000_000)).trial
    assert (late.state, late.reason) == ("FAIL", "the budget ran out")


def test_an_error_in_a_trial_is_that_trials_result(tmp_path: Path) -> None:
    """A trial that cannot read its data fails with the reason, and the executor lives on."""
    with TrialExecutor(1, timeout_seconds=600) as executor:
        failed = executor.run(spec(0, str(tmp_path / "nothing"))).trial
    assert failed.state == "FAIL"
    assert "nothing" in failed.reason


def test_a_worker_has_one_thread() -> None:
    """A worker computes on the threads that a trial's record names, whatever this process has."""
    with TrialExecutor(1, timeout_seconds=600) as executor:
        assert executor.call(eval, "__import__('torch').get_num_threads()") == WORKER_THREADS == 1


def test_after_a_cut_off_other_trainings_may_follow(
    search_path: str, tmp_path: Path, one_thread: None
) -> None:
    """A search that ran out of time leaves its workers to the final trainings, which have no limit.

    What is trained there equals the same training here on one thread, bit for bit.
    """
    final = final_spec(search_path, tmp_path / "there.safetensors")
    with TrialExecutor(1, timeout_seconds=600) as executor:
        executor.cut_off("the budget ran out")
        executor.go_on()
        there = executor.call(train_final, final)
    here = train_final(replace(final, weights_path=str(tmp_path / "here.safetensors")))
    ours, theirs = (
        [epoch.validation_loss for epoch in found.curve.epochs] for found in (here, there)
    )
    assert ours == theirs
    np.testing.assert_array_equal(there.validation, here.validation)
    assert (tmp_path / "there.safetensors").read_bytes() == (
        tmp_path / "here.safetensors"
    ).read_bytes()


def test_a_final_training_that_fails_says_why(search_path: str, tmp_path: Path) -> None:
    """What goes wrong in a worker comes back as one reason."""
    wild = final_spec(search_path, tmp_path / "weights.safetensors", lr=1e30)
    with (
        TrialExecutor(1, timeout_seconds=600) as executor,
        pytest.raises(WorkerFailed, match="loss must be finite"),
    ):
        executor.call(train_final, wild)
    assert not (tmp_path / "weights.safetensors").exists()


def test_no_worker_outlives_a_killed_parent(search_path: str, tmp_path: Path) -> None:
    """After kill -9 of the parent in mid-trial its workers end by themselves."""
    code = (
        "import sys\n"
        "from tasks.search.trial import TrialSpec\n"
        "from tasks.search.workers import TrialExecutor\n"
        "from lstm_model.model.training import TrainingSettings\n"
        "from lstm_model.search.hyper_params import HyperParams\n"
        "if __name__ == '__main__':\n"
        "    import threading, time\n"
        f"    spec = TrialSpec(0, {PARAMS!r}, {search_path!r}, 10**6, TrainingSettings(7, 1.0))\n"
        "    executor = TrialExecutor(1, 600)\n"
        "    threading.Thread(target=executor.run, args=[spec], daemon=True).start()\n"
        "    time.sleep(600)\n"
    )
    script = tmp_path / "parent.py"
    script.write_text(code)
    parent = subprocess.Popen([sys.executable, str(script)])
    wait_until(lambda: workers_of(parent.pid))
    (worker,) = workers_of(parent.pid)
    wait_until_busy(worker, seconds=4)  # it has imported torch and is training
    parent.kill()
    parent.wait()
    _, alive = psutil.wait_procs([worker], timeout=60)
    assert not alive
