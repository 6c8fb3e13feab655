"""A Prefect server for the session, and nights run on bundled bars with a small budget."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from prefect.testing.utilities import prefect_test_harness

from flows.cli import call

ROOT = Path(__file__).resolve().parents[2]
QUICKSTART = str(ROOT / "configs" / "quickstart.yaml")
SMALL_SPACE = {
    "hidden_size": {"type": "int", "low": 8, "high": 16, "step": 8},
    "num_layers": {"type": "int", "low": 1, "high": 2},
    "dropout": {"type": "float", "low": 0.0, "high": 0.4},
    "lr": {"type": "float", "low": 1e-4, "high": 5e-3, "log": True},
    "batch_size": {"type": "categorical", "choices": [64, 128]},
}
SMALL = {
    "search.space": json.dumps(SMALL_SPACE),
    "data.start": "2012-01-01",
    "windows.length": "60",
    "training.epochs": "2",
    "training.retrain.max_epochs": "3",
    "training.retrain.seeds": "1",
    "evaluation.references": "0",
    "evaluation.repetitions": "200",
    "search.generation": "2",
}


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
    with prefect_test_harness(server_startup_timeout=120):
        yield


@pytest.fixture
def lstm_hpo_run(
    prefect_server: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> Command:
    """Run `lstm-hpo run` in an empty folder, on the quickstart with a small budget."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")

    def command(
        *arguments: str, config: str = QUICKSTART, folder: str = ".", **changes: str
    ) -> Ended:
        (tmp_path / folder).mkdir(exist_ok=True)
        monkeypatch.chdir(tmp_path / folder)
        settings = SMALL | {key.replace("__", "."): value for key, value in changes.items()}
        pairs = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
        words = ["run", "--config", config, "--summary", "summary.json", *pairs, *arguments]
        capfd.readouterr()
        status = call(words)
        out, err = capfd.readouterr()
        path = Path("summary.json")
        summary = json.loads(path.read_text()) if status == 0 else {}
        return Ended(status, out, err, summary)

    return command
