"""What the stores cost: open tracking and study, record ten trials that nobody trained.

python -m benchmarks.stores SECONDS.json
"""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from benchmarks.curves import draw_configurations
from benchmarks.nights import CONFIG
from benchmarks.trials import prepare
from lstm_model.config.loader import load_config
from lstm_model.model.training import EpochResult, TrainingSettings
from lstm_model.search.trial import Trial
from tasks.search.study_store import begin_trial, open_study, record_trial, study_key
from tasks.search.trial import TrialResult, TrialSpec
from tasks.tracking.runs import open_night

TRIALS = 10
EPOCHS = tuple(EpochResult(epoch, 1.0, 1.0, 1.0) for epoch in range(1, 6))


def main() -> None:
    """Record ten trials in the current folder, as a night does; write the seconds it took."""
    config, data_set = load_config(CONFIG), prepare(CONFIG)
    seconds: dict[str, float] = {}

    @contextmanager
    def timed(what: str) -> Iterator[None]:
        started = time.perf_counter()
        yield
        seconds[what] = seconds.get(what, 0.0) + time.perf_counter() - started

    name = f"stores-{time.time():.0f}"
    key = study_key(config, data_set, name)
    with ExitStack() as stack:
        with timed("open MLflow"):
            logger = stack.enter_context(open_night(config, name))
        with timed("open Optuna"):
            study = stack.enter_context(open_study(config, key, name))
        for number, params in enumerate(draw_configurations(TRIALS)[-TRIALS:]):
            spec = TrialSpec(number, params, "none", len(EPOCHS), TrainingSettings(1, 1.0))
            trial = Trial(number, "COMPLETE", params, 1.0, 5.0, len(EPOCHS))
            with timed("record ten trials in Optuna"):
                record_trial(study, begin_trial(study, spec, config.search.space), trial)
            with timed("record ten trials in MLflow"):
                run_id = logger.start_trial(number, number, params.to_dict())
                logger.finish_trial(run_id, TrialResult(trial, (EPOCHS,)), "none")
    Path(sys.argv[1]).write_text(json.dumps(seconds), encoding="utf-8")


if __name__ == "__main__":
    main()
