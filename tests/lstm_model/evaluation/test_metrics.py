"""Claims about scores: every number by hand, and a reason for every missing one."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from lstm_model.evaluation.direction import pesaran_timmermann
from lstm_model.evaluation.measured import NotComputed, Statistic
from lstm_model.evaluation.metrics import Benchmarks, Metrics, score

TRUTH = np.array([1.0, -1.0, 2.0, 4.0])
FORECAST = np.array([0.5, 0.5, 2.0, 2.0])


def make_benchmarks(n: int, *, is_volatility: bool = False, **values: np.ndarray) -> Benchmarks:
    """Build benchmarks of ones, except for the given values."""
    ones = {name: np.ones(n) for name in ("train_mean", "persistence", "benchmark")}
    return Benchmarks(
        **{**ones, **values}, dates=np.arange(n), horizon=1, is_volatility=is_volatility, nested=()
    )


def test_metrics_by_hand() -> None:
    """On four numbers, each metric equals its value by hand."""
    benchmark = np.array([1.0, 0.0, 2.0, 3.0])
    metrics = score(FORECAST, TRUTH, make_benchmarks(4, benchmark=benchmark))
    assert metrics.mse == pytest.approx(6.5 / 4)
    assert metrics.rmse == pytest.approx((6.5 / 4) ** 0.5)
    assert metrics.mae == pytest.approx(1.0)
    assert metrics.r2_train_mean == pytest.approx(1 - 6.5 / 14)
    assert metrics.r2_zero == pytest.approx(1 - 6.5 / 22)
    assert metrics.r2_benchmark == pytest.approx(1 - 6.5 / 2)
    assert metrics.theil_u == pytest.approx((6.5 / 14) ** 0.5)
    assert metrics.qlike == metrics.smearing == NotComputed("only for volatility")
    assert metrics.directional_accuracy == 0.75
    assert metrics.majority_class == 0.75
    assert metrics.pesaran_timmermann == NotComputed("n = 4 < 30")


def test_direction_of_a_volatility_counts_from_the_last_value() -> None:
    """For volatility a direction is the change from the last known value."""
    last = np.array([2.0, -2.0, 1.0, 3.0])
    metrics = score(FORECAST, TRUTH, make_benchmarks(4, is_volatility=True, persistence=last))
    assert metrics.directional_accuracy == 0.75
    assert metrics.majority_class == metrics.pesaran_timmermann == NotComputed("only for returns")


def test_qlike_by_hand() -> None:
    """With true variances 2 and 1/2 of what was forecast, QLIKE is the mean of s - ln s - 1."""
    truth = np.log(np.array([2.0, 0.5, 1.0, 1.0]))
    metrics = score(np.zeros(4), truth, make_benchmarks(4, is_volatility=True))
    by_hand = ((2 - math.log(2) - 1) + (0.5 + math.log(2) - 1)) / 4
    assert metrics.qlike == pytest.approx(by_hand)


def test_qlike_is_of_the_smeared_forecast() -> None:
    """The smearing constant is added for QLIKE and leaves the squared error alone."""
    truth, benchmarks = (
        np.log(np.array([2.0, 0.5, 1.0, 1.0])),
        make_benchmarks(4, is_volatility=True),
    )
    smeared = score(np.zeros(4), truth, benchmarks, 0.3)
    assert smeared.qlike == score(np.full(4, 0.3), truth, benchmarks).qlike
    assert smeared.mse == score(np.zeros(4), truth, benchmarks).mse
    assert smeared.smearing == 0.3
    unknown = NotComputed("there is no residual")
    assert score(np.zeros(4), truth, benchmarks, unknown).qlike == unknown


def test_qlike_punishes_too_low_a_variance_more() -> None:
    """The loss is asymmetric: forecasting half the true variance costs more than twice it."""
    truth = np.zeros(4)
    low, high = (
        score(np.full(4, sign * math.log(2)), truth, make_benchmarks(4, is_volatility=True)).qlike
        for sign in (-1, 1)
    )
    assert isinstance(low, float)
    assert isinstance(high, float)
    assert low > high > 0


def test_direction_of_a_return_is_tested_by_pesaran_timmermann() -> None:
    """With enough dates, the test uses the signs."""
    draws = np.random.default_rng(0)
    truth, forecast = draws.normal(size=(2, 60))
    found = score(forecast, truth, make_benchmarks(60))
    expected = pesaran_timmermann(forecast > 0, truth > 0, np.arange(60), 1)
    assert isinstance(expected, Statistic)
    assert found.pesaran_timmermann == expected


@pytest.mark.parametrize("name", ["train_mean", "benchmark", "persistence"])
def test_missing_benchmark_days_are_left_out(name: str) -> None:
    """Days without a benchmark are left out of the comparison with it."""
    values = np.array([np.nan, 0.0, 1.0, np.inf])
    metrics = score(FORECAST, TRUTH, make_benchmarks(4, **{name: values}))
    field = {"train_mean": "r2_train_mean", "benchmark": "r2_benchmark", "persistence": "theil_u"}
    ratio = (1.5**2 + 0.0) / (1.0 + 1.0)
    expected = math.sqrt(ratio) if name == "persistence" else 1 - ratio
    assert getattr(metrics, field[name]) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (np.full(4, np.nan), "the benchmark is missing on every sample"),
        (TRUTH, "the benchmark has no error"),
    ],
)
def test_a_benchmark_without_error_or_value(values: np.ndarray, reason: str) -> None:
    """There is no R2 against a benchmark that is missing or has no error."""
    metrics = score(FORECAST, TRUTH, make_benchmarks(4, benchmark=values, persistence=values))
    assert metrics.r2_benchmark == NotComputed(reason)
    assert metrics.theil_u == NotComputed(reason)


def test_persistence_has_no_direction() -> None:
    """Persistence predicts no direction of a volatility, and zero none of a return."""
    undirected = NotComputed("the forecast has no direction")
    last = np.array([2.0, -2.0, 1.0, 3.0])
    metrics = score(last, TRUTH, make_benchmarks(4, is_volatility=True, persistence=last))
    assert metrics.directional_accuracy == undirected
    of_returns = score(np.zeros(4), TRUTH, make_benchmarks(4))
    assert of_returns.directional_accuracy == of_returns.pesaran_timmermann == undirected
    assert of_returns.majority_class == 0.75


def test_volatility_without_last_values() -> None:
    """Without a last known value there is no direction to predict."""
    gone = np.full(4, np.nan)
    metrics = score(FORECAST, TRUTH, make_benchmarks(4, is_volatility=True, persistence=gone))
    reason = NotComputed("the last known value is missing on every sample")
    assert metrics.directional_accuracy == metrics.majority_class == reason
    assert metrics.pesaran_timmermann == reason


def test_missing_forecasts_are_left_out() -> None:
    """Samples without a forecast are left out; without any sample there is nothing to score."""
    holey = np.array([np.nan, 0.5, 2.0, 2.0])
    assert score(holey, TRUTH, make_benchmarks(4)).mse == pytest.approx(6.25 / 3)
    with pytest.raises(ValueError, match="finite for at least 1 sample"):
        score(np.full(4, np.nan), TRUTH, make_benchmarks(4))


def test_a_forecast_far_off_has_no_qlike() -> None:
    """An exponential that overflows gives a reason instead of infinity."""
    metrics = score(np.full(4, -1e4), TRUTH, make_benchmarks(4, is_volatility=True))
    assert metrics.qlike == NotComputed("a forecast is too far from the truth")


NUMBERS = st.one_of(st.floats(-1e6, 1e6), st.sampled_from([math.nan, math.inf, 0.0, 1.0]))


@given(
    forecast=arrays(float, 33, elements=st.floats(-1e6, 1e6)),
    truth=arrays(float, 33, elements=st.sampled_from([-1.0, 0.0, 1.0])),
    other=arrays(float, 33, elements=NUMBERS),
    is_volatility=st.booleans(),
)
@example(
    forecast=np.eye(1, 33)[0] * 107039,
    truth=np.zeros(33),
    other=np.full(33, 1.39e-150),
    is_volatility=False,
)
def test_never_nan(
    forecast: np.ndarray, truth: np.ndarray, other: np.ndarray, is_volatility: bool
) -> None:
    """For any missing or constant values, each metric is a finite number or a reason."""
    benchmarks = make_benchmarks(
        33, is_volatility=is_volatility, train_mean=other, persistence=other, benchmark=other
    )
    metrics = score(forecast, truth, benchmarks)
    assert_finite(metrics)


def assert_finite(metrics: Metrics) -> None:
    for field in dataclasses.fields(metrics):
        value = getattr(metrics, field.name)
        if isinstance(value, Statistic):
            assert math.isfinite(value.value)
            assert 0 <= value.p_value <= 1
        elif not isinstance(value, NotComputed):
            assert math.isfinite(value), field.name
