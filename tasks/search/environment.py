"""What a trial's numbers depend on besides its specification: code, libraries, processor."""

import hashlib
import platform
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

import torch

import lstm_model
from tasks.instructions import describe_instructions
from tasks.search.workers import WORKER_THREADS

LIBRARIES = ("torch", "numpy", "optuna")

NOT_IN_A_TRIAL = ("evaluation", "report")
"""Packages of `lstm_model` on which no trial's loss depends."""


@lru_cache(maxsize=1)
def describe_environment() -> dict[str, str]:
    """Return versions, code hash, processor and instructions, and the threads of a worker.

    If all of these are the same, so is a loss, bit for bit.
    """
    return {
        "lstm-hpo": version("lstm-hpo"),
        "code": _code_sha256()[:16],
        "python": platform.python_version(),
        **{library: version(library) for library in LIBRARIES},
        "machine": platform.machine(),
        **describe_instructions(),
        "threads": str(WORKER_THREADS),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else "none",
    }


def name_drift(recorded: dict[str, str], present: dict[str, str]) -> list[str]:
    """Return the differences, such as `torch 2.12.0 -> 2.13.0`."""
    return [
        f"{name} {recorded.get(name, 'not recorded')} -> {present.get(name, 'gone')}"
        for name in recorded | present
        if recorded.get(name) != present.get(name)
    ]


def _code_sha256() -> str:
    digest = hashlib.sha256()
    folder = Path(str(lstm_model.__file__)).parent
    for file in sorted(folder.rglob("*.py")):
        if file.relative_to(folder).parts[0] in NOT_IN_A_TRIAL:
            continue
        digest.update(str(file.relative_to(folder)).encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()
