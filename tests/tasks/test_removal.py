"""Claims about removal: a folder is whole or gone, a store gets smaller, and nothing else moves."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from lstm_model.errors import StorageError
from tasks.removal import (
    GONE,
    bytes_text,
    compact,
    folder_size,
    half_removed,
    held_by_one,
    remove_folder,
)


def filled(folder: Path, files: int = 3) -> Path:
    (folder / "inner").mkdir(parents=True)
    for number in range(files):
        (folder / "inner" / str(number)).write_bytes(bytes(100))
    return folder


def test_a_folder_is_whole_or_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A removal that is cut off leaves nothing under the folder's name, and can be finished."""
    folder = filled(tmp_path / "search-1")
    assert folder_size(folder) == 300

    def cut(path: Path) -> None:
        (path / "inner" / "0").unlink()
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", cut)
        with pytest.raises(KeyboardInterrupt):
            remove_folder(folder)
    assert not folder.exists()
    (left,) = half_removed(tmp_path)
    assert left.name == f"{GONE}search-1"
    filled(folder)  # made again in the meantime, and removed again
    remove_folder(folder)
    assert list(tmp_path.iterdir()) == []
    remove_folder(folder)
    left.mkdir()
    remove_folder(left)
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error of the disk is one line that names the folder."""

    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(shutil, "rmtree", refuse)
    with pytest.raises(StorageError, match="search-1, which is to be deleted: Permission denied"):
        remove_folder(filled(tmp_path / "search-1"))


def database(path: Path, rows: int) -> None:
    with closing(sqlite3.connect(path)) as opened:
        opened.execute("create table t (x)")
        opened.executemany("insert into t values (?)", [("x" * 1000,)] * rows)
        opened.commit()


def keep_rows(path: Path, rows: int) -> None:
    with closing(sqlite3.connect(path)) as opened:
        opened.execute(f"delete from t where rowid > {rows}")
        opened.commit()


def test_a_store_gets_smaller(tmp_path: Path) -> None:
    """What was deleted is given back to the disk, and every row that stays is there."""
    path = tmp_path / "a.db"
    database(path, 1000)
    assert compact(f"sqlite:///{path}") == 0
    keep_rows(path, 100)
    before = path.stat().st_size
    freed = compact(f"sqlite:///{path}")
    assert freed == before - path.stat().st_size > 500_000
    with closing(sqlite3.connect(path)) as opened:
        assert opened.execute("select count(*) from t").fetchone() == (100,)
    assert compact(f"sqlite:///{path}") == 0


def test_a_busy_store_and_what_is_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store in which another writes stays as it is, and so does a server."""
    monkeypatch.setattr("tasks.removal.BUSY_SECONDS", 0.1)
    path = tmp_path / "a.db"
    database(path, 1000)
    keep_rows(path, 10)
    with closing(sqlite3.connect(path)) as writer:
        writer.execute("begin immediate")
        assert compact(f"sqlite:///{path}") == 0
    assert compact(f"sqlite:///{path}") > 0
    for address in (
        "sqlite:///none.db",
        "http://127.0.0.1:1",
        "postgresql://x/y",
        "not an address",
    ):
        assert compact(address) == 0
    assert not Path("none.db").exists()


def test_one_holder(tmp_path: Path) -> None:
    """A second holder of the lock is refused, and the first one's end frees it."""
    path = tmp_path / "new" / "gc.lock"
    with held_by_one(path), pytest.raises(StorageError, match="another holds"), held_by_one(path):
        pass
    with held_by_one(path):
        pass


@pytest.mark.parametrize(
    ("size", "text"),
    [(None, "?"), (0, "0.0 MB"), (1_234_567, "1.2 MB"), (2_500_000_000, "2.50 GB")],
)
def test_sizes(size: int | None, text: str) -> None:
    """Sizes are in MB, from a thousand of them on in GB."""
    assert bytes_text(size) == text
