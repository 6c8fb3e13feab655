"""Metrics and tests on (forecast, truth, benchmarks) -> Evaluation; read once, at the end."""

import datetime as dt
import warnings
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from statsmodels.tsa.stattools import diebold_mariano_test

MIN_TEST_DATES = 30
"""Below it a Diebold-Mariano statistic says nothing; it is left out."""


@dataclass(frozen=True, slots=True)
class Metrics:
    """Scores of one forecast in the target's own unit.

    r2_train_mean, r2_zero: 1 - SSE / SSE of that benchmark (Campbell & Thompson 2008; Gu, Kelly &
    Xiu 2020). directional_accuracy: share of right signs, of the return, or of the change from the
    last known volatility; majority_class is what always saying the commoner sign scores.
    """

    mse: float
    rmse: float
    mae: float
    r2_train_mean: float
    r2_zero: float
    directional_accuracy: float
    majority_class: float


@dataclass(frozen=True, slots=True)
class DieboldMariano:
    """Equal squared-error loss of model and baseline; negative favours the model; two-sided p."""

    statistic: float
    p_value: float


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The one look at the test block."""

    n: int
    start: dt.date
    end: dt.date
    model: Metrics
    baselines: dict[str, Metrics]
    dm: dict[str, DieboldMariano | None]


def evaluate_forecast(
    forecast: Float[np.ndarray, " sample"],
    truth: Float[np.ndarray, " sample"],
    baselines: Mapping[str, Float[np.ndarray, " sample"]],
    reference: Float[np.ndarray, " sample"],
    dates: Int[np.ndarray, " sample"],
    horizon: int,
) -> Evaluation:
    """Score the model and every baseline on the same samples.

    `baselines` holds at least train_mean. `reference` is the level that a direction is counted
    from: zero for returns, the last known value for volatility. `dates` are days since 1970-01-01.
    """
    train_mean = baselines["train_mean"]
    day = dt.date(1970, 1, 1)
    return Evaluation(
        n=len(truth),
        start=day + dt.timedelta(days=int(dates.min())),
        end=day + dt.timedelta(days=int(dates.max())),
        model=score(forecast, truth, train_mean, reference),
        baselines={
            name: score(values, truth, train_mean, reference) for name, values in baselines.items()
        },
        dm={
            name: diebold_mariano(forecast, values, truth, dates, horizon)
            for name, values in baselines.items()
        },
    )


def score(
    forecast: Float[np.ndarray, " sample"],
    truth: Float[np.ndarray, " sample"],
    train_mean: Float[np.ndarray, " sample"],
    reference: Float[np.ndarray, " sample"],
) -> Metrics:
    """Compute every metric of one forecast."""
    errors = truth - forecast
    mse = float(np.mean(errors**2))
    rises = truth > reference
    share_of_rises = float(np.mean(rises))
    return Metrics(
        mse=mse,
        rmse=float(np.sqrt(mse)),
        mae=float(np.mean(np.abs(errors))),
        r2_train_mean=1.0 - mse / float(np.mean((truth - train_mean) ** 2)),
        r2_zero=1.0 - mse / float(np.mean(truth**2)),
        directional_accuracy=float(np.mean((forecast > reference) == rises)),
        majority_class=max(share_of_rises, 1.0 - share_of_rises),
    )


def diebold_mariano(
    forecast: Float[np.ndarray, " sample"],
    baseline: Float[np.ndarray, " sample"],
    truth: Float[np.ndarray, " sample"],
    dates: Int[np.ndarray, " sample"],
    horizon: int,
) -> DieboldMariano | None:
    """Test equal accuracy on the mean loss of each date; None below 30 dates or at equal losses.

    Diebold & Mariano (1995) with the small-sample correction of Harvey, Leybourne & Newbold (1997).
    Averaging over a date's tickers first keeps their common shocks from counting as evidence twice.
    """
    days, position = np.unique(dates, return_inverse=True)
    tickers_per_day = np.bincount(position)
    model_loss, baseline_loss = (
        np.bincount(position, weights=(truth - values) ** 2) / tickers_per_day
        for values in (forecast, baseline)
    )
    if len(days) < MIN_TEST_DATES or np.ptp(model_loss - baseline_loss) == 0.0:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", category=FutureWarning)
        result = diebold_mariano_test(
            np.zeros(len(days)),
            model_loss,
            baseline_loss,
            criterion=lambda _, loss: loss,
            harvey_adj=True,
            horizon=horizon,
        )
    return DieboldMariano(float(result.statistic), float(result.pvalue))
