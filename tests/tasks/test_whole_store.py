"""Stores on SQLite: whole or not there, whenever their maker is killed; torn ones are set aside."""

import contextlib
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from lstm_model.errors import StorageError
from tasks import whole_store
from tasks.whole_store import StoreKind, has_rows, make_whole

TABLES = ("first", "second", "version")


def build(path: Path) -> None:
    """Make three tables and a row, each committed by itself, in WAL mode at that."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("pragma journal_mode = wal")
        for table in TABLES:
            sys.audit("statement")
            database.execute(f"create table {table} (x integer)")
        sys.audit("statement")
        database.execute("insert into version values (1)")


def is_whole(database: sqlite3.Connection, tables: set[str]) -> bool:
    return "version" in tables and has_rows(database, "version")


KIND = StoreKind("some.key", build, is_whole, frozenset({"version"}))

AGE = 60.0
"""Seconds since a torn store was last written: nobody is at it any more."""


def tear(path: Path, tables: tuple[str, ...] = TABLES[:2]) -> None:
    """Leave what an earlier version left when it was killed: tables, and not all of them."""
    with contextlib.closing(sqlite3.connect(path)) as database:
        for table in tables:
            database.execute(f"create table {table} (x integer)")
    age(path)


def age(path: Path) -> None:
    os.utime(path, (time.time() - AGE, time.time() - AGE))


def value_in(path: Path) -> list[tuple[int]]:
    with contextlib.closing(sqlite3.connect(path)) as database:
        return database.execute("select x from version").fetchall()


def names(folder: Path) -> list[str]:
    return sorted(item.name for item in folder.iterdir())


def test_a_store_is_made_once_and_needs_nothing_beside_it(tmp_path: Path) -> None:
    """A new store is one file, readable by whoever may read its neighbours; a whole one stays."""
    path = tmp_path / "a [b] ü.db"
    make_whole(path, KIND)
    assert names(tmp_path) == [".a [b] ü.db.lock", "a [b] ü.db"]
    (tmp_path / "neighbour").touch()
    assert path.stat().st_mode == (tmp_path / "neighbour").stat().st_mode
    before = path.stat().st_ino
    make_whole(path, KIND)
    assert path.stat().st_ino == before
    assert value_in(path) == [(1,)]


SCRIPT = """
import os, signal, sys
from pathlib import Path
from tests.tasks.test_whole_store import KIND, make_whole, tear

STEPS = {"statement", "sqlite3.connect", "os.rename", "os.remove", "os.rmdir", "os.mkdir", "open"}
left = None

def kill_at_the_step(step, arguments):
    global left
    if left is not None and step in STEPS and "/proc" not in str(arguments):
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(kill_at_the_step)
for number in range(1000):
    folder = Path(sys.argv[1]) / f"{number:03d}"
    folder.mkdir()
    if sys.argv[2] == "torn":
        tear(folder / "x.db")
    child = os.fork()
    if not child:
        left = number
        make_whole(folder / "x.db", KIND)
        os._exit(0)
    if os.waitpid(child, 0)[1] == 0:
        break
"""


@pytest.mark.process
@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
@pytest.mark.parametrize("before", ["nothing", "torn"])
def test_a_maker_killed_at_any_step_costs_nothing(before: str, tmp_path: Path) -> None:
    """After kill -9 at each step in turn there is a whole store or none, and the next makes it.

    What an earlier version left in parts is still there under another name.
    """
    subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SCRIPT, str(tmp_path), before], check=True
    )
    folders = sorted(tmp_path.iterdir())
    assert len(folders) > 15
    whole_before = []
    for folder in folders:
        path = folder / "x.db"
        torn_is_there = before == "torn" and not list(folder.glob("x.db.torn-*"))
        if path.exists() and not torn_is_there:
            assert value_in(path) == [(1,)], folder
        whole_before.append(path.exists() and not torn_is_there)
        make_whole(path, KIND)
        assert value_in(path) == [(1,)]
        kept = [name for name in names(folder) if name not in {".x.db.lock", "x.db"}]
        assert len(kept) == (before == "torn"), kept
    assert whole_before == sorted(whole_before)
    assert (whole_before[0], whole_before[-1]) == (False, True)


@pytest.mark.process
def test_makers_at_once_make_one_store(tmp_path: Path) -> None:
    """Of processes that find no store at the same time one makes it, and the others wait for it."""
    code = (
        "import sys; from pathlib import Path\n"
        "from tests.tasks.test_whole_store import KIND, make_whole\n"
        "path = Path(sys.argv[1]); make_whole(path, KIND); print(path.stat().st_ino)\n"
    )
    words = [sys.executable, "-c", code, str(tmp_path / "x.db")]
    makers = [subprocess.Popen(words, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    found = {maker.communicate()[0] for maker in makers}
    assert found == {f"{(tmp_path / 'x.db').stat().st_ino}\n"}


def test_a_torn_store_is_set_aside_and_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The file in parts and its journal are renamed, and one line tells the new name."""
    path = tmp_path / "x.db"
    tear(path)
    (tmp_path / "x.db-wal").touch()
    age(tmp_path / "x.db-wal")
    make_whole(path, KIND)
    aside, wal = sorted(tmp_path.glob("x.db.torn-*"))
    assert wal.name == f"{aside.name}-wal"
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"note: {path} was interrupted")
    assert aside.name in line
    assert value_in(path) == [(1,)]


def empty_file(path: Path) -> None:
    path.touch()
    age(path)


def journal_alone(path: Path) -> None:
    path.with_name("x.db-journal").write_bytes(b"of another file")


@pytest.mark.parametrize("leave", [empty_file, journal_alone])
def test_an_empty_file_is_no_store(leave: Callable[[Path], None], tmp_path: Path) -> None:
    """What a kill at the very first statement leaves is replaced, a journal left alone too."""
    leave(tmp_path / "x.db")
    make_whole(tmp_path / "x.db", KIND)
    assert value_in(tmp_path / "x.db") == [(1,)]
    assert not (tmp_path / "x.db-journal").exists()


def test_a_store_in_parts_that_holds_rows_is_refused_and_stays(tmp_path: Path) -> None:
    """Rows are never set aside: the file is named, with what to set."""
    path = tmp_path / "x.db"
    tear(path)
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute("insert into second values (7)")
        database.commit()
    age(path)
    before = path.read_bytes()
    with pytest.raises(StorageError, match=r"has rows \(second\); set some\.key to another"):
        make_whole(path, KIND)
    assert path.read_bytes() == before


def test_what_is_no_database_is_left_to_its_library(tmp_path: Path) -> None:
    """Neither text nor a folder is judged or touched here."""
    (tmp_path / "text.db").write_text("not a database, and long enough to be read as one" * 20)
    (tmp_path / "folder.db").mkdir()
    for name in ("text.db", "folder.db"):
        make_whole(tmp_path / name, KIND)
    assert names(tmp_path) == ["folder.db", "text.db"]


@pytest.mark.process
def test_a_store_that_another_program_is_making_is_waited_for(tmp_path: Path) -> None:
    """One that `mlflow ui` is making in place, without our lock, is not taken for a torn one."""
    code = (
        "import sqlite3, sys, time\n"
        "database = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "for table in ('first', 'second', 'third', 'version'):\n"
        "    database.execute(f'create table {table} (x integer)'); time.sleep(0.5)\n"
        "database.execute('insert into version values (5)')\n"
    )
    path = tmp_path / "x.db"
    with subprocess.Popen([sys.executable, "-c", code, str(path)]) as other:
        while not path.exists() or not path.stat().st_size:
            time.sleep(0.01)
        make_whole(path, KIND)
        assert value_in(path) == [(5,)]
    assert other.returncode == 0


@pytest.mark.process
def test_a_maker_that_hangs_is_not_waited_for_without_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Past the patience the file is named, and what to do."""
    monkeypatch.setattr(whole_store, "PATIENCE_SECONDS", 0.2)
    path = tmp_path / "x.db"
    code = (
        "import sys, filelock; lock = filelock.FileLock(sys.argv[1]); lock.acquire()\n"
        "print('held', flush=True); sys.stdin.read()"
    )
    words = [sys.executable, "-c", code, str(tmp_path / ".x.db.lock")]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as maker:
        assert maker.stdout is not None
        assert maker.stdout.readline() == "held\n"
        with pytest.raises(StorageError, match=r"has been creating .*x\.db for 0\.2 s; end"):
            make_whole(path, KIND)
        maker.communicate()
    make_whole(path, KIND)


def test_connections_to_other_files_stay_synced(tmp_path: Path) -> None:
    """Only the file that is being made skips the disk."""
    from sqlalchemy import create_engine

    found = {}

    def build_and_look(path: Path) -> None:
        for name, file in (("new", path), ("other", tmp_path / "other.db")):
            engine = create_engine(f"sqlite:///{file}")
            with engine.connect() as connection:
                found[name] = connection.exec_driver_sql("pragma synchronous").scalar()
            engine.dispose()
        build(path)

    make_whole(tmp_path / "x.db", StoreKind("k", build_and_look, is_whole, frozenset()))
    assert found == {"new": 0, "other": 2}
