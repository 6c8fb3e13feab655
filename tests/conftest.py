"""Fixtures that every room of tests shares."""

import os
from pathlib import Path

import pytest

# Read by the libraries on import, so set before any test imports one.
os.environ["PREFECT_SERVER_ANALYTICS_ENABLED"] = "false"
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ["MLFLOW_ALLOW_PICKLE_DESERIALIZATION"] = "false"

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def market_data() -> Path:
    """Real bars, clean and broken; they lie beside the project and are not ours to give."""
    folder = ROOT.parent / "shared" / "market_data"
    if not folder.is_dir():
        pytest.skip(f"no real bars at {folder.relative_to(ROOT.parent)} beside the project")
    return folder
