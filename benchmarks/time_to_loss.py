"""Seconds from nothing to the validation loss that AutoLSTM on Optuna has after its ten trials.

Both search the seed's space on the same windows for the same number of epochs, each in a process of
its own that starts from nothing. The peer runs its ten trials with its own sampler, and the lowest
loss and the seconds are taken. Ours proposes as a night does, with the seed's examples first, and
stops as soon as a trial is as good.

    pip install -c constraints.txt -e '.[bench]'
    python -m benchmarks.time_to_loss --rounds 3
"""

import argparse
import importlib.util
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

from benchmarks.peer_own_side import SEED
from benchmarks.results import write_results
from benchmarks.trials import FOLDERS, prepare, train_in_workers
from lstm_model.config.loader import load_config
from lstm_model.model.network import training_cost
from lstm_model.model.training import TrainingSettings
from lstm_model.search.sampling import ProposalSettings, generation_of, propose, queue_first
from lstm_model.search.trial import Trial
from lstm_model.seeding import derive_seed
from tasks.search.trial import TrialSpec

TASK, PEER_TRIALS, MOST_TRIALS = "benchmarks/task.yaml", 10, 50


def main() -> None:
    """Run both sides in turn, and print the ratio of seconds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--own", help="what our side's own process is given")
    arguments = parser.parse_args()
    if arguments.own is not None:
        print(json.dumps(search(json.loads(arguments.own))))
        return
    if importlib.util.find_spec("neuralforecast") is None:
        print(
            "skipped: neuralforecast is not installed; pip install -c constraints.txt -e '.[bench]'"
        )
        return
    data_set = prepare(TASK)
    rounds = []
    for number in range(arguments.rounds):
        peer_seconds, peer = run(
            ["-m", "benchmarks.peer_other_side"],
            {
                "search_path": data_set.search_path,
                "configurations": [],
                "trials": PEER_TRIALS,
                "epochs": load_config(TASK).training.epochs,
                "gradient_clip": 1.0,
                "at_once": 1,
            },
        )
        spec = {
            "search_path": data_set.search_path,
            "loss": min(peer["losses"]),
            "workers": arguments.workers,
            "name": f"round {number}",
        }
        own_seconds, ours = run(["-m", "benchmarks.time_to_loss", "--own", json.dumps(spec)], {})
        rounds.append(
            {
                "peer_seconds": round(peer_seconds, 1),
                "peer_losses": peer["losses"],
                "ours_seconds": round(own_seconds, 1),
                "ours_losses": ours["losses"],
                "reached": ours["reached"],
                "ratio": round(peer_seconds / own_seconds, 2),
            }
        )
        print({key: v for key, v in rounds[-1].items() if "losses" not in key}, flush=True)
    ratio = statistics.median(row["ratio"] for row in rounds)
    path = write_results("time_to_loss", {"rounds": rounds, "median_ratio": ratio})
    print(f"median ratio {ratio}; written to {path}")


def run(words: list[str], given: dict[str, Any]) -> tuple[float, dict[str, Any]]:
    """Run a process from nothing; return its seconds and its last line."""
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, *words], input=json.dumps(given), capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"{words} ended with {done.returncode}:\n{done.stderr[-3000:]}")
    return time.perf_counter() - started, json.loads(done.stdout.splitlines()[-1])


def search(spec: dict[str, Any]) -> dict[str, Any]:
    """Search until a trial is as good as the loss, or until the most trials have run."""
    losses: list[float] = []
    for trial in trials(spec):
        if trial.loss is not None:
            losses.append(trial.loss)
        if losses and min(losses) <= spec["loss"]:
            break
    return {"losses": losses, "reached": bool(losses) and min(losses) <= spec["loss"]}


def trials(spec: dict[str, Any]) -> Iterator[Trial]:
    """Yield trials as a night would run them: a generation at a time, the longest first."""
    config = load_config(TASK, FOLDERS)
    space = config.search.space
    settings = ProposalSettings(
        seed=SEED,
        study_name=spec["name"],
        space=space,
        startup_trials=config.search.startup_trials,
        queued=queue_first([], config.search.examples, space),
    )
    finished: list[Trial] = []
    while len(finished) < MOST_TRIALS:
        numbers = generation_of(len(finished), config.search.generation or 5, MOST_TRIALS)
        specs: list[TrialSpec] = []
        for number in numbers:
            params = propose(number, settings, finished, [s.params for s in specs])
            training = TrainingSettings(derive_seed(SEED, number), gradient_clip=1.0)
            specs.append(
                TrialSpec(number, params, spec["search_path"], config.training.epochs, training)
            )
        specs.sort(key=lambda s: training_cost(s.params), reverse=True)
        generation = []
        for result in train_in_workers(specs, spec["workers"]):
            generation.append(result.trial)
            yield result.trial
        finished += sorted(generation, key=lambda trial: trial.number)


if __name__ == "__main__":
    main()
