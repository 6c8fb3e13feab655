"""The search's owner: brings a study to its total of finished trials, whatever happened before.

One owner, many calculators. Parameters come from `lstm_model.search.sampling`, a pure function;
workers compute and return; only the owner writes, so nothing waits for a lock and nothing depends
on who finishes first. What a dead owner left RUNNING is failed here and run again.
"""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from queue import Empty, SimpleQueue

import optuna
from prefect import runtime, task
from prefect.cache_policies import NO_CACHE
from prefect.futures import PrefectFuture

from lstm_model.config.pipeline import PipelineConfig
from lstm_model.errors import SearchError
from lstm_model.model.network import training_cost
from lstm_model.model.training import TrainingSettings, resolve_device
from lstm_model.search.best_trial import (
    Candidate,
    best_by_loss,
    cheapest_within_one_error,
    pareto_front,
)
from lstm_model.search.hyper_params import HyperParams, Params
from lstm_model.search.pruning import epoch_limits
from lstm_model.search.sampling import (
    FinishedTrial,
    ProposalSettings,
    generation_of,
    propose,
    queue_first,
)
from lstm_model.seeding import derive_seed
from tasks.data.data_set import DataSet
from tasks.search.progress import TrialProgress, notice
from tasks.search.study_store import (
    QUEUED,
    TrialRow,
    begin_trial,
    best_of_last_night,
    count_family,
    fail_what_a_dead_owner_left,
    finished_trials,
    fix_recipe,
    open_study,
    proposed_params,
    record_outcome,
    space_sha256,
    study_key,
    study_rows,
)
from tasks.search.trial import Objective, TrialOrder, TrialOutcome
from tasks.search.workers import TrialExecutor, worker_count
from tasks.tracking.runs import Night


@dataclass(frozen=True, slots=True)
class StudyResult:
    """A search as far as it got: every trial, the chosen one, and the front where two are traded.

    `front` holds trial numbers by ascending seconds; it is empty where loss alone is minimised.
    `queued` was tried before anything was drawn. `family_trials` were finished in all studies under
    this name, of which there are `family_studies`: a new night's bars make a new one.
    """

    study_key: str
    trials: tuple[TrialRow, ...]
    best: TrialRow
    resumed_trials: int
    front: tuple[int, ...] = ()
    queued: tuple[Params, ...] = ()
    family_trials: int = 0
    family_studies: int = 0

    @property
    def best_params(self) -> HyperParams:
        """The best trial's parameters, with the defaults of those that were not searched."""
        return HyperParams.from_mapping(self.best.params)


@task(name="search-hyperparameters", cache_policy=NO_CACHE)
def search_hyperparameters(
    config: PipelineConfig,
    data_set: DataSet,
    study_name: str,
    night: Night,
    executor: TrialExecutor,
) -> StudyResult:
    """Bring the study to `search.trials` finished trials in total, and return its table.

    `search.time_budget_seconds` ends it earlier, with what it has. Raises SearchError where another
    search holds the study, or where no trial has completed.
    """
    started = time.monotonic()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    search = config.search
    key = study_key(config, data_set, study_name)
    with open_study(config, key, study_name) as study:
        fail_what_a_dead_owner_left(study)
        night.adopt_study(key)
        resumed = len(finished_trials(study))
        if resumed:
            notice(f"study {key} goes on from {resumed} finished trials")
        missing = search.trials - resumed
        if missing > 0:
            workers = min(worker_count(config), missing)
            with TrialProgress(search.trials, resumed) as progress:
                budget = search.time_budget_seconds or math.inf
                owner = _Owner(study, config, data_set, study_name, night, executor, progress)
                try:
                    owner.run(started + budget, workers)
                except BaseException:
                    # Whoever waits for a trial is told at once, before anything else is put away.
                    executor.cut_off("the search was interrupted")
                    raise
        rows, reason = study_rows(study)
        queued = tuple(study.user_attrs.get(QUEUED, ()))
        trials, studies = count_family(study, study_name)
        return replace(
            _result(config, key, rows, reason, resumed),
            queued=queued,
            family_trials=trials,
            family_studies=studies,
        )


class _Owner:
    """Begins trials as their turn comes and records them as they end, until total or deadline."""

    def __init__(
        self,
        study: optuna.Study,
        config: PipelineConfig,
        data_set: DataSet,
        study_name: str,
        night: Night,
        executor: TrialExecutor,
        progress: TrialProgress,
    ) -> None:
        self.study, self.config, self.night = study, config, night
        self.data_set, self.study_name = data_set, study_name
        self.executor, self.progress = executor, progress
        self.running: dict[int, tuple[optuna.Trial, str, Params]] = {}
        self.ended: SimpleQueue[PrefectFuture[tuple[TrialOutcome, str]]] = SimpleQueue()
        search = config.search
        known_good = best_of_last_night(study, study_name, space_sha256(config), search.warm_start)
        queue = queue_first(known_good, search.examples, search.space)
        self.settings = ProposalSettings(
            seed=config.seed,
            study_name=study_name,
            space=search.space,
            startup_trials=search.startup_trials,
            sampler=search.sampler,
            queued=fix_recipe(study, queue, config, data_set),
            with_seconds=len(search.minimise) > 1,
        )

    def run(self, deadline: float, workers: int) -> None:
        """Run until every number below the total has had its turn, or the deadline has come."""
        waves = self._waves(workers)
        while True:
            for order in sorted(next(waves, []), key=_cost, reverse=True):
                self._submit(order)
            if not self.running:
                return
            try:
                future = self.ended.get(timeout=_seconds_until(deadline))
            except Empty:
                break
            self._record(future)
        budget = self.config.search.time_budget_seconds
        self.executor.cut_off(f"search.time_budget_seconds ({budget:g}) ran out")
        cut = len(self.running)
        while self.running:
            self._record(self.ended.get())
        self.executor.go_on()
        notice(f"search.time_budget_seconds ran out; {cut} trials were cut off, the rest is kept")

    def _waves(self, workers: int) -> Iterator[list[TrialOrder]]:
        """Yield the orders that may begin now; in generations, none while one is under way."""
        total, generation = self.config.search.trials, self.config.search.generation
        finished = finished_trials(self.study)
        known = proposed_params(self.study)
        first = 0
        while first < total:
            if generation is None:
                while len(self.running) >= workers:
                    yield []
                free = workers - len(self.running)
                numbers = range(first, min(first + free, total))
                seen = list(finished_trials(self.study).values())
            else:
                while self.running:
                    yield []
                numbers = generation_of(first, generation, total)
                seen = [t for t in finished_trials(self.study).values() if t.number < first]
            siblings = [params for _, _, params in self.running.values()]
            orders = []
            for number in numbers:
                params = known.get(number) or propose(number, self.settings, seen, siblings)
                siblings.append(params)
                if number not in finished:
                    orders.append(self._order(number, params, seen))
            first = numbers.stop
            if orders:
                yield orders

    def _order(self, number: int, params: Params, seen: list[FinishedTrial]) -> TrialOrder:
        config, search = self.config, self.config.search
        parts = {"walk_forward": search.folds, "seeds": search.seeds}.get(search.objective, 1)
        return TrialOrder(
            number=number,
            params=params,
            search_path=self.data_set.search_path,
            epochs=config.training.epochs,
            settings=TrainingSettings(
                seed=derive_seed(config.seed, self.study_name, number, "train"),
                gradient_clip=config.training.gradient_clip,
                device=resolve_device(config.device),
                precision=config.training.precision,
            ),
            objective=Objective(
                search.objective,
                parts,
                search.objective_epoch,
                config.purge_bars,
                with_error=len(search.minimise) > 1,
            ),
            limits=epoch_limits(
                search.pruner, [trial.curve for trial in seen], number, config.training.epochs
            ),
            best_folds=_best_folds(config, seen),
        )

    def _submit(self, order: TrialOrder) -> None:
        trial = begin_trial(self.study, order, self.config.search.space)
        run_id = self.night.start_trial(order.number, trial.number, order.params)
        self.running[order.number] = (trial, run_id, order.params)
        future = run_trial_in_worker.with_options(task_run_name=f"trial-{order.number}").submit(
            self.executor, order
        )
        future.add_done_callback(self.ended.put)

    def _record(self, future: PrefectFuture[tuple[TrialOutcome, str]]) -> None:
        outcome, task_run_id = future.result()
        trial, run_id, _ = self.running.pop(outcome.number)
        record_outcome(self.study, trial, outcome)
        self.night.finish_trial(run_id, outcome, task_run_id)
        self.progress.advance(outcome)


def _best_folds(config: PipelineConfig, seen: list[FinishedTrial]) -> tuple[float, ...]:
    complete = [trial for trial in seen if trial.loss is not None]
    if config.search.pruner != "wilcoxon" or not complete:
        return ()
    best = min(complete, key=lambda trial: (trial.loss, trial.number))
    return tuple(best.curve[fold] for fold in sorted(best.curve))


def _seconds_until(deadline: float) -> float | None:
    return None if math.isinf(deadline) else max(0.0, deadline - time.monotonic())


def _cost(order: TrialOrder) -> float:
    return training_cost(HyperParams.from_mapping(order.params))


@task(name="trial", cache_policy=NO_CACHE)
def run_trial_in_worker(executor: TrialExecutor, order: TrialOrder) -> tuple[TrialOutcome, str]:
    """Hand one trial to a worker process and wait for it."""
    return executor.run(order), str(runtime.task_run.id)


def _result(
    config: PipelineConfig, key: str, rows: tuple[TrialRow, ...], reason: str, resumed: int
) -> StudyResult:
    candidates = [
        Candidate(row.number, row.value, row.standard_error or 0.0, row.seconds)
        for row in rows
        if row.value is not None
    ]
    if not candidates:
        raise SearchError(
            f"a search needs one completed trial but none of {len(rows)} did; the last ended with: "
            f"{reason}"
        )
    two = len(config.search.minimise) > 1
    chosen = (cheapest_within_one_error if two else best_by_loss)(candidates)
    front = tuple(c.number for c in pareto_front(candidates)) if two else ()
    best = next(row for row in rows if row.number == chosen.number)
    return StudyResult(key, rows, best, resumed, front)
