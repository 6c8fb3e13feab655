"""Claims about precision: what a device cannot do is refused in one line, what is slow is noted."""

import os
import platform
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import optuna
import pytest
import torch

from lstm_model.errors import ConfigError
from lstm_model.model.training import TrainingSettings
from lstm_model.search.hyper_params import HyperParams
from tasks import instructions, precision
from tasks.precision import Bf16Ability, probe_bf16, require_hardware, require_precision
from tasks.search.replay import replay_trial
from tasks.search.study_store import NUMBER, SPEC
from tasks.search.trial import TrialSpec

X86 = platform.machine().lower() in {"x86_64", "amd64"}
ABLE = Bf16Ability(True, "AVX-512", "Chip with AVX512_CORE_AMX")
SLOW = Bf16Ability(True, "AVX-512", "Chip with AVX512_CORE", "is emulated and slower than fp32")
UNABLE = Bf16Ability(False, "AVX-512", "Chip with AVX2")

Prober = Callable[[Bf16Ability], None]


@pytest.fixture
def probe_finds(monkeypatch: pytest.MonkeyPatch) -> Prober:
    def find(ability: Bf16Ability) -> None:
        monkeypatch.setattr(precision, "probe_bf16", lambda device: ability)

    return find


@pytest.fixture
def fresh_probe() -> None:
    probe_bf16.cache_clear()


def in_a_process_limited_to(level: str) -> str:
    """Ask for bf16 where oneDNN may use no more than `level`; return what came of it."""
    code = (
        "from lstm_model.errors import ConfigError\n"
        "from tasks.precision import require_precision\n"
        "try:\n    print('note:', require_precision('bf16', 'cpu'))\n"
        "except ConfigError as error:\n    print('refused:', error)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"ONEDNN_MAX_CPU_ISA": level, "ATEN_CPU_CAPABILITY": "avx2"},
        capture_output=True,
        text=True,
        check=True,
    )
    return ended.stdout.rstrip("\n")


def test_fp32_asks_for_nothing(probe_finds: Prober) -> None:
    """A device that cannot take bfloat16 trains in fp32 without a word."""
    probe_finds(UNABLE)
    assert require_precision("fp32", "cpu") == ""


def test_a_device_without_bf16_is_refused(probe_finds: Prober) -> None:
    """The refusal says in one line what is needed, what there is, and what to set."""
    probe_finds(UNABLE)
    with pytest.raises(ConfigError) as caught:
        require_precision("bf16", "cpu")
    assert str(caught.value) == (
        "training.precision bf16 needs AVX-512 but there is Chip with AVX2; "
        "set training.precision to fp32"
    )


def test_slow_bf16_is_noted(probe_finds: Prober, capsys: pytest.CaptureFixture[str]) -> None:
    """What is possible but slower than fp32 is told the user once, unless asked quietly."""
    probe_finds(SLOW)
    require_hardware("bf16", "cpu", quietly=True)
    assert capsys.readouterr().err == ""
    require_hardware("bf16", "cpu")
    assert capsys.readouterr().err == (
        "note: training.precision bf16 is emulated and slower than fp32 on Chip with AVX512_CORE; "
        "set training.precision to fp32\n"
    )
    probe_finds(ABLE)
    require_hardware("bf16", "cpu")
    assert capsys.readouterr().err == ""


@pytest.mark.process
@pytest.mark.skipif(not X86, reason="ONEDNN_MAX_CPU_ISA is for x86")
def test_an_older_processor_is_refused_by_its_instructions() -> None:
    """Without AVX-512 oneDNN refuses the step, and the user reads which instructions there are."""
    line = in_a_process_limited_to("AVX2")
    assert line.startswith("refused: training.precision bf16 needs a processor with AVX-512")
    assert "with AVX2, limited by ATEN_CPU_CAPABILITY=avx2 ONEDNN_MAX_CPU_ISA=AVX2; " in line
    assert line.endswith("; set training.precision to fp32")
    assert "\n" not in line


@pytest.mark.process
@pytest.mark.skipif(
    not torch.cpu._is_avx512_supported(), reason="the processor has no AVX-512 to emulate bf16 with"
)
def test_emulated_bf16_is_possible_and_slow() -> None:
    """With AVX-512 but without its bfloat16 instructions the step is taken, and called slower."""
    line = in_a_process_limited_to("AVX512_CORE")
    assert line.startswith("note: training.precision bf16 is emulated and slower than fp32 on ")


@pytest.mark.parametrize(
    ("level", "caution"),
    [
        ("AVX512_CORE_AMX", ""),
        ("AVX512_CORE_BF16", "may be no faster than fp32 without amx_bf16"),
        ("AVX512_CORE", "is emulated and slower than fp32"),
        ("aarch64", ""),
    ],
)
def test_instructions_say_how_fast_it_is(
    level: str, caution: str, fresh_probe: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only matrix instructions let expect more speed; what x86 does not have is emulated."""
    monkeypatch.setattr(precision, "onednn_level", lambda: level)
    ability = probe_bf16("cpu")
    probe_bf16.cache_clear()
    assert ability.caution == caution
    assert ability.found.startswith(f"{instructions.processor_name()} with {level}")


@pytest.mark.parametrize(
    ("native", "steps", "possible", "caution"),
    [
        (True, True, True, ""),
        (False, True, True, "is emulated and slower than fp32"),
        (False, False, False, "is emulated and slower than fp32"),
    ],
)
def test_a_gpu_is_asked_likewise(
    native: bool,
    steps: bool,
    possible: bool,
    caution: str,
    fresh_probe: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A GPU is named with its compute capability; one that emulates bfloat16 is called slower."""
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: (7, 5))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "T4")
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: native)
    monkeypatch.setattr(precision, "_can_step", lambda device: steps)
    ability = probe_bf16("cuda")
    probe_bf16.cache_clear()
    assert ability == Bf16Ability(
        possible, "a GPU of compute capability 8.0 or more", "T4 of 7.5", caution
    )


def test_the_probe_draws_nothing(fresh_probe: None) -> None:
    """Probing leaves the caller's random state as it was."""
    before = torch.get_rng_state()
    probe_bf16("cpu")
    assert torch.equal(torch.get_rng_state(), before)


def test_a_replay_asks_before_it_prepares(probe_finds: Prober, tmp_path: Path) -> None:
    """A trial recorded in bf16 is refused where its data are gone and not yet prepared again."""
    storage = f"sqlite:///{tmp_path / 'studies.db'}"
    settings = TrainingSettings(7, 1.0, precision="bf16")
    spec = TrialSpec(0, HyperParams(lr=1e-3), str(tmp_path / "gone"), 1, settings)
    study = optuna.create_study(study_name="s@1", storage=storage)
    study.add_trial(
        optuna.trial.create_trial(value=1.0, user_attrs={NUMBER: 0, SPEC: asdict(spec)})
    )
    probe_finds(UNABLE)
    with pytest.raises(ConfigError, match="bf16 needs AVX-512 but there is Chip with AVX2"):
        replay_trial(storage, "s", 0)
