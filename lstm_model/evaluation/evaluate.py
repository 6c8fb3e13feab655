"""Evaluation of the test block: align the samples, score, compare, view, judge."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from lstm_model.data.targets import TargetKind
from lstm_model.evaluation.alignment import Aligned, align
from lstm_model.evaluation.backtest import Rule, Trading, trade
from lstm_model.evaluation.comparison import Comparison, SeedSpread, compare, seed_spread
from lstm_model.evaluation.efficiency import (
    Encompassing,
    MincerZarnowitz,
    encompassing,
    mincer_zarnowitz,
)
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
from lstm_model.evaluation.losses import MSE, Loss, LossName, losses_by_date, losses_of
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
from lstm_model.evaluation.verdict import Opponents, Verdict, judge
from lstm_model.seeding import derive_seed


@dataclass(frozen=True, slots=True)
class LossView:
    """What a loss says of all forecasts at once, and of the model beside the best baseline."""

    loss: LossName
    superior: SuperiorAbility
    confidence_set: ConfidenceSet
    mincer_zarnowitz: MincerZarnowitz
    encompassing: Encompassing


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The one look at the test block.

    unit: the target's, for axes and tables. n: samples. benchmark: what R2 is measured against.
    rival: the baseline that is best on validation. left_out: baselines without forecasts, each with
    its reason. by_loss: MSE, and QLIKE for volatility. calibration: mean forecast, mean truth and
    number of samples of each bin.
    """

    target: TargetKind
    unit: str
    horizon: int
    n: int
    dates: int
    start: dt.date
    end: dt.date
    benchmark: str
    rival: str
    left_out: dict[str, str]
    model: Metrics
    baselines: tuple[Comparison, ...]
    references: tuple[Comparison, ...]
    seeds: tuple[SeedSpread, ...]
    by_loss: tuple[LossView, ...]
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
    validation: Validation,
    search: SearchFacts,
    target: Target,
    settings: EvaluationSettings,
    left_out: Mapping[str, str],
) -> Evaluation:
    """Score the model, the mean of its members, and compare it with every other forecast.

    members: the model's forecasts, one row per seed, in the target's unit like all forecasts.
    baselines: forecasts by name, at least train_mean and persistence. references: ensembles trained
    like the model, by name. samples: the truth, and what was known of each sample. validation:
    every forecast of that block. search: what was tried before. target: what is forecast. settings:
    the user's choices. left_out: baselines without forecasts, each with its reason.

    A sample that any forecast lacks is left out for all of them; a baseline that lacks every sample
    is dropped. Raises ValueError if no sample is left or if two forecasts have the same name.
    """
    aligned = align(members, baselines, references, samples, validation)
    truth, dates = aligned.samples.truth, aligned.samples.dates

    # Scores: of each forecast by itself.
    benchmarks = _benchmarks(aligned, target)
    metrics = {
        name: score(v, truth, benchmarks, aligned.smearing[name])
        for name, v in aligned.forecasts.items()
    }
    seeds = tuple(seed_spread(name, v, truth) for name, v in aligned.ensembles.items())

    # Comparisons: between forecasts.
    comparisons = {
        name: compare(name, metrics[name], aligned, benchmarks)
        for name in aligned.forecasts
        if name != MODEL
    }
    losses = {loss.name: _losses(loss, aligned) for loss in losses_of(target.kind)}
    by_loss = tuple(
        _view(loss, losses[loss.name], aligned, target, settings) for loss in losses_of(target.kind)
    )
    selection = measure_selection(aligned.benchmark, validation, search, target.horizon)

    # Views: of the same forecasts for a reader.
    intervals = _intervals(aligned, validation, settings.levels)
    trading = _trading(aligned, validation, search, target, settings)
    series = series_by_date(aligned.ensembles[MODEL], truth, dates, intervals, losses["mse"])

    verdict = judge(
        comparisons,
        losses_of(target.kind),
        Opponents(aligned.benchmark, aligned.rival, search.looks),
        by_loss[0].confidence_set,
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
        rival=aligned.rival,
        left_out=dict(left_out),
        model=metrics[MODEL],
        baselines=tuple(c for name, c in comparisons.items() if name not in references),
        references=tuple(comparisons[name] for name in references),
        seeds=seeds,
        by_loss=by_loss,
        selection=selection,
        panel=_panel(aligned),
        intervals=intervals,
        trading=trading,
        calibration=calibration_bins(aligned.model, truth),
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


def _losses(loss: Loss, aligned: Aligned) -> dict[str, Float[np.ndarray, " date"]]:
    dates = aligned.samples.dates
    return {
        name: losses_by_date(loss, aligned.errors(name, loss), dates) for name in aligned.forecasts
    }


def _view(
    loss: Loss,
    losses: Mapping[str, Float[np.ndarray, " date"]],
    aligned: Aligned,
    target: Target,
    settings: EvaluationSettings,
) -> LossView:
    """Compare all forecasts by one loss.

    Those without a finite loss are left out, and references with fewer seeds than the model, since
    a larger ensemble is better by that alone.
    """
    seed, repetitions = settings.seed, settings.repetitions
    named = "" if loss is MSE else f" {loss.name}"
    sizes = {name: len(members) for name, members in aligned.ensembles.items()}
    known = {
        name: values
        for name, values in losses.items()
        if np.isfinite(values).all() and sizes.get(name, sizes[MODEL]) == sizes[MODEL]
    }
    dates, horizon = aligned.samples.dates, target.horizon
    errors = {name: aligned.errors(name, loss) for name in (MODEL, aligned.rival)}
    return LossView(
        loss=loss.name,
        superior=superior_ability(
            aligned.benchmark, known, derive_seed(seed, f"superior{named}"), repetitions
        ),
        confidence_set=confidence_set(
            known, derive_seed(seed, f"confidence set{named}"), repetitions
        ),
        mincer_zarnowitz=mincer_zarnowitz(
            loss, aligned.samples.truth - errors[MODEL], aligned.samples.truth, dates, horizon
        ),
        encompassing=encompassing(
            loss, aligned.rival, errors[MODEL], errors[aligned.rival], dates, horizon
        ),
    )


def _intervals(
    aligned: Aligned, validation: Validation, levels: tuple[float, ...]
) -> tuple[Interval, ...] | NotComputed:
    samples = aligned.samples
    return conformal_intervals(
        validation.truth - validation.model,
        aligned.model,
        samples.truth,
        samples.dates,
        samples.label_ends,
        levels,
    )


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
    aligned: Aligned,
    validation: Validation,
    search: SearchFacts,
    target: Target,
    settings: EvaluationSettings,
) -> Trading | NotComputed:
    samples = aligned.samples
    return trade(
        aligned.model,
        samples.log_returns,
        samples.dates,
        samples.ticker_of_sample,
        Rule(target.kind, settings.position, _scale(target, validation)),
        costs_bps=settings.costs_bps,
        sessions_a_year=settings.sessions_a_year,
        trials=search.trials,
        seed=derive_seed(settings.seed, "sharpe"),
        repetitions=settings.repetitions,
    )


def _scale(target: Target, validation: Validation) -> Measured:
    """Return what positions are scaled by, as `Rule` needs it."""
    if target.kind == "log_volatility":
        return target.train_median
    known = validation.model[np.isfinite(validation.model)]
    return float(known.std()) if len(known) else NotComputed("no forecast on validation")
