"""Claims about data sets that go: those of no night that stays, once they are a day old."""

import os
from pathlib import Path

from tasks.data.retention import YOUNG_SECONDS, unused_data_sets

NOW = 2e9
A, B, BARS, OTHER = "a" * 64, "b" * 64, "c" * 64, "d" * 64


def put(folder: Path, name: str, age: float) -> None:
    (folder / name).mkdir()
    os.utime(folder / name, (NOW - age, NOW - age))


def test_what_no_night_uses_goes(tmp_path: Path) -> None:
    """A view is kept by its hash, a test block by the hash of its bars, too; others stay."""
    old = YOUNG_SECONDS + 1
    for view in (A, B):
        put(tmp_path, f"search-{view[:16]}", old)
        for kind in ("test", "whole"):
            for bars in (BARS, OTHER):
                put(tmp_path, f"{kind}-{view[:16]}-{bars[:16]}", old)
    for name in (".views-x", "search-mine", f"search-{A[:15]}", "models", f"old-{B[:16]}"):
        put(tmp_path, name, old)
    put(tmp_path, ".gone-search-1", 0)
    gone = [path.name for path in unused_data_sets(tmp_path, {(A, BARS)}, NOW)]
    assert gone == [
        ".gone-search-1",
        f"search-{B[:16]}",
        f"test-{A[:16]}-{OTHER[:16]}",
        f"test-{B[:16]}-{BARS[:16]}",
        f"test-{B[:16]}-{OTHER[:16]}",
        f"whole-{A[:16]}-{OTHER[:16]}",
        f"whole-{B[:16]}-{BARS[:16]}",
        f"whole-{B[:16]}-{OTHER[:16]}",
    ]


def test_a_young_folder_stays(tmp_path: Path) -> None:
    """A night that has begun has not recorded its data set yet."""
    put(tmp_path, f"search-{A[:16]}", YOUNG_SECONDS - 1)
    put(tmp_path, f"search-{B[:16]}", YOUNG_SECONDS + 1)
    assert [p.name for p in unused_data_sets(tmp_path, set(), NOW)] == [f"search-{B[:16]}"]
    assert unused_data_sets(tmp_path / "none", set(), NOW) == ()
