"""Replay searches over a table of real loss curves: regret and epochs spent, ours and others'.

A proposal is answered by the nearest configuration of `benchmarks/curves` that was not tried yet,
and is told to the sampler as that configuration. A trial costs the epochs it trained, a pruned one
fewer. Regret is the best final loss so far over the lowest of the table.

    python -m benchmarks.search_efficiency --replays 500          the table in docs/benchmarks.md
    python -m benchmarks.search_efficiency --screen --replays 200 every setting, one at a time
"""

import argparse
import csv
import gzip
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from multiprocessing import get_context

import numpy as np
import optuna
from optuna.trial import TrialState, create_trial

from benchmarks.curves import EPOCHS, TABLE
from benchmarks.results import write_results
from lstm_model.config.search import SearchConfig
from lstm_model.model.network import training_cost
from lstm_model.search.distributions import Choice
from lstm_model.search.hyper_params import HyperParams
from lstm_model.search.pruning import PrunerName, epoch_limits
from lstm_model.search.sampling import ProposalSettings, generation_of, propose, queue_first
from lstm_model.search.space import SamplerName, distributions, searched_part, seed_space
from lstm_model.search.trial import Trial
from lstm_model.search.unit_cube import params_to_point

SPACE = seed_space()
CHECKPOINTS = (10, 20, 50)


@dataclass(frozen=True, slots=True)
class CurveTable:
    """Configurations with their validation losses after each epoch, and seconds for all epochs."""

    params: tuple[HyperParams, ...]
    points: np.ndarray
    losses: np.ndarray
    seconds: np.ndarray

    def nearest(self, params: HyperParams, taken: set[int]) -> int:
        """Return the row nearest in the unit cube among those not taken."""
        distances = np.square(self.points - _point(params)).sum(axis=1)
        distances[list(taken)] = np.inf
        return int(distances.argmin())


def _point(params: HyperParams) -> np.ndarray:
    return params_to_point(searched_part(params, SPACE), SPACE)


@cache
def read_table() -> CurveTable:
    """Read the compressed table."""
    with gzip.open(TABLE, "rt", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    whole = [name for name, domain in SPACE.items() if domain.type == "int"]
    whole += [name for name, domain in SPACE.items() if isinstance(domain, Choice)]
    params = [
        HyperParams.from_mapping(
            {name: int(row[name]) if name in whole else float(row[name]) for name in SPACE}
        )
        for row in rows
    ]
    return CurveTable(
        params=tuple(params),
        points=np.array([_point(p) for p in params]),
        losses=np.array([[float(row[f"epoch_{e + 1}"]) for e in range(EPOCHS)] for row in rows]),
        seconds=np.array([float(row["seconds"]) for row in rows]),
    )


@dataclass(frozen=True, slots=True)
class Strategy:
    """A way to search; `plain` is Optuna's own study with nothing set, as most people run it."""

    name: str
    plain: bool = False
    sampler: SamplerName = SearchConfig().sampler
    generation: int = SearchConfig().generation or 1
    startup_trials: int = SearchConfig().startup_trials
    examples: int = SearchConfig().examples
    pruner: PrunerName = SearchConfig().pruner


OURS = Strategy("ours")
FINAL = (
    Strategy("random", sampler="random", generation=1, examples=0, pruner="none"),
    Strategy("Optuna's defaults", plain=True),
    OURS,
)


def screened() -> Iterator[Strategy]:
    """Yield each setting changed alone, from what the defaults are."""
    yield from FINAL
    for generation in (1, 2, 4, 5, 8, 10):
        yield replace(OURS, name=f"generation {generation}", generation=generation)
    for startup in (2, 3, 5, 8, 10):
        yield replace(OURS, name=f"startup_trials {startup}", startup_trials=startup)
    for examples in (0, 1, 2, 3, 4, 5):
        yield replace(OURS, name=f"examples {examples}", examples=examples)
    pruners: tuple[PrunerName, ...] = ("none", "median", "hyperband")
    for pruner in pruners:
        yield replace(OURS, name=f"pruner {pruner}", pruner=pruner)
    samplers: tuple[SamplerName, ...] = ("random", "qmc", "cmaes", "gp")
    for sampler in samplers:
        yield replace(OURS, name=f"sampler {sampler}", sampler=sampler)


@dataclass(frozen=True, slots=True)
class Replay:
    """One search: after each trial, the epochs spent, the best loss, and seconds on two workers."""

    epochs: np.ndarray
    best: np.ndarray
    seconds: np.ndarray


def replay(strategy: Strategy, seed: int, total: int) -> Replay:
    """Search once; the same arguments give the same search."""
    table = read_table()
    rows, lengths, ends = [], [], []
    trials = _plain_trials(seed, total) if strategy.plain else _trials(strategy, seed, total)
    clock = 0.0
    for generation in trials:
        spent = [table.seconds[row] * epochs / EPOCHS for row, epochs in generation]
        clock += _makespan(spent, [training_cost(table.params[row]) for row, _ in generation])
        for row, epochs in generation:
            rows.append(row)
            lengths.append(epochs)
            ends.append(clock)
    whole = np.array(lengths) == EPOCHS
    final = np.where(whole, table.losses[rows, -1], np.inf)
    return Replay(np.cumsum(lengths), np.minimum.accumulate(final), np.array(ends))


Generation = list[tuple[int, int]]
"""Rows of the table that are trained at the same time, and for how many epochs."""


def _trials(strategy: Strategy, seed: int, total: int) -> Iterator[Generation]:
    table = read_table()
    settings = ProposalSettings(
        seed=seed,
        study_name="replay",
        space=SPACE,
        startup_trials=strategy.startup_trials,
        sampler=strategy.sampler,
        queued=queue_first([], strategy.examples, SPACE),
    )
    finished: list[Trial] = []
    taken: set[int] = set()
    for first in range(0, total, strategy.generation):
        curves = [trial.curve for trial in finished]
        siblings: list[HyperParams] = []
        generation: Generation = []
        ended: list[Trial] = []
        for number in generation_of(first, strategy.generation, total):
            row = table.nearest(propose(number, settings, finished, siblings), taken)
            taken.add(row)
            siblings.append(table.params[row])
            limits = epoch_limits(strategy.pruner, curves, number, EPOCHS)
            losses = dict(enumerate(table.losses[row], start=1))
            cut = next((e for e, loss in losses.items() if loss > limits.get(e, np.inf)), None)
            curve = {e: loss for e, loss in losses.items() if cut is None or e <= cut}
            if cut is None:
                trial = Trial(number, "COMPLETE", table.params[row], losses[EPOCHS], curve=curve)
            else:
                trial = Trial(number, "PRUNED", table.params[row], None, curve=curve)
            ended.append(trial)
            generation.append((row, len(curve)))
        finished += ended
        yield generation


def _plain_trials(seed: int, total: int) -> Iterator[Generation]:
    table = read_table()
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed))
    space = distributions(SPACE)
    taken: set[int] = set()
    for _ in range(total):
        asked = study.ask(space)
        row = table.nearest(HyperParams.from_mapping(asked.params), taken)
        taken.add(row)
        # The study is told what was trained, not what was asked for.
        study.tell(asked, state=TrialState.FAIL)
        loss = float(table.losses[row, -1])
        params = searched_part(table.params[row], SPACE)
        study.add_trial(create_trial(params=params, distributions=space, values=[loss]))
        yield [(row, EPOCHS)]


def _makespan(seconds: list[float], costs: list[float], workers: int = 2) -> float:
    """Return when the last trial of a generation ends, the costliest begun first."""
    busy = [0.0] * workers
    for index in sorted(range(len(seconds)), key=lambda i: costs[i], reverse=True):
        free = busy.index(min(busy))
        busy[free] += seconds[index]
    return max(busy)


def summarise(replays: list[Replay], target: float | None) -> dict[str, object]:
    """Return mean regret with its 95 % interval, epochs and seconds after 10, 20 and 50 trials.

    `target` is a regret; the epochs to reach it are where the mean over all replays first does.
    """
    floor = float(read_table().losses[:, -1].min())
    found: dict[str, object] = {}
    for count in CHECKPOINTS:
        if count > len(replays[0].best):
            continue
        regret = np.array([r.best[count - 1] for r in replays]) - floor
        found[f"after_{count}_trials"] = {
            "regret": round(float(regret.mean()), 5),
            "regret_95_percent": round(1.96 * float(regret.std(ddof=1)) / len(regret) ** 0.5, 5),
            "epochs": round(float(np.mean([r.epochs[count - 1] for r in replays])), 1),
            "seconds_on_2_workers": round(float(np.mean([r.seconds[count - 1] for r in replays]))),
        }
    if target is not None:
        found["epochs_to_the_defaults_10_trial_regret"] = _epochs_to(target, replays, floor)
    return found


def _epochs_to(target: float, replays: list[Replay], floor: float) -> int | None:
    for epochs in range(EPOCHS, int(max(r.epochs[-1] for r in replays)) + 1):
        regrets = []
        for r in replays:
            done = int(np.searchsorted(r.epochs, epochs, side="right"))
            regrets.append(r.best[done - 1] - floor if done else np.inf)
        # The mean of the same numbers in another order differs in its last digit.
        if float(np.mean(regrets)) <= target + 1e-12:
            return epochs
    return None


def _replay_many(arguments: tuple[Strategy, int, int, int]) -> list[Replay]:
    strategy, first, count, total = arguments
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return [replay(strategy, seed, total) for seed in range(first, first + count)]


def main() -> None:
    """Replay every strategy and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replays", type=int, default=500)
    parser.add_argument("--trials", type=int, default=50)
    parser.add_argument("--screen", action="store_true")
    arguments = parser.parse_args()
    strategies = list(screened()) if arguments.screen else list(FINAL)
    chunk = 10
    results: dict[str, object] = {}
    target: float | None = None
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        for strategy in strategies:
            chunks = [
                (strategy, first, min(chunk, arguments.replays - first), arguments.trials)
                for first in range(0, arguments.replays, chunk)
            ]
            replays = [r for part in pool.map(_replay_many, chunks) for r in part]
            if strategy.plain:
                floor = float(read_table().losses[:, -1].min())
                target = float(np.mean([r.best[9] for r in replays])) - floor
            results[strategy.name] = summarise(replays, target)
            print(strategy.name, results[strategy.name], flush=True)
    table = read_table()
    name = "search_efficiency_screen" if arguments.screen else "search_efficiency"
    write_results(
        name,
        {
            "replays": arguments.replays,
            "configurations": len(table.params),
            "lowest_loss_of_the_table": float(table.losses[:, -1].min()),
            "median_loss_of_the_table": float(np.median(table.losses[:, -1])),
            "strategies": results,
        },
    )


if __name__ == "__main__":
    main()
