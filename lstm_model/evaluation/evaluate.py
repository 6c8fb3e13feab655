"""Evaluation: everything the one look at the test block came to."""

import dataclasses
import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Int

from lstm_model.evaluation.accuracy_tests import losses_by_date
from lstm_model.evaluation.backtest import Rule, Trading, trade
from lstm_model.evaluation.by_date import calendar_days
from lstm_model.evaluation.comparison import Comparison, SeedSpread, compare, seed_spread
from lstm_model.evaluation.intervals import LEVELS, Interval, conformal_intervals
from lstm_model.evaluation.measured import Measured, NotComputed
from lstm_model.evaluation.metrics import Benchmarks, Metrics, score
from lstm_model.evaluation.multiple_testing import (
    ConfidenceSet,
    SuperiorAbility,
    confidence_set,
    superior_ability,
)
from lstm_model.evaluation.panel import PanelSkill, panel_skill
from lstm_model.evaluation.selection import SelectionBias, Validation, measure_selection
from lstm_model.evaluation.series import Series, calibration_bins, series_by_date
from lstm_model.evaluation.verdict import MODEL, Verdict, judge
from lstm_model.seeding import derive_seed

__all__ = [
    "Comparison",
    "Evaluation",
    "EvaluationSettings",
    "Samples",
    "SearchFacts",
    "SeedSpread",
    "Series",
    "Target",
    "Verdict",
    "benchmark_name",
    "evaluate",
]

Forecasts = Mapping[str, Float[np.ndarray, " sample"]]
# References may have fewer seeds than the model.
MemberForecasts = Mapping[str, Float[np.ndarray, "_ sample"]]


@dataclass(frozen=True, slots=True)
class Target:
    """What is forecast. train_median: of its labels on train, the typical value.

    skip: the baseline that the network corrects, which it therefore nests; "none" where there is
    none.
    """

    kind: Literal["log_return", "log_volatility"]
    unit: str
    horizon: int
    train_median: float
    skip: str = "none"


@dataclass(frozen=True, slots=True)
class Samples:
    """The test samples: what came true, and what was known of each.

    last_values: the persistence forecast. dates: days since 1970-01-01 of the bar after whose close
    the forecast is made, and log_returns are of that bar. ticker_of_sample: positions in `tickers`.
    """

    truth: Float[np.ndarray, " sample"]
    last_values: Float[np.ndarray, " sample"]
    dates: Int[np.ndarray, " sample"]
    ticker_of_sample: Int[np.ndarray, " sample"]
    tickers: tuple[str, ...]
    log_returns: Float[np.ndarray, " sample"]

    def where(self, kept: Bool[np.ndarray, " sample"]) -> "Samples":
        """Return the samples where `kept` is true."""
        arrays = {
            field.name: getattr(self, field.name)[kept]
            for field in dataclasses.fields(self)
            if field.name != "tickers"
        }
        return dataclasses.replace(self, **arrays)


@dataclass(frozen=True, slots=True)
class SearchFacts:
    """What was tried before the test block was looked at.

    validation: the winner's forecasts there, NotComputed where it was trained on that block, too
    (refit). trials: over all `studies` of this name. block_losses: of this study's trials, their
    squared error on consecutive stretches of validation. best_reference: the best on validation of
    those trained without a search. equals_reference: the one whose configuration the search ended
    at.
    """

    validation: Validation | NotComputed
    trials: int
    studies: int
    block_losses: Float[np.ndarray, "trial block"]
    best_reference: str | None = None
    equals_reference: str | None = None


@dataclass(frozen=True, slots=True)
class EvaluationSettings:
    """What a user can choose; `seed` starts every bootstrap."""

    seed: int
    costs_bps: float = 5.0
    position: Literal["sign", "scaled"] = "sign"
    levels: tuple[float, ...] = LEVELS
    repetitions: int = 1000


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The one look at the test block. `unit` is the target's, for axes and tables."""

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


def benchmark_name(baselines: Forecasts) -> str:
    """Name the baseline that skill is counted against: HAR where there is one, else train_mean."""
    har = baselines.get("har")
    return "har" if har is not None and np.isfinite(har).any() else "train_mean"


def evaluate(
    members: Float[np.ndarray, "member sample"],
    baselines: Forecasts,
    references: MemberForecasts,
    samples: Samples,
    search: SearchFacts,
    target: Target,
    settings: EvaluationSettings,
) -> Evaluation:
    """Score the model, the mean of its `members`, beside every other forecast of the same samples.

    `baselines` hold at least train_mean and persistence; `references` are ensembles like the
    model. A sample that any forecast misses is left out for all; a baseline that misses every
    sample is left out itself. Raises ValueError where no sample is left, and where two forecasts
    have one name.
    """
    shared = ({MODEL} | set(baselines)) & set(references) | {MODEL} & set(baselines)
    if shared:
        raise ValueError(f"forecasts need names of their own but {sorted(shared)} are shared")
    benchmark = benchmark_name(baselines)
    baselines = {name: v for name, v in baselines.items() if np.isfinite(v).any()}
    everything = [samples.truth, *members, *baselines.values()]
    everything += [member for ensemble in references.values() for member in ensemble]
    kept = np.all([np.isfinite(values) for values in everything], axis=0)
    if not kept.any():
        raise ValueError("a sample is needed that every forecast knows, but there is none")
    samples, members = samples.where(kept), members[:, kept]
    baselines = {name: values[kept] for name, values in baselines.items()}
    references = {name: ensemble[:, kept] for name, ensemble in references.items()}
    means = {name: ensemble.mean(axis=0) for name, ensemble in references.items()}

    truth, dates = samples.truth, samples.dates
    forecast = members.mean(axis=0)
    benchmarks = Benchmarks(
        train_mean=baselines["train_mean"],
        persistence=samples.last_values,
        benchmark=baselines[benchmark],
        dates=dates,
        horizon=target.horizon,
        is_volatility=target.kind == "log_volatility",
        nested=("zero", "train_mean", target.skip),
    )
    model = score(forecast, truth, benchmarks)
    others = {**baselines, **means}
    compared = {name: compare(name, forecast, v, truth, benchmarks) for name, v in others.items()}
    losses = {
        name: losses_by_date(values, truth, dates)
        for name, values in {MODEL: forecast, **others}.items()
    }
    draws, seed = settings.repetitions, settings.seed
    in_set = confidence_set(losses, derive_seed(seed, "confidence set"), repetitions=draws)
    ensembles = {MODEL: members, **references}
    intervals = _intervals(search.validation, forecast, samples, settings.levels)
    first, last = calendar_days(np.array([dates.min(), dates.max()]))
    return Evaluation(
        target=target.kind,
        unit=target.unit,
        horizon=target.horizon,
        n=len(truth),
        dates=len(np.unique(dates)),
        start=first,
        end=last,
        benchmark=benchmark,
        model=model,
        baselines=tuple(compared[name] for name in baselines),
        references=tuple(compared[name] for name in references),
        seeds=tuple(seed_spread(name, values, truth) for name, values in ensembles.items()),
        superior=superior_ability(benchmark, losses, derive_seed(seed, "superior"), draws),
        confidence_set=in_set,
        selection=measure_selection(
            benchmark,
            search.validation,
            search.trials,
            search.studies,
            search.block_losses,
            target.horizon,
        ),
        panel=panel_skill(
            forecast,
            truth,
            baselines[benchmark],
            dates,
            samples.ticker_of_sample,
            samples.tickers,
        ),
        intervals=intervals,
        trading=trade(
            forecast,
            samples.log_returns,
            dates,
            samples.ticker_of_sample,
            Rule(target.kind, settings.position, _scale(target, search.validation)),
            costs_bps=settings.costs_bps,
            trials=search.trials,
            seed=derive_seed(seed, "sharpe"),
            repetitions=draws,
        ),
        calibration=calibration_bins(forecast, truth),
        series=series_by_date(members, truth, dates, intervals, losses),
        verdict=judge(
            model,
            tuple(compared.values()),
            benchmark,
            in_set,
            is_volatility=benchmarks.is_volatility,
            best_reference=search.best_reference,
            equals_reference=search.equals_reference,
        ),
    )


def _intervals(
    validation: Validation | NotComputed,
    forecast: Float[np.ndarray, " sample"],
    samples: Samples,
    levels: tuple[float, ...],
) -> tuple[Interval, ...] | NotComputed:
    if isinstance(validation, NotComputed):
        return validation
    errors = validation.truth - validation.forecast
    return conformal_intervals(errors, forecast, samples.truth, samples.dates, levels)


def _scale(target: Target, validation: Validation | NotComputed) -> Measured:
    """Return what a position is scaled by, as `Rule` needs it."""
    if target.kind == "log_volatility":
        return target.train_median
    if isinstance(validation, NotComputed):
        return validation
    known = validation.forecast[np.isfinite(validation.forecast)]
    return float(known.std()) if len(known) else NotComputed("no forecast on validation")
