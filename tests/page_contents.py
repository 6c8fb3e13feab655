"""Synthetic but realistic contents of a night's page, for tests that render one."""

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any, Literal

import numpy as np

from lstm_model.data.bars import Finding
from lstm_model.data.leakage import AuditRow
from lstm_model.evaluation.drift import ColumnDrift, Drift
from lstm_model.evaluation.evaluate import Evaluation, evaluate
from lstm_model.evaluation.inputs import (
    EvaluationSettings,
    Samples,
    SearchFacts,
    Target,
    Validation,
)
from lstm_model.evaluation.measured import NotComputed
from lstm_model.evaluation.multiple_testing import ConfidenceSet, SuperiorAbility
from lstm_model.evaluation.panel import Correlation, PanelSkill, TickerSkill
from lstm_model.evaluation.verdict import Verdict
from lstm_model.explain.permutation import HAR, PermutationImportance, Rise
from lstm_model.model.early_stopping import LearningCurve
from lstm_model.model.final_model import FinalModel, FinalModels
from lstm_model.model.training import EpochResult
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

REFERENCES = ("balanced", "minimal", "aggressive")
CUT_SHORT = {
    "aggressive": "its first seed is worse than the winner's",
    "high-capacity": "it needs 2.4 times the work of the search, and 0.3 is left of "
    "evaluation.reference_budget",
}
FROM_MODEL = {
    "log_return": {"ridge": 0.05, "boosting": 0.03, "last_bar": 0.02}
    | {"minimal": 0.01, "aggressive": 0.04},
    "log_volatility": {"ridge": 0.7, "boosting": 0.5, "har": 0.55, "lhar": 0.5, "har_linear": 0.45}
    | {"ewma": 0.8, "minimal": 0.2, "aggressive": 0.3},
}
"""Noise that makes a forecast of the model's, relative to the model's error."""


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
    evaluation = _evaluation(kind, trials, names, dates, seeds, references)
    days = evaluation.series.dates
    winner = _training(generator, best, seeds, kind)
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
        models=FinalModels(
            winner,
            tuple(
                replace(winner, name=spread.name, seeds=winner.seeds[: len(spread.members)])
                for spread in evaluation.seeds[1:]
            ),
            None,
            CUT_SHORT if references else {},
        ),
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
        drift=() if kind == "nothing" else DRIFT,
        permutation=_permutation(kind),
    )


def _permutation(kind: Kind) -> PermutationImportance:
    few = NotComputed("n = 12 < 30")
    other, error = (few, few) if kind == "nothing" else (0.0021, 0.0034)
    return PermutationImportance(
        mse=0.8125,
        samples=12 if kind == "nothing" else 708,
        block_samples=12 if kind == "nothing" else 28_320 if kind == "panel" else 708,
        features=(
            Rise("parkinson", 0.065, error),
            Rise("volume_z", 0.0012, other),
            Rise("rsi_14", -0.0008, other),
        ),
        lags=(
            Rise("last bar", 0.0425, error),
            Rise("bars 2-5", 0.0212, other),
            Rise("bars 6-22", 0.0075, other),
            Rise("older bars", 0.0, other),
        ),
        others=(Rise(HAR, 1.4, error),) if kind == "volatility" else (),
    )


DRIFT = (
    Drift(
        name="the newest dates",
        first="2018-10-05",
        last="2018-12-31",
        dates=60,
        own_blocks=55,
        own_block_dates=60,
        columns=(
            ColumnDrift("parkinson", 4.125, 3.5, 2.25, 1.5),
            ColumnDrift("rsi_14", 0.5, 1.25, -0.5, 1.1),
            ColumnDrift("volume_z", 0.0, 0.0, *[NotComputed("constant in train")] * 2),
        ),
    ),
)
"""One part of newer rows, one of whose columns is beyond train's own blocks."""


def with_names(content: NightResult, name: str) -> NightResult:
    """Return the content with one name in every place that external input can fill."""
    evaluation = content.evaluation
    series = evaluation.series
    first, *others = evaluation.baselines
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
            exogenous=(name,),
            findings=(Finding(name, name, name, name, "noted"),),
        ),
        evaluation=replace(
            evaluation,
            unit=name,
            panel=panel,
            baselines=(replace(first, name=name), *others),
            rival=name,
            left_out={name: name},
            seeds=tuple(replace(spread, name=name) for spread in evaluation.seeds),
            by_loss=tuple(
                replace(
                    view,
                    superior=SuperiorAbility(name, 0.2, (name,)),
                    confidence_set=ConfidenceSet(0.1, {name: 0.5}),
                    encompassing=replace(view.encompassing, rival=name),
                )
                for view in evaluation.by_loss
            ),
            series=replace(series, squared_errors={**series.squared_errors, name: series.truth}),
            verdict=Verdict(True, None, name, name, 1),
        ),
        models=replace(content.models, cut_short={name: name}),
        drift=tuple(
            replace(drift, columns=tuple(replace(column, name=name) for column in drift.columns))
            for drift in content.drift
        ),
        permutation=content.permutation
        and replace(
            content.permutation,
            features=(Rise(name, 0.1, 0.01),),
            lags=(Rise(name, 0.1, 0.01),),
            others=(Rise(name, 0.1, 0.01),),
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


@cache
def _evaluation(
    kind: Kind, trials: int, tickers: tuple[str, ...], dates: int, seeds: int, references: bool
) -> Evaluation:
    """Evaluate made-up forecasts, one a date; what a panel has beyond that is made up here."""
    generator = np.random.default_rng(7)
    target = Target("log_volatility", "log variance of a session's range", 1, -9.5, "har")
    if kind == "panel":
        target = Target("log_return", "log return", 1, 4e-4, "none")
    truth, forecasts = _forecasts(generator, target, 2 * dates)
    days = np.datetime64("2016-03-09").astype(int) + np.floor(1.45 * np.arange(-dates, dates))
    days = days.astype(int)
    before, test = slice(0, dates), slice(dates, None)
    raced = {"balanced": seeds, "minimal": seeds, "aggressive": 1} if references else {}

    def members(name: str, count: int) -> np.ndarray:
        noise = 0.1 * np.std(truth) * generator.standard_normal((count, dates))
        return np.asarray(forecasts[name][test] + noise - noise.mean(axis=0))

    evaluation = evaluate(
        members("model", seeds),
        {n: v[test] for n, v in forecasts.items() if n not in {"model", *REFERENCES}},
        {name: members(name, count) for name, count in raced.items()},
        Samples(
            truth=truth[test],
            last_values=forecasts["persistence"][test],
            dates=days[test],
            label_ends=days[test] + 1,
            ticker_of_sample=np.zeros(dates, dtype=int),
            tickers=tickers[:1],
            log_returns=3e-4 + 0.01 * generator.standard_normal(dates),
        ),
        Validation(
            truth[before],
            days[before],
            {n: v[before] for n, v in forecasts.items() if n != "model"},
            np.stack([forecasts["model"][before]] * seeds),
        ),
        SearchFacts(
            trials=trials,
            studies=1,
            looks=1,
            block_losses=generator.random((1 if kind == "nothing" else trials, 8)),
            best_reference="balanced" if references else None,
            equals_reference=None,
        ),
        target,
        EvaluationSettings(
            seed=7,
            costs_bps=2.0,
            position="sign",
            levels=(0.99,) if kind == "nothing" else (0.9, 0.5),
            repetitions=50,
            sessions_a_year=252,
        ),
        {} if kind == "panel" else {"gjr_garch": "its fit did not converge"},
    )
    if kind != "panel":
        return evaluation
    skills = _panel(generator, evaluation.series.dates, tickers)
    return replace(evaluation, n=len(tickers) * dates, panel=skills)


def _forecasts(
    generator: np.random.Generator, target: Target, dates: int
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return the truth, and forecasts of it that differ from the model's by noise or by nature."""
    shocks, other = generator.standard_normal((2, dates))
    if target.kind == "log_return":
        truth = 0.011 * shocks
        model, closer = 0.03 * truth + 0.001 * other, 0.001
    else:
        state = np.zeros(dates)
        for n in range(1, dates):
            state[n] = 0.96 * state[n - 1] + 0.25 * shocks[n]
        truth = state - 9.5 + 0.4 * other
        model, closer = 0.9 * state - 9.5, 0.05
    error = truth - model
    apart = {n: a * np.std(error) for n, a in FROM_MODEL[target.kind].items()}
    return truth, {
        "model": model,
        "zero": np.zeros(dates),
        "train_mean": np.full(dates, truth.mean()),
        "persistence": np.roll(truth, 1),
        **{n: model + a * generator.standard_normal(dates) for n, a in apart.items()},
        "balanced": model + closer * error,
    }


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
