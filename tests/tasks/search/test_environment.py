"""What a trial's numbers depend on, and how a change of it is named."""

import json
import os
import platform
import subprocess
import sys

import pytest

from tasks.instructions import LIMITS
from tasks.search.environment import describe_environment, name_drift


def test_the_environment_names_code_and_libraries() -> None:
    """Versions, processor and the code's hash are there, and stay the same within a process."""
    described = describe_environment()
    assert {"code", "python", "torch", "numpy", "machine"} <= set(described)
    assert {"processor", "instructions", "onednn", "limits", "threads"} <= set(described)
    assert all(described.values())
    assert name_drift(described, describe_environment()) == []


@pytest.mark.process
@pytest.mark.skipif(platform.machine() != "x86_64", reason="the limits are for x86")
def test_another_instruction_set_is_drift() -> None:
    """A process limited to AVX2 describes itself so, and what it changes is named; threads are not.

    A trial's threads are its worker's, however many the process has that records it.
    """
    code = (
        "import json\n"
        "from tasks.search.environment import describe_environment\n"
        "print(json.dumps(describe_environment()))"
    )

    def described(**variables: str) -> dict[str, str]:
        plain = {name: value for name, value in os.environ.items() if name not in LIMITS}
        words = [sys.executable, "-c", code]
        ended = subprocess.run(words, env=plain | variables, capture_output=True, check=True)
        found: dict[str, str] = json.loads(ended.stdout)
        return found

    free = described(OMP_NUM_THREADS="2")
    older = described(ONEDNN_MAX_CPU_ISA="AVX2", ATEN_CPU_CAPABILITY="avx2", OMP_NUM_THREADS="1")
    assert (older["instructions"], older["onednn"], older["threads"]) == ("AVX2", "AVX2", "1")
    drift = [
        f"{name} {free[name]} -> {older[name]}"
        for name in ("instructions", "onednn", "limits")
        if free[name] != older[name]
    ]
    assert drift[-1] == "limits none -> ATEN_CPU_CAPABILITY=avx2 ONEDNN_MAX_CPU_ISA=AVX2"
    assert name_drift(free, older) == drift


@pytest.mark.parametrize(
    ("recorded", "present", "drift"),
    [
        ({"torch": "2.12"}, {"torch": "2.13"}, ["torch 2.12 -> 2.13"]),
        ({"instructions": "AVX512"}, {"instructions": "AVX2"}, ["instructions AVX512 -> AVX2"]),
        (
            {"onednn": "AVX512_CORE_AMX", "limits": "none"},
            {"onednn": "AVX2", "limits": "ONEDNN_MAX_CPU_ISA=AVX2"},
            ["onednn AVX512_CORE_AMX -> AVX2", "limits none -> ONEDNN_MAX_CPU_ISA=AVX2"],
        ),
        ({}, {"gpu": "none"}, ["gpu not recorded -> none"]),
        ({"gpu": "none"}, {}, ["gpu none -> gone"]),
    ],
)
def test_drift_is_named(
    recorded: dict[str, str], present: dict[str, str], drift: list[str]
) -> None:
    """Each difference is told with both values."""
    assert name_drift(recorded, present) == drift
