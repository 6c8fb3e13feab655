"""The benchmarks follow the product's names; what they measure is not run here."""

import importlib
import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MODULES = sorted(p.stem for p in (ROOT / "benchmarks").glob("*.py") if p.stem != "__init__")


@pytest.mark.process  # an import may ask the system by a process of its own
@pytest.mark.parametrize("name", MODULES)
def test_a_benchmark_finds_what_it_imports(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every module of `benchmarks` imports; the peer's side, where the peer is installed."""
    if name == "peer_other_side" and importlib.util.find_spec("neuralforecast") is None:
        pytest.skip("neuralforecast is not installed; it comes with the extra bench")
    monkeypatch.syspath_prepend(str(ROOT))
    importlib.import_module(f"benchmarks.{name}")
