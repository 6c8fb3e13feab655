"""A fresh folder in which nights run as a user's do, apart from the checkout and its databases."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx

ROOT = Path(__file__).parent.parent
CONFIG = str(ROOT / "benchmarks" / "task.yaml")


class Site:
    """A folder with the configurations, its own PREFECT_HOME, and nothing else yet."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copytree(ROOT / "configs", folder / "configs")
        shutil.copy(ROOT / "prefect.toml", folder)
        self.environment = os.environ | {
            "PYTHONPATH": str(ROOT),
            "PREFECT_HOME": str(folder / "prefect-home"),
        }
        # A server of somebody else's, and imports that are compiled anew each time.
        for name in ("PREFECT_API_URL", "PYTHONDONTWRITEBYTECODE"):
            self.environment.pop(name, None)

    def python(self, *words: str) -> float:
        """Run a Python command in the folder and return its wall seconds."""
        started = time.perf_counter()
        ended = subprocess.run(
            [sys.executable, *words], cwd=self.folder, env=self.environment, capture_output=True,
            text=True, check=False,
        )  # fmt: skip
        seconds = time.perf_counter() - started
        if ended.returncode:
            raise RuntimeError(f"{' '.join(words)}: {ended.stdout[-1000:]}{ended.stderr[-3000:]}")
        return seconds

    def night(self, study_name: str, settings: dict[str, Any]) -> tuple[float, dict[str, Any]]:
        """Run one night by its command; return its wall seconds and its summary."""
        pairs = [word for name, value in settings.items() for word in ("--set", f"{name}={value}")]
        words = ["run", "--config", CONFIG, "--study-name", study_name, "--summary", "summary.json"]
        seconds = self.python("-m", "flows.cli", *words, *pairs)
        return seconds, self.read("summary.json")

    def read(self, name: str) -> Any:
        """Return a JSON file of the folder."""
        return json.loads((self.folder / name).read_text(encoding="utf-8"))

    def write(self, name: str, value: object) -> None:
        """Write a JSON file into the folder."""
        (self.folder / name).write_text(json.dumps(value), encoding="utf-8")

    @contextmanager
    def prefect_server(self) -> Iterator[float]:
        """Serve Prefect on a free loopback port to what runs here; yield the seconds it took."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        url = f"http://127.0.0.1:{port}/api"
        words = ["-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
        started = time.perf_counter()
        with (self.folder / "server.log").open("a", encoding="utf-8") as log:
            server = subprocess.Popen(
                [sys.executable, *words], cwd=self.folder, env=self.environment, stdout=log,
                stderr=log,
            )  # fmt: skip
        try:
            while not _is_healthy(url):
                if server.poll() is not None or time.perf_counter() - started > 300:
                    raise RuntimeError((self.folder / "server.log").read_text()[-2000:])
                time.sleep(0.05)
            self.environment["PREFECT_API_URL"] = url
            yield time.perf_counter() - started
        finally:
            self.environment.pop("PREFECT_API_URL", None)
            server.terminate()
            server.wait(60)


@contextmanager
def fresh_site() -> Iterator[Site]:
    """Yield a site that is gone afterwards."""
    with TemporaryDirectory(prefix="lstm-hpo-bench-", ignore_cleanup_errors=True) as folder:
        yield Site(Path(folder))


def _is_healthy(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health", timeout=5).is_success
    except httpx.HTTPError:
        return False
