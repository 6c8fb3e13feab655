"""Whether a device can train in the configured precision, checked before anything is fetched."""

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import nn

from lstm_model.errors import ConfigError
from lstm_model.model.training import Precision, resolve_device
from tasks.instructions import AMX, AVX512_BF16, LADDER, limits, onednn_level, processor_name
from tasks.progress import print_note

REMEDY = "set training.precision to fp32"


@dataclass(frozen=True, slots=True)
class Bf16Ability:
    """Whether a device can take a training step in bfloat16.

    `needs` and `found` say in words what is needed and what was found; `caution` says why a step is
    not faster than in fp32, and is empty if it is.
    """

    possible: bool
    needs: str
    found: str
    caution: str = ""


def require_hardware(precision: Precision, device: str, *, quietly: bool = False) -> None:
    """Raise ConfigError if this machine lacks the device or the precision; note if it is slow.

    `device` may be auto. Called before bars are fetched.
    """
    note = require_precision(precision, resolve_device(device))
    if note and not quietly:
        print_note(note)


def require_precision(precision: Precision, device: str) -> str:
    """Return a warning about this precision on a resolved device, or an empty string.

    Raises ConfigError if the device cannot train in it.
    """
    if precision == "fp32":
        return ""
    ability = probe_bf16(device)
    if not ability.possible:
        raise ConfigError(
            f"training.precision bf16 needs {ability.needs} but there is {ability.found}; {REMEDY}"
        )
    if not ability.caution:
        return ""
    return f"training.precision bf16 {ability.caution} on {ability.found}; {REMEDY}"


@lru_cache(maxsize=2)
def probe_bf16(device: str) -> Bf16Ability:
    """Take one tiny training step in bfloat16, and look up the instructions that it uses.

    Whether it is possible is tried, because each library has its own rules. Whether it is slow is
    derived from the instructions and not timed, so that the answer does not depend on other load.
    """
    if device == "cuda":
        major, minor = torch.cuda.get_device_capability()
        emulated = not torch.cuda.is_bf16_supported(including_emulation=False)
        return Bf16Ability(
            possible=_can_step(device),
            needs="a GPU of compute capability 8.0 or more",
            found=f"{torch.cuda.get_device_name()} of {major}.{minor}",
            caution="is emulated and slower than fp32" if emulated else "",
        )
    limited = f", limited by {limits()}" if limits() else ""
    return Bf16Ability(
        possible=_can_step(device),
        needs="a processor with AVX-512 (oneDNN's LSTM)",
        found=f"{processor_name()} with {onednn_level()}{limited}",
        caution=_caution(onednn_level()),
    )


def _caution(level: str) -> str:
    """Say how fast a processor with these instructions is; measured in docs/experiments.md."""
    if level not in LADDER or level == AMX:
        return ""
    if level == AVX512_BF16:
        return "may be no faster than fp32 without amx_bf16"
    return "is emulated and slower than fp32"


def _can_step(device: str) -> bool:
    with torch.random.fork_rng():
        lstm = nn.LSTM(2, 8, batch_first=True).to(device)
        windows = torch.zeros(4, 3, 2, device=device)
    try:
        with torch.autocast(device, torch.bfloat16):
            states = lstm(windows)[0]
        states.float().sum().backward()
    except torch.OutOfMemoryError:
        raise
    except RuntimeError:
        return False
    return True
