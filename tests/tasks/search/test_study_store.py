"""The search's owner: its key, its lock, and what it does with a dead owner's trials."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path

import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.trial import TrialState
from pydantic import TypeAdapter
from sqlalchemy import Engine, event

from lstm_model.config.loader import parse_config
from lstm_model.config.pipeline import PipelineConfig
from lstm_model.errors import SearchError, StorageError
from lstm_model.model.training import TrainingSettings
from lstm_model.search.hyper_params import HyperParams
from lstm_model.search.space import seed_space
from lstm_model.search.trial import Trial
from tasks import whole_store
from tasks.data.data_set import DataSet
from tasks.search.family import count_family
from tasks.search.study_store import (
    NUMBER,
    SPEC,
    begin_trial,
    begun_params,
    ended_trials,
    fail_what_a_dead_owner_left,
    open_study,
    pareto_front,
    record_trial,
    study_key,
)
from tasks.search.trial import TrialSpec

PARAMS = HyperParams(hidden_size=64, num_layers=1, dropout=0.1, lr=1e-3, batch_size=64)

SPACE = seed_space()


def config_in(folder: Path, **changes: object) -> PipelineConfig:
    storage = {"storage": f"sqlite:///{folder / 'studies.db'}"}
    return parse_config({"data": {"tickers": ["X"]}, "search": storage} | changes)


def data_set(sha256: str) -> DataSet:
    return DataSet("s", sha256, "b", "t", 16, 1, 1, 1, date(2020, 1, 1), date(2021, 1, 1))


def spec(number: int, params: HyperParams = PARAMS) -> TrialSpec:
    return TrialSpec(number, params, "s", 5, TrainingSettings(7, 1.0), limits={3: 0.5})


@pytest.mark.parametrize(
    ("changes", "sha256", "same"),
    [
        ({}, "a", True),
        ({"device": "cpu"}, "a", True),
        ({"search": {"trials": 50}}, "a", True),
        ({"search": {"sampler": "gp", "pruner": "median", "generation": None}}, "a", True),
        ({"search": {"objective_epoch": "best"}}, "a", False),
        ({"search": {"objective": "seeds"}}, "a", False),
        ({"search": {"minimise": ["loss", "seconds"]}}, "a", False),
        ({}, "b", False),
        ({"seed": 1}, "a", False),
        ({"training": {"epochs": 6}}, "a", False),
        ({"training": {"precision": "bf16"}}, "a", False),
        ({"search": {"space": {"lr": {"type": "float", "low": 0.1, "high": 1}}}}, "a", False),
    ],
)
def test_the_key_changes_with_what_a_loss_depends_on(
    tmp_path: Path, changes: dict[str, object], sha256: str, same: bool
) -> None:
    """Data, space, seed and epochs make another study; budget and device do not."""
    key = study_key(config_in(tmp_path), data_set("a"), "name")
    assert (study_key(config_in(tmp_path, **changes), data_set(sha256), "name") == key) is same


def test_a_second_search_of_the_same_study_leaves_with_one_line(tmp_path: Path) -> None:
    """While one process holds a study, another is refused; another study is not."""
    config = config_in(tmp_path)
    with open_study(config, "name@1", "name"):
        with (
            pytest.raises(SearchError, match="being searched by another process"),
            open_study(config, "name@1", "name"),
        ):
            pass
        with open_study(config, "other@1", "other") as other:
            assert other.study_name == "other@1"


def test_trials_are_counted_over_all_nights_of_a_name(tmp_path: Path) -> None:
    """Finished trials of every study under a name count, those of other names and states do not."""
    config = config_in(tmp_path)
    for key, name, states in (
        ("spx@1", "spx", (TrialState.COMPLETE, TrialState.FAIL)),
        ("spx@2", "spx", (TrialState.COMPLETE, TrialState.PRUNED, TrialState.COMPLETE)),
        ("spx@3", "spx", ()),
        ("spx2@1", "spx2", (TrialState.COMPLETE,)),
    ):
        with open_study(config, key, name) as study:
            for number, state in enumerate(states):
                trial = begin_trial(study, spec(number), config.search.space)
                study.tell(trial, 0.5 if state == TrialState.COMPLETE else None, state)
    with open_study(config, "spx@2", "spx") as study:
        assert count_family(study._storage, "spx") == (4, 2)
        assert count_family(study._storage, "spx2") == (1, 1)


def test_what_a_dead_owner_left_is_failed(tmp_path: Path) -> None:
    """A RUNNING trial is failed, and another one may begin."""
    config = config_in(tmp_path)
    space = config.search.space
    with open_study(config, "name@1", "name") as study:
        begin_trial(study, spec(0), space)
    with open_study(config, "name@1", "name") as study:
        fail_what_a_dead_owner_left(study)
        trial = begin_trial(study, spec(2, replace(PARAMS, lr=2e-3)), space)
        assert trial.params["lr"] == 2e-3
        states = {t.user_attrs[NUMBER]: t.state for t in study.trials}
    assert states == {0: TrialState.FAIL, 2: TrialState.RUNNING}


@contextmanager
def copies_before_each_write(live: Path) -> Iterator[list[Path]]:
    """Copy the folder of a store before every statement that writes, as a kill would leave it."""
    states: list[Path] = []

    def keep(_connection: object, _cursor: object, sql: str, *_: object) -> None:
        if not sql.startswith(("PRAGMA", "SELECT")) and live.stat().st_size:
            states.append(live.parent.with_name(f"{len(states):03d}"))
            shutil.copytree(live.parent, states[-1])

    event.listen(Engine, "before_cursor_execute", keep)
    try:
        yield states
    finally:
        event.remove(Engine, "before_cursor_execute", keep)


def test_a_trial_begins_whole_or_not_at_all(tmp_path: Path) -> None:
    """Whatever write was the last before a kill, the trial has all its parameters or none."""
    live = tmp_path / "live" / "studies.db"
    live.parent.mkdir()
    with open_study(config_in(live.parent), "name@1", "name") as study:
        with copies_before_each_write(live) as states:
            begin_trial(study, spec(0), SPACE)
        assert begun_params(study) == {0: PARAMS}
    assert len(states) > len(SPACE)
    for state in states:
        with open_study(config_in(state), "name@1", "name") as study:
            assert begun_params(study) in ({}, {0: PARAMS})


def test_a_storage_that_is_no_database_is_named(tmp_path: Path) -> None:
    """A file that is no SQLite database ends in one line that names the key to change."""
    (tmp_path / "studies.db").write_text("not a database, and long enough to be read as one" * 20)
    with (
        pytest.raises(StorageError, match=r"search\.storage"),
        open_study(config_in(tmp_path), "name@1", "name"),
    ):
        pass


def test_a_store_that_a_kill_left_in_parts_is_set_aside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever statement of Optuna's was the last, the torn store is named and a whole one made."""
    monkeypatch.setattr(whole_store, "QUIET_SECONDS", 0)
    live = tmp_path / "live" / "studies.db"
    live.parent.mkdir()
    with copies_before_each_write(live) as states:
        optuna.storages.RDBStorage(f"sqlite:///{live}").engine.dispose()
    assert len(states) > 10
    for state in states:
        with open_study(config_in(state), "name@1", "name") as study:
            assert not study.trials
        (aside,) = state.glob("studies.db.torn-*")
        assert f"is set aside as {aside.name}" in capsys.readouterr().err


def test_a_trial_keeps_the_specification_it_was_trained_from(tmp_path: Path) -> None:
    """What is stored beside a trial reads back as the same specification."""
    config = config_in(tmp_path)
    with open_study(config, "name@1", "name") as study:
        begin_trial(study, spec(0), config.search.space)
    with open_study(config, "name@1", "name") as study:
        (trial,) = study.trials
    assert TypeAdapter(TrialSpec).validate_python(trial.user_attrs[SPEC]) == spec(0)


def test_trials_are_read_back_as_they_were_recorded(tmp_path: Path) -> None:
    """Completed, pruned and failed trials come back whole, the last of each number."""
    config = config_in(tmp_path)
    complete = Trial(
        0, "COMPLETE", PARAMS, 0.5, 3.0, 2, {1: 0.7, 2: 0.5}, 0.01, block_losses=(0.4, 0.6)
    )
    pruned = Trial(1, "PRUNED", PARAMS, None, 1.0, 1, {1: 0.9}, reason="above the limit")
    failed = Trial(2, "FAIL", PARAMS, None, reason="its worker died")
    again = replace(failed, state="COMPLETE", loss=0.4, reason="")
    with open_study(config, "name@1", "name") as study:
        for trial in (complete, pruned, failed, again):
            record_trial(study, begin_trial(study, spec(trial.number), SPACE), trial)
        begin_trial(study, spec(3), SPACE)
        assert ended_trials(study) == (complete, pruned, again)
        assert pareto_front(study) == ()


@settings(max_examples=10, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 10), st.floats(0.1, 100)), min_size=1, max_size=8))
def test_the_front_is_what_nothing_beats(ends: list[tuple[float, float]]) -> None:
    """Whatever is not on the front is beaten or equalled in both by something that is."""
    study = optuna.create_study(directions=["minimize", "minimize"])
    for number, (loss, seconds) in enumerate(ends):
        record = begin_trial(study, spec(number), SPACE)
        record_trial(study, record, Trial(number, "COMPLETE", PARAMS, loss, seconds))
    front = [ends[number] for number in pareto_front(study)]
    assert [seconds for _, seconds in front] == sorted(seconds for _, seconds in front)
    for loss, seconds in ends:
        assert any(f_loss <= loss and f_seconds <= seconds for f_loss, f_seconds in front)
    for f_loss, f_seconds in front:
        assert not any(loss < f_loss and seconds < f_seconds for loss, seconds in ends)
