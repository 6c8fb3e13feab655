"""A whole cold night, Prefect, tracking and retraining included, against the plain script's.

Every night starts in a new folder without databases, ours with a Prefect server of its own. All
train the same ten configurations (drawn at random, so that no loss decides what comes next),
retrain the best with the same early stopping and look at the same test block; equal losses prove
it. The plain night is a script without Prefect.

    python -m benchmarks.night_speed --rounds 1
"""

import argparse
import os
import statistics
import sys
from typing import Any

from benchmarks.nights import CONFIG, fresh_site
from benchmarks.results import write_results

VARIANTS = ("fp32", "bf16", "plain")
OURS = ("fp32", "bf16")


def main() -> None:
    """Run the rounds; what is known is written after each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--trials", type=int, default=10)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--max-epochs", type=int, default=100, help="of the retraining")
    arguments = parser.parse_args()
    settings = {
        "search.sampler": "random",
        "search.trials": arguments.trials,
        "training.epochs": arguments.epochs,
        "training.retrain.max_epochs": arguments.max_epochs,
    }
    load_average = os.getloadavg()[0]
    nights: dict[str, list[dict[str, Any]]] = {name: [] for name in VARIANTS}
    for _ in range(arguments.rounds):
        for variant in VARIANTS:
            if variant in OURS:
                night = our_night(settings | {"training.precision": variant})
            else:
                night = plain_night(settings, nights["fp32"][-1]["params"])
            nights[variant].append(night)
            print(f"{variant}: {night['seconds']:.1f} s", file=sys.stderr)
        report = gather(load_average, settings, nights)
        path = write_results("night_speed", report)
    print(table(report))
    print(f"written to {path}")


def our_night(settings: dict[str, Any]) -> dict[str, Any]:
    """Run this project's night as a user does."""
    with fresh_site() as site:
        seconds, summary = site.night("night", settings)
    trials = sorted(summary["trials"], key=lambda trial: trial["number"])
    return {
        "seconds": seconds,
        "stage_seconds": summary["seconds"],
        "params": [trial["params"] for trial in trials],
        "losses": [trial["value"] for trial in trials],
        "best_trial": summary["best"]["number"],
        "retrain_epochs": summary["retrain"]["epochs"][0],
        "test_mse": summary["test"]["model"]["mse"],
    }


def plain_night(settings: dict[str, Any], trials: list[dict[str, Any]]) -> dict[str, Any]:
    """Run the plain script on the same trials."""
    with fresh_site() as site:
        spec = {
            "config": CONFIG,
            "study_name": "night",
            "trials": trials,
            "overrides": settings,
        }
        site.write("spec.json", spec)
        words = ("benchmarks.reference", "night", "spec.json", "result.json")
        seconds = site.python("-m", *words)
        result = site.read("result.json")
    losses = [result["curves"][str(number)][-1][1] for number in range(len(trials))]
    return {
        "seconds": seconds,
        "losses": losses,
        "best_trial": min(range(len(losses)), key=losses.__getitem__),
        "retrain_epochs": len(result["retrained"]),
        "test_mse": result["test_mse"],
    }


def gather(
    load_average: float, settings: dict[str, Any], nights: dict[str, list[dict[str, Any]]]
) -> dict[str, Any]:
    """Gather medians, ratios, and what shows that the work was equal."""
    last = {name: rounds[-1] for name, rounds in nights.items()}
    median = {
        name: statistics.median(night["seconds"] for night in rounds)
        for name, rounds in nights.items()
    }
    return {
        "load_average_before": load_average,
        "rounds": len(nights["fp32"]),
        "settings": settings,
        "seconds": {name: [n["seconds"] for n in rounds] for name, rounds in nights.items()},
        "median_seconds": median,
        "speedup_over_plain": {name: median["plain"] / median[name] for name in OURS},
        "max_loss_difference_from_plain": {
            name: max(
                abs(a - b)
                for a, b in zip(last[name]["losses"], last["plain"]["losses"], strict=True)
            )
            for name in VARIANTS
        },
        "best_trial": {name: last[name]["best_trial"] for name in VARIANTS},
        "retrain_epochs": {name: last[name]["retrain_epochs"] for name in VARIANTS},
        "test_mse": {name: last[name]["test_mse"] for name in VARIANTS},
        "stage_seconds": {name: last[name]["stage_seconds"] for name in OURS},
        "trials": last["fp32"]["params"],
    }


def table(report: dict[str, Any]) -> str:
    """Lay the report out as text."""
    lines = [f"{'':<18}{'s':>8}{'retrain epochs':>16}{'test MSE':>12}{'loss differs by':>17}"]
    lines += [
        f"{name:<18}{report['median_seconds'][name]:>8.1f}{report['retrain_epochs'][name]:>16}"
        f"{report['test_mse'][name]:>12.5g}"
        f"{report['max_loss_difference_from_plain'][name]:>17.1e}"
        for name in VARIANTS
    ]
    for name in OURS:
        lines.append(f"{name}: {report['speedup_over_plain'][name]:.2f}x the plain script")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
