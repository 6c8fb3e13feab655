"""A replay's owner: nights in their order, each searched when the one before has been."""

import hashlib
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import optuna

from lstm_model.config.pipeline import PipelineConfig
from lstm_model.data.calendar import date_of, day_of
from lstm_model.errors import SearchError
from lstm_model.model.bundle_files import own_code_sha256
from lstm_model.replay.nights import ReplayNight, ReplaySamples, TriedParams
from lstm_model.search.hyper_params import HyperParams
from lstm_model.seeding import derive_seed
from tasks.data.data_set import DataSet
from tasks.progress import duration, print_note
from tasks.replay.bars import ReplayBars
from tasks.replay.night_work import (
    Finished,
    FinishSpec,
    PrepareSpec,
    finish_night,
    prepare_night,
    samples_of,
)
from tasks.replay.search import search_night
from tasks.replay.stored_nights import read_night, write_night
from tasks.search.workers import TrialExecutor, WorkerFailed, open_workers, worker_count

Spec = TypeVar("Spec")
Result = TypeVar("Result")

AHEAD = 3
"""Nights whose data are prepared before their turn."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """The nights of a replay, the samples that they forecast, this call's seconds, its folder."""

    nights: tuple[ReplayNight, ...]
    samples: ReplaySamples
    seconds: float
    folder: Path


def replay_nights(
    config: PipelineConfig, study_name: str, days: Sequence[int], bars: ReplayBars, root: Path
) -> Replayed:
    """Replay the nights of some days; those that are on disk are read.

    A night's search waits for the one of the night before, whose best it tries first; all else of
    several nights runs side by side in the workers. So the result does not depend on the number of
    workers or on interruptions. Raises SearchError if a night's search has no completed trial.
    """
    started = time.monotonic()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    folder = root / _key(config, study_name, days, bars)
    with open_workers(config) as executor:
        nights = _Nights(config, study_name, tuple(days), bars, folder, executor).run()
    samples = samples_of(bars, config)
    return Replayed(nights, samples, time.monotonic() - started, folder)


def _key(config: PipelineConfig, study_name: str, days: Sequence[int], bars: ReplayBars) -> str:
    """Return the name of a replay's folder: the hash of all that its nights depend on."""
    search = config.search.model_copy(update={"workers": None})
    same = config.model_copy(update={"search": search})
    text = repr((same.sha256(), study_name, tuple(days), bars.sha256, own_code_sha256()))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


class _Nights:
    """The nights that are ready, those that run, and what the next search starts from."""

    def __init__(
        self,
        config: PipelineConfig,
        study_name: str,
        days: tuple[int, ...],
        bars: ReplayBars,
        folder: Path,
        executor: TrialExecutor,
    ) -> None:
        self.config, self.study_name, self.days = config, study_name, days
        self.bars, self.folder, self.executor = bars, folder, executor
        seeds = range(config.training.retrain.seeds)
        self.seeds = tuple(derive_seed(config.seed, study_name, "retrain", k) for k in seeds)
        workers = worker_count(config)
        # A thread waits for a worker's answer; searches have their own, so none waits for another.
        self.threads = ThreadPoolExecutor(2 * workers + AHEAD)
        self.trial_threads = ThreadPoolExecutor(workers + 1)
        self.fixed: HyperParams | None = None
        self.known_good: list[HyperParams] = []

    def run(self) -> tuple[ReplayNight, ...]:
        """Return every night, in order."""
        prepared: dict[int, Future[tuple[DataSet, str]]] = {}
        running: dict[int, Future[ReplayNight]] = {}
        before: Future[ReplayNight] | ReplayNight | None = None
        ready = {day: night for day in self.days if (night := read_night(self.folder, day))}
        if ready:
            print_note(f"{len(ready)} of {len(self.days)} nights are there already")
        left = [day for day in self.days if day not in ready]
        began = time.monotonic()
        try:
            for day in self.days:
                if day in ready:
                    self._learn(ready[day])
                    before = ready[day]
                    continue
                place = left.index(day)
                for ahead in left[place : place + AHEAD]:
                    if ahead not in prepared:
                        prepared[ahead] = self.threads.submit(self._prepare, ahead)
                data_set, sha256 = prepared.pop(day).result()
                before = running[day] = self._search(day, data_set, sha256, before)
                self._tell(running, left, began)
            for day, future in running.items():
                ready[day] = future.result()
        finally:
            self.executor.cut_off("the replay ended")
            self.threads.shutdown(cancel_futures=True)
            self.trial_threads.shutdown(cancel_futures=True)
        return tuple(ready[day] for day in self.days)

    def _prepare(self, day: int) -> tuple[DataSet, str]:
        folder = str(self.folder / "data" / str(day))
        spec = PrepareSpec(self.config, self.bars, day, folder)
        return self._call(prepare_night, spec, day)

    def _search(
        self,
        day: int,
        data_set: DataSet,
        sha256: str,
        before: "Future[ReplayNight] | ReplayNight | None",
    ) -> Future[ReplayNight]:
        started = time.monotonic()
        trials, best = search_night(
            self.config,
            self.study_name,
            data_set.search_path,
            self.known_good,
            self.executor,
            self.trial_threads,
        )
        tried = tuple(TriedParams(trial.params, trial.loss) for trial in trials)
        place = [trial.number for trial in trials].index(best.number)
        searched = ReplayNight(
            day=day,
            test_start=day_of(data_set.test_start),
            snapshot_sha256=sha256,
            trials=tried,
            best=place,
            epochs=(),
            seconds=(time.monotonic() - started, 0.0),
            forecasts={},
            smearing={},
        )
        self._learn(searched)
        return self.threads.submit(self._finish, searched, data_set, before)

    def _start(
        self, night: ReplayNight, before: "Future[ReplayNight] | ReplayNight | None"
    ) -> str | None:
        """Return the folder of last night's weights, if they are the start and fit; wait for it."""
        if self.config.training.warm_start == "none" or before is None:
            return None
        last = before.result() if isinstance(before, Future) else before
        fits = not last.failure and last.best_params.shape == night.best_params.shape
        return str(self._weights_of(last.day)) if fits else None

    def _weights_of(self, day: int) -> Path:
        return self.folder / "weights" / str(day)

    def _call(self, work: Callable[[Spec], Result], spec: Spec, day: int) -> Result:
        """Do a night's work in a worker; raises SearchError if it fails."""
        try:
            return self.executor.call(work, spec)
        except WorkerFailed as error:
            raise SearchError(f"the night of {date_of(day)} failed: {error}") from error

    def _learn(self, night: ReplayNight) -> None:
        """Remember what the next search tries first, and the first night's parameters."""
        self.fixed = self.fixed or night.best_params
        complete = [trial for trial in night.trials if trial.loss is not None]
        ranked = sorted(complete, key=lambda trial: trial.loss or 0.0)
        self.known_good = [trial.params for trial in ranked[: self.config.search.warm_start]]

    def _finish(
        self,
        night: ReplayNight,
        data_set: DataSet,
        before: "Future[ReplayNight] | ReplayNight | None",
    ) -> ReplayNight:
        spec = FinishSpec(
            config=self.config,
            data_set=data_set,
            bars=self.bars,
            night=night.day,
            best=night.best_params,
            fixed=self.fixed or night.best_params,
            seeds=self.seeds,
            root=str(self._weights_of(night.day)),
            start=self._start(night, before),
        )
        done = self._call(finish_night, spec, night.day)
        whole = _whole(night, done)
        write_night(self.folder, whole)
        return whole

    def _tell(self, running: dict[int, Future[ReplayNight]], left: list[int], began: float) -> None:
        done = sum(future.done() for future in running.values())
        for future in running.values():
            if future.done():
                future.result()  # an error ends the replay now
        passed = time.monotonic() - began
        left_seconds = passed / done * (len(left) - done) if done else 0.0
        about = f", about {duration(left_seconds)} left" if done else ""
        print_note(f"{done}/{len(left)} nights, searched {date_of(list(running)[-1])}{about}")


def _whole(night: ReplayNight, done: Finished) -> ReplayNight:
    return ReplayNight(
        day=night.day,
        test_start=night.test_start,
        snapshot_sha256=night.snapshot_sha256,
        trials=night.trials,
        best=night.best,
        epochs=done.epochs,
        seconds=(night.seconds[0], done.seconds),
        forecasts=done.forecasts,
        smearing=done.smearing,
        failure=done.failure,
    )
