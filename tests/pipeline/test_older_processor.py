"""A night on a processor without AVX-512, as the libraries' own limits make one of any other."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import QUICKSTART

AVX2 = {"ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2"}


@pytest.mark.process
@pytest.mark.skipif(platform.machine() != "x86_64", reason="ONEDNN_MAX_CPU_ISA is for x86")
def test_bf16_is_refused_before_anything_is_fetched(tmp_path: Path) -> None:
    """The night ends with 2 and one line that names what is missing; it leaves no file behind."""
    folder = tmp_path / "empty"
    folder.mkdir()
    words = ["run", "--config", QUICKSTART, "--set", "training.precision=bf16"]
    ended = subprocess.run(
        [sys.executable, "-m", "flows.cli", *words],
        check=False,
        cwd=folder,
        env=os.environ | AVX2 | {"PREFECT_HOME": str(tmp_path / "prefect")},
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 2, ended.stderr
    assert ended.stderr.startswith(
        "lstm-hpo: training.precision bf16 needs a processor with AVX-512"
    )
    assert "limited by ATEN_CPU_CAPABILITY=avx2 ONEDNN_MAX_CPU_ISA=AVX2" in ended.stderr
    assert ended.stderr.endswith("; set training.precision to fp32\n")
    assert ended.stderr.count("\n") == 1
    assert ended.stdout == ""
    assert list(folder.iterdir()) == []
