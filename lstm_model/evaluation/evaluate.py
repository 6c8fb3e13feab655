"""Evaluation of the test block: align the samples, score, compare, view, judge."""

import datetime as dt
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from lstm_model.evaluation.accuracy_tests import losses_by_date
from lstm_model.evaluation.alignment import Aligned, align
from lstm_model.evaluation.backtest import Rule, Trading, trade
from lstm_model.evaluation.comparison import Comparison, SeedSpread, compare, seed_spread
from lstm_model.evaluation.inputs import (
    MODEL,
    EvaluationSettings,
    Forecasts,
    MemberForecasts,
    Samples,
    SearchFacts,
    Target,
    Validation,
)
from lstm_model.evaluation.intervals import Interval, conformal_intervals
from lstm_model.evaluation.measured import Measured, NotComputed
from lstm_model.evaluation.metrics import Benchmarks, Metrics, score
from lstm_model.evaluation.multiple_testing import (
    ConfidenceSet,
    SuperiorAbility,
    confidence_set,
    superior_ability,
)
from lstm_model.evaluation.panel import PanelSkill, panel_skill
from lstm_model.evaluation.selection import SelectionBias, measure_selection
from lstm_model.evaluation.series import Series, calibration_bins, series_by_date
from lstm_model.evaluation.verdict import Verdict, judge
from lstm_model.seeding import derive_seed


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The one look at the test block.

    unit: the target's, for axes and tables. n: samples. calibration: mean forecast, mean truth and
    number of samples of each bin.
    """

    target: str
    unit: str
    horizon: int
    n: int
    dates: int
    start: dt.date
    end: dt.date
    benchmark: str
    model: Metrics
    baselines: tuple[Comparison, ...]
    references: tuple[Comparison, ...]
    seeds: tuple[SeedSpread, ...]
    superior: SuperiorAbility
    confidence_set: ConfidenceSet
    selection: SelectionBias
    panel: PanelSkill | NotComputed
    intervals: tuple[Interval, ...] | NotComputed
    trading: Trading | NotComputed
    calibration: tuple[tuple[float, float, int], ...]
    series: Series
    verdict: Verdict


def evaluate(
    members: Float[np.ndarray, "member sample"],
    baselines: Forecasts,
    references: MemberForecasts,
    samples: Samples,
    search: SearchFacts,
    target: Target,
    settings: EvaluationSettings,
) -> Evaluation:
    """Score the model, the mean of its members, and compare it with every other forecast.

    members: the model's forecasts, one row per seed, in the target's unit like all forecasts.
    baselines: forecasts by name, at least train_mean and persistence. references: ensembles trained
    like the model, by name. samples: the truth, and what was known of each sample. search: what was
    tried before. target: what is forecast. settings: the user's choices.

    A sample that any forecast lacks is left out for all of them; a baseline that lacks every sample
    is dropped. Raises ValueError if no sample is left or if two forecasts have the same name.
    """
    aligned = align(members, baselines, references, samples)
    truth, dates = aligned.samples.truth, aligned.samples.dates
    seed, repetitions = settings.seed, settings.repetitions

    # Scores: of each forecast by itself.
    benchmarks = _benchmarks(aligned, target)
    metrics = {name: score(v, truth, benchmarks) for name, v in aligned.forecasts.items()}
    losses = {name: losses_by_date(v, truth, dates) for name, v in aligned.forecasts.items()}
    seeds = tuple(seed_spread(name, v, truth) for name, v in aligned.ensembles.items())

    # Comparisons: between forecasts.
    comparisons = {
        name: compare(name, metrics[name], aligned.model, other, truth, benchmarks)
        for name, other in aligned.forecasts.items()
        if name != MODEL
    }
    superior = superior_ability(
        aligned.benchmark, losses, derive_seed(seed, "superior"), repetitions
    )
    in_set = confidence_set(losses, derive_seed(seed, "confidence set"), repetitions)
    selection = measure_selection(aligned.benchmark, search, target.horizon)

    # Views: of the same forecasts for a reader.
    panel = _panel(aligned)
    intervals = _intervals(aligned, search.validation, settings.levels)
    trading = _trading(aligned, search, target, settings)
    calibration = calibration_bins(aligned.model, truth)
    series = series_by_date(aligned.ensembles[MODEL], truth, dates, intervals, losses)

    verdict = judge(
        metrics[MODEL],
        tuple(comparisons.values()),
        aligned.benchmark,
        in_set,
        is_volatility=benchmarks.is_volatility,
        best_reference=search.best_reference,
        equals_reference=search.equals_reference,
    )
    return Evaluation(
        target=target.kind,
        unit=target.unit,
        horizon=target.horizon,
        n=len(truth),
        dates=len(series.dates),
        start=series.dates[0],
        end=series.dates[-1],
        benchmark=aligned.benchmark,
        model=metrics[MODEL],
        baselines=tuple(c for name, c in comparisons.items() if name not in references),
        references=tuple(comparisons[name] for name in references),
        seeds=seeds,
        superior=superior,
        confidence_set=in_set,
        selection=selection,
        panel=panel,
        intervals=intervals,
        trading=trading,
        calibration=calibration,
        series=series,
        verdict=verdict,
    )


def _benchmarks(aligned: Aligned, target: Target) -> Benchmarks:
    return Benchmarks(
        train_mean=aligned.forecasts["train_mean"],
        persistence=aligned.samples.last_values,
        benchmark=aligned.forecasts[aligned.benchmark],
        dates=aligned.samples.dates,
        horizon=target.horizon,
        is_volatility=target.kind == "log_volatility",
        nested=("zero", "train_mean", target.skip),
    )


def _intervals(
    aligned: Aligned, validation: Validation | NotComputed, levels: tuple[float, ...]
) -> tuple[Interval, ...] | NotComputed:
    if isinstance(validation, NotComputed):
        return validation
    errors = validation.truth - validation.forecast
    samples = aligned.samples
    return conformal_intervals(errors, aligned.model, samples.truth, samples.dates, levels)


def _panel(aligned: Aligned) -> PanelSkill | NotComputed:
    samples = aligned.samples
    return panel_skill(
        aligned.model,
        samples.truth,
        aligned.forecasts[aligned.benchmark],
        samples.dates,
        samples.ticker_of_sample,
        samples.tickers,
    )


def _trading(
    aligned: Aligned, search: SearchFacts, target: Target, settings: EvaluationSettings
) -> Trading | NotComputed:
    samples = aligned.samples
    return trade(
        aligned.model,
        samples.log_returns,
        samples.dates,
        samples.ticker_of_sample,
        Rule(target.kind, settings.position, _scale(target, search.validation)),
        costs_bps=settings.costs_bps,
        trials=search.trials,
        seed=derive_seed(settings.seed, "sharpe"),
        repetitions=settings.repetitions,
    )


def _scale(target: Target, validation: Validation | NotComputed) -> Measured:
    """Return what positions are scaled by, as `Rule` needs it."""
    if target.kind == "log_volatility":
        return target.train_median
    if isinstance(validation, NotComputed):
        return validation
    known = validation.forecast[np.isfinite(validation.forecast)]
    return float(known.std()) if len(known) else NotComputed("no forecast on validation")
