"""How often the gate promotes within a year of 250 nights, by simulation of whole years.

The squared errors are those of `simulated_losses`. Each night of a year has a new challenger, and
the newest 713 days to compare it on; or one challenger stands and its live days add up. Where
nothing differs, each promotion is false, and the benchmark is so poor that it never prevents one.
A night asks the gate only if its p-value, of all nights at once, is low enough for a promotion; a
look is spent on every night in any case.

    python -m benchmarks.gate_error_rates
"""

import argparse
import functools
import math
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor

import numpy as np

from benchmarks.gate_alternatives import alternatives, p_values, short_samples
from benchmarks.results import write_results
from benchmarks.simulated_losses import Rivals, squared_errors
from lstm_model.champion.budget import GateRules, GateState, tonights_look
from lstm_model.champion.gate import judge
from lstm_model.champion.paired import DatedLosses, PairedLosses

NIGHTS, BLOCK = 250, 713
LONGEST = 500
"""Nights that a better challenger has at most; it may take more than a year."""
NEVER = math.inf
RULES = GateRules()
NULLS = {
    "errors correlated 0.90, another challenger each night": Rivals(0.90),
    "errors correlated 0.97, another challenger each night": Rivals(0.97),
    "errors correlated 0.97, neighbours' deviations 0.98": Rivals(0.97, alike=0.98),
    "errors correlated 0.99, another challenger each night": Rivals(0.99),
}
GAINS = {
    f"{gain:.0%} lower, errors correlated {correlation:.2f}, neighbours' deviations {alike:g}": (
        Rivals(correlation, gain, alike)
    )
    for gain, correlation, alike in (
        (0.05, 0.95, 0.0),
        (0.05, 0.97, 0.0),
        (0.05, 0.97, 0.98),
        (0.05, 0.99, 0.0),
        (0.10, 0.95, 0.0),
        (0.20, 0.95, 0.0),
    )
}
Year = Callable[[Rivals, int], float]


def main() -> None:
    """Simulate every row, print it, and write results/gate.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--years", type=int, default=2000)
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    years = options.years
    with ProcessPoolExecutor(options.processes) as pool:

        def promoted(year: Year, rivals: Rivals, count: int) -> np.ndarray:
            run = functools.partial(year, rivals)
            return np.array(list(pool.map(run, range(count), chunksize=10)))

        false = {}
        for name, rivals in NULLS.items():
            false[name] = rate(promoted(sliding_year, rivals, years))
            print(f"{name:<75}{false[name]:7.2%}", flush=True)
        alone = "one standing challenger, live days alone, errors correlated 0.97"
        false[alone] = rate(promoted(standing_year, Rivals(0.97), years))
        print(f"{alone:<75}{false[alone]:7.2%}", flush=True)
        found = {
            name: quantiles(promoted(two_years, rivals, years // 4))
            for name, rivals in GAINS.items()
        }
        for name, row in found.items():
            print(f"{name:<75}{row}", flush=True)
    contents = {
        "years": years,
        "nights": NIGHTS,
        "block_days": BLOCK,
        "false_promotions_a_year": false,
        "promoted": found,
        "alternatives": dict(printed(alternatives(years // 4))),
        "short_samples": dict(printed(short_samples(years // 2))),
    }
    print(f"written to {write_results('gate', contents)}")


def printed(rows: Iterator[tuple[str, object]]) -> Iterator[tuple[str, object]]:
    """Print rows as they come."""
    for name, row in rows:
        print(f"{name:<75}{row}", flush=True)
        yield name, row


def rate(nights: np.ndarray) -> float:
    """Return the share of years with a promotion."""
    return float(np.mean(nights < NEVER))


def quantiles(nights: np.ndarray) -> dict[str, float | None]:
    """Return the shares promoted by some nights, and after how many nights half and 80 % were."""
    shares = {f"by_night_{by}": float(np.mean(nights < by)) for by in (1, 60, 120, 250, 500)}
    ordered = np.sort(nights)
    after = {
        f"{share:.0%}_after": ordered[math.ceil(share * len(nights)) - 1] for share in (0.5, 0.8)
    }
    return shares | {name: float(n) + 1 if n < NEVER else None for name, n in after.items()}


def day_of(night: int) -> int:
    """Return a night's date: five nights a week."""
    return 20_000 + 7 * (night // 5) + night % 5


def looks() -> Iterator[tuple[GateState, float]]:
    """Yield each night's state and level, which do not depend on the losses."""
    state = GateState()
    for night in range(LONGEST):
        look = tonights_look(day_of(night), state, RULES)
        yield state, look.level
        state = look.state


LOOKS = tuple(looks())


def sliding_year(rivals: Rivals, seed: int, nights: int = NIGHTS) -> float:
    """Return the night of the first promotion if each night has a challenger and a newer block."""
    draws = np.random.default_rng(seed)
    champion, challengers = squared_errors(draws, rivals, BLOCK + nights, nights)
    blocks = np.array([champion[night : night + BLOCK] for night in range(nights)])
    theirs = np.array([own[night : night + BLOCK] for night, own in enumerate(challengers)])
    p = p_values(blocks - theirs)
    return first_promotion(
        (night, blocks[night], theirs[night])
        for night in range(nights)
        if may_pass(night, p[night])
    )


def two_years(rivals: Rivals, seed: int) -> float:
    """Return the night of the first promotion within 500 nights."""
    return sliding_year(rivals, seed, LONGEST)


def standing_year(rivals: Rivals, seed: int) -> float:
    """Return the night of the promotion if one challenger stands and has only its live days."""
    draws = np.random.default_rng(seed)
    champion, challengers = squared_errors(draws, rivals, NIGHTS, 1)
    ours, theirs = champion, challengers[0]
    return first_promotion(
        (n - 1, ours[:n], theirs[:n])
        for n in range(RULES.min_dates, NIGHTS + 1)
        if may_pass(n - 1, p_values((ours[:n] - theirs[:n])[None])[0])
    )


def may_pass(night: int, p: float) -> bool:
    """Say whether a p-value is low enough for a promotion, with room for rounding."""
    return p < 1.01 * LOOKS[night][1]


def first_promotion(pairs: Iterator[tuple[int, np.ndarray, np.ndarray]]) -> float:
    """Return the first night on which the gate says better; infinity if it never does."""
    for night, ours, theirs in pairs:
        dates = np.arange(len(ours))
        paired = PairedLosses(
            champion=DatedLosses(dates, ours),
            challenger=DatedLosses(dates, theirs),
            benchmark=DatedLosses(dates, 10 + ours),
        )
        state, _ = LOOKS[night]
        verdict = judge(paired, night=day_of(night), horizon=1, state=state, rules=RULES)
        if verdict.outcome == "better":
            return night
    return NEVER


if __name__ == "__main__":
    main()
