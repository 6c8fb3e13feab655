"""What `lstm-hpo gc` deletes and keeps, with real MLflow and Optuna on SQLite, and after kills."""

import datetime as dt
import hashlib
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import mlflow
import optuna
import pandas as pd
import pytest
from optuna.trial import create_trial

import tasks.removal
import tasks.search.family
import tasks.tracking.retention
from flows.cli import call
from flows.retention import delete_old
from lstm_model.champion.ledger_entry import Forecast
from lstm_model.config.loader import parse_config
from lstm_model.config.pipeline import PipelineConfig
from lstm_model.errors import LedgerError, StorageError
from lstm_model.model.bundle import Bundle, save_bundle
from tasks.champion.ledger import ledger_of
from tasks.champion.verdicts import verdicts_of
from tasks.removal import folder_size, held_by_one
from tasks.search.family import count_family
from tasks.search.study_store import SPACE, held_alone, open_storage
from tasks.tracking.champion import champion_of
from tasks.tracking.client import PatientClient
from tasks.tracking.registry import log_and_register
from tasks.tracking.version import open_version
from tasks.training.deploy import Deployed
from tests.tasks.tracking.conftest import NAME, Store, bars, bundle, store  # noqa: F401 - fixtures

pytestmark = pytest.mark.process  # MLflow asks git which commit this is

ROOT = Path(__file__).resolve().parents[2]
OLD = time.time() - 3 * 24 * 3600


def hash_of(number: int) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()


@dataclass
class Nights:
    """A store in which nights leave what real ones leave."""

    store: Store
    bundle: Bundle
    example: pd.DataFrame
    config: PipelineConfig
    ids: dict[int, str] = field(default_factory=dict)
    models: dict[int, str] = field(default_factory=dict)

    @property
    def client(self) -> PatientClient:
        """MLflow's client."""
        return PatientClient(self.store.uri)

    def add(self, number: int, status: str = "FINISHED", *, registers: bool = True) -> int | None:
        """Add a night; return its version."""
        client = self.client
        tags = {
            "role": "night", "study_name": "spx", "search_view_sha256": hash_of(number),
            "snapshot_sha256": hash_of(-number), "study_key": f"spx@{number:012x}",
            "has_skill": "False", "test_start": "2020-01-01",
        }  # fmt: skip
        run = client.create_run(
            "1", start_time=number * 1000, tags=tags, run_name=f"spx-{number}"
        ).info.run_id
        client.log_text(run, "page " * 20_000, "report.html")
        for trial in range(2):
            own = {"mlflow.parentRunId": run, "role": "trial"}
            child = client.create_run("1", tags=own, run_name=f"trial-{trial}").info.run_id
            client.log_metric(child, "val_loss", 1.0)
            client.set_terminated(child, "FINISHED")
        data = self.config.data.data_dir
        names = [f"search-{hash_of(number)[:16]}"]
        names += [f"{k}-{hash_of(number)[:16]}-{hash_of(-number)[:16]}" for k in ("test", "whole")]
        for name in names:
            (data / name).mkdir(parents=True)
            (data / name / "rows.npy").write_bytes(bytes(1000))
            os.utime(data / name, (OLD, OLD))
        bundles = data.parent / "models" / run
        path = str(save_bundle(self.bundle, bundles / "winner"))
        version = None
        if registers:
            own = {"mlflow.parentRunId": run, "role": "retrain"}
            retrain = client.create_run("1", tags=own, run_name="retrain").info.run_id
            deployed = Deployed(self.bundle, path, path)
            uri = self.store.uri
            version = log_and_register(uri, retrain, NAME, deployed, self.example).version
            client.set_terminated(retrain, "FINISHED")
            self.models[number] = client.get_model_version(NAME, str(version)).source
        if status != "RUNNING":
            client.set_terminated(run, status)
        self.study(number)
        self.ids[number] = run
        return version

    def study(self, number: int, trials: int = 2) -> None:
        """Add a study with finished trials."""
        with open_storage(self.config.search.storage) as storage:
            study = optuna.create_study(storage=storage, study_name=f"spx@{number:012x}")
            study.set_user_attr(SPACE, "x")
            start = dt.datetime(2026, 1, 1) + dt.timedelta(days=number)
            for _ in range(trials):
                trial = create_trial(value=1.0)
                trial.datetime_start = start
                study.add_trial(trial)

    def studies(self) -> set[str]:
        """Return the keys of the studies that are there."""
        with open_storage(self.config.search.storage) as storage:
            return set(tasks.search.family.studies_of(storage))

    def forecast(self, version: int) -> None:
        """Write into the ledger that a version has forecast."""
        ledger_of(self.config).append(
            [
                Forecast(
                    ticker="X", session="2099-01-02", last_bar="2099-01-01",
                    opens_at="2099-01-02T09:00:00.000000", model_name=NAME, model_version=version,
                    bundle_sha256="b", snapshot_sha256="s", target="log_volatility", horizon=1,
                    unit="u", forecast=1.0, lower=None, upper=None, coverage=None,
                )
            ]
        )  # fmt: skip

    def versions(self) -> list[int]:
        """Return the registered versions."""
        return sorted(int(found.version) for found in self.client.search_model_versions())

    def left_of(self, number: int) -> list[str]:
        """Return what is left of a night on disk and in MLflow, besides its record."""
        run, folder = self.ids[number], self.store.folder
        view = hash_of(number)[:16]
        left = [
            str(path.relative_to(folder))
            for path in folder.rglob("*")
            if run in path.name
            or view in path.name
            or path.name == self.models.get(number, "-").removeprefix("models:/")
        ]
        of_night = f"tags.`mlflow.parentRunId` = '{run}'"
        left += [found.info.run_name for found in self.client.search_runs(["1"], of_night)]
        return left

    def is_whole(self, number: int, version: int | None) -> bool:
        """Return whether a night has everything, and its version forecasts."""
        assert self.left_of(number)
        if version is not None:
            with open_version(champion_of(self.config), version) as opened:
                assert len(opened.forecast_bars(self.example)) > 0
        run = self.ids[number]
        names = {item.path for item in self.client.list_artifacts(run)}
        saved = self.config.data.data_dir.parent / "models" / run / "winner"
        return "report.html" in names and saved.is_dir() and len(self.left_of(number)) >= 7


@pytest.fixture
def nights(
    store: Store,  # noqa: F811 - the fixture
    bundle: Bundle,  # noqa: F811 - the fixture
    bars: pd.DataFrame,  # noqa: F811 - the fixture
) -> Nights:
    folder = store.folder
    config = parse_config(
        {
            "data": {
                "tickers": ["X"], "raw_dir": str(folder / "data/raw"),
                "data_dir": str(folder / "data/processed"),
            },
            "search": {"storage": f"sqlite:///{folder}/data/studies.db"},
            "tracking": {"uri": store.uri, "model_name": NAME, "experiment": "e"},
        }
    )  # fmt: skip
    return Nights(store, bundle, bars, config)


def lines(nights: Nights, keep: int, *, dry_run: bool = False) -> list[str]:
    return [f"{r.size} {r.what}" for r in delete_old(nights.config, keep, dry_run=dry_run)]


def contents(folder: Path) -> dict[str, str]:
    """Return a hash of each file's content; of a database, of its rows."""
    found = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        if path.suffix == ".db":
            with closing(sqlite3.connect(path)) as database:
                content = "\n".join(database.iterdump()).encode()
        else:
            content = path.read_bytes()
        found[str(path.relative_to(folder))] = hashlib.sha256(content).hexdigest()
    return found


def test_what_goes_and_what_stays(nights: Nights, tmp_path: Path) -> None:
    """The newest stay, the champion, what the ledger names, a running night; the rest is freed.

    A dry run lists the same and changes nothing. The record of a night stays, and its trials count.
    """
    first, second, third = nights.add(1), nights.add(2), nights.add(3)
    nights.add(4, "RUNNING", registers=False)
    nights.add(5, "FAILED", registers=False)
    sixth, seventh, eighth = nights.add(6), nights.add(7), nights.add(8)
    assert first is not None
    assert second is not None
    champion_of(nights.config).promote(first, "me", "first")
    nights.forecast(second)
    before, size = contents(tmp_path), folder_size(tmp_path / "artifacts")

    told = lines(nights, 2, dry_run=True)
    assert contents(tmp_path) == before
    done = lines(nights, 2)
    assert [line for line in done if "free space in" not in line] == told
    words = " ".join(told)
    assert f"night spx-3 ({nights.ids[3]}), version {third}, 3 nested runs" in words
    assert f"night spx-5 ({nights.ids[5]}), 2 nested runs" in words
    assert len([line for line in told if "night" in line]) == 3
    assert len([line for line in told if "folder" in line]) == 9
    assert [line.split()[2].rstrip(",") for line in told if "study" in line] == [
        f"spx@{number:012x}" for number in (3, 5, 6)
    ]

    for number in (3, 5, 6):
        assert nights.left_of(number) == []
    kept = {1: first, 2: second, 4: None, 7: seventh, 8: eighth}
    for number, version in kept.items():
        assert nights.is_whole(number, version)
    assert nights.versions() == [1, 2, seventh, eighth]
    assert sixth not in nights.versions()
    sizes = [int(line.split()[0]) for line in told if "night" in line]
    artifacts = size - folder_size(tmp_path / "artifacts")
    assert artifacts > 1e6  # each model has its code
    assert artifacts < sum(sizes) < artifacts + 3e5  # the bundles beside them
    records = nights.client.search_runs(["1"], "tags.role = 'night' and tags.has_skill LIKE '%'")
    assert len(records) == 8
    with open_storage(nights.config.search.storage) as storage:
        assert count_family(storage, "spx") == (16, 8)
    assert nights.studies() == {f"spx@{number:012x}" for number in kept}
    with pytest.raises(mlflow.MlflowException, match="not found"):
        nights.client.get_logged_model(nights.models[3].removeprefix("models:/"))
    assert lines(nights, 2) == []
    assert nights.client.get_run(nights.ids[3]).data.tags["retention"].startswith("files deleted 2")


def test_names_of_any_kind_keep_a_night(nights: Nights) -> None:
    """A user's alias, a champion that was, a forecast's run in MLflow, another model's version."""
    names = [nights.add(number) for number in range(1, 8)]
    registry = champion_of(nights.config)
    client = registry.client
    client.set_registered_model_alias(NAME, "production", str(names[0]))
    assert names[1] is not None
    assert names[4] is not None
    registry.promote(names[1], "me", "x")
    registry.promote(names[4], "me", "y")
    client.create_run("1", tags={"role": "forecast", "model_name": NAME, "model_version": "3"})
    client.create_registered_model("theirs")
    client.create_model_version("theirs", nights.models[4])
    registry.journal.path.unlink()  # MLflow's own tags are enough
    assert [line.split()[2] for line in lines(nights, 1) if " night " in line] == ["spx-6"]
    for number in (1, 2, 3, 4, 5, 7):
        assert nights.is_whole(number, names[number - 1])


def test_each_study_name_has_its_own_newest(nights: Nights) -> None:
    """A name that is searched rarely is not pushed out by one that is searched every night."""
    for number in range(1, 5):
        nights.add(number, registers=False)
    nights.client.set_tag(nights.ids[1], "study_name", "rare")
    gone = [line.split()[2] for line in lines(nights, 2) if " night " in line]
    assert gone == ["spx-2"]


class KilledError(BaseException):
    """The process ends here."""


def kill_after(patch: pytest.MonkeyPatch, calls: int) -> None:
    """End the process after so many steps that write, each also in the middle of a folder."""
    left = [calls]

    def guarded(write: Callable[..., Any]) -> Callable[..., Any]:
        def step(*arguments: Any, **options: Any) -> Any:
            if left[0] == 0:
                raise KilledError
            left[0] -= 1
            return write(*arguments, **options)

        return step

    def half(folder: Path) -> None:
        files = [path for path in Path(folder).rglob("*") if path.is_file()]
        for path in files[: len(files) // 2]:
            path.unlink()
        left[0] -= 1
        if left[0] < 0:
            raise KilledError
        tasks.removal.shutil._rmtree_whole(folder)

    rmtree = tasks.removal.shutil.rmtree
    patch.setattr(tasks.removal.shutil, "_rmtree_whole", rmtree, raising=False)
    patch.setattr(tasks.removal.shutil, "rmtree", half)
    retention = tasks.tracking.retention
    patch.setattr(retention, "_delete_files", guarded(retention._delete_files))
    for_good = guarded(retention.NightFiles._for_good)
    patch.setattr(retention.NightFiles, "_for_good", for_good)
    for name in ("set_tag", "delete_model_version"):
        patch.setattr(mlflow.MlflowClient, name, guarded(getattr(mlflow.MlflowClient, name)))
    for owner, name in ((optuna.Study, "set_user_attr"), (optuna, "delete_study")):
        patch.setattr(owner, name, guarded(getattr(owner, name)))


def test_a_kill_between_any_two_steps(nights: Nights, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever step was the last, what is kept is whole, and running again finishes the rest."""
    versions = [nights.add(number) for number in range(1, 4)]
    assert versions[0] is not None
    champion_of(nights.config).promote(versions[0], "me", "first")
    kills = 0
    for calls in range(60):
        with monkeypatch.context() as patch:
            kill_after(patch, calls)
            try:
                lines(nights, 1)
                break
            except KilledError:
                kills += 1
        with open_storage(nights.config.search.storage) as storage:
            assert count_family(storage, "spx") == (6, 3)
        assert nights.is_whole(3, None)
    assert 8 <= kills < 59
    assert lines(nights, 1) == []
    assert nights.left_of(2) == []
    assert nights.is_whole(1, versions[0])
    assert nights.is_whole(3, versions[2])
    assert not list(nights.store.folder.rglob(".gone-*"))
    assert nights.studies() == {f"spx@{number:012x}" for number in (1, 3)}


KILLED = """
import os, signal, sys
import tasks.tracking.retention as retention
from flows.cli import call
left = [2]
def kill(*place, delete=retention._delete_files):
    if not left[0]:
        os.kill(os.getpid(), signal.SIGKILL)
    left[0] -= 1
    delete(*place)
retention._delete_files = kill
call(sys.argv[1:])
"""


def words_of(nights: Nights, keep: int) -> list[str]:
    config = nights.config
    settings = {
        "tracking.uri": config.tracking.uri, "tracking.model_name": NAME,
        "tracking.experiment": "e", "data.raw_dir": config.data.raw_dir,
        "data.data_dir": config.data.data_dir, "search.storage": config.search.storage,
    }  # fmt: skip
    own = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
    words = ["gc", "--keep", str(keep), "--config", str(ROOT / "configs/quickstart.yaml")]
    return [*words, *own]


def test_the_command_after_a_real_kill(nights: Nights, capsys: pytest.CaptureFixture[str]) -> None:
    """After kill -9 in the middle the same command, and even a milder one, finishes."""
    for number in (1, 2):
        nights.add(number)
    ended = subprocess.run(
        [sys.executable, "-c", KILLED, *words_of(nights, 1)],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    assert ended.returncode == -signal.SIGKILL
    assert nights.versions() == [2]
    assert nights.left_of(1)
    assert call([*words_of(nights, 9), "--dry-run"]) == 0
    out = capsys.readouterr().out
    assert "would delete" in out
    assert "night spx-1" in out
    assert nights.left_of(1)
    assert call(words_of(nights, 9)) == 0
    *_, last = capsys.readouterr().out.splitlines()
    assert last.startswith("deleted ")
    assert last.endswith("the newest 9 nights stay")
    assert nights.left_of(1) == []
    assert nights.is_whole(2, 2)
    assert call(words_of(nights, 0)) == 2


def test_what_is_in_use_stays(nights: Nights) -> None:
    """A study that is being searched, a folder of today, and a promotion not yet carried out."""
    for number in (1, 2, 3):
        nights.add(number, registers=False)
    young = nights.config.data.data_dir / f"search-{hash_of(1)[:16]}"
    os.utime(young)
    with held_alone(nights.config.search.storage, f"spx@{1:012x}", "spx"):
        told = lines(nights, 1)
    assert nights.studies() == {f"spx@{number:012x}" for number in (1, 3)}
    assert young.is_dir()
    assert not any(young.name in line for line in told)


def test_one_at_a_time(nights: Nights) -> None:
    """A second gc is refused; the locks of gate and journal are free once the versions are gone."""
    nights.add(1, registers=False)
    nights.add(2, registers=False)
    with held_by_one(nights.config.data.raw_dir.parent / "gc.lock"):
        with pytest.raises(StorageError, match="only one lstm-hpo gc may run at a time"):
            lines(nights, 1)
        assert lines(nights, 1, dry_run=True)
    deleting = delete_old(nights.config, 1, dry_run=False)
    next(deleting)
    verdicts_of(nights.config).lock().acquire(timeout=0)
    champion_of(nights.config).journal.lock().acquire(timeout=0)
    list(deleting)


def test_a_ledger_that_cannot_be_read_stops_it(nights: Nights) -> None:
    """What the ledger names is not known then, so nothing is deleted."""
    for number in (1, 2):
        nights.add(number, registers=False)
    path = ledger_of(nights.config).path
    path.write_text("{}\n")
    with pytest.raises(LedgerError, match="must be readable but is not"):
        lines(nights, 1)
    assert nights.is_whole(1, None)
    path.unlink()
    assert lines(nights, 1)


def test_nothing_there(nights: Nights, tmp_path: Path) -> None:
    """Without nights, studies and data sets nothing goes, and no store of studies is made."""
    assert lines(nights, 1) == []
    assert not (tmp_path / "data/studies.db").exists()
