"""Fixtures that every room of tests shares."""

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.processes import processes_left

# Read by the libraries on import, so set before any test imports one.
os.environ["PREFECT_SERVER_ANALYTICS_ENABLED"] = "false"
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ["MLFLOW_ALLOW_PICKLE_DESERIALIZATION"] = "false"

SESSION = uuid.uuid4().hex
os.environ["LSTM_HPO_TEST_SESSION"] = SESSION  # every process that a test starts inherits it

ROOT = Path(__file__).resolve().parents[1]


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
