"""Claims about the studies of one name: what was tried counts, whatever was deleted since."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState, create_trial

from lstm_model.errors import ConfigError
from tasks.search.family import count_family, delete_study, studies_of
from tasks.search.replay import _load_study
from tasks.search.study_store import SPACE, best_of_last_night, open_storage

Storage = optuna.storages.RDBStorage


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    with open_storage(f"sqlite:///{tmp_path / 'studies.db'}") as storage:
        yield storage


def search(storage: Storage, key: str, day: int, states: str) -> optuna.Study:
    """Add a study with trials that are complete, pruned, failed or running."""
    study = optuna.create_study(storage=storage, study_name=key, load_if_exists=True)
    study.set_user_attr(SPACE, "x")
    kinds = {"c": TrialState.COMPLETE, "p": TrialState.PRUNED, "f": TrialState.FAIL}
    for state in states:
        trial = create_trial(state=kinds[state], value=1.0 if state == "c" else None)
        trial.datetime_start = dt.datetime(2026, 1, day)
        study.add_trial(trial)
    return study


def test_trials_of_deleted_studies_count(storage: Storage) -> None:
    """Complete and pruned trials of a name count before and after their study is deleted."""
    search(storage, "spx@1", 1, "cpf")
    search(storage, "spx@2", 2, "cc")
    search(storage, "spx@3", 3, "f")
    search(storage, "spx2@1", 1, "c")
    assert count_family(storage, "spx") == (4, 2)
    for key in ("spx@1", "spx@3", "spx@2"):
        delete_study(storage, key)
        assert count_family(storage, "spx") == (4, 2)
    assert count_family(storage, "spx2") == (1, 1)
    assert studies_of(storage) == ["spx2@1"]


def test_a_kill_before_the_deletion(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A study that is counted and still there counts once, and the next call deletes it."""
    search(storage, "spx@1", 1, "cc")

    def kill(**_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(optuna, "delete_study", kill)
        with pytest.raises(KeyboardInterrupt):
            delete_study(storage, "spx@1")
    assert count_family(storage, "spx") == (2, 1)
    search(storage, "spx@1", 2, "c")  # a night goes on with it
    assert count_family(storage, "spx") == (3, 1)
    delete_study(storage, "spx@1")
    assert count_family(storage, "spx") == (3, 1)


def test_the_same_study_searched_again(storage: Storage) -> None:
    """The same key after a deletion has other trials: its queue may be another."""
    search(storage, "spx@1", 1, "cc")
    delete_study(storage, "spx@1")
    search(storage, "spx@1", 5, "ccc")
    assert count_family(storage, "spx") == (5, 2)
    delete_study(storage, "spx@1")
    assert count_family(storage, "spx") == (5, 2)


def test_the_record_is_no_study(storage: Storage) -> None:
    """Neither a replay nor a warm start takes the record of deleted studies for a study."""
    search(storage, "spx@1", 1, "c")
    search(storage, "spx@2", 2, "c")
    delete_study(storage, "spx@1")
    assert _load_study(storage, "spx").study_name == "spx@2"
    tonight = search(storage, "spx@3", 3, "")
    assert len(best_of_last_night(tonight, "spx", "x", 1)) == 1
    delete_study(storage, "spx@2")
    assert best_of_last_night(tonight, "spx", "x", 1) == []
    with pytest.raises(ConfigError, match="must be that of one study"):
        _load_study(storage, "spx@gone")
