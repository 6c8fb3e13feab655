"""Fixtures that every room of tests shares, and what holds markers and order to their word."""

import multiprocessing.process
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from xdist.scheduler import LoadScopeScheduling

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

if TYPE_CHECKING:
    from tests.yahoo_server import YahooServer

ROOT = Path(__file__).resolve().parents[1]

STARTS_PROCESSES = {"process", "e2e", "ui", "slow"}

WHOLE_FILES = (
    "tests/pipeline/test_deployment.py",
    "tests/pipeline/test_search_under_fire.py",
    "tests/acceptance/test_real_skill.py",
    "tests/ui/test_page_in_browser.py",
    "tests/lstm_model/data/test_leakage.py",
)
"""Files whose tests share something costly: one process runs all of each. The longest is first."""

MARKERS = ("e2e", "process", "acceptance")
"""What is begun next, in this order; all others follow."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin what takes longest first, so that no process of the run is left with it at the end.

    Within each of these the order stays random.
    """
    items.sort(key=_rank)


def _rank(item: pytest.Item) -> int:
    path = item.nodeid.partition("::")[0]
    if path in WHOLE_FILES:
        return WHOLE_FILES.index(path)
    markers = {marker.name for marker in item.iter_markers()}
    first = next((i for i, name in enumerate(MARKERS) if name in markers), len(MARKERS))
    return len(WHOLE_FILES) + first


class WholeFilesScheduling(LoadScopeScheduling):
    """Hands out tests one by one and some files whole, in the order of the collection.

    xdist's own `loadgroup` does not group under pytest 9.2.
    """

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.partition("::")[0]
        return path if path in WHOLE_FILES else nodeid


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> WholeFilesScheduling:
    """Distribute the tests of `pytest -n`."""
    config.option.loadscopereorder = False
    return WholeFilesScheduling(config, log)


@pytest.fixture(autouse=True)
def _processes_are_marked(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail a test that starts a process without the marker that says so."""
    if STARTS_PROCESSES & {marker.name for marker in request.node.iter_markers()}:
        return

    def refuse(*_: object, **__: object) -> None:
        pytest.fail("a test that starts a process is marked `process` or `e2e`; this one is not")

    monkeypatch.setattr(subprocess.Popen, "__init__", refuse)
    monkeypatch.setattr(multiprocessing.process.BaseProcess, "start", refuse)


@pytest.fixture(autouse=True)
def _imports_are_put_back(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Forget a test's folders and the modules in them, so that no later test imports them."""
    path, known, folder = list(sys.path), set(sys.modules), str(tmp_path_factory.getbasetemp())
    yield
    sys.path[:] = path
    for name in set(sys.modules) - known:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(folder):
            del sys.modules[name]


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


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make MLflow's database with no run in it: its migrations take as long as a small night."""
    from tasks.tracking.client import PatientClient, quiet_mlflow

    path = tmp_path_factory.mktemp("store") / "mlflow.db"
    quiet_mlflow()
    PatientClient(f"sqlite:///{path}").search_experiments()
    return path


@pytest.fixture
def yahoo(monkeypatch: pytest.MonkeyPatch) -> "Iterator[YahooServer]":
    """Yahoo's chart protocol on the loopback, where yfinance finds it."""
    from tests.yahoo_server import YahooServer, point_yfinance_at  # yfinance takes seconds

    server = YahooServer()
    point_yfinance_at(monkeypatch, server.url, proxy=server.url)
    yield server
    server.stop()


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds that a patient fetch would have waited; it does not wait for them."""
    from dataclasses import replace

    from tasks.data.sources import patience

    waited: list[float] = []
    quick = replace(patience.PATIENCE, sleep=waited.append)
    monkeypatch.setattr(patience, "PATIENCE", quick)
    return waited
