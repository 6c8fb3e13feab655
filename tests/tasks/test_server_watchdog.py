"""Prefect's own server: it ends with whoever had it started, and others' servers are left alone."""

import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from prefect.server.api.server import SubprocessASGIServer
from prefect.settings import PREFECT_API_URL, temporary_settings

from tasks.server_watchdog import end_server_with_night

CODE = """
import sys, threading
from tasks.server_watchdog import end_server_with_night
end_server_with_night()
from prefect.server.api.server import SubprocessASGIServer

server = SubprocessASGIServer()
starting = threading.Thread(target=server.start, args=[120], daemon=True)
starting.start()
if sys.argv[1] != "starting":
    starting.join()
while server.server_process is None:
    pass
print(server.server_process.pid, flush=True)
sys.stdin.read()
"""


@pytest.mark.e2e
@pytest.mark.parametrize("moment", ["starting", "serving"])
def test_the_server_does_not_outlive_its_night(
    moment: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After kill -9 of the night its server ends by itself, while it starts and while it serves."""
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path))
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    words = [sys.executable, "-c", CODE, moment]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as night:
        assert night.stdout is not None
        server = psutil.Process(int(night.stdout.readline()))
        assert server.is_running()
        night.kill()
        psutil.wait_procs([server], timeout=20)
        assert not server.is_running()


def test_a_server_at_an_address_is_not_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where an API address is set, Prefect's way to start servers is left as it is."""
    monkeypatch.setattr(SubprocessASGIServer, "_run_uvicorn_command", "Prefect's own")
    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:4200/api"}):
        end_server_with_night()
    assert SubprocessASGIServer._run_uvicorn_command == "Prefect's own"
