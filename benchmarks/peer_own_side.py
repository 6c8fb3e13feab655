"""Our side of `peer_speed`, in a process of its own: a study of given configurations, as at night.

Reads an order from standard input, and answers in the last line of standard output.
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
from lstm_model.search.space import distributions, seed_space
from tasks.data.data_set import load_search_view
from tasks.search.trial import TrialOrder

SEED = 42


def search(order: dict[str, Any]) -> dict[str, Any]:
    """Train every configuration in warm workers, and put what came of it into a study.

    `ready_at` is when the first trial began: workers are up then, and have imported what they need.
    """
    settings = TrainingSettings(SEED, gradient_clip=order["gradient_clip"])
    orders = [
        TrialOrder(number, params, order["search_path"], order["epochs"], settings)
        for number, params in enumerate(order["configurations"])
    ]
    study = optuna.create_study()
    space = distributions(seed_space())
    losses: dict[int, float] = {}
    ready_at, finished_at = math.inf, math.nan
    for outcome in train_in_workers(orders, order["at_once"]):
        if outcome.validation_loss is None:
            raise SystemExit(f"trial {outcome.number}: {outcome.state}, {outcome.reason}")
        ready_at = min(ready_at, time.time() - outcome.seconds)
        losses[outcome.number] = outcome.validation_loss
        study.add_trial(
            optuna.create_trial(
                params=outcome.params, distributions=space, value=outcome.validation_loss
            )
        )
        finished_at = time.time()
    return {
        "ready_at": ready_at,
        "finished_at": finished_at,
        "losses": [losses[number] for number in sorted(losses)],
        "parameters": [count_parameters(order, params) for params in order["configurations"]],
    }


def count_parameters(order: dict[str, Any], params: dict[str, Any]) -> int:
    """Return how many weights a configuration's network has."""
    feature_count = len(load_search_view(order["search_path"]).rows.feature_names)
    network = build_network(feature_count, HyperParams.from_mapping(params), SEED)
    return sum(weight.numel() for weight in network.parameters())


if __name__ == "__main__":
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    print(json.dumps(search(json.load(sys.stdin))))
