"""A whole small replay: resumed, cut off, and with another number of workers it is the same."""

import datetime as dt
import multiprocessing
import os
import signal
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lstm_model.config.loader import parse_config
from lstm_model.config.pipeline import PipelineConfig
from lstm_model.replay.nights import COLUMNS, ReplayNight, replay_days
from tasks.data.data_set import DataSet
from tasks.data.download import take_snapshot
from tasks.replay.bars import ReplayBars
from tasks.replay.run import Replayed, replay_nights
from tasks.training.refit_training import refit_epochs
from tests.pipeline.conftest import SMALL_SPACE

pytestmark = pytest.mark.process

NIGHTS = ("2016-01-05", "2016-03-01", 15)


def small(folder: Path, **changes: object) -> PipelineConfig:
    return parse_config(
        {
            "data": {"source": "bundled", "tickers": ["^GSPC"], "start": "2013-01-01",
                     "raw_dir": str(folder / "raw")},
            "target": {"kind": "log_volatility", "skip": "har"},
            "windows": {"length": 10},
            "search": {"space": SMALL_SPACE, "trials": 2, "examples": 0, "warm_start": 1,
                       "generation": 2, **changes},
            "training": {"epochs": 1, "retrain": {"max_epochs": 2, "patience": 1, "seeds": 1}},
        }
    )  # fmt: skip


def run(config: PipelineConfig, folder: Path) -> Replayed:
    bars = ReplayBars.of(take_snapshot(config.data))
    first, last, every = NIGHTS
    days = replay_days(
        bars.days(), dt.date.fromisoformat(first), dt.date.fromisoformat(last), every
    )
    return replay_nights(config, "small", days, bars, folder)


def without_seconds(nights: tuple[ReplayNight, ...]) -> list[tuple[object, ...]]:
    """Return nights as comparable values, without what a clock says."""
    return [
        (
            replace(night, seconds=(0.0, 0.0), forecasts={}),
            *(night.forecasts[name].tobytes() for name in COLUMNS),
        )
        for night in nights
    ]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Replayed]:
    folder = tmp_path_factory.mktemp("replay")
    return folder, run(small(folder), folder / "replays")


def test_nights_are_whole(undisturbed: tuple[Path, Replayed]) -> None:
    """Each night has its forecasts from its block on, and none of the time before."""
    _, replayed = undisturbed
    assert len(replayed.nights) == 3
    for night in replayed.nights:
        assert not night.failure
        days = replayed.samples.days
        for name, start in zip(
            COLUMNS, (night.test_start, night.test_start, night.day, night.day, night.day),
            strict=True,
        ):  # fmt: skip
            assert np.isfinite(night.forecasts[name][days >= start]).all()
            assert np.isnan(night.forecasts[name][days < start]).all()
    first, second, *_ = replayed.nights
    assert second.trials[0].params == first.best_params  # warm from the night before


def test_it_goes_on_where_it_stopped(undisturbed: tuple[Path, Replayed]) -> None:
    """Nights that are there are read; one that is missing is trained again, to the bit."""
    folder, replayed = undisturbed
    stored = {path: path.stat().st_mtime_ns for path in replayed.folder.glob("*.npz")}
    gone = replayed.folder / f"{replayed.nights[1].day}.npz"
    gone.unlink()
    again = run(small(folder), folder / "replays")
    assert without_seconds(again.nights) == without_seconds(replayed.nights)
    after = {path: path.stat().st_mtime_ns for path in replayed.folder.glob("*.npz")}
    assert {path for path in stored if after[path] != stored[path]} == {gone}


def test_one_worker_gives_the_same(undisturbed: tuple[Path, Replayed], tmp_path: Path) -> None:
    """The number of workers changes no number."""
    folder, replayed = undisturbed
    alone = run(small(folder, workers=1), tmp_path)
    assert alone.folder.name == replayed.folder.name
    assert without_seconds(alone.nights) == without_seconds(replayed.nights)


def _run_in_process(folder: Path, root: Path) -> None:
    os.setsid()
    run(small(folder), root)


def test_a_killed_replay_is_the_same_afterwards(
    undisturbed: tuple[Path, Replayed], tmp_path: Path
) -> None:
    """Kill -9 after the first night: the next call ends with the undisturbed nights."""
    folder, replayed = undisturbed
    victim = multiprocessing.get_context("spawn").Process(
        target=_run_in_process, args=(folder, tmp_path)
    )
    victim.start()
    deadline = time.monotonic() + 120
    while not list(tmp_path.glob("*/*.npz")):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert victim.pid is not None
    os.killpg(victim.pid, signal.SIGKILL)
    victim.join()
    assert len(list(tmp_path.glob("*/*.npz"))) < 3
    again = run(small(folder), tmp_path)
    assert without_seconds(again.nights) == without_seconds(replayed.nights)


@pytest.mark.parametrize(
    ("best", "learnt", "expected"), [(10, False, 7), (10, True, 8), (1, False, 1), (3, False, 2)]
)
def test_a_refit_takes_as_many_steps(best: int, learnt: bool, expected: int) -> None:
    """Of 70, 15 and 15 samples, ten epochs on train are as many steps as seven on all of them."""
    day = dt.date(2020, 1, 1)
    data_set = DataSet("", "", "", "", 1, 70, 15, 15, day, day)
    assert refit_epochs(best, data_set, validation_was_learnt=learnt) == expected
