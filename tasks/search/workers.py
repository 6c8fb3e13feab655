"""TrialExecutor: warm, single-threaded worker processes, supervised one by one."""

import ctypes
import multiprocessing
import os
import signal
import sys
import threading
import types
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import contextmanager
from multiprocessing.context import SpawnContext, SpawnProcess
from types import TracebackType
from typing import TypeVar

from pebble import ProcessExpired, ProcessFuture, ProcessPool

from lstm_model.config.pipeline import PipelineConfig
from lstm_model.model.training import resolve_device
from lstm_model.search.trial import Trial
from tasks.search.trial import TrialResult, TrialSpec, run_trial

Spec = TypeVar("Spec")
Result = TypeVar("Result")

WORKER_THREADS = 1
"""Threads of a worker: cores run trials in parallel. A loss's last digits depend on this."""

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3

_LESS_MEMORY = "lower search.workers, or the upper end of search.space.hidden_size"


class _LightProcess(SpawnProcess):
    """A spawned process that does not import the parent's main module again.

    That module may be Prefect's engine, and a worker that touches Prefect starts a server.
    """

    def start(self) -> None:
        with _without_main_module():
            super().start()


class _LightContext(SpawnContext):
    Process = _LightProcess


_main_module_lock = threading.Lock()


@contextmanager
def _without_main_module() -> Iterator[None]:
    with _main_module_lock:
        main = sys.modules["__main__"]
        sys.modules["__main__"] = types.ModuleType("__main__")
        try:
            yield
        finally:
            sys.modules["__main__"] = main


class WorkerFailed(Exception):  # noqa: N818 - the state says more than a suffix
    """A worker did not return a result; the message is the reason."""


def worker_count(config: PipelineConfig) -> int:
    """Return how many processes train at once: as configured, else 1 on a GPU or one per core."""
    if config.search.workers is not None:
        return config.search.workers
    if resolve_device(config.device) == "cuda":
        return 1
    available = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else ()
    return len(available) or os.cpu_count() or 1


def open_workers(config: PipelineConfig) -> "TrialExecutor":
    """Start the night's workers, so that they load their libraries while bars are fetched."""
    return TrialExecutor(worker_count(config), config.search.trial_timeout_seconds)


class TrialExecutor:
    """Runs trials and final trainings in processes; if one dies, only its own training is lost."""

    def __init__(self, workers: int, timeout_seconds: float) -> None:
        self.timeout_seconds = timeout_seconds
        self._waiting: set[ProcessFuture] = set()
        self._cut_off_because = ""
        # torch reads the thread count from the environment on import; a child inherits it.
        threads = str(WORKER_THREADS)
        with _environment(OMP_NUM_THREADS=threads, MKL_NUM_THREADS=threads):
            self._pool = ProcessPool(
                max_workers=workers, initializer=_start_worker, context=_LightContext()
            )
            self._pool.active  # noqa: B018 - starts the pool's threads, and with them the workers

    def run(self, spec: TrialSpec) -> TrialResult:
        """Run a trial and wait for it; a worker's death or overrun is a result, not an error."""
        try:
            return self.call(run_trial, spec, self.timeout_seconds)
        except WorkerFailed as error:
            failed = Trial(spec.number, "FAIL", spec.params, None, reason=str(error))
            return TrialResult(failed)

    def call(
        self,
        function: Callable[[Spec], Result],
        spec: Spec,
        timeout_seconds: float | None = None,
    ) -> Result:
        """Run a function in a worker and wait; raises WorkerFailed for any failure there."""
        try:
            future = self._pool.schedule(function, args=[spec], timeout=timeout_seconds)
            self._waiting.add(future)
            if self._cut_off_because:  # this call missed the cut-off
                future.cancel()
            try:
                result: Result = future.result()
            finally:
                self._waiting.discard(future)
        except Exception as error:
            raise WorkerFailed(self._reason(error)) from error
        return result

    def _reason(self, error: Exception) -> str:
        text = " ".join(str(error).split())
        if isinstance(error, CancelledError):
            return self._cut_off_because or "cancelled"
        if isinstance(error, FutureTimeoutError):
            return f"ran past search.trial_timeout_seconds ({self.timeout_seconds:g})"
        if isinstance(error, ProcessExpired):
            killed = error.exitcode == -signal.SIGKILL
            why = f": killed, perhaps because memory ran out; {_LESS_MEMORY}" if killed else ""
            return f"its worker died with exit code {error.exitcode}{why}"
        if isinstance(error, MemoryError) or "allocate memory" in text:
            return f"its worker ran out of memory ({text[-120:]}); {_LESS_MEMORY}"
        return f"{type(error).__name__}: {text[:300]}"

    def cut_off(self, reason: str) -> None:
        """End every trial that runs, waits or arrives later; each fails with this reason."""
        self._cut_off_because = reason
        for future in tuple(self._waiting):
            future.cancel()

    def go_on(self) -> None:
        """Accept calls again after a cut-off."""
        self._cut_off_because = ""

    def __enter__(self) -> "TrialExecutor":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # Callers that still wait for a trial must learn at once that it will not end.
        for future in tuple(self._waiting):
            future.cancel()
        self._pool.stop()
        self._pool.join()


@contextmanager
def _environment(**values: str) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _start_worker() -> None:
    """Set up a worker process: one thread, freed memory is kept, and it ends with its parent."""
    import torch  # noqa: PLC0415 - in the child, after its environment is set

    torch.set_num_threads(WORKER_THREADS)
    if sys.platform == "linux":
        # Keep large blocks in the process instead of returning them to the system after each batch.
        libc = ctypes.CDLL(None)
        if hasattr(libc, "mallopt"):
            libc.mallopt(M_MMAP_THRESHOLD, 1 << 30)
            libc.mallopt(M_TRIM_THRESHOLD, 1 << 30)
    threading.Thread(target=_die_with_parent, daemon=True).start()


def _die_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
