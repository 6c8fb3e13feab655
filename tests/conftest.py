"""Fixtures that every room of tests shares, and what holds markers and order to their word."""

import multiprocessing.process
import os
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.processes import processes_left

# Read by the libraries on import, so set before any test imports one.
os.environ["PREFECT_SERVER_ANALYTICS_ENABLED"] = "false"
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ["MLFLOW_ALLOW_PICKLE_DESERIALIZATION"] = "false"
# One thread a test process, as a night's workers have: two of them share two cores.
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["MKL_NUM_THREADS"] = "1"
os.environ["OPENBLAS_NUM_THREADS"] = "1"

SESSION = uuid.uuid4().hex
os.environ["LSTM_HPO_TEST_SESSION"] = SESSION  # every process that a test starts inherits it

ROOT = Path(__file__).resolve().parents[1]

STARTS_PROCESSES = {"process", "e2e", "ui", "slow"}

LONGEST_FIRST = ("deployment", "fire", "e2e", "ui", "process", "acceptance")
"""Groups and markers of tests in the order they are begun; all others follow."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin what takes longest first, so that no process of the run is left with it at the end.

    Within each of these the order stays random.
    """
    items.sort(key=_rank)


def _rank(item: pytest.Item) -> int:
    names = {marker.name for marker in item.iter_markers()}
    names |= {str(marker.args[0]) for marker in item.iter_markers("xdist_group")}
    return next((i for i, name in enumerate(LONGEST_FIRST) if name in names), len(LONGEST_FIRST))


@pytest.fixture(autouse=True)
def _processes_are_marked(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail a test that starts a process without the marker that says so."""
    if STARTS_PROCESSES & {marker.name for marker in request.node.iter_markers()}:
        return

    def refuse(*_: object, **__: object) -> None:
        pytest.fail("a test that starts a process is marked `process` or `e2e`; this one is not")

    monkeypatch.setattr(subprocess.Popen, "__init__", refuse)
    monkeypatch.setattr(multiprocessing.process.BaseProcess, "start", refuse)


@pytest.fixture(scope="session", autouse=True)
def _no_process_is_left() -> Iterator[None]:
    """Assert, after all tests, that no process lives on which they started."""
    yield
    left = processes_left(f"LSTM_HPO_TEST_SESSION={SESSION}", timeout_seconds=10)
    assert not left, f"processes that tests started live on: {left}"


@pytest.fixture(scope="session")
def market_data() -> Path:
    """Real bars, clean and broken; they lie beside the project and are not ours to give."""
    folder = ROOT.parent / "shared" / "market_data"
    if not folder.is_dir():
        pytest.skip(f"no real bars at {folder.relative_to(ROOT.parent)} beside the project")
    return folder
