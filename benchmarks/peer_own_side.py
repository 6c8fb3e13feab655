"""Our side of `peer_speed`, in a process of its own: a study of given configurations, as at night.

Reads a specification from standard input, and answers in the last line of standard output.
"""

import json
import math
import sys
import time
from typing import Any

import optuna

from benchmarks.trials import train_in_workers
from lstm_model.model.training import TrainingSettings, build_network
from lstm_model.search.hyper_params import HyperParams
from lstm_model.search.space import distributions, searched_part, seed_space
from tasks.data.data_set import load_search_view
from tasks.search.trial import TrialSpec

SEED = 42


def search(spec: dict[str, Any]) -> dict[str, Any]:
    """Train every configuration in warm workers, and put what came of it into a study.

    `ready_at` is when the first trial began: workers are up then, and have imported what they need.
    """
    settings = TrainingSettings(SEED, gradient_clip=spec["gradient_clip"])
    configurations = [HyperParams.from_mapping(params) for params in spec["configurations"]]
    trial_specs = [
        TrialSpec(number, params, spec["search_path"], spec["epochs"], settings)
        for number, params in enumerate(configurations)
    ]
    study = optuna.create_study()
    space = seed_space()
    losses: dict[int, float] = {}
    ready_at, finished_at = math.inf, math.nan
    for result in train_in_workers(trial_specs, spec["at_once"]):
        trial = result.trial
        if trial.loss is None:
            raise SystemExit(f"trial {trial.number}: {trial.state}, {trial.reason}")
        ready_at = min(ready_at, time.time() - trial.seconds)
        losses[trial.number] = trial.loss
        study.add_trial(
            optuna.create_trial(
                params=searched_part(trial.params, space),
                distributions=distributions(space),
                value=trial.loss,
            )
        )
        finished_at = time.time()
    return {
        "ready_at": ready_at,
        "finished_at": finished_at,
        "losses": [losses[number] for number in sorted(losses)],
        "parameters": [count_parameters(spec["search_path"], params) for params in configurations],
    }


def count_parameters(search_path: str, params: HyperParams) -> int:
    """Return how many weights a configuration's network has."""
    feature_count = len(load_search_view(search_path).rows.feature_names)
    network = build_network(feature_count, params, SEED)
    return sum(weight.numel() for weight in network.parameters())


if __name__ == "__main__":
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    print(json.dumps(search(json.load(sys.stdin))))
