"""MLflow's client: a locked database is waited for, and a store is made whole, never torn."""

import contextlib
import shutil
import sqlite3
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import mlflow
import pytest
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST, TEMPORARILY_UNAVAILABLE
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.exc import SQLAlchemyError

from lstm_model.errors import StorageError
from tasks import whole_store
from tasks.tracking import client as mlflow_client
from tasks.tracking.client import PatientClient, quiet_mlflow, refusals_named
from tasks.whole_store import make_whole


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep MLflow quiet, and nobody else at the torn stores: looking at one rolls it back."""
    quiet_mlflow()
    monkeypatch.setattr(whole_store, "QUIET_SECONDS", 0)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a store of runs as a first night does."""
    path = tmp_path_factory.mktemp("whole") / "mlflow.db"
    PatientClient(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="module")
def torn(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Have MLflow make a store in place, and keep what a kill at its writes would leave.

    Each is a folder with the file and its journal, as they were before one of the statements.
    """
    quiet_mlflow()
    live, states = tmp_path_factory.mktemp("live"), tmp_path_factory.mktemp("states")
    writes = 0

    def keep(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        nonlocal writes
        if statement.split(maxsplit=1)[0] in {"PRAGMA", "SELECT"}:
            return
        if writes % 7 == 0 or "_alembic_tmp_" in statement:
            shutil.copytree(live, states / f"{writes:04d}")
        writes += 1

    def hurry(connection: sqlite3.Connection, _record: object) -> None:
        connection.execute("pragma synchronous = off")

    listeners = (("before_cursor_execute", keep), ("connect", hurry))
    for name, listener in listeners:
        event.listen(Engine, name, listener)
    try:
        mlflow.MlflowClient(f"sqlite:///{live / 'mlflow.db'}")
    finally:
        for name, listener in listeners:
            event.remove(Engine, name, listener)
    found = sorted(states.iterdir())
    assert len(found) > 50
    assert any((folder / "mlflow.db-journal").exists() for folder in found)
    return found


def test_every_state_that_a_kill_leaves_is_set_aside(
    torn: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever statement of MLflow's first migrations was the last, the store counts as torn."""
    built: list[Path] = []
    kind = replace(mlflow_client._RUNS, build=lambda path: (built.append(path), path.touch()))
    for state in torn:
        folder = Path(shutil.copytree(state, tmp_path / state.name))
        was_empty = (folder / "mlflow.db").stat().st_size == 0
        make_whole(folder / "mlflow.db", kind)
        assert len(built) == 1, state.name
        assert len(list(folder.glob("mlflow.db.torn-*"))) == (not was_empty), state.name
        built.clear()
    assert capsys.readouterr().err.count("is set aside as mlflow.db.torn-") >= len(torn) - 1


def test_a_torn_store_that_mlflow_refuses_for_ever_is_replaced(
    torn: list[Path], tmp_path: Path
) -> None:
    """A store on which MLflow fails becomes a whole one, that names no temporary file."""
    state = next(folder for folder in torn[30:] if (folder / "mlflow.db-journal").exists())
    for name in ("as it was", "here"):
        shutil.copytree(state, tmp_path / name)
    with pytest.raises((MlflowException, SQLAlchemyError), match="already exists"):
        mlflow.MlflowClient(f"sqlite:///{tmp_path / 'as it was' / 'mlflow.db'}")
    client = PatientClient(f"sqlite:///{tmp_path / 'here' / 'mlflow.db'}")
    (experiment,) = client.search_experiments()
    assert experiment.experiment_id == "0"
    assert b".making" not in (tmp_path / "here" / "mlflow.db").read_bytes()


def test_a_first_opening_leaves_a_store_like_mlflows_own(whole: Path, tmp_path: Path) -> None:
    """Tables, indexes, version and default experiment are those that MLflow makes in place.

    The order of checks within a table differs from one time to the next in MLflow itself.
    """
    own = tmp_path / "mlflow.db"
    mlflow.MlflowClient(f"sqlite:///{own}")
    found = []
    for path in (whole, own):
        with contextlib.closing(sqlite3.connect(path)) as database:
            schema = database.execute("select type, name, tbl_name from sqlite_master").fetchall()
            version = database.execute("select * from alembic_version").fetchall()
            query = "select experiment_id, name, artifact_location from experiments"
            found.append((sorted(map(str, schema)), version, database.execute(query).fetchall()))
    assert found[0] == found[1]


def test_a_store_with_runs_is_never_set_aside(whole: Path, tmp_path: Path) -> None:
    """A whole store of an older version is MLflow's to upgrade, and refused with a remedy.

    Here an upgrade was cut off: its version is an older one's, some of its changes are there.
    """
    path = Path(shutil.copy(whole, tmp_path))
    PatientClient(f"sqlite:///{path}").create_run("0")
    older = Path(shutil.copy(path, tmp_path / "older.db"))
    with contextlib.closing(sqlite3.connect(older)) as database:
        database.execute("update alembic_version set version_num = '75868b020152'")
        database.execute("drop table job_locks")
        database.commit()
    with (
        pytest.raises(StorageError, match=r"restore an earlier copy, or set tracking\.uri"),
        refusals_named(f"sqlite:///{older}"),
    ):
        PatientClient(f"sqlite:///{older}")
    assert not list(tmp_path.glob("*.torn-*"))
    with contextlib.closing(sqlite3.connect(older)) as database:
        assert database.execute("select count(*) from runs").fetchone() == (1,)


@contextlib.contextmanager
def locked(path: Path, seconds: float) -> Iterator[None]:
    """Hold a database's exclusive lock in another thread for a while."""
    held = threading.Event()

    def hold() -> None:
        with contextlib.closing(sqlite3.connect(path)) as database:
            database.execute("begin exclusive")
            held.set()
            time.sleep(seconds)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()
    yield
    thread.join()


def test_a_locked_database_is_asked_again_after_pauses_that_grow(tmp_path: Path) -> None:
    """Under a lock of 3 s an impatient call is made a handful of times, and succeeds at last."""
    path = tmp_path / "x.db"
    engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": 0})
    moments: list[float] = []

    def write() -> str:
        moments.append(time.monotonic())
        try:
            with engine.begin() as connection:
                connection.exec_driver_sql("create table x (y integer)")
        except SQLAlchemyError as error:  # as MLflow's sessions do
            raise MlflowException(str(error), TEMPORARILY_UNAVAILABLE) from error
        return "written"

    with locked(path, seconds=3):
        assert mlflow_client.patiently(write) == "written"
    engine.dispose()
    assert 3 <= len(moments) <= 8
    assert moments[-1] - moments[-2] > 2 * (moments[1] - moments[0])


def test_a_store_is_opened_when_its_lock_is_gone(whole: Path, tmp_path: Path) -> None:
    """A lock at the first opening is waited for, as at any later call."""
    path = Path(shutil.copy(whole, tmp_path))
    with locked(path, seconds=1.5):
        assert PatientClient(f"sqlite:///{path}").search_experiments()


@pytest.mark.parametrize(
    ("code", "calls"), [(RESOURCE_DOES_NOT_EXIST, 1), (TEMPORARILY_UNAVAILABLE, 4)]
)
def test_only_a_lock_is_waited_for_and_not_for_ever(
    code: int, calls: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another refusal stands at once; a lock that stays is given up when the patience is over."""
    monkeypatch.setattr(mlflow_client, "PATIENCE_SECONDS", 1.2)
    made = 0

    def refuse() -> None:
        nonlocal made
        made += 1
        raise MlflowException("no", code)

    with pytest.raises(MlflowException):
        mlflow_client.patiently(refuse)
    assert made == pytest.approx(calls, abs=0 if calls == 1 else 1)
