"""How often a search is called worth it by chance, by how its references are trained.

Ten configurations are equally good: each forecasts the signal plus a deviation of its own, and each
of its seeds adds another. A search takes the one that looks best on validation by its first seed;
five of the others are references. It is "worth it" if the winner's ensemble beats the best
reference on validation in a one-sided test at 5 % on 713 days. Deviations are persistent, and as
large as measured: averaging five seeds lowers the error by about 1 %.

    python -m benchmarks.reference_race
"""

import argparse
from dataclasses import dataclass

import numpy as np

from benchmarks.results import write_results
from lstm_model.evaluation.accuracy_tests import better_p, diebold_mariano
from lstm_model.model.race import highest_loss_of_a_seed

CONFIGURATIONS, REFERENCES, SEEDS = 10, 5, 5
VALIDATION, TEST = 711, 713
SEED_SPREAD = 0.12
"""Deviation of a seed, in standard deviations of the noise that nobody can forecast."""


@dataclass(frozen=True)
class Drawn:
    """Errors of every configuration and seed on both blocks."""

    validation: np.ndarray
    test: np.ndarray


def main() -> None:
    """Simulate every rule for several differences between configurations."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=1000)
    repetitions = parser.parse_args().repetitions
    table = {}
    for spread in (0.0, 0.1, 0.2):
        counts = {"one seed": 0, "race": 0, "every seed": 0}
        trained = {"one seed": REFERENCES, "race": 0, "every seed": REFERENCES * SEEDS}
        draws = np.random.default_rng(0)
        for _ in range(repetitions):
            drawn = draw(draws, spread)
            winner = int((drawn.validation[:, 0] ** 2).mean(axis=1).argmin())
            others = [c for c in range(CONFIGURATIONS) if c != winner][:REFERENCES]
            counts["one seed"] += worth_it(drawn, winner, dict.fromkeys(others, 1), matched=False)
            counts["every seed"] += worth_it(drawn, winner, dict.fromkeys(others, SEEDS))
            seeds = race(drawn, winner, others)
            trained["race"] += sum(seeds.values()) / repetitions
            counts["race"] += worth_it(drawn, winner, seeds)
        table[spread] = {
            rule: {"worth it": n / repetitions, "trainings": round(trained[rule], 1)}
            for rule, n in counts.items()
        }
        print(f"configurations differ by {spread}: {table[spread]}", flush=True)
    contents = {"repetitions": repetitions, "seed_spread": SEED_SPREAD, "by_spread": table}
    print(f"written to {write_results('reference_race', contents)}")


def draw(draws: np.random.Generator, spread: float) -> Drawn:
    """Draw noise that all share, and deviations of configurations and seeds."""
    days = VALIDATION + TEST
    noise = draws.normal(size=days)
    own = spread * persistent(draws, (CONFIGURATIONS, 1, days))
    seeds = SEED_SPREAD * persistent(draws, (CONFIGURATIONS, SEEDS, days))
    errors = noise + own + seeds
    return Drawn(errors[..., :VALIDATION], errors[..., VALIDATION:])


def persistent(draws: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Draw AR(0.9) paths of variance one along the last axis."""
    paths = draws.normal(size=shape)
    for day in range(1, shape[-1]):
        paths[..., day] = 0.9 * paths[..., day - 1] + np.sqrt(1 - 0.81) * paths[..., day]
    return paths


def race(drawn: Drawn, winner: int, others: list[int]) -> dict[int, int]:
    """Return how many seeds each reference trains in the race, without a budget."""
    losses = (drawn.validation**2).mean(axis=2)
    limit = highest_loss_of_a_seed(losses[winner].tolist())
    return {c: SEEDS if losses[c, 0] <= limit else 1 for c in others}


def worth_it(drawn: Drawn, winner: int, seeds: dict[int, int], *, matched: bool = True) -> bool:
    """Return whether the winner beats the reference that is best on validation."""
    losses = (drawn.validation**2).mean(axis=2)
    best = min(seeds, key=lambda c: losses[c, : seeds[c]].mean())
    count = seeds[best] if matched else SEEDS
    own = drawn.test[winner, :count].mean(axis=0) ** 2
    other = drawn.test[best, : seeds[best]].mean(axis=0) ** 2
    p_value = better_p(diebold_mariano(own, other, 1))
    return isinstance(p_value, float) and p_value < 0.05


if __name__ == "__main__":
    main()
