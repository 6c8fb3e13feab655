"""Claims about the architecture: layers, top level, light imports of workers and commands."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def imported_by(statement: str) -> set[str]:
    """Return the top-level modules that a fresh interpreter holds after a statement."""
    code = f"{statement}\nimport sys\nprint(*{{name.partition('.')[0] for name in sys.modules}})"
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(ended.stdout.split())


def test_the_top_level_is_the_documented_one() -> None:
    """The folders and files of the top level are the documented ones."""
    for name in (
        "flows", "tasks", "lstm_model", "configs", "data", "mlruns", "tests", "docs",
        "pyproject.toml", "README.md", "hparam_search.py", "Makefile", "prefect.yaml",
    ):  # fmt: skip
        assert (ROOT / name).exists(), name


@pytest.mark.process
@pytest.mark.parametrize(
    ("statement", "absent"),
    [
        ("import lstm_model.model.bundle", {"prefect", "mlflow", "yfinance", "sqlalchemy"}),
        (
            "import tasks.search.trial, tasks.training.final_training, tasks.search.workers",
            {"prefect", "mlflow", "yfinance"},
        ),
        ("import flows.cli", {"prefect", "mlflow", "torch"}),
        ("import flows.cli, tasks.data.check", {"prefect", "mlflow", "torch", "yfinance"}),
    ],
)
def test_imports_stay_light(statement: str, absent: set[str]) -> None:
    """Code that must start fast, or be independent of a tool, does not import it indirectly."""
    assert imported_by(statement) & absent == set()


@pytest.mark.process
def test_mlflow_does_not_call_home() -> None:
    """After a night's imports MLflow has no telemetry client, also outside of CI."""
    code = (
        "import flows.lstm_hpo\n"
        "from mlflow.telemetry.client import get_telemetry_client\n"
        "print(get_telemetry_client())"
    )
    plain = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    ended = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=plain,
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stdout.strip() == "None"


def test_no_module_is_too_long_for_a_reader() -> None:
    """No module is over 350 lines."""
    for folder in ("flows", "tasks", "lstm_model"):
        for path in (ROOT / folder).rglob("*.py"):
            assert len(path.read_text().splitlines()) <= 350, path


@pytest.mark.parametrize("floor", ["flows", "tasks", "lstm_model"])
def test_every_module_stands_in_the_plan(floor: str) -> None:
    """docs/architecture.md names each module, so that a reader finds it."""
    plan = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    folders = {"figures", "page"}  # named as a whole
    for path in (ROOT / floor).rglob("*.py"):
        if path.stem != "__init__" and path.parent.name not in folders:
            assert f"`{path.stem}`" in plan or f"{path.name}`" in plan, path.relative_to(ROOT)
