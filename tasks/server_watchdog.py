"""The Prefect server that a night starts for itself always ends with the night.

Without an API address Prefect starts a server in a separate process, and stops it only on a regular
exit; after kill -9 of the night it would run forever.
"""

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import prefect
from prefect.settings import PREFECT_API_URL, get_current_settings

if TYPE_CHECKING:
    from prefect.server.api.server import SubprocessASGIServer

_SERVE = """
import os, runpy, threading

def end_with_the_night():
    os.read(0, 1)  # nothing is ever written: it returns when the last writer has ended
    os._exit(1)

threading.Thread(target=end_with_the_night, daemon=True).start()
runpy.run_module("uvicorn", run_name="__main__", alter_sys=True)
"""


def end_server_with_night() -> None:
    """Make Prefect's own server end with this process, even on kill -9.

    If an API address is set, the server is not ours, and nothing is done.
    """
    if PREFECT_API_URL.value():
        return
    from prefect.server.api.server import SubprocessASGIServer  # noqa: PLC0415 - 3 s of imports, which only a night without a server makes anyway

    # Prefect has no hook for it, but a single class starts every such server.
    SubprocessASGIServer._run_uvicorn_command = _start  # type: ignore[method-assign, assignment]


def _start(server: "SubprocessASGIServer") -> "subprocess.Popen[Any]":
    """Start uvicorn as Prefect's own method does, with a pipe from this process as standard input.

    Only this process has the writing end (no child inherits it), and it never closes it.
    """
    reading, _writing = os.pipe()
    try:
        return subprocess.Popen(  # noqa: S603 - our own interpreter
            [
                sys.executable, "-c", _SERVE,
                "--app-dir", str(prefect.__module_path__.parent),
                "--factory", "prefect.server.api.server:create_app",
                "--host", "127.0.0.1", "--port", str(server.port),
                "--log-level", "error", "--lifespan", "on",
            ],
            stdin=reading,
            env={
                **os.environ,
                "PREFECT_UI_ENABLED": "0",
                "PREFECT__SERVER_EPHEMERAL": "1",
                "PREFECT__SERVER_FINAL": "1",
                **get_current_settings().to_environment_variables(exclude_unset=True),
            },
        )  # fmt: skip
    finally:
        os.close(reading)
