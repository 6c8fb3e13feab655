"""How long the decay alarm stays silent while nothing changes, and how soon it notices a rise.

The losses are those of `simulated_losses`; the reference is a test block of 713 or 250 days.

    python -m benchmarks.decay_run_lengths
"""

import argparse
import math

import numpy as np

from benchmarks.results import write_results
from benchmarks.simulated_losses import unforecast
from lstm_model.champion.decay import DecayRules, first_alarm
from lstm_model.champion.paired import DatedLosses

NIGHTS = 10_000
RULES = DecayRules()


def main() -> None:
    """Simulate every row, print it, and write results/decay.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=1000)
    repetitions = parser.parse_args().repetitions
    rows = {}
    for block in (713, 250):
        for rise in (0.0, 0.1, 0.2, 0.5, 1.0):
            name = f"losses {rise:.0%} higher, reference of {block} days"
            rows[name] = run_lengths(rise, block, repetitions)
            print(f"{name:<50}{rows[name]}", flush=True)
    contents = {"repetitions": repetitions, "most_nights": NIGHTS, "run_lengths_nights": rows}
    print(f"written to {write_results('decay', contents)}")


def run_lengths(rise: float, block: int, repetitions: int) -> dict[str, float]:
    """Return mean and quartiles of the nights to the first alarm, and the share within 1,000."""
    draws = np.random.default_rng(0)
    nights = np.empty(repetitions)
    for repetition in range(repetitions):
        losses = unforecast(draws, block + NIGHTS) ** 2
        losses[block:] *= 1 + rise
        dates = np.arange(block + NIGHTS)
        reference = DatedLosses(dates[:block], losses[:block])
        found = first_alarm(reference, DatedLosses(dates[block:], losses[block:]), RULES)
        nights[repetition] = math.inf if found is None else found - block + 1
    limited = np.minimum(nights, NIGHTS)
    quarters = np.percentile(limited, [25, 50, 75]).tolist()
    return {
        "mean": float(limited.mean()),
        **dict(zip(("first_quarter", "median", "third_quarter"), quarters, strict=True)),
        "within_1000": float(np.mean(nights <= 1000)),
    }


if __name__ == "__main__":
    main()
