"""Where a warm ten-trial night's time goes beside training.

A warm night is the second in its folder: databases are there and a Prefect server runs. Its wall
time, from the command's start to its exit, is cut at the times that Prefect's server has of its
tasks. Of the search, the time in which at least one trial trains is training, as is the retraining;
all the rest is overhead. What a night has to do once (servers, migrations) and what hides behind
training (records of trials) is measured apart.

    python -m benchmarks.overheads
"""

import argparse
import datetime as dt
import os
import statistics
import time
from dataclasses import dataclass
from typing import Any

import httpx

from benchmarks.nights import Site, fresh_site
from benchmarks.results import write_results

TRIALS = 10
TRAINING = ("at least one trial trains", "retraining")
"""The parts of a night that are no overhead."""

FIRST_NIGHT = {"search.trials": 1, "training.epochs": 1, "training.retrain.max_epochs": 1}


def main() -> None:
    """Measure, write, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nights", type=int, default=1)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--max-epochs", type=int, default=100, help="of the retraining")
    arguments = parser.parse_args()
    settings = {
        "search.trials": TRIALS,
        "training.epochs": arguments.epochs,
        "training.retrain.max_epochs": arguments.max_epochs,
    }
    load_average = os.getloadavg()[0]
    with fresh_site() as site:
        with site.prefect_server() as first_start:
            pass
        with site.prefect_server() as later_start:
            imports = [site.python("-c", "import flows.cli, flows.lstm_hpo") for _ in range(4)]
            site.night("first", FIRST_NIGHT)
            nights = [warm_night(site, f"warm-{n}", settings) for n in range(arguments.nights)]
    with fresh_site() as site:
        cold, warm = (stores(site) for _ in range(2))
    parts = {name: statistics.median(night[name] for night in nights) for name in nights[0]}
    training = sum(parts[name] for name in TRAINING)
    once = {
        "Prefect server, first start": first_start,
        "Prefect server, later start": later_start,
        "MLflow's first migration": cold["open MLflow"] - warm["open MLflow"],
        "Optuna's first migration": cold["open Optuna"] - warm["open Optuna"],
    }
    report = {
        "load_average_before": load_average,
        "nights": arguments.nights,
        "settings": settings,
        "wall_seconds": sum(parts.values()),
        "training_seconds": training,
        "overhead_seconds": sum(parts.values()) - training,
        "part_seconds": parts,
        "of_which_seconds": {"imports": statistics.median(imports[1:])} | warm,
        "once_seconds": once,
    }
    path = write_results("overheads", report)
    print(table(report))
    print(f"written to {path}")


@dataclass(frozen=True, slots=True)
class Span:
    """Start and end of something, in seconds since 1970."""

    start: float
    end: float


def warm_night(site: Site, study_name: str, settings: dict[str, Any]) -> dict[str, float]:
    """Run a night and cut its wall time into parts that add up to it."""
    launch = time.time()
    _, summary = site.night(study_name, settings)
    ended = time.time()
    flow, tasks = _spans(site.environment["PREFECT_API_URL"], launch)

    def span(prefix: str) -> Span:
        return next(value for name, value in tasks.items() if name.startswith(prefix))

    search, evaluation = span("search-hyperparameters"), span("evaluate-on-test")
    # Workers say how long they trained, Prefect when they were heard of again.
    trials = [(span(f"trial-{t['number']}").end, t["seconds"]) for t in summary["trials"]]
    training = [Span(end - seconds, end) for end, seconds in sorted(trials)]
    first = min(trial.start for trial in training)
    last = max(trial.end for trial in training)
    busy = _union(training)
    retraining = span("retrain")
    return {
        "start and imports": flow.start - launch,
        "bars and data set": span("prepare-data-set").end - flow.start,
        "open tracking": search.start - span("prepare-data-set").end,
        "open study, start workers": first - search.start,
        "at least one trial trains": busy,
        "between trials": last - first - busy,
        "close search": search.end - last,
        "retraining": retraining.end - search.end,
        "evaluate": evaluation.end - retraining.end,
        "register and record": flow.end - evaluation.end,
        "exit": ended - flow.end,
    }


def _spans(api_url: str, since: float) -> tuple[Span, dict[str, Span]]:
    """Ask Prefect's server for the latest flow run and its tasks' runs."""

    def ask(what: str, query: dict[str, Any]) -> list[dict[str, Any]]:
        answer = httpx.post(f"{api_url}/{what}/filter", json=query | {"limit": 200}, timeout=60)
        found: list[dict[str, Any]] = answer.raise_for_status().json()
        return found

    # The server writes down what it hears in batches.
    deadline = time.monotonic() + 30
    while True:
        flow = ask("flow_runs", {"sort": "START_TIME_DESC"})[0]
        runs = ask("task_runs", {"flow_runs": {"id": {"any_": [flow["id"]]}}})
        complete = flow["end_time"] and all(run["end_time"] for run in runs) and len(runs) > TRIALS
        if complete and _seconds(flow["start_time"]) > since:
            break
        if time.monotonic() > deadline:
            raise RuntimeError(f"Prefect's server has no end of {flow['name']} or of its tasks")
        time.sleep(0.5)
    tasks = {
        run["name"]: Span(_seconds(run["start_time"]), _seconds(run["end_time"])) for run in runs
    }
    return Span(_seconds(flow["start_time"]), _seconds(flow["end_time"])), tasks


def _seconds(time_stamp: str) -> float:
    return dt.datetime.fromisoformat(time_stamp).timestamp()


def _union(spans: list[Span]) -> float:
    """Return the seconds that at least one of the spans covers."""
    total, covered_to = 0.0, float("-inf")
    for span in sorted(spans, key=lambda span: span.start):
        total += max(0.0, span.end - max(span.start, covered_to))
        covered_to = max(covered_to, span.end)
    return total


def stores(site: Site) -> dict[str, float]:
    """Time the stores in a process of its own, as a night meets them."""
    site.python("-m", "benchmarks.stores", "stores.json")
    seconds: dict[str, float] = site.read("stores.json")
    return seconds


def table(report: dict[str, Any]) -> str:
    """Lay the report out as text."""
    lines = [f"{'s of a warm night':<34}{'overhead':>10}{'training':>10}"]
    for name, seconds in report["part_seconds"].items():
        overhead = "" if name in TRAINING else f"{seconds:.2f}"
        training = f"{seconds:.2f}" if name in TRAINING else ""
        lines.append(f"{name:<34}{overhead:>10}{training:>10}")
    lines.append(
        f"{'together':<34}{report['overhead_seconds']:>10.2f}{report['training_seconds']:>10.2f}"
    )
    apart = report["of_which_seconds"] | report["once_seconds"]
    lines += ["measured apart:"] + [f"  {name:<32}{value:>10.2f}" for name, value in apart.items()]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
