"""How many trials make importances worth reading: known landscapes, noise, and recorded curves.

    python -m benchmarks.importance_ranks [--rows .bench/curves.jsonl]

Known: the loss is a weighted sum of the seed's five parameters plus noise; the weights are dealt
anew in every study, so the true order is known and favours no type of parameter. Noise: the same
losses, shuffled. Recorded: random subsets of the curves' table against the ranks of the whole.
"""

import argparse
import csv
import gzip
import json
import math
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import optuna
from optuna.importance import PedAnovaImportanceEvaluator
from scipy.stats import spearmanr

from benchmarks.curves import TABLE
from benchmarks.results import write_results
from lstm_model.search import importance
from lstm_model.search.hyper_params import HyperParams
from lstm_model.search.importance import BEST_SHARE, rank_importances
from lstm_model.search.space import distributions, searched_part, seed_space
from lstm_model.search.trial import Trial
from lstm_model.search.unit_cube import params_to_point

COUNTS = (7, 10, 20, 30, 50, 100, 200)
BEST_SHARES = (0.1, 0.25, 0.5)
REPEATS = 100
REPEATS_WITH_P = 20
WEIGHTS = (1.0, 0.5, 0.3, 0.2, 0.1)
NOISE_SD = 0.1
"""Beside 0.4, the standard deviation of the losses without it."""
SPACE = seed_space()


Truth = dict[str, float]


def draw(count: int, generator: np.random.Generator) -> tuple[list[Trial], Truth]:
    """Return random trials with a loss of known make, and the weights in it."""
    weights = dict(zip(SPACE, generator.permutation(WEIGHTS).tolist(), strict=True))
    sampler = optuna.samplers.RandomSampler(seed=int(generator.integers(2**31)))
    study = optuna.create_study(sampler=sampler)
    trials = []
    for number in range(count):
        params = dict(study.ask(distributions(SPACE)).params)
        place = dict(zip(SPACE, params_to_point(params, SPACE), strict=True))
        loss = sum(weight * place[name] for name, weight in weights.items())
        loss += generator.normal(0, NOISE_SD)
        trials.append(Trial(number, "COMPLETE", HyperParams.from_mapping(params), loss))
    return trials, weights


def shares(trials: list[Trial], best_share: float) -> Truth:
    """Return shares alone, at any share of trials that counts as best."""
    study = optuna.create_study()
    for trial in trials:
        study.add_trial(
            optuna.trial.create_trial(
                value=trial.loss,
                params=searched_part(trial.params, SPACE),
                distributions=distributions(SPACE),
            )
        )
    found = PedAnovaImportanceEvaluator(target_quantile=best_share).evaluate(study)
    total = sum(found.values())
    return {name: found[name] / total if total else 0.0 for name in SPACE}


def shuffled(trials: list[Trial], generator: np.random.Generator) -> list[Trial]:
    """Return the same parameters with losses that do not belong to them."""
    order = generator.permutation(len(trials))
    return [replace(t, loss=trials[i].loss) for t, i in zip(trials, order, strict=True)]


def agreement(found: list[Truth], truths: list[Truth]) -> dict[str, float]:
    """Compare ranks with the true ones: the first, and all."""
    pairs = list(zip(found, truths, strict=True))
    firsts = [max(f, key=lambda n: f[n]) == max(t, key=lambda n: t[n]) for f, t in pairs]
    rhos = [spearmanr([f[n] for n in t], list(t.values())).statistic for f, t in pairs]
    return {
        "first_right_share": float(np.mean(firsts)),
        "spearman_mean": float(np.nanmean(rhos)),
    }


def known_landscape(generator: np.random.Generator) -> list[dict[str, object]]:
    """Measure ranks against the known order, and what shuffled losses give."""
    rows: list[dict[str, object]] = []
    for count in COUNTS:
        drawn = [draw(count, generator) for _ in range(REPEATS)]
        studies, truths = [trials for trials, _ in drawn], [truth for _, truth in drawn]
        noise = [shuffled(trials, generator) for trials in studies]
        for best_share in BEST_SHARES:
            by_chance = [shares(trials, best_share) for trials in noise]
            row: dict[str, object] = {"trials": count, "best_share": best_share}
            row |= agreement([shares(trials, best_share) for trials in studies], truths)
            row["noise_mean_share"] = {n: float(np.mean([b[n] for b in by_chance])) for n in SPACE}
            row["noise_first_share_q95"] = float(
                np.quantile([max(b.values()) for b in by_chance], 0.95)
            )
            if best_share == BEST_SHARE:
                row["first_found_significant_share"] = significant(studies, truths)
                row["noise_significant_share"] = significant(noise, truths)
            rows.append(row)
            print_row(row)
    return rows


def significant(studies: list[list[Trial]], truths: list[Truth]) -> float:
    """Return in how many studies the truly first parameter has p <= 0.05."""
    hits = 0
    for trials, truth in list(zip(studies, truths, strict=True))[:REPEATS_WITH_P]:
        first = max(truth, key=lambda name: truth[name])
        ranked = {row.parameter: row for row in rank_importances(trials, SPACE).rows}
        p_value = ranked[first].p_value
        hits += p_value is not None and p_value <= 0.05
    return hits / REPEATS_WITH_P


def recorded_landscape(trials: list[Trial], generator: np.random.Generator) -> dict[str, object]:
    """Compare random subsets of a recorded table with the whole."""
    whole = shares(trials, BEST_SHARE)
    ranked = rank_importances(trials, SPACE)
    rows: list[dict[str, object]] = []
    for count in (c for c in COUNTS if c <= len(trials) // 2):
        subsets = [
            [trials[i] for i in generator.choice(len(trials), count, replace=False)]
            for _ in range(REPEATS)
        ]
        row: dict[str, object] = {"trials": count, "best_share": BEST_SHARE}
        row |= agreement([shares(subset, BEST_SHARE) for subset in subsets], [whole] * REPEATS)
        rows.append(row)
        print_row(row)
    p_values = {row.parameter: row.p_value for row in ranked.rows}
    return {"configurations": len(trials), "shares": whole, "p_values": p_values, "subsets": rows}


def read_table(rows: Path | None) -> list[Trial]:
    """Return the recorded configurations, from the table that is kept or from its rows so far."""
    if rows is not None:
        read = [json.loads(line) for line in rows.read_text(encoding="utf-8").splitlines()]
    elif TABLE.exists():
        with gzip.open(TABLE, "rt", encoding="utf-8") as file:
            read = list(csv.DictReader(file))
    else:
        return []
    whole = {"hidden_size", "num_layers", "batch_size"}
    trials = []
    for row in read:
        params = {name: (int if name in whole else float)(row[name]) for name in SPACE}
        loss = float(row["epoch_5"])
        if math.isfinite(loss):
            number = int(row["number"])
            trials.append(Trial(number, "COMPLETE", HyperParams.from_mapping(params), loss))
    return trials


def print_row(row: dict[str, object]) -> None:
    """Print one line of the table."""
    cells = [f"{k} {v:.2f}" for k, v in row.items() if isinstance(v, float)]
    print(f"{row['trials']:>4} trials  " + "  ".join(cells), flush=True)


def main() -> None:
    """Run both parts and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=Path, help="rows of benchmarks.curves that is under way")
    arguments = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    warnings.simplefilter("ignore", UserWarning)
    generator = np.random.default_rng(42)
    print("known landscape")
    known = known_landscape(generator)
    recorded = read_table(arguments.rows)
    print(f"recorded landscape, {len(recorded)} configurations")
    result = {
        "optuna": optuna.__version__,
        "shuffles": importance.SHUFFLES,
        "repeats": REPEATS,
        "repeats_with_p": REPEATS_WITH_P,
        "known": known,
        "recorded": recorded_landscape(recorded, generator) if recorded else None,
    }
    write_results("importance_ranks", result)


if __name__ == "__main__":
    main()
