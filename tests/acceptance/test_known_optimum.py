"""Series whose best forecast is known: the LSTM must reach it, and must not beat it.

The thresholds are promises. One training configuration serves every series, so that none is tuned
to its case; the seeds are the first ones, and the thresholds hold for others as well.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

from lstm_model.data.views import ChronoSplit
from lstm_model.data.windows import scale_view, scaled_windows
from lstm_model.evaluation.baselines.forecasts import baseline_forecasts
from lstm_model.model.early_stopping import fit
from lstm_model.model.training import TrainingSettings, build_network, forecast
from lstm_model.search.hyper_params import HyperParams

pytestmark = pytest.mark.acceptance

SplitSeries = Callable[..., ChronoSplit]
Scores = dict[str, float]

LENGTH = 8000
BURN_IN = 500
PARAMS = HyperParams(hidden_size=32, num_layers=1, dropout=0.0, lr=3e-3, batch_size=64)
MAX_EPOCHS, PATIENCE = 30, 8

MEAN_LOG_CHI2 = -(np.euler_gamma + math.log(2))
"""E ln z^2 of a standard normal z, -1.2704: what ln r^2 lies below ln sigma^2 on average."""


@dataclass(frozen=True)
class Known:
    """A series, and for each row the best forecast of the next value."""

    series: np.ndarray
    oracle: np.ndarray


def ar1(seed: int) -> Known:
    """x[t] = .6 x[t-1] + e."""
    shocks = np.random.default_rng(seed).normal(size=LENGTH + BURN_IN)
    x = np.zeros(len(shocks))
    for t in range(1, len(x)):
        x[t] = 0.6 * x[t - 1] + shocks[t]
    return Known(x[BURN_IN:], 0.6 * x[BURN_IN:])


def setar(seed: int) -> Known:
    """x[t] = .8 sign(x[t-2]) x[t-1] + e: symmetric, so that no linear forecast is of much use."""
    shocks = np.random.default_rng(seed).normal(size=LENGTH + BURN_IN)
    x = np.zeros(len(shocks))
    for t in range(2, len(x)):
        x[t] = 0.8 * np.sign(x[t - 2]) * x[t - 1] + shocks[t]
    oracle = 0.8 * np.sign(x[BURN_IN - 1 : -1]) * x[BURN_IN:]
    return Known(x[BURN_IN:], oracle)


def log_garch(seed: int) -> Known:
    """Take ln r^2 of a GARCH(.2, .78) whose variance is 1 on average."""
    z = np.random.default_rng(seed).normal(size=LENGTH + BURN_IN)
    variance, r = np.ones(len(z) + 1), np.zeros(len(z))
    for t in range(len(z)):
        r[t] = math.sqrt(variance[t]) * z[t]
        variance[t + 1] = 0.02 + 0.2 * r[t] ** 2 + 0.78 * variance[t]
    oracle = np.log(variance[BURN_IN + 1 :]) + MEAN_LOG_CHI2
    return Known(np.log(r[BURN_IN:] ** 2), oracle)


def noise(seed: int) -> Known:
    """Draw iid values whose mean and unit are not the scaled label's, so that both must survive."""
    series = np.random.default_rng(seed).normal(5, 2, LENGTH)
    return Known(series, np.full(LENGTH, 5.0))


def lstm_forecasts(split: ChronoSplit, seed: int) -> np.ndarray:
    """Train on train, stop by validation, and forecast the test samples in the series' own unit."""
    search, held_out = split.search, split.held_out
    view = scale_view(search, PARAMS)
    network = build_network(len(search.rows.feature_names), PARAMS, seed)
    settings = TrainingSettings(seed, gradient_clip=1.0)
    fit(network, PARAMS, view.train, view.validation, settings, PATIENCE, MAX_EPOCHS)
    rows = held_out.rows
    test = scaled_windows(rows, held_out.test, view.scaler)
    return view.scaler.unscale_forecasts(forecast(network, test), rows.har_terms[held_out.test])


def errors_on_test(split: ChronoSplit, known: Known, seed: int) -> Scores:
    """Return the MSE of the LSTM, the oracle and every baseline on the same test samples."""
    held_out = split.held_out
    truth = held_out.rows.labels[held_out.test]
    forecasts = baseline_forecasts(split).test
    forecasts["lstm"] = lstm_forecasts(split, seed)
    forecasts["oracle"] = known.oracle[held_out.rows.dates[held_out.test]]
    return {name: float(np.mean((values - truth) ** 2)) for name, values in forecasts.items()}


def r2_train_mean(scores: Scores) -> float:
    return 1 - scores["lstm"] / scores["train_mean"]


@pytest.mark.parametrize(
    ("make", "bayes_mse"), [(ar1, 1.0), (setar, 1.0), (log_garch, math.pi**2 / 2), (noise, 4.0)]
)
def test_the_oracle_is_the_best_forecast(make: Callable[[int], Known], bayes_mse: float) -> None:
    """The oracle's error is the noise that the series was made with: what it is measured by."""
    known = make(0)
    errors = known.series[1:] - known.oracle[:-1]
    # Four standard errors of the mean square, the widest of which are those of ln z^2.
    assert np.mean(errors**2) == pytest.approx(bayes_mse, rel=0.11)
    assert abs(np.mean(errors)) < 4 * math.sqrt(bayes_mse / LENGTH)


def test_blocks_have_the_agreed_sizes(split_series: SplitSeries) -> None:
    """5000 rows are for training, 1400 for validation, the rest for test.

    The first 19 have no whole window; the last of each block has its label in the next one.
    """
    split = split_series(np.arange(LENGTH, dtype=float))
    rows, held_out = split.search.rows, split.held_out
    np.testing.assert_array_equal(rows.dates[split.search.train], np.arange(19, 4999))
    np.testing.assert_array_equal(rows.dates[split.search.validation], np.arange(5000, 6399))
    np.testing.assert_array_equal(held_out.rows.dates[held_out.test], np.arange(6400, 7999))


def test_linear_memory_is_learnt_and_no_more(split_series: SplitSeries) -> None:
    """On an AR(1) the LSTM and ridge come within 3 % of the oracle; better than it is a leak."""
    known = ar1(0)
    scores = errors_on_test(split_series(known.series), known, seed=0)
    assert 0.97 <= scores["lstm"] / scores["oracle"] <= 1.03
    assert 0.97 <= scores["ridge"] / scores["oracle"] <= 1.03


def test_nonlinear_memory_is_learnt(split_series: SplitSeries) -> None:
    """On a SETAR the LSTM is near the oracle, where what is linear or copies a lag cannot come."""
    runs = []
    for seed in range(3):
        known = setar(seed)
        runs.append(errors_on_test(split_series(known.series), known, seed))
    assert 0.97 <= np.median([scores["lstm"] / scores["oracle"] for scores in runs]) <= 1.20
    assert np.median([scores["lstm"] / scores["ridge"] for scores in runs]) <= 0.70


def test_long_memory_is_learnt(split_series: SplitSeries) -> None:
    """On the log variance of a GARCH the LSTM is within 3 % of who knows tomorrow's variance."""
    known = log_garch(0)
    scores = errors_on_test(split_series(known.series), known, seed=0)
    assert 0.97 <= scores["lstm"] / scores["oracle"] <= 1.03
    assert scores["lstm"] <= 0.95 * scores["train_mean"]


def test_nothing_is_found_in_noise(split_series: SplitSeries) -> None:
    """Of iid noise the LSTM says its mean: R2 is zero, up to a little luck and a little overfit."""
    known = noise(0)
    scores = errors_on_test(split_series(known.series), known, seed=0)
    assert -0.02 <= r2_train_mean(scores) <= 0.01


def test_nothing_is_found_in_a_shuffled_target(split_series: SplitSeries) -> None:
    """Labels dealt out anew leave nothing to forecast, however much memory the inputs have."""
    known = ar1(0)
    labels = np.random.default_rng(1).permutation(known.series[1:])
    scores = errors_on_test(split_series(known.series, labels), known, seed=0)
    assert -0.02 <= r2_train_mean(scores) <= 0.01
