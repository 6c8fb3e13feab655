"""A Prefect server and workers for the session, and nights run on bundled bars with small budgets.

What nights share here is made as a night makes it, only once: worker processes, an MLflow database
without runs, and the leak audit of the same data. Nights about a process's death or start take none
of it.
"""

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from flows.cli import call, parse_settings
from lstm_model.config.loader import load_config
from lstm_model.config.pipeline import PipelineConfig

ROOT = Path(__file__).resolve().parents[2]
QUICKSTART = str(ROOT / "configs" / "quickstart.yaml")
SMALL_SPACE = {
    "hidden_size": {"type": "int", "low": 4, "high": 8, "step": 4},
    "num_layers": {"type": "int", "low": 1, "high": 2},
    "dropout": {"type": "float", "low": 0.0, "high": 0.4},
    "lr": {"type": "float", "low": 1e-4, "high": 5e-3, "log": True},
    "batch_size": {"type": "categorical", "choices": [64, 128]},
}
SMALL = {
    "search.space": json.dumps(SMALL_SPACE),
    "data.start": "2014-01-01",
    "windows.length": "20",
    "training.epochs": "2",
    "training.retrain.max_epochs": "2",
    "training.retrain.seeds": "1",
    "evaluation.references": "0",
    "evaluation.repetitions": "100",
    "search.generation": "2",
}
LONG = {"training__epochs": "150"}
"""Long enough to be caught in mid-trial."""

Table = list[tuple[Any, ...]]


def settings_of(folder: Path, changes: dict[str, str]) -> list[str]:
    """Return the small night's settings with `changes`, whose keys have `__` for a dot.

    Folders are absolute, since workers that live for the session have a folder of their own.
    """
    own = {
        "data.raw_dir": str(folder / "data/raw"),
        "data.data_dir": str(folder / "data/processed"),
    }
    settings = SMALL | own | {key.replace("__", "."): value for key, value in changes.items()}
    return [f"{key}={value}" for key, value in settings.items()]


def table(summary: dict[str, Any]) -> Table:
    """Return the study's table without what a clock says."""
    return [(t["number"], t["state"], t["value"], t["params"]) for t in summary["trials"]]


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    status: int
    out: str
    err: str
    summary: dict[str, Any]


Command = Callable[..., Ended]


@pytest.fixture(scope="session")
def prefect_server() -> Iterator[None]:
    from prefect.testing.utilities import prefect_test_harness

    with prefect_test_harness(server_startup_timeout=300):
        yield


class SharedWorkers:
    """Worker processes that outlive a night, one pool for each number of workers."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._pools: dict[int, Any] = {}

    @contextmanager
    def open(self, config: PipelineConfig) -> Iterator[Any]:
        """Hand out as many workers as the night asks for, in place of `open_workers`."""
        from tasks.search.workers import TrialExecutor, worker_count

        count = worker_count(config)
        if count not in self._pools:
            self._pools[count] = self._stack.enter_context(TrialExecutor(count, 0.0))
        executor = self._pools[count]
        executor.timeout_seconds = config.search.trial_timeout_seconds
        try:
            yield executor
        finally:
            executor.cut_off("the night is over")
            executor.go_on()


@pytest.fixture(scope="session")
def shared_workers() -> Iterator[SharedWorkers]:
    with ExitStack() as stack:
        yield SharedWorkers(stack)


class AuditOnce:
    """The audit of a night's data, kept from night to night: it depends on the data alone."""

    def __init__(self) -> None:
        self._rows: dict[str, Any] = {}

    def __call__(self, config: PipelineConfig, snapshot: Any, data_set: Any) -> Any:
        """Audit what was not audited yet; a function of a test's own is audited each time."""
        from tasks.data.audit import audit_before_search

        if config.features.custom:
            return audit_before_search(config, snapshot, data_set)
        key = f"{snapshot.sha256} {data_set.search_sha256} {config.features} {config.purge_bars}"
        if key not in self._rows:
            self._rows[key] = audit_before_search(config, snapshot, data_set)
        return self._rows[key]


@pytest.fixture(scope="session")
def audit_once() -> AuditOnce:
    return AuditOnce()


@pytest.fixture
def shared(
    prefect_server: None,
    shared_workers: SharedWorkers,
    audit_once: AuditOnce,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Let the flow take the session's workers and audits."""
    import flows.lstm_hpo  # noqa: F401 - the name below is looked up in it

    monkeypatch.setattr("flows.lstm_hpo.open_workers", shared_workers.open)
    monkeypatch.setattr("flows.lstm_hpo.audit_before_search", audit_once)


@pytest.fixture
def lstm_hpo_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Command:
    """Run `lstm-hpo run` in an empty folder, on the quickstart with a small budget."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")

    def command(
        *arguments: str, config: str = QUICKSTART, folder: str = ".", **changes: str
    ) -> Ended:
        (tmp_path / folder).mkdir(exist_ok=True)
        monkeypatch.chdir(tmp_path / folder)
        settings = settings_of(tmp_path / folder, changes)
        pairs = [word for setting in settings for word in ("--set", setting)]
        words = ["run", "--config", config, "--summary", "summary.json", *pairs, *arguments]
        capfd.readouterr()
        status = call(words)
        out, err = capfd.readouterr()
        path = Path("summary.json")
        summary = json.loads(path.read_text()) if status == 0 else {}
        return Ended(status, out, err, summary)

    return command


@pytest.fixture
def lstm_hpo_run(
    lstm_hpo_command: Command, shared: None, tmp_path: Path, empty_store: Path
) -> Command:
    """Run a night on the session's server, workers and audits, in a store without runs."""

    def command(*arguments: str, folder: str = ".", **changes: Any) -> Ended:
        give_store(tmp_path / folder, empty_store)
        return lstm_hpo_command(*arguments, folder=folder, **changes)

    return command


def give_store(folder: Path, empty_store: Path) -> None:
    """Put a copy of the empty store where a night looks for its own, unless something is there."""
    place = folder / "mlruns"
    if not place.exists():
        place.mkdir(parents=True)
        shutil.copy(empty_store, place / "mlflow.db")


@pytest.fixture
def search_alone(
    shared: None, tmp_path: Path, empty_store: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Any]:
    """Run a night as far as its search, or its final trainings, and return what they came to."""
    from prefect import flow

    import flows.lstm_hpo as night
    from tasks.tracking.runs import open_night

    monkeypatch.setenv("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")

    @flow(name="search-alone", validate_parameters=False)
    def run(config: PipelineConfig, name: str, with_final_models: bool) -> Any:
        with night.open_workers(config) as workers:
            data_set = night.prepare_data_set(night.download_bars(config.data), config)
            with open_night(config, name) as logger:
                study = night.search_hyperparameters(config, data_set, name, logger, workers)
                if not with_final_models:
                    return study
                trainings = night.FinalTrainings(config, data_set, name, logger.run_id, workers)
                winner = night.retrain(trainings, study.best_params)
                references = night.train_references(trainings, winner, study)
                return study, night.final_models(winner, references)

    def search(
        total: int,
        *,
        name: str = "study",
        folder: str = ".",
        with_final_models: bool = False,
        **changes: str,
    ) -> Any:
        (tmp_path / folder).mkdir(exist_ok=True)
        monkeypatch.chdir(tmp_path / folder)
        give_store(tmp_path / folder, empty_store)
        settings = [*settings_of(tmp_path / folder, changes), f"search.trials={total}"]
        config = load_config(QUICKSTART, parse_settings(settings))
        return run(config, name, with_final_models)

    return search


def rows_of(study: Any) -> Table:
    """Return the study's table without what a clock says."""
    return [(t.number, t.state, t.loss, t.params) for t in study.trials]


def runs_by_status(folder: Path) -> dict[str, list[str]]:
    """Return the MLflow runs' roles by status."""
    import mlflow

    client = mlflow.MlflowClient(f"sqlite:///{folder / 'mlruns' / 'mlflow.db'}")
    found: dict[str, list[str]] = {}
    for run in client.search_runs(["1"]):
        found.setdefault(run.info.status, []).append(run.data.tags["role"])
    return {status: sorted(roles) for status, roles in found.items()}
