"""Watching other processes: what a test waits for, and which processes are a search's workers."""

import contextlib
import os
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import psutil


def wait_until(condition: Callable[[], object], timeout_seconds: float = 300) -> None:
    """Wait for a condition; what does not come in time fails the test. Machines may be busy."""
    deadline = time.monotonic() + timeout_seconds
    while not condition():
        assert time.monotonic() < deadline, "what the test waits for did not come"
        time.sleep(0.05)


def workers_of(parent: int) -> list[psutil.Process]:
    """Return the worker processes of a process, or of any below it."""
    found = []
    with contextlib.suppress(psutil.NoSuchProcess):
        for process in psutil.Process(parent).children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                if any("spawn_main" in word for word in process.cmdline()):
                    found.append(process)
    return found


def processes_left(variable: str, timeout_seconds: float) -> list[str]:
    """Return what still runs with `NAME=value` in its environment after a while; end it, too."""
    name, _, value = variable.partition("=")
    deadline = time.monotonic() + timeout_seconds
    while (found := _processes_with(name, value)) and time.monotonic() < deadline:
        time.sleep(0.1)
    left = [f"{process.pid}: {words[:200]}" for process, words in found]
    for process, _ in found:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    return left


def _processes_with(name: str, value: str) -> list[tuple[psutil.Process, str]]:
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.pid == os.getpid() or process.environ().get(name) != value:
                continue
            words = " ".join(process.cmdline())
            # Python's own helper of this process, which ends with it.
            if not ("multiprocessing.resource_tracker" in words and process.ppid() == os.getpid()):
                found.append((process, words))
    return found


def wait_until_busy(worker: psutil.Process, seconds: float = 0.3) -> None:
    """Wait until a process has computed for `seconds` from now: it is in the middle of work."""
    started = sum(worker.cpu_times()[:2])
    wait_until(lambda: sum(worker.cpu_times()[:2]) > started + seconds)


def count_trials(store: Path, state: str) -> int:
    """Count a study's trials in a state; a database that is not there yet has none."""
    if not store.exists():
        return 0
    with contextlib.closing(sqlite3.connect(store)) as database:
        try:
            (count,) = database.execute(
                "select count(*) from trials where state = ?", [state]
            ).fetchone()
        except sqlite3.OperationalError:
            return 0
    return int(count)
