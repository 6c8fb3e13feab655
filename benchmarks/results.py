"""Results of the benchmarks: one JSON file each, with the machine they were measured on.

The machine is described when this module is imported, before anything is measured: its load tells
what else was running.
"""

import json
import os
import platform
from collections.abc import Mapping
from pathlib import Path

import torch

FOLDER = Path(__file__).parent / "results"


def write_results(name: str, values: Mapping[str, object]) -> Path:
    """Write `results/<name>.json`; keys say their unit."""
    FOLDER.mkdir(exist_ok=True)
    path = FOLDER / f"{name}.json"
    text = json.dumps({"machine": MACHINE, **values}, indent=2)
    path.write_text(text + "\n", encoding="utf-8")
    return path


def describe_machine() -> dict[str, object]:
    """Say on what the figures were measured."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "load_average_1_minute": round(os.getloadavg()[0], 2),
    }


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor()


MACHINE = describe_machine()
