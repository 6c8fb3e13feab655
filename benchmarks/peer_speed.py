"""How long a study takes here and with neuralforecast's AutoLSTM on Optuna, on the same work.

Both sides train the same fixed configurations on the same windows for the same number of steps,
each in a process of its own and in turn, so that both meet the same machine. The rounds are against
the peer as it comes: one trial at a time with all threads. One epoch of its other settings, one
thread and several trials at once (Optuna's n_jobs), is told beside them.

    pip install -c constraints.txt -e '.[bench]'
    python -m benchmarks.peer_speed --rounds 5
"""

import argparse
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import optuna

from benchmarks.curves import draw_configurations
from benchmarks.results import write_results
from benchmarks.trials import prepare
from lstm_model.model.network import training_cost
from lstm_model.search.hyper_params import EXAMPLES, HyperParams
from tasks.data.data_set import DataSet

GRADIENT_CLIP = 1.0
LIBRARIES = ("neuralforecast", "pytorch-lightning", "optuna", "torch")

NOT_MATCHED = (
    "Inputs: 16 columns on both sides, but AutoLSTM always reads the series itself, here the log "
    "variance of the bar; it takes the place of our log_range, of which it is the logarithm.",
    "Order: AutoLSTM draws each step's windows anew from all train windows, without a window twice "
    "in a step; ours go through all of them once an epoch.",
    "Windows a step: ours ends each epoch on a smaller batch, AutoLSTM's batches are all full, so "
    "it trains on slightly more windows (windows_trained).",
    "Dropout: between layers on both sides; ours also before the head.",
    "Initial weights and the seeds of order and dropout differ; both are PyTorch's defaults.",
    "Threads: ours trains in single-threaded processes; AutoLSTM has threads in one process, and "
    "is run as it comes (peer_setting). Where it trains several trials at once, "
    "they share one random state, and its losses vary from run to run.",
    "Refit: AutoLSTM trains the best configuration again after its study; not counted.",
    "Stopping: our workers' end after the last trial is not counted.",
    "Study: both in memory; ours is filled with finished trials, AutoLSTM asks its own.",
    "Start: ours imports what a night's flow imports (Prefect among it). "
    "seconds_without_start begin with its first trial; a second worker may still import then.",
)


@dataclass(frozen=True, slots=True)
class Side:
    """One way to run the study; `threads` a trial, 0 for what the side itself chooses."""

    name: str
    module: str
    at_once: int
    threads: int


@dataclass(frozen=True, slots=True)
class Run:
    """What one process came to, in seconds; `cpu` is that of all its processes, to the very end."""

    with_start: float
    without_start: float
    cpu: float
    losses: list[float]
    parameters: list[int]


def sides(workers: int) -> tuple[Side, list[Side]]:
    """Return our side, and the settings that the peer may be fastest with."""
    module = "benchmarks.peer_other_side"
    peers = [
        Side("peer, 1 thread", module, 1, 1),
        Side(f"peer, {workers} threads", module, 1, workers),
        Side(f"peer, {workers} trials at once, 1 thread each", module, workers, 1),
    ]
    return Side("ours", "benchmarks.peer_own_side", workers, 0), peers


def configurations(count: int) -> list[HyperParams]:
    """Draw from the seed's space; the longest first, as a night begins them."""
    drawn = draw_configurations(count)[len(EXAMPLES) :]
    return sorted(drawn, key=training_cost, reverse=True)


def run_once(side: Side, data_set: DataSet, drawn: list[HyperParams], epochs: int) -> Run:
    """Run one side's study in a fresh process."""
    spec = {
        "search_path": data_set.search_path,
        "configurations": [params.to_dict() for params in drawn],
        "epochs": epochs,
        "gradient_clip": GRADIENT_CLIP,
        "at_once": side.at_once,
    }
    threads = {"OMP_NUM_THREADS": str(side.threads)} if side.threads else {}
    started_at, cpu_before = time.time(), children_cpu_seconds()
    done = subprocess.run(
        [sys.executable, "-m", side.module],
        input=json.dumps(spec),
        env=os.environ | threads,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{side.name} ended with {done.returncode}:\n{done.stderr[-3000:]}")
    said = json.loads(done.stdout.splitlines()[-1])
    return Run(
        with_start=said["finished_at"] - started_at,
        without_start=said["finished_at"] - said["ready_at"],
        cpu=children_cpu_seconds() - cpu_before,
        losses=said["losses"],
        parameters=said["parameters"],
    )


def children_cpu_seconds() -> float:
    """Return the processor time of all processes that were started here and have ended."""
    times = os.times()
    return times.children_user + times.children_system


def try_settings(
    tried: list[Side], data_set: DataSet, drawn: list[HyperParams]
) -> dict[str, float]:
    """Return each side's seconds for a study of one epoch, without its start."""
    seconds = {}
    for side in tried:
        seconds[side.name] = run_once(side, data_set, drawn, epochs=1).without_start
        print(f"one epoch, {side.name}: {seconds[side.name]:.1f} s", flush=True)
    return seconds


def compare(ours: list[Run], peer: list[Run], kind: str) -> dict[str, Any]:
    """Return both sides' seconds, their medians and the ratio of these."""
    own = [getattr(run, kind) for run in ours]
    other = [getattr(run, kind) for run in peer]
    return {
        "ours_seconds": [round(seconds, 2) for seconds in own],
        "peer_seconds": [round(seconds, 2) for seconds in other],
        "ours_median_seconds": round(statistics.median(own), 2),
        "peer_median_seconds": round(statistics.median(other), 2),
        "peer_over_ours": round(statistics.median(other) / statistics.median(own), 3),
    }


def describe_trials(
    drawn: list[HyperParams], ours: list[Run], peer: list[Run]
) -> list[dict[str, Any]]:
    """Return each trial's network sizes and median final losses, side by side."""
    return [
        {
            "params": params.to_dict(),
            "ours_parameters": ours[0].parameters[number],
            "peer_parameters": peer[0].parameters[number],
            "ours_validation_mse": statistics.median(run.losses[number] for run in ours),
            "peer_validation_mse": statistics.median(run.losses[number] for run in peer),
        }
        for number, params in enumerate(drawn)
    ]


def windows_trained(drawn: list[HyperParams], train_windows: int, epochs: int) -> dict[str, int]:
    """Return how many windows each side trains on, all trials and epochs together."""
    sizes = [params.batch_size for params in drawn]
    full = sum(-(-train_windows // size) * size for size in sizes)
    return {"ours": epochs * train_windows * len(drawn), "peer": epochs * full}


def main() -> None:
    """Try the peer's settings, run the rounds, print a table and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--configurations", type=int, default=6)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument(
        "--peer-setting", type=int, default=1, help="0: 1 thread, 1: its default, 2: n_jobs"
    )
    arguments = parser.parse_args()
    if importlib.util.find_spec("neuralforecast") is None:
        print(
            "skipped: neuralforecast is not installed; pip install -c constraints.txt -e '.[bench]'"
        )
        return
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    data_set = prepare("benchmarks/task.yaml")
    drawn = configurations(arguments.configurations)
    own_side, peers = sides(arguments.workers)
    tried = try_settings([own_side, *peers], data_set, drawn)
    peer_side = peers[arguments.peer_setting]

    ours, peer = [], []
    for number in range(1, arguments.rounds + 1):
        ours.append(run_once(own_side, data_set, drawn, arguments.epochs))
        peer.append(run_once(peer_side, data_set, drawn, arguments.epochs))
        print(
            f"round {number}: ours {ours[-1].with_start:.1f} s, "
            f"{peer_side.name}: {peer[-1].with_start:.1f} s",
            flush=True,
        )
    results = {
        "versions": {library: version(library) for library in LIBRARIES},
        "rounds": arguments.rounds,
        "epochs": arguments.epochs,
        "ours_workers": arguments.workers,
        "peer_setting": peer_side.name,
        "seconds_for_one_epoch": {k: round(v, 2) for k, v in tried.items()},
        "train_windows": data_set.train_samples,
        "validation_windows": data_set.validation_samples,
        "windows_trained": windows_trained(drawn, data_set.train_samples, arguments.epochs),
        "seconds_with_start": compare(ours, peer, "with_start"),
        "seconds_without_start": compare(ours, peer, "without_start"),
        "cpu_seconds": compare(ours, peer, "cpu"),
        "trials": describe_trials(drawn, ours, peer),
        "not_matched": NOT_MATCHED,
    }
    write_results("peer_speed", results)
    print_table(results)


def print_table(results: dict[str, Any]) -> None:
    """Print medians and ratios, then the trials of both sides."""
    print(f"\n{'':22}{'ours s':>8}{'peer s':>8}{'ratio':>8}")
    for kind in ("seconds_with_start", "seconds_without_start", "cpu_seconds"):
        row = results[kind]
        print(
            f"{kind:22}{row['ours_median_seconds']:8.1f}{row['peer_median_seconds']:8.1f}"
            f"{row['peer_over_ours']:8.2f}"
        )
    print(f"\n{'hidden layers batch':22}{'weights':>16}{'validation MSE':>18}")
    for trial in results["trials"]:
        params = trial["params"]
        name = f"{params['hidden_size']:6} {params['num_layers']:6} {params['batch_size']:5}"
        print(
            f"{name:22}{trial['ours_parameters']:8}{trial['peer_parameters']:8}"
            f"{trial['ours_validation_mse']:9.4f}{trial['peer_validation_mse']:9.4f}"
        )
    print("\nnot matched:")
    for line in results["not_matched"]:
        print(f"- {line}")


if __name__ == "__main__":
    main()
