"""Claims about `mlflow models serve`: it answers what the bundle forecasts; bad rows get a 4xx."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest

from lstm_model.config.loader import parse_config
from lstm_model.model.bundle import Bundle
from lstm_model.model.judged_errors import JudgedErrors
from tasks.champion.forecast import forecast_next, recent_bars
from tasks.champion.journal import Journal
from tasks.tracking.champion import Registry
from tasks.tracking.client import PatientClient
from tasks.tracking.version import open_version
from tests.stored import take_panel
from tests.tasks.tracking.conftest import NAME, Store

pytestmark = pytest.mark.e2e


class Served:
    """A served model on the loopback."""

    def __init__(self, url: str) -> None:
        self.url = url

    def ask(self, content: bytes, kind: str = "application/json") -> tuple[int, str]:
        """Return status and text of an answer."""
        request = urllib.request.Request(self.url, content, {"Content-Type": kind})
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def forecast(self, bars: pd.DataFrame) -> tuple[int, str]:
        """Send bars as MLflow's documentation does."""
        split = json.loads(bars.to_json(orient="split", index=False, double_precision=15))
        return self.ask(json.dumps({"dataframe_split": split}).encode())


@pytest.fixture
def served(store: Store, bundle: Bundle, bars: pd.DataFrame, tmp_path: Path) -> Iterator[Served]:
    """Serve the champion as a user does, in a folder without the project."""
    version = store.register(bundle, bars)
    PatientClient(store.uri).set_registered_model_alias(NAME, "champion", str(version))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder, binaries = tmp_path / "elsewhere", str(Path(sys.executable).parent)
    folder.mkdir()
    plain = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    plain |= {"MLFLOW_TRACKING_URI": store.uri, "PATH": f"{binaries}:{os.environ['PATH']}"}
    words = "models serve -m models:/m@champion --env-manager local --host 127.0.0.1 --port"
    with (tmp_path / "log").open("wb") as log:
        server = subprocess.Popen(
            [sys.executable, "-P", "-m", "mlflow", *words.split(), str(port)],
            cwd=folder, env=plain, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    address = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 300
        while True:
            assert server.poll() is None, (tmp_path / "log").read_text()[-2000:]
            assert time.monotonic() < deadline, (tmp_path / "log").read_text()[-2000:]
            try:
                urllib.request.urlopen(f"{address}/ping", timeout=5).close()
                break
            except OSError:
                time.sleep(0.2)
        yield Served(f"{address}/invocations")
    finally:
        children = psutil.Process(server.pid).children(recursive=True)
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()
        psutil.wait_procs(children, timeout=30)


def with_value(bars: pd.DataFrame, row: int, column: str, value: object) -> pd.DataFrame:
    changed = bars.astype({column: object})
    changed.loc[row, column] = value
    return changed


def assert_the_flow_says_the_same(served: Served, store: Store, bars: pd.DataFrame) -> None:
    """Compare the forecast flow's number with what HTTP answers on the bars that the flow used."""
    config = parse_config(
        {"data": {"tickers": ["X"], "raw_dir": str(store.folder / "raw")},
         "target": {"kind": "log_volatility"}}
    )  # fmt: skip
    snapshot = take_panel(config.data, {"X": bars.drop(columns="ticker").assign(volume=1e6)})
    registry = Registry(store.uri, NAME, Journal(store.folder / "champion.jsonl"))
    none = JudgedErrors(np.empty(0, dtype=np.int64), np.empty(0))
    with open_version(registry, registry.require_champion()) as version:
        (made,) = forecast_next(version, none, snapshot, config)
        sent = recent_bars(snapshot, None, version.window_length)
    status, text = served.forecast(sent.assign(date=sent["date"].dt.strftime("%Y-%m-%d")))
    assert status == 200, text
    last = json.loads(text)["predictions"][-1]
    assert (last["ticker"], last["date"]) == (made.ticker, made.last_bar)
    assert (last["forecast"], last["annualised_volatility"]) == (
        made.forecast, made.annualised_volatility
    )  # fmt: skip


def test_the_served_champion(
    served: Served, store: Store, bundle: Bundle, bars: pd.DataFrame
) -> None:
    """HTTP gives exactly the numbers of the bundle; bad rows get a 400 that names row and rule.

    What is sent after a bad row is answered as before.
    """
    expected = bundle.forecast_bars(bars)

    def assert_answered(answer: tuple[int, str]) -> None:
        status, text = answer
        assert status == 200, text
        table = pd.DataFrame(json.loads(text)["predictions"])
        assert list(table.columns) == list(expected.columns)
        assert list(table["date"]) == list(expected["date"].dt.strftime("%Y-%m-%d"))
        for name in ("forecast", "spread", "variance", "annualised_volatility"):
            np.testing.assert_array_equal(table[name], expected[name])

    assert_answered(served.forecast(bars))
    assert_answered(served.ask(bars.to_csv(index=False).encode(), "text/csv"))
    assert_answered(served.forecast(bars[::-1]))
    assert_the_flow_says_the_same(served, store, bars)
    bad = [
        (with_value(bars, 7, "close", -3.0), f"X {bars['date'][7]}: non_positive_price: close is"),
        (with_value(bars, 7, "date", None), "row 7 (from 0): missing_date"),
        (with_value(bars, 7, "date", "NaT"), "row 7 (from 0): missing_date"),
        (with_value(bars, 7, "date", "soon"), "X: unreadable_date"),
        (with_value(bars, 7, "ticker", None), "row 7 (from 0): missing_ticker"),
        (with_value(bars, 7, "close", "abc"), "Failed to convert column close"),
        (with_value(bars, 7, "open", [1.0]), "Failed to convert column open"),
        (bars.tail(200), "X: a forecast needs >= 270 bars"),
        (bars.head(0), "at least one ticker"),
        (bars.drop(columns="low"), "missing inputs ['low']"),
    ]
    for rows, words in bad:
        status, text = served.forecast(rows)
        assert (status, words in json.loads(text)["message"]) == (400, True), text
    for content, kind, expected_status in [
        (b"no JSON", "application/json", 400), (b"{}", "application/json", 400),
        (b"x", "application/vnd.apache.parquet", 400), (b"x", "image/png", 415),
    ]:  # fmt: skip
        assert served.ask(content, kind)[0] == expected_status
    assert_answered(served.forecast(bars))
