"""Synthetic but realistic contents of a night's page, for tests that render one."""

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from lstm_model.data.bars import Finding
from lstm_model.data.leakage import AuditRow
from lstm_model.evaluation.backtest import Performance, Trading
from lstm_model.evaluation.comparison import Comparison, SeedSpread
from lstm_model.evaluation.evaluate import Evaluation
from lstm_model.evaluation.intervals import Interval
from lstm_model.evaluation.measured import NotComputed, Statistic, too_short
from lstm_model.evaluation.metrics import Metrics
from lstm_model.evaluation.multiple_testing import ConfidenceSet, SuperiorAbility
from lstm_model.evaluation.panel import Correlation, PanelSkill, TickerSkill
from lstm_model.evaluation.selection import SelectionBias
from lstm_model.evaluation.series import Series
from lstm_model.evaluation.verdict import Verdict
from lstm_model.model.final_model import FinalModel, FinalModels
from lstm_model.model.training import EpochResult, LearningCurve
from lstm_model.report.insight import Insight
from lstm_model.report.night_result import (
    Change,
    DataFacts,
    NightResult,
    RecordedRun,
    RegisteredModel,
)
from lstm_model.search.best_trial import best_by_loss
from lstm_model.search.distributions import Choice, FloatRange, IntRange
from lstm_model.search.hyper_params import HyperParams
from lstm_model.search.importance import CLAIMS, Importance, Importances
from lstm_model.search.interpretation import Reading
from lstm_model.search.sampling import ProposalSettings
from lstm_model.search.space import searched_part, seed_space
from lstm_model.search.study_result import StudyResult
from lstm_model.search.trial import Trial

Kind = Literal["volatility", "panel", "nothing"]

BASELINES = ("zero", "train_mean", "persistence", "ridge", "har", "ewma")
REFERENCES = ("garch", "lightgbm", "mlp")


def make_content(
    kind: Kind = "volatility",
    *,
    references: bool = True,
    last_night: bool = True,
    trials: int = 10,
    tickers: int = 40,
    dates: int = 708,
    seeds: int = 3,
) -> NightResult:
    """Return a night of one ticker's volatility, of a panel of returns, or without results."""
    generator = np.random.default_rng(7)
    if kind == "nothing":
        trials, dates, seeds = min(trials, 3), 12, 1
    space = _space()
    rows = _trials(generator, space, trials)
    best = best_by_loss([trial for trial in rows if trial.loss is not None])
    names = ("^GSPC",) if kind != "panel" else tuple(f"T{n:03d}" for n in range(tickers))
    evaluation = _evaluation(kind, generator, names, dates, seeds, references)
    days = evaluation.series.dates
    return NightResult(
        study_name="quickstart",
        config_sha256="c0ffee" * 10,
        run=RecordedRun(
            tracking_uri="sqlite:///mlruns/mlflow.db",
            experiment_id="1",
            run_id="3f0c2b7e51d84a0f9a1c6d2e8b7f4a55",
            started="2026-11-24 17:30 New York",
            page="report.html",
        ),
        registered=RegisteredModel("lstm-hpo", 3),
        seconds={"prepare": 1.93, "search": 41.2, "retrain": 8.71, "evaluate": 3.05, "record": 0.4},
        data=DataFacts(
            source="bundled",
            tickers=names,
            bars=5030 * len(names),
            first="1999-01-04",
            last=days[-1].isoformat(),
            snapshot_sha256="9d1c" * 16,
            train_samples=3306 * len(names),
            validation_samples=707 * len(names),
            test_samples=evaluation.n,
            validation_start="2013-05-14",
            test_start=days[0].isoformat(),
            features=("log_return", "parkinson", "rsi_14", "macd_signal", "volume_z"),
            findings=()
            if kind == "nothing"
            else (
                Finding(names[0], "2001-09-17", "gap", "7 days", "noted"),
                Finding(names[0], "2008-10-10", "high_below_close", "899.2 < 901.1", "repaired"),
            ),
        ),
        evaluation=evaluation,
        study=StudyResult(
            study_key="quickstart@0123456789ab",
            trials=rows,
            best=best,
            resumed_trials=0 if kind == "nothing" else 4,
            settings=ProposalSettings(42, "quickstart", space, startup_trials=5),
            generation=5,
            total=len(rows),
        ),
        insight=_insight(best, space, sum(trial.state == "COMPLETE" for trial in rows)),
        models=FinalModels(_training(generator, best, seeds, kind), (), None),
        audit=(
            AuditRow("features before a date do not change when later bars do", True, "0 of 5030"),
            AuditRow("shuffled labels have no skill", kind != "nothing", "R2 -0.0012"),
            AuditRow("blocks do not overlap, purge included", True, "gaps of 1 bar"),
        ),
        changes=(
            Change("best validation loss", "0.4521", "0.4432"),
            Change("lr of the best", "0.0011", "0.0008"),
        )
        if last_night
        else "This is the first night of the study: there is none to compare with.",
        again=(
            "lstm-hpo run --config configs/quickstart.yaml --study-name quickstart",
            "lstm-hpo replay-trial quickstart 3",
        ),
    )


def with_names(content: NightResult, name: str) -> NightResult:
    """Return the content with one name in every place that external input can fill."""
    evaluation = content.evaluation
    series = evaluation.series
    first, *others = evaluation.baselines
    model_set = evaluation.confidence_set.p_values
    panel = evaluation.panel
    if isinstance(panel, PanelSkill):
        panel = replace(panel, tickers=(TickerSkill(name, 5, 1e-4, 0.1), *panel.tickers))
    return replace(
        content,
        study_name=name,
        data=replace(
            content.data,
            tickers=(name,),
            source=name,
            features=(name,),
            findings=(Finding(name, name, name, name, "noted"),),
        ),
        evaluation=replace(
            evaluation,
            unit=name,
            panel=panel,
            baselines=(replace(first, name=name), *others),
            seeds=tuple(replace(spread, name=name) for spread in evaluation.seeds),
            confidence_set=replace(
                evaluation.confidence_set,
                p_values=model_set if isinstance(model_set, NotComputed) else {name: 0.5},
            ),
            series=replace(series, squared_errors={**series.squared_errors, name: series.truth}),
            verdict=Verdict(True, None, name, name),
        ),
        study=replace(
            content.study,
            study_key=name,
            settings=replace(
                content.study.settings,
                space={
                    **content.space,
                    "feature_scaling": Choice(type="categorical", choices=(name, "rank")),
                },
            ),
        ),
        insight=replace(content.insight, readings=(Reading(name, name, True, (name,)),)),
        audit=(AuditRow(name, False, name),),
        changes=(Change(name, name, name),),
        again=(name,),
    )


def _space() -> dict[str, IntRange | FloatRange | Choice]:
    return {
        **seed_space(),
        "layer_norm": Choice(type="categorical", choices=(True, False)),
        "feature_scaling": Choice(type="categorical", choices=("standard", "robust", "rank")),
    }


def _trials(generator: np.random.Generator, space: dict[str, Any], count: int) -> tuple[Trial, ...]:
    rows = []
    for number in range(count):
        params: dict[str, int | float | str | bool] = {
            "hidden_size": int(generator.choice([64, 128, 192, 256])),
            "num_layers": int(generator.integers(1, 4)),
            "dropout": float(generator.uniform(0, 0.4)),
            "lr": float(10 ** generator.uniform(-4, math.log10(5e-3))),
            "batch_size": int(generator.choice([32, 64, 128])),
            "layer_norm": bool(generator.integers(0, 2)),
            "feature_scaling": str(generator.choice(["standard", "robust", "rank"])),
        }
        away = math.log10(float(params["lr"]) / 1e-3)
        loss = 0.44 + 0.05 * away**2 + 0.02 * float(generator.standard_normal()) ** 2
        pruned = count > 5 and number % 7 == 5
        rows.append(
            Trial(
                number=number,
                state="PRUNED" if pruned else "COMPLETE",
                loss=None if pruned else loss,
                params=HyperParams.from_mapping(params),
                epochs=2 if pruned else 5,
                seconds=float(generator.uniform(2, 9)),
                standard_error=None if pruned else 0.004,
            )
        )
    return tuple(rows)


def _insight(best: Trial, space: dict[str, Any], completed: int) -> Insight:
    params = searched_part(best.params, space)
    readings = (
        Reading("lr", "lr 0.0008 lies in the seed's typical 0.0005 .. 0.002"),
        Reading(
            "hidden_size",
            "hidden_size 256 is at the high end of 64 .. 256: a larger architecture may do better; "
            "to widen it, set search.space.hidden_size.high=320",
            at_edge=True,
            widen=("search.space.hidden_size.high=320",),
        ),
        Reading("trials", f"{completed} finished trials: 5 enqueued, 0 drawn at random, 5 by TPE"),
    )
    if completed < 7:
        rows = tuple(Importance(name, None, None, completed, CLAIMS.get(name)) for name in space)
        note = f"not computed: n = {completed} < 7 completed trials"
        return Insight(params, Importances(completed, rows, note), readings)
    shares = [0.55, 0.2, 0.1, 0.06, 0.04, 0.03, 0.02]
    p_values = [0.01, 0.04, 0.2, 0.31, 0.44, 0.6, 0.9]
    order = ["lr", "hidden_size", *(n for n in space if n not in {"lr", "hidden_size"})]
    rows = tuple(
        Importance(name, share, p_value, completed, CLAIMS.get(name))
        for name, share, p_value in zip(order, shares, p_values, strict=True)
    )
    note = f"{completed} trials: ranks are a hint"
    return Insight(params, Importances(completed, rows, note), readings)


def _training(generator: np.random.Generator, best: Trial, seeds: int, kind: Kind) -> FinalModel:
    trainings = []
    for _ in range(seeds):
        epochs = np.arange(1, 19)
        train = 0.36 + 0.5 * np.exp(-epochs / 4) + 0.004 * generator.standard_normal(18)
        validation = 0.44 + 0.4 * np.exp(-epochs / 3) + 0.003 * np.maximum(epochs - 9, 0)
        validation = validation + 0.004 * generator.standard_normal(18)
        if kind == "nothing":
            validation = np.full(18, math.nan)
        results = tuple(
            EpochResult(int(e), float(t), float(v), 0.41)
            for e, t, v in zip(epochs, train, validation, strict=True)
        )
        best_epoch = 9 if kind == "nothing" else int(np.argmin(validation)) + 1
        trainings.append(LearningCurve(best_epoch, results))
    return FinalModel(
        name="winner",
        bundle_path="models/winner",
        params=best.params,
        parameters=214_785,
        seeds=tuple(range(seeds)),
        trainings=tuple(trainings),
        refit=False,
    )


def _evaluation(
    kind: Kind,
    generator: np.random.Generator,
    tickers: Sequence[str],
    dates: int,
    seeds: int,
    references: bool,
) -> Evaluation:
    nothing = too_short(dates) if kind == "nothing" else None
    names = ("model", *BASELINES, *(REFERENCES if references else ()))
    series = _series(kind, generator, dates, names)
    benchmark = "train_mean" if kind == "panel" else "har"
    mses = {name: float(np.mean(errors)) for name, errors in series.squared_errors.items()}
    size = len(tickers) * dates

    def compared(name: str) -> Comparison:
        lower = mses["model"] < mses[name]
        tested = nothing or Statistic(-1.93 if lower else 1.28, 0.054 if lower else 0.2)
        nests = name in {"zero", "train_mean"}
        return Comparison(
            name,
            _metrics(name, mses, benchmark, nothing),
            tested,
            nothing or (0.027 if lower else 0.9),
            nothing
            or (Statistic(2.4, 0.008) if nests else NotComputed("the model does not nest it")),
        )

    members = tuple(mses["model"] * (1 + 0.02 * k) for k in range(seeds))
    spread = SeedSpread(
        "model", members, float(np.mean(members)), float(np.std(members)), mses["model"]
    )
    return Evaluation(
        target="log_return" if kind == "panel" else "log_volatility",
        unit="log return" if kind == "panel" else "log of daily volatility",
        horizon=1,
        n=size,
        dates=dates,
        start=series.dates[0],
        end=series.dates[-1],
        benchmark=benchmark,
        model=_metrics("model", mses, benchmark, nothing),
        baselines=tuple(compared(name) for name in BASELINES),
        references=tuple(compared(name) for name in REFERENCES) if references else (),
        seeds=(spread,),
        superior=SuperiorAbility(benchmark, nothing or 0.21, nothing or ("har", "model")),
        confidence_set=ConfidenceSet(
            0.1, nothing or {name: 1.0 if name == "har" else 0.31 for name in names[:6]}
        ),
        selection=SelectionBias(
            benchmark,
            10,
            1,
            nothing or 0.042,
            nothing or 0.018,
            nothing or 0.024,
            nothing or 0.31,
            8,
        ),
        panel=_panel(generator, series.dates, tickers)
        if kind == "panel"
        else NotComputed("one ticker"),
        intervals=nothing or _intervals(series),
        trading=nothing or _trading(generator, series.dates),
        calibration=()
        if kind == "nothing"
        else tuple(
            (m, m * (0.94 + 0.02 * (-1) ** k), dates // 10)
            for k, m in enumerate(
                np.quantile(series.forecast, np.linspace(0.05, 0.95, 10)).tolist()
            )
        ),
        series=series,
        verdict=Verdict(None, None, f"Skill {nothing}.", f"The value of the search was {nothing}.")
        if nothing
        else Verdict(
            True,
            False,
            "The model has skill: its error is 70 % below that of the train mean, and the "
            "difference is significant (Diebold-Mariano, p < 0.001).",
            "The search did not pay off: HAR, which needs no search, has the lower error, but the "
            "difference is not significant (p = 0.2).",
        ),
    )


def _metrics(
    name: str, mses: dict[str, float], benchmark: str, nothing: NotComputed | None
) -> Metrics:
    mse = mses[name]
    return Metrics(
        mse=mse,
        rmse=math.sqrt(mse),
        mae=0.8 * math.sqrt(mse),
        r2_train_mean=nothing or 1 - mse / mses["train_mean"],
        r2_zero=nothing or 1 - mse / mses["zero"],
        r2_benchmark=nothing or 1 - mse / mses[benchmark],
        theil_u=nothing or math.sqrt(mse / mses["persistence"]),
        qlike=NotComputed("not a volatility") if benchmark == "train_mean" else nothing or 0.31,
        directional_accuracy=nothing or 0.5 + 0.1 / (1 + mse / mses[benchmark]),
        majority_class=nothing or 0.53,
        pesaran_timmermann=nothing or Statistic(3.1, 0.001),
    )


def _series(kind: Kind, generator: np.random.Generator, dates: int, names: Sequence[str]) -> Series:
    start = dt.date(2016, 3, 9)
    days = tuple(start + dt.timedelta(days=int(1.45 * n)) for n in range(dates))
    if kind == "panel":
        truth = 0.011 * generator.standard_normal(dates)
        forecast = 0.03 * truth + 0.001 * generator.standard_normal(dates)
        width = 0.018
    else:
        state = np.zeros(dates)
        for n in range(1, dates):
            state[n] = 0.96 * state[n - 1] + 0.25 * generator.standard_normal()
        truth = state - 5.0 + 0.4 * generator.standard_normal(dates)
        forecast = 0.85 * state - 5.0
        width = 1.4
    errors = {}
    apart = {"har": 0.05, "model": 0.1, "garch": 0.12, "train_mean": 0.5, "zero": 0.6}
    for k, name in enumerate(names):
        noise = generator.standard_normal(dates) * apart.get(name, 0.04 * k) * np.std(truth)
        errors[name] = tuple(((truth - forecast + noise) ** 2).tolist())
    unknown = (math.nan,) * dates
    band = kind != "nothing"
    return Series(
        dates=days,
        truth=tuple(truth.tolist()),
        forecast=tuple(forecast.tolist()),
        spread=tuple(np.abs(0.05 * generator.standard_normal(dates)).tolist()),
        low=tuple((forecast - width).tolist()) if band else unknown,
        high=tuple((forecast + width).tolist()) if band else unknown,
        squared_errors=errors,
    )


def _panel(
    generator: np.random.Generator, dates: Sequence[dt.date], tickers: Sequence[str]
) -> PanelSkill:
    def correlation(mean: float) -> Correlation:
        values = mean + 0.15 * generator.standard_normal(len(dates))
        by_date = tuple(zip(dates, values.tolist(), strict=True))
        return Correlation(float(values.mean()), float(values.std()), 0.14, by_date)

    r2 = (0.01 * generator.standard_normal(len(tickers))).tolist()
    skills = tuple(
        TickerSkill(ticker, len(dates), 1e-4 * (1 + float(generator.random())), value)
        for ticker, value in zip(tickers, r2, strict=True)
    )
    return PanelSkill(correlation(0.02), correlation(0.018), skills, 0.0011, 0.0019)


def _intervals(series: Series) -> tuple[Interval, ...]:
    years = sorted({day.year for day in series.dates})
    rows = []
    for nominal, radius in ((0.9, 1.4), (0.5, 0.6)):
        by_year = tuple((year, nominal - 0.005 * k) for k, year in enumerate(years))
        rows.append(Interval(nominal, radius, nominal - 0.01, 707, by_year))
    return tuple(rows)


def _trading(generator: np.random.Generator, dates: Sequence[dt.date]) -> Trading:
    def wealth(drift: float, risk: float) -> tuple[float, ...]:
        steps = drift + risk * generator.standard_normal(len(dates))
        return tuple(np.exp(np.cumsum(steps)).tolist())

    return Trading(
        rule="long while forecast volatility is below its train median",
        costs_bps=2.0,
        delay_bars=1,
        trials=10,
        dates=tuple(dates),
        strategy=Performance(0.061, 0.082, 0.74, -0.21, 1.6, 0.55, -0.094, 11.2),
        buy_and_hold=Performance(
            0.093, 0.131, 0.71, -0.19, 1.5, NotComputed("no rule"), -0.198, 0.0
        ),
        strategy_wealth=wealth(0.0002, 0.005),
        buy_and_hold_wealth=wealth(0.0003, 0.008),
    )
