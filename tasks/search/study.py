"""The owner of a search: it brings a study to its total of finished trials, resumed or new.

There is one owner and many workers. Parameters come from `lstm_model.search.sampling`, a pure
function; workers compute and return; only the owner writes. So nothing waits for a lock, and the
order in which trials finish does not matter. Trials that a dead owner left RUNNING are failed here
and run again.
"""

import math
import time
from dataclasses import dataclass
from queue import Empty, SimpleQueue

import optuna
from prefect import runtime, task
from prefect.cache_policies import NO_CACHE
from prefect.futures import PrefectFuture

from lstm_model.config.pipeline import PipelineConfig
from lstm_model.errors import SearchError
from lstm_model.model.network import training_cost
from lstm_model.search.best_trial import best_by_loss, cheapest_within_one_error
from lstm_model.search.hyper_params import HyperParams
from lstm_model.search.sampling import ProposalSettings, generation_of, propose, queue_first
from lstm_model.search.space import searched_part
from lstm_model.search.study_result import StudyResult
from lstm_model.search.trial import Trial
from tasks.data.data_set import DataSet
from tasks.progress import TrialProgress, print_note
from tasks.search.family import count_family
from tasks.search.specs import trial_spec
from tasks.search.study_store import (
    begin_trial,
    begun_params,
    best_of_last_night,
    ended_trials,
    fail_what_a_dead_owner_left,
    fix_recipe,
    open_study,
    pareto_front,
    record_trial,
    space_sha256,
    study_key,
)
from tasks.search.trial import TrialResult, TrialSpec
from tasks.search.workers import TrialExecutor, worker_count
from tasks.tracking.runs import RunLogger


@task(name="search-hyperparameters", cache_policy=NO_CACHE)
def search_hyperparameters(
    config: PipelineConfig,
    data_set: DataSet,
    study_name: str,
    logger: RunLogger,
    executor: TrialExecutor,
) -> StudyResult:
    """Bring the study to `search.trials` finished trials in total, and return its result.

    `search.time_budget_seconds` may end it earlier. Raises SearchError if another process searches
    the study, or if no trial completed.
    """
    started = time.monotonic()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    search = config.search
    key = study_key(config, data_set, study_name)
    with open_study(config, key, study_name) as study:
        fail_what_a_dead_owner_left(study)
        logger.adopt_study(key)
        resumed = sum(trial.is_finished for trial in ended_trials(study))
        if resumed:
            print_note(f"study {key} continues from {resumed} finished trials")
        settings = _proposal_settings(study, config, data_set, study_name)
        if resumed < search.trials:
            workers = min(worker_count(config), search.trials - resumed)
            with TrialProgress(search.trials, resumed) as progress:
                runner = SearchRunner(
                    study, config, settings, data_set, logger, executor, progress, workers
                )
                try:
                    runner.run(started + (search.time_budget_seconds or math.inf))
                except BaseException:
                    # Callers that wait for a trial must learn of it before any other clean-up.
                    executor.cut_off("the search was interrupted")
                    raise
        trials = ended_trials(study)
        family_trials, family_studies = count_family(study._storage, study_name)
        return StudyResult(
            study_key=key,
            trials=trials,
            best=_best(config, trials),
            resumed_trials=resumed,
            settings=settings,
            generation=search.generation,
            total=search.trials,
            front=pareto_front(study),
            family_trials=family_trials,
            family_studies=family_studies,
        )


def _proposal_settings(
    study: optuna.Study, config: PipelineConfig, data_set: DataSet, study_name: str
) -> ProposalSettings:
    """Return what proposals are made from; the queue was fixed when the study was created."""
    search = config.search
    known_good = best_of_last_night(study, study_name, space_sha256(config), search.warm_start)
    queue = queue_first(known_good, search.examples, config.active_space)
    return ProposalSettings(
        seed=config.seed,
        study_name=study_name,
        space=config.active_space,
        startup_trials=search.startup_trials,
        sampler=search.sampler,
        queued=fix_recipe(study, queue, config, data_set),
        with_seconds=len(search.minimise) > 1,
    )


@dataclass(frozen=True, slots=True)
class _Running:
    """A running trial: its record in Optuna and its MLflow run."""

    stored: optuna.Trial
    run_id: str
    params: HyperParams


class SearchRunner:
    """Starts trials in order and records them as they end, until the total or the deadline."""

    def __init__(
        self,
        study: optuna.Study,
        config: PipelineConfig,
        settings: ProposalSettings,
        data_set: DataSet,
        logger: RunLogger,
        executor: TrialExecutor,
        progress: TrialProgress,
        workers: int,
    ) -> None:
        """Take over a study whose lock is held.

        study: Optuna's record; only this class reads and writes it.
        config: of the night.
        settings: what proposals are made from.
        data_set: the data that trials use.
        logger: opens and closes the MLflow runs of trials.
        executor: the worker processes.
        progress: shows every trial that ends.
        workers: number of trials that run at once if there are no generations.
        """
        self.study, self.config, self.settings = study, config, settings
        self.data_set, self.logger, self.executor = data_set, logger, executor
        self.progress, self.workers = progress, workers
        self._finished_before = {t.number for t in ended_trials(study) if t.is_finished}
        self._begun_before = begun_params(study)
        self._next_number = 0
        self._running: dict[int, _Running] = {}
        self._ended: SimpleQueue[PrefectFuture[tuple[TrialResult, str]]] = SimpleQueue()

    def run(self, deadline: float) -> None:
        """Run until every number below the total has run, or the deadline has passed."""
        while True:
            for spec in sorted(self._next_specs(), key=_cost, reverse=True):
                self._submit(spec)
            if not self._running:
                return
            try:
                future = self._ended.get(timeout=_seconds_until(deadline))
            except Empty:
                self._cut_off()
                return
            self._record(future)

    def _cut_off(self) -> None:
        """End the running trials, and record that they were cut off."""
        budget = self.config.search.time_budget_seconds
        self.executor.cut_off(f"search.time_budget_seconds ({budget:g}) ran out")
        cut = len(self._running)
        while self._running:
            self._record(self._ended.get())
        self.executor.go_on()
        print_note(
            f"search.time_budget_seconds ran out; {cut} trials were cut off, the others are kept"
        )

    def _next_specs(self) -> list[TrialSpec]:
        """Return the trials that may start now, without those that had finished before."""
        specs: list[TrialSpec] = []
        while not specs and (numbers := self._next_numbers()):
            finished = [t for t in ended_trials(self.study) if t.is_finished]
            if self.config.search.generation is None:
                seen = finished
            else:
                seen = [t for t in finished if t.number < numbers.start]
            siblings = [running.params for running in self._running.values()]
            for number in numbers:
                params = self._begun_before.get(number)
                params = params or propose(number, self.settings, seen, siblings)
                siblings.append(params)
                if number not in self._finished_before:
                    path, name = self.data_set.search_path, self.settings.study_name
                    specs.append(trial_spec(self.config, path, name, number, params, seen))
            self._next_number = numbers.stop
        return specs

    def _next_numbers(self) -> range:
        """Return the numbers that may start: the next generation, or one for each free worker."""
        first, total = self._next_number, self.config.search.trials
        generation = self.config.search.generation
        if generation is None:
            free = self.workers - len(self._running)
            return range(first, min(first + free, total))
        if self._running or first >= total:
            return range(0)
        return generation_of(first, generation, total)

    def _submit(self, spec: TrialSpec) -> None:
        space = self.config.active_space
        stored = begin_trial(self.study, spec, space)
        searched = searched_part(spec.params, space)
        run_id = self.logger.start_trial(spec.number, stored.number, searched)
        self._running[spec.number] = _Running(stored, run_id, spec.params)
        future = run_trial_in_worker.with_options(task_run_name=f"trial-{spec.number}").submit(
            self.executor, spec
        )
        future.add_done_callback(self._ended.put)

    def _record(self, future: PrefectFuture[tuple[TrialResult, str]]) -> None:
        result, task_run_id = future.result()
        running = self._running.pop(result.trial.number)
        record_trial(self.study, running.stored, result.trial)
        self.logger.finish_trial(running.run_id, result, task_run_id)
        self.progress.advance(result.trial)


def _seconds_until(deadline: float) -> float | None:
    return None if math.isinf(deadline) else max(0.0, deadline - time.monotonic())


def _cost(spec: TrialSpec) -> float:
    return training_cost(spec.params)


@task(name="trial", cache_policy=NO_CACHE)
def run_trial_in_worker(executor: TrialExecutor, spec: TrialSpec) -> tuple[TrialResult, str]:
    """Run one trial in a worker process and wait for it."""
    return executor.run(spec), str(runtime.task_run.id)


def _best(config: PipelineConfig, trials: tuple[Trial, ...]) -> Trial:
    completed = [trial for trial in trials if trial.loss is not None]
    if not completed:
        last = (trials[-1].reason or trials[-1].state) if trials else "nothing"
        raise SearchError(
            f"a search needs a completed trial but none of {len(trials)} completed; the last one "
            f"ended with: {last}"
        )
    two = len(config.search.minimise) > 1
    return (cheapest_within_one_error if two else best_by_loss)(completed)
