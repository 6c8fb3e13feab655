"""Which CPU instructions compute the numbers: the processor's, up to the limits that are set.

A sum's last digits depend on how many of its terms are added at once. torch's kernels, oneDNN (the
LSTM) and MKL (the head) each choose their instructions, and each has its own limit.
"""

import os
import platform
from functools import lru_cache
from pathlib import Path

import torch

LADDER = ("SSE41", "AVX2", "AVX512_CORE", "AVX512_CORE_BF16", "AVX512_CORE_AMX")
"""oneDNN's instruction sets, by its own names, that matter for a training step."""

AVX512_BF16, AMX = "AVX512_CORE_BF16", "AVX512_CORE_AMX"

# Other names of oneDNN's limit, and the highest rung that each allows.
_ALSO_CALLED = {
    "AVX": "SSE41",
    "AVX2_VNNI": "AVX2",
    "AVX2_VNNI_2": "AVX2",
    "AVX512_CORE_VNNI": "AVX512_CORE",
    "AVX512_CORE_FP16": "AVX512_CORE_BF16",
    "AVX10_1_512": "AVX512_CORE_BF16",
}

LIMITS = (
    "ATEN_CPU_CAPABILITY",
    "ONEDNN_MAX_CPU_ISA",
    "DNNL_MAX_CPU_ISA",
    "MKL_ENABLE_INSTRUCTIONS",
    "MKL_CBWR",
)
"""Variables by which a user limits instructions; the libraries read them when a process starts."""


def describe_instructions() -> dict[str, str]:
    """Return the processor, the instructions each library uses, and the limits that are set.

    torch's own answer (`get_cpu_capability`) accounts only for torch's limit.
    """
    return {
        "processor": processor_name(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "onednn": onednn_level(),
        "limits": limits() or "none",
    }


def onednn_level() -> str:
    """Return the highest set that oneDNN uses: the processor's, or the limit if that is lower.

    On processors other than x86 it is the machine's name.
    """
    if platform.machine().lower() not in {"x86_64", "amd64"}:
        return platform.machine()
    return LADDER[min(_processors_rung(), _limits_rung())]


def limits() -> str:
    """Return the limits that are set, as `ONEDNN_MAX_CPU_ISA=AVX2`."""
    return " ".join(f"{name}={os.environ[name]}" for name in LIMITS if os.environ.get(name))


@lru_cache(maxsize=1)
def processor_name() -> str:
    """Return the processor's name, family and model, if the system gives them."""
    cpuinfo = Path("/proc/cpuinfo")
    if not cpuinfo.is_file():
        return platform.processor() or platform.machine()
    first = cpuinfo.read_text(encoding="utf-8", errors="replace").partition("\n\n")[0]
    pairs = (line.partition(":") for line in first.splitlines())
    told = {name.strip(): value.strip() for name, _, value in pairs}
    if "model name" not in told:
        return platform.processor() or platform.machine()
    return f"{told['model name']} ({told.get('cpu family', '?')}/{told.get('model', '?')})"


def _processors_rung() -> int:
    has = (
        torch.cpu._is_avx2_supported(),
        torch.cpu._is_avx512_supported(),
        torch.cpu._is_avx512_bf16_supported(),
        torch.cpu._is_amx_tile_supported(),
    )
    return has.index(False) if False in has else len(has)


def _limits_rung() -> int:
    """Return the highest rung within oneDNN's limit; an unknown limit has no effect."""
    asked = os.environ.get("ONEDNN_MAX_CPU_ISA") or os.environ.get("DNNL_MAX_CPU_ISA") or ""
    name = _ALSO_CALLED.get(asked.upper(), asked.upper())
    return LADDER.index(name) if name in LADDER else len(LADDER) - 1
