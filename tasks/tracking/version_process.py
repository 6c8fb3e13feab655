"""A process of its own for a version of the model whose `lstm_model` is not the one that runs here.

Python holds one module of a name in a process, so a second version would run the first one's code
(mlflow#4061, mlflow#12377). This file travels with the model and imports nothing of ours before it
is that process. Bars and forecasts cross as Arrow streams over pipes.
"""

import os
import struct
import subprocess
import sys
import tempfile
import threading
import time
import weakref
from pathlib import Path
from typing import IO, BinaryIO

import pandas as pd
import pyarrow as pa

FORECASTS, BARS_REFUSED, FAILED = b"F", b"B", b"E"
"""Kinds of an answer: a table, or an error's text."""

_HEADER = struct.Struct(">cQ")


class BarsRefusedError(Exception):
    """The version refuses the bars."""


class VersionFailedError(Exception):
    """The version fails on the bars for another reason."""


class ProcessEndedError(Exception):
    """The version's process ended without an answer; the next call starts it again."""


class VersionProcess:
    """Forecasts in a process that has one version's code; starts with the first call.

    code: folder that has the version's `lstm_model`. bundle: folder of its weights. The process
    ends with this object or with the process that made it.
    """

    def __init__(self, code: Path, bundle: Path) -> None:
        self.code, self.bundle = code, bundle
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - lives with the object
        weakref.finalize(self, self._errors.close)

    @property
    def pid(self) -> int | None:
        """Id of the process; None if none runs."""
        return None if self._process is None else self._process.pid

    def forecast(self, bars: pd.DataFrame) -> pd.DataFrame:
        """Return `Bundle.forecast_bars` of the version; raises the three errors above."""
        try:
            request = _packed(bars)
        except (pa.ArrowException, TypeError, ValueError) as error:
            reason = " ".join(str(error).split())[:200]
            raise BarsRefusedError(f"each column of bars must have one type: {reason}") from error
        with self._lock:
            kind, answer = self._exchange(request)
        if kind == FORECASTS:
            return _unpacked(answer)
        if kind == BARS_REFUSED:
            raise BarsRefusedError(answer.decode())
        raise VersionFailedError(answer.decode())

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            _end(self._process)
            self._process = None

    def _exchange(self, request: bytes) -> tuple[bytes, bytes]:
        process = self._process = self._process or self._start()
        assert process.stdin is not None  # noqa: S101 - for mypy
        assert process.stdout is not None  # noqa: S101 - for mypy
        try:
            _send(process.stdin, FORECASTS, request)
            answer = _receive(process.stdout)
        except OSError:
            answer = None
        except BaseException:  # half an exchange would give the next caller this one's answer
            self.close()
            raise
        if answer is None:
            self.close()
            raise ProcessEndedError(
                f"the process of this version must answer but ended with status "
                f"{process.returncode}{self._last_error()}; call again to start it anew"
            )
        return answer

    def _start(self) -> subprocess.Popen[bytes]:
        self._errors.seek(0)
        self._errors.truncate()
        process = subprocess.Popen(  # noqa: S603 - our own file
            [sys.executable, "-P", str(self.code / Path(__file__).name), str(self.bundle)],
            env={**os.environ, "PYTHONPATH": str(self.code)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
        )
        weakref.finalize(self, _end, process)
        return process

    def _last_error(self) -> str:
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return f" ({lines[-1].strip()[:200]})" if lines else ""


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            try:
                pipe.close()
            except OSError:  # what was not yet sent has no reader
                continue
    process.wait()


def _packed(frame: pd.DataFrame) -> bytes:
    table = pa.Table.from_pandas(frame, preserve_index=False)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    packed: bytes = sink.getvalue().to_pybytes()
    return packed


def _unpacked(packed: bytes) -> pd.DataFrame:
    frame: pd.DataFrame = pa.ipc.open_stream(packed).read_pandas()
    return frame


def _send(pipe: IO[bytes], kind: bytes, content: bytes) -> None:
    pipe.write(_HEADER.pack(kind, len(content)) + content)
    pipe.flush()


def _receive(pipe: IO[bytes]) -> tuple[bytes, bytes] | None:
    """Return kind and content of the next message; None if the other end is gone."""
    header = pipe.read(_HEADER.size)
    if len(header) < _HEADER.size:
        return None
    kind, size = _HEADER.unpack(header)
    content = pipe.read(size)
    return (kind, content) if len(content) == size else None


def main(bundle: Path, requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer requests until there are none."""
    from lstm_model.errors import BarsError, LstmHpoError  # noqa: PLC0415 - the version's own
    from lstm_model.model.bundle import load_bundle  # noqa: PLC0415 - the version's own

    try:
        model = load_bundle(bundle)
    except LstmHpoError as error:
        sys.exit(str(error))
    while (request := _receive(requests)) is not None:
        try:
            kind, answer = FORECASTS, _packed(model.forecast_bars(_unpacked(request[1])))
        except BarsError as error:
            kind, answer = BARS_REFUSED, str(error).encode()
        except Exception as error:
            name = "" if isinstance(error, LstmHpoError) else f"{type(error).__name__}: "
            kind, answer = FAILED, f"{name}{' '.join(str(error).split())}".encode()
        _send(answers, kind, answer)


def _end_with_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


if __name__ == "__main__":
    threading.Thread(target=_end_with_parent, args=(os.getppid(),), daemon=True).start()
    # What the user's code prints must not be taken for an answer.
    with os.fdopen(os.dup(1), "wb") as pipe:
        os.dup2(2, 1)
        main(Path(sys.argv[1]), sys.stdin.buffer, pipe)
