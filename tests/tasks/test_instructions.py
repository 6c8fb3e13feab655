"""Claims about instructions: each library's own is named, with the limits a user has set."""

import platform

import pytest
import torch

from tasks import instructions
from tasks.instructions import LADDER, LIMITS, describe_instructions, limits, onednn_level


@pytest.fixture
def newest_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pretend a processor with all that oneDNN knows, and no limit set."""
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(instructions, "_processors_rung", lambda: len(LADDER) - 1)
    for name in LIMITS:
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("limit", "level"),
    [
        ("SSE41", "SSE41"),
        ("avx2", "AVX2"),
        ("AVX2_VNNI_2", "AVX2"),
        ("AVX512_CORE_VNNI", "AVX512_CORE"),
        ("AVX512_CORE_FP16", "AVX512_CORE_BF16"),
        ("AVX512_CORE_AMX", "AVX512_CORE_AMX"),
        ("ALL", "AVX512_CORE_AMX"),
        ("nonsense", "AVX512_CORE_AMX"),
    ],
)
@pytest.mark.parametrize("variable", ["ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA"])
def test_onednns_limit_is_counted(
    limit: str,
    level: str,
    variable: str,
    newest_processor: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The level is the limit's, under either name of the variable and in any case of letters."""
    monkeypatch.setenv(variable, limit)
    assert onednn_level() == level


def test_the_newer_name_of_the_limit_decides(
    newest_processor: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where both variables are set oneDNN reads ONEDNN_MAX_CPU_ISA."""
    monkeypatch.setenv("DNNL_MAX_CPU_ISA", "AVX512_CORE")
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")
    assert onednn_level() == "AVX2"


def test_a_limit_above_the_processor_adds_nothing(
    newest_processor: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A processor without AVX-512 has none, whatever the limit allows."""
    monkeypatch.setattr(instructions, "_processors_rung", lambda: LADDER.index("AVX2"))
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX512_CORE_AMX")
    assert onednn_level() == "AVX2"


def test_elsewhere_the_machine_is_the_level(monkeypatch: pytest.MonkeyPatch) -> None:
    """The ladder of oneDNN is of x86; another machine is named by itself."""
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    assert onednn_level() == "aarch64"


def test_a_limit_of_one_library_is_not_hidden_by_another(
    newest_processor: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What torch tells knows of no limit but its own, so oneDNN's and MKL's stand beside it."""
    before = describe_instructions()
    assert before["limits"] == "none"
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")
    monkeypatch.setenv("MKL_ENABLE_INSTRUCTIONS", "AVX2")
    after = describe_instructions()
    assert after["instructions"] == before["instructions"]
    assert (before["onednn"], after["onednn"]) == ("AVX512_CORE_AMX", "AVX2")
    assert after["limits"] == "ONEDNN_MAX_CPU_ISA=AVX2 MKL_ENABLE_INSTRUCTIONS=AVX2" == limits()


@pytest.mark.skipif(platform.machine() != "x86_64", reason="oneDNN's ladder is of x86")
def test_the_level_agrees_with_onednn() -> None:
    """Where oneDNN itself says that it can take bfloat16, the level has AVX-512, and only there."""
    has_avx512 = LADDER.index(onednn_level()) >= LADDER.index("AVX512_CORE")
    assert torch.ops.mkldnn._is_mkldnn_bf16_supported() == has_avx512
