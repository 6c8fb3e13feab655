"""Claims about the evaluation: every number by hand, or by the library that defines it."""

import datetime as dt

import numpy as np
import pytest
from statsmodels.tsa.stattools import diebold_mariano_test

from lstm_model.evaluation import diebold_mariano, evaluate_forecast, score

TRUTH = np.array([1.0, -1.0, 2.0, 4.0])
FORECAST = np.array([0.5, 0.5, 2.0, 2.0])


def test_metrics_by_hand() -> None:
    """On four numbers each metric is what paper and pencil give."""
    metrics = score(FORECAST, TRUTH, np.full(4, 1.0), np.zeros(4))
    assert metrics.mse == pytest.approx(6.5 / 4)
    assert metrics.rmse == pytest.approx((6.5 / 4) ** 0.5)
    assert metrics.mae == pytest.approx(1.0)
    assert metrics.r2_train_mean == pytest.approx(1 - 6.5 / 14)
    assert metrics.r2_zero == pytest.approx(1 - 6.5 / 22)
    assert metrics.directional_accuracy == 0.75
    assert metrics.majority_class == 0.75


def test_direction_counts_from_the_reference() -> None:
    """For volatility a direction is the change from the last known value."""
    metrics = score(FORECAST, TRUTH, np.full(4, 1.0), np.array([2.0, -2.0, 1.0, 3.0]))
    assert metrics.directional_accuracy == 0.75
    assert metrics.majority_class == 0.75


def series(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    draws = np.random.default_rng(seed)
    truth = draws.normal(size=count)
    return truth + 0.5 * draws.normal(size=count), truth + draws.normal(size=count), truth


@pytest.mark.parametrize("horizon", [1, 5, 20])
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_dm_is_statsmodels_own(horizon: int) -> None:
    """On one ticker the test equals statsmodels' on the raw series."""
    forecast, baseline, truth = series(200)
    found = diebold_mariano(forecast, baseline, truth, np.arange(200), horizon)
    expected = diebold_mariano_test(
        truth, forecast, baseline, criterion="mse", harvey_adj=True, horizon=horizon
    )
    assert found is not None
    assert found.statistic == pytest.approx(float(expected.statistic), rel=1e-9)
    assert found.p_value == pytest.approx(float(expected.pvalue), rel=1e-9)


def test_negative_statistic_favours_the_model() -> None:
    """The better forecast has the negative statistic, and swapping the two flips the sign."""
    forecast, baseline, truth = series(200)
    dates = np.arange(200)
    found = diebold_mariano(forecast, baseline, truth, dates, 1)
    swapped = diebold_mariano(baseline, forecast, truth, dates, 1)
    assert found is not None
    assert swapped is not None
    assert found.statistic < -2
    assert found.p_value < 0.05
    assert swapped.statistic == pytest.approx(-found.statistic)


@pytest.mark.parametrize(("count", "spoken"), [(29, False), (30, True)])
def test_too_few_dates_say_nothing(count: int, spoken: bool) -> None:
    """Below thirty dates there is no statistic."""
    forecast, baseline, truth = series(count)
    found = diebold_mariano(forecast, baseline, truth, np.arange(count), 1)
    assert (found is not None) is spoken


def test_equal_forecasts_say_nothing() -> None:
    """A model that equals the baseline has no statistic."""
    forecast, _, truth = series(100)
    assert diebold_mariano(forecast, forecast.copy(), truth, np.arange(100), 1) is None


def test_panel_counts_dates_not_rows() -> None:
    """The same ticker listed twice is no more evidence than once."""
    forecast, baseline, truth = series(100)
    dates = np.arange(100)
    once = diebold_mariano(forecast, baseline, truth, dates, 1)
    twice = diebold_mariano(
        np.tile(forecast, 2), np.tile(baseline, 2), np.tile(truth, 2), np.tile(dates, 2), 1
    )
    assert once is not None
    assert twice is not None
    assert twice.statistic == pytest.approx(once.statistic, rel=1e-9)
    short = np.repeat(np.arange(20), 5)
    assert diebold_mariano(forecast, baseline, truth, short, 1) is None


def test_panel_averages_each_date() -> None:
    """On a panel with gaps the test is on the mean loss of each date."""
    forecast, baseline, truth = series(90)
    dates = np.concatenate([np.arange(60), np.arange(30)])
    found = diebold_mariano(forecast, baseline, truth, dates, 1)

    def mean_loss(values: np.ndarray) -> np.ndarray:
        loss = (truth - values) ** 2
        both = (loss[:30] + loss[60:]) / 2
        return np.concatenate([both, loss[30:60]])

    roots = [np.sqrt(mean_loss(values)) for values in (forecast, baseline)]
    expected = diebold_mariano(roots[0], roots[1], np.zeros(60), np.arange(60), 1)
    assert found is not None
    assert expected is not None
    assert found.statistic == pytest.approx(expected.statistic, rel=1e-9)


def test_evaluation_holds_every_baseline() -> None:
    """One evaluation scores model and baselines on the same samples and names their dates."""
    forecast, baseline, truth = series(40)
    baselines = {"train_mean": np.full(40, 0.1), "other": baseline}
    dates = np.arange(40)[::-1].copy()
    result = evaluate_forecast(forecast, truth, baselines, np.zeros(40), dates, 1)
    assert (result.n, result.start, result.end) == (40, dt.date(1970, 1, 1), dt.date(1970, 2, 9))
    assert result.model == score(forecast, truth, baselines["train_mean"], np.zeros(40))
    assert set(result.baselines) == set(result.dm) == set(baselines)
    assert result.baselines["train_mean"].r2_train_mean == 0.0
    assert result.dm["other"] == diebold_mariano(forecast, baseline, truth, dates, 1)
