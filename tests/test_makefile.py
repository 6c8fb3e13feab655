"""How `make` installs: with uv if it is installed and finds a CPU build of torch, else with pip."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
UVS = {
    "no uv": (None, "pip"),
    "uv finds a CPU build": ("echo torch==2.13.0+cpu", "uv"),
    "uv finds a CUDA build": ("printf 'nvidia-cublas==13.1\\ntorch==2.13.0\\n'", "pip"),
    "uv finds nothing": ("echo no index >&2; exit 2", "pip"),
}


@pytest.mark.process
@pytest.mark.parametrize("name", UVS)
def test_the_installer_is_chosen(name: str, tmp_path: Path) -> None:
    """Both lines that install use uv only if it resolves the pins without CUDA packages."""
    make = shutil.which("make")
    if make is None:
        pytest.skip("make is not installed")
    script, installer = UVS[name]
    for tool in ("sh", "grep"):
        found = shutil.which(tool)
        assert found is not None
        (tmp_path / tool).symlink_to(found)
    if script is not None:
        (tmp_path / "uv").write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        (tmp_path / "uv").chmod(0o755)
    for file in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / file, tmp_path)
    ended = subprocess.run(
        [make, "--dry-run", ".venv/.run-installed"],
        check=False, cwd=tmp_path, env=os.environ | {"PATH": str(tmp_path)},
        capture_output=True, text=True,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    lines = [line for line in ended.stdout.splitlines() if " install " in line]
    expected = {"uv": "uv pip install ", "pip": ".venv/bin/python -m pip install "}[installer]
    assert [line.startswith(expected) for line in lines] == [True, True], ended.stdout
    assert lines[0].endswith('"') and '"torch==' in lines[0]
    assert lines[1].endswith(" -e .")
    assert all("-c constraints.txt" in line for line in lines)
