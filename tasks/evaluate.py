"""Final models + test block -> Evaluation; the only place that evaluates on the test block."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float
from prefect import task
from prefect.cache_policies import NO_CACHE

from lstm_model.config.pipeline import PipelineConfig
from lstm_model.data.views import ChronoSplit, Rows, SearchView
from lstm_model.data.windows import WindowSet
from lstm_model.evaluation.baselines import baseline_forecasts, benchmark_on_validation
from lstm_model.evaluation.evaluate import Evaluation, evaluate
from lstm_model.evaluation.inputs import (
    EvaluationSettings,
    Samples,
    SearchFacts,
    Target,
    Validation,
)
from lstm_model.evaluation.measured import NotComputed
from lstm_model.model.bundle import Bundle, spread_of
from lstm_model.model.final_model import FinalModels
from lstm_model.search.study_result import StudyResult
from lstm_model.seeding import derive_seed
from tasks.data.data_set import DataSet, load_split
from tasks.files import refuse_politely, write_atomically
from tasks.training.retrain import Bundles

UNITS = {"log_return": "log return", "log_volatility": "log variance of a day"}
FORECASTS_FILE = "forecasts.parquet"

Members = Float[np.ndarray, "member sample"]


@dataclass(frozen=True, slots=True)
class Judged:
    """The evaluation on the test block, and the file with every forecast of each sample."""

    evaluation: Evaluation
    forecasts_path: str


@task(name="evaluate-on-test", cache_policy=NO_CACHE)
def evaluate_on_test(
    config: PipelineConfig,
    data_set: DataSet,
    study: StudyResult,
    models: FinalModels,
    bundles: Bundles,
) -> Judged:
    """Evaluate the final model, the references and every baseline once on the test block."""
    split = load_split(data_set)
    rows, test = split.held_out.rows, split.held_out.test
    references = _forecasts(bundles, rows, test)
    members = references.pop(models.winner.name)
    baselines = baseline_forecasts(split)
    evaluation = evaluate(
        members,
        baselines,
        references,
        Samples(
            truth=rows.labels[test],
            last_values=rows.last_values[test],
            dates=rows.dates[test],
            ticker_of_sample=rows.ticker_of_row[test],
            tickers=rows.tickers,
            log_returns=rows.log_returns[test],
        ),
        _search_facts(split.search, study, models, bundles[models.winner.name]),
        _target(config, split),
        EvaluationSettings(
            seed=derive_seed(config.seed, "evaluation"),
            costs_bps=config.evaluation.costs_bps,
            position=config.evaluation.position,
            levels=tuple(dict.fromkeys((config.evaluation.coverage, 0.5))),
            repetitions=config.evaluation.repetitions,
        ),
    )
    means = {name: ensemble.mean(axis=0) for name, ensemble in references.items()}
    path = Path(models.winner.bundle_path).parent / FORECASTS_FILE
    _write_forecasts(path, split, members, baselines | means)
    return Judged(evaluation, str(path))


def _forecasts(bundles: Bundles, rows: Rows, ends: np.ndarray) -> dict[str, Members]:
    """Forecast with every model; models with the same scaling share their windows."""
    windows: dict[tuple[str, int], WindowSet] = {}
    forecasts = {}
    for name, bundle in bundles.items():
        key = bundle.params.feature_scaling, bundle.window_length
        if key not in windows:
            windows[key] = bundle.windows(rows.features, ends)
        forecasts[name] = bundle.forecast_windows(windows[key], rows.har_terms[ends])
    return forecasts


def _target(config: PipelineConfig, split: ChronoSplit) -> Target:
    kind = config.target.kind
    median = float(np.median(split.search.rows.labels[split.search.train]))
    return Target(kind, UNITS[kind], config.target.horizon, median, config.target.skip)


def _search_facts(
    search: SearchView, study: StudyResult, models: FinalModels, winner: Bundle
) -> SearchFacts:
    """Collect the validation results that measure selection bias and the value of the search."""
    rows, ends = search.rows, search.validation
    truth = rows.labels[ends]
    validation: Validation | NotComputed = NotComputed("the model was refitted on validation")
    if not models.winner.refit:
        validation = Validation(
            truth=truth,
            forecast=winner.forecast_windows(
                winner.windows(rows.features, ends), rows.har_terms[ends]
            ).mean(axis=0),
            benchmark=benchmark_on_validation(search),
            dates=rows.dates[ends],
        )
    # The loss that stopped each training; it is valid for a refitted model too.
    losses = {
        model.name: float(np.mean([training.best_loss for training in model.trainings]))
        for model in models.references
    }
    blocks = [trial.block_losses for trial in study.trials if trial.block_losses]
    return SearchFacts(
        validation=validation,
        trials=study.family_trials,
        studies=study.family_studies,
        block_losses=np.array(blocks) if blocks else np.empty((0, 2)),
        best_reference=min(losses, key=lambda name: losses[name]) if losses else None,
        equals_reference=models.same_as_winner,
    )


def _write_forecasts(
    path: Path, split: ChronoSplit, members: Members, others: dict[str, np.ndarray]
) -> None:
    rows, test = split.held_out.rows, split.held_out.test
    frame = pd.DataFrame(
        {
            "ticker": np.array(rows.tickers)[rows.ticker_of_row[test]],
            "date": rows.dates[test].astype("datetime64[D]").astype("datetime64[us]"),
            "truth": rows.labels[test],
            "forecast": members.mean(axis=0),
            "spread": spread_of(members),
            **others,
        }
    )
    with refuse_politely(f"forecasts in {path}"):
        write_atomically(path, lambda partial: frame.to_parquet(partial, index=False))
