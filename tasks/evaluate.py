"""Final models + test block -> Evaluation; the only place that evaluates on the test block."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float
from prefect import task
from prefect.cache_policies import NO_CACHE

from lstm_model.config.pipeline import PipelineConfig
from lstm_model.data.calendar import day_of
from lstm_model.data.market import portfolio_sessions_a_year
from lstm_model.data.scaling import rows_covered
from lstm_model.data.views import ChronoSplit, Rows, SearchView
from lstm_model.data.windows import WindowSet
from lstm_model.evaluation.baselines.forecasts import BaselineForecasts, baseline_forecasts
from lstm_model.evaluation.drift import Drift, Part, measure_drift, newest
from lstm_model.evaluation.evaluate import Evaluation, evaluate
from lstm_model.evaluation.inputs import (
    EvaluationSettings,
    Samples,
    SearchFacts,
    Target,
    Validation,
)
from lstm_model.explain.permutation import PermutationImportance, permutation_importance
from lstm_model.model.bundle import spread_of
from lstm_model.model.judged_errors import JudgedErrors
from lstm_model.search.study_result import StudyResult
from lstm_model.seeding import derive_seed
from tasks.data.data_set import DataSet, load_split
from tasks.files import refuse_politely, write_atomically
from tasks.training.ensemble import Ensemble
from tasks.training.references import References

UNITS = {"log_return": "log return", "log_volatility": "log variance of a session's range"}
FORECASTS_FILE = "forecasts.parquet"

Members = Float[np.ndarray, "member sample"]


@dataclass(frozen=True, slots=True)
class Judged:
    """The evaluation on the test block, its features' drift, and the file with every forecast.

    errors: of the winner's mean forecast, by date.
    permutation: what the final model's forecasts rest on.
    """

    evaluation: Evaluation
    drift: tuple[Drift, ...]
    forecasts_path: str
    errors: JudgedErrors
    permutation: PermutationImportance


@task(name="evaluate-on-test", cache_policy=NO_CACHE)
def evaluate_on_test(
    config: PipelineConfig,
    data_set: DataSet,
    study: StudyResult,
    winner: Ensemble,
    references: References,
    looks: int,
) -> Judged:
    """Evaluate the final model, the references and every baseline once on the test block.

    Baselines are fitted on train, and if the model is refitted, on train and validation as it is.
    looks: nights that have looked at this test block or a part of it, tonight's included.
    """
    split = load_split(data_set)
    rows, test = split.held_out.rows, split.held_out.test
    ensembles = {ensemble.model.name: ensemble for ensemble in (winner, *references.ensembles)}
    forecasts = _forecasts(ensembles, rows, test)
    members = forecasts.pop(winner.model.name)
    traded = [rows.tickers[code] for code in np.unique(rows.ticker_of_row[test])]
    baselines = baseline_forecasts(split, refit=winner.model.refit)
    evaluation = evaluate(
        members,
        baselines.test,
        forecasts,
        Samples(
            truth=rows.labels[test],
            last_values=rows.last_values[test],
            dates=rows.dates[test],
            label_ends=rows.label_ends[test],
            ticker_of_sample=rows.ticker_of_row[test],
            tickers=rows.tickers,
            log_returns=rows.log_returns[test],
        ),
        _validation(split.search, baselines, winner, references),
        _search_facts(study, references, looks),
        _target(config, split),
        EvaluationSettings(
            seed=derive_seed(config.seed, "evaluation"),
            costs_bps=config.evaluation.costs_bps,
            position=config.evaluation.position,
            levels=tuple(dict.fromkeys((config.evaluation.coverage, 0.5))),
            repetitions=config.evaluation.repetitions,
            sessions_a_year=portfolio_sessions_a_year(traded, config.data.market),
        ),
        baselines.left_out,
    )
    means = {name: ensemble.mean(axis=0) for name, ensemble in forecasts.items()}
    path = Path(winner.model.bundle_path).parent / FORECASTS_FILE
    _write_forecasts(path, split, members, {**baselines.test, **means})
    errors = JudgedErrors.of(rows.labels[test], members.mean(axis=0), rows.dates[test])
    seed = derive_seed(config.seed, "permutation")
    permutation = permutation_importance(winner.bundle, rows, test, seed)
    return Judged(evaluation, measure_split(split), str(path), errors, permutation)


def measure_split(split: ChronoSplit) -> tuple[Drift, ...]:
    """Compare the features of the test block, and of its newest dates, with train's."""
    search, rows = split.search.rows, split.held_out.rows
    covered = rows_covered(split.search.train, search.window_length, len(search.dates))
    in_test = rows.dates >= day_of(split.test_start)
    return measure_drift(
        Part("train", search.features, search.dates, covered),
        (
            Part("the test block", rows.features, rows.dates, in_test),
            Part("the newest dates", rows.features, rows.dates, in_test & newest(rows.dates)),
        ),
        search.feature_names,
    )


def _forecasts(ensembles: dict[str, Ensemble], rows: Rows, ends: np.ndarray) -> dict[str, Members]:
    """Forecast with every model; models with the same scaling share their windows."""
    windows: dict[tuple[str, int], WindowSet] = {}
    forecasts = {}
    for name, ensemble in ensembles.items():
        bundle = ensemble.bundle
        key = bundle.params.feature_scaling, bundle.window_length
        if key not in windows:
            codes = bundle.codes_of(rows.tickers)[rows.ticker_of_row[ends]]
            windows[key] = bundle.windows(rows.features, ends, codes)
        forecasts[name] = bundle.forecast_windows(windows[key], rows.har_terms[ends])
    return forecasts


def _target(config: PipelineConfig, split: ChronoSplit) -> Target:
    kind = config.target.kind
    median = float(np.median(split.search.rows.labels[split.search.train]))
    return Target(kind, UNITS[kind], config.target.horizon, median, config.target.skip)


def _validation(
    search: SearchView, baselines: BaselineForecasts, winner: Ensemble, references: References
) -> Validation:
    """Collect every forecast of validation by a fit on train."""
    means = {e.model.name: e.validation.mean(axis=0) for e in references.ensembles}
    return Validation(
        truth=search.rows.labels[search.validation],
        dates=search.rows.dates[search.validation],
        forecasts={**baselines.validation, **means},
        members=winner.validation,
    )


def _search_facts(study: StudyResult, references: References, looks: int) -> SearchFacts:
    """Collect what measures selection bias and the value of the search."""
    # The loss that stopped each training; it is valid for a refitted model too.
    losses = {
        e.model.name: float(np.mean([training.best_loss for training in e.model.trainings]))
        for e in references.ensembles
    }
    blocks = [trial.block_losses for trial in study.trials if trial.block_losses]
    return SearchFacts(
        trials=study.family_trials,
        studies=study.family_studies,
        looks=looks,
        block_losses=np.array(blocks) if blocks else np.empty((0, 2)),
        best_reference=min(losses, key=lambda name: losses[name]) if losses else None,
        equals_reference=references.same_as_winner,
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
