"""The search of a past night: the same trials as the real one, without a record of its own."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from lstm_model.config.pipeline import PipelineConfig
from lstm_model.errors import SearchError
from lstm_model.search.best_trial import best_by_loss, cheapest_within_one_error
from lstm_model.search.hyper_params import HyperParams
from lstm_model.search.sampling import ProposalSettings, generation_of, propose, queue_first
from lstm_model.search.trial import Trial
from tasks.search.specs import trial_spec
from tasks.search.workers import TrialExecutor


def search_night(
    config: PipelineConfig,
    study_name: str,
    search_path: str,
    known_good: Sequence[HyperParams],
    executor: TrialExecutor,
    threads: ThreadPoolExecutor,
) -> tuple[tuple[Trial, ...], Trial]:
    """Run every trial of a night, a generation at a time; return them, and the best one.

    known_good: the best of last night, tried first. Raises SearchError if no trial completes.
    """
    search = config.search
    settings = ProposalSettings(
        seed=config.seed,
        study_name=study_name,
        space=config.active_space,
        startup_trials=search.startup_trials,
        sampler=search.sampler,
        queued=queue_first(known_good, search.examples, config.active_space),
        with_seconds=len(search.minimise) > 1,
    )
    trials: list[Trial] = []
    while len(trials) < search.trials:
        size = search.generation or search.trials
        numbers = generation_of(len(trials), size, search.trials)
        seen = [trial for trial in trials if trial.is_finished]
        siblings: list[HyperParams] = []
        for number in numbers:
            siblings.append(propose(number, settings, seen, siblings))
        specs = [
            trial_spec(config, search_path, study_name, number, params, seen)
            for number, params in zip(numbers, siblings, strict=True)
        ]
        trials += [result.trial for result in threads.map(executor.run, specs)]
    complete = [trial for trial in trials if trial.loss is not None]
    if not complete:
        raise SearchError(
            f"a search needs a completed trial but none of {len(trials)} completed; the last one "
            f"ended with: {trials[-1].reason or trials[-1].state}"
        )
    two = len(search.minimise) > 1
    return tuple(trials), (cheapest_within_one_error if two else best_by_loss)(complete)
