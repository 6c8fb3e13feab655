"""Claims about Mincer-Zarnowitz and encompassing, against statsmodels, by hand and simulated."""

import dataclasses

import numpy as np
import pytest
from scipy.optimize import minimize, minimize_scalar
from statsmodels.regression.linear_model import OLS

from lstm_model.evaluation.efficiency import Encompassing, encompassing, mincer_zarnowitz
from lstm_model.evaluation.losses import MSE, QLIKE, Loss
from lstm_model.evaluation.measured import NotComputed, Statistic, too_short

DATES = np.arange(300)
LOSSES = pytest.mark.parametrize("loss", [MSE, QLIKE], ids=["mse", "qlike"])


def draw(seed: int = 0, n: int = 300) -> tuple[np.ndarray, np.ndarray]:
    """Draw log variances whose forecast is efficient: its mean, and unbiased as a variance."""
    draws = np.random.default_rng(seed)
    forecast = -9 + 0.7 * draws.normal(size=n)
    return forecast, forecast + np.log(draws.chisquare(8, size=n) / 8)


def test_by_mse_it_is_least_squares() -> None:
    """Intercept and slope equal statsmodels' regression of truth on forecast."""
    forecast, truth = draw()
    found = mincer_zarnowitz(MSE, forecast, truth, DATES, 1)
    expected = OLS(truth, np.column_stack([np.ones(300), forecast])).fit().params
    assert (found.intercept, found.slope) == (
        pytest.approx(expected[0]),
        pytest.approx(expected[1]),
    )


def test_by_qlike_it_is_the_line_with_the_lowest_loss() -> None:
    """No other intercept or slope has a lower mean QLIKE."""
    forecast, truth = draw()
    found = mincer_zarnowitz(QLIKE, 1.2 * forecast, truth, DATES, 1)

    def mean_loss(line: np.ndarray) -> float:
        return float(QLIKE.value(truth - line[0] - line[1] * 1.2 * forecast).mean())

    best = minimize(mean_loss, [0.0, 1.0], method="Nelder-Mead", options={"xatol": 1e-9}).x
    assert (found.intercept, found.slope) == (
        pytest.approx(best[0], abs=1e-3),
        pytest.approx(best[1], abs=1e-4),
    )


def test_small_forecasts_of_returns_are_not_constant() -> None:
    """A forecast that varies by a millionth has a slope, whatever its unit."""
    draws = np.random.default_rng(0)
    forecast = 5e-7 * draws.normal(size=300)
    found = mincer_zarnowitz(MSE, forecast, 2 * forecast, DATES, 1)
    assert found.slope == pytest.approx(2.0)
    errors = 0.01 * draws.normal(size=300)
    mixed = encompassing(MSE, "zero", errors, errors + forecast, DATES, 1)
    assert mixed.weight == pytest.approx(
        np.sum((errors + forecast) * forecast) / np.sum(forecast**2), rel=1e-6
    )


@LOSSES
@pytest.mark.parametrize(("stretch", "least", "most"), [(1.0, 0.02, 0.09), (1.5, 0.8, 1.0)])
def test_an_efficient_forecast_is_rejected_as_often_as_promised(
    loss: Loss, stretch: float, least: float, most: float
) -> None:
    """At 5 % an efficient forecast is rejected in about 5 % of samples, an excessive one mostly."""
    rejected = 0
    for seed in range(300):
        forecast, truth = draw(seed)
        # exp of the error has mean one, but the error itself has not: ln chi2(8) / 8 is -0.13.
        centred = forecast if loss is QLIKE else forecast - 0.130177
        bent = -9 + stretch * (centred + 9)
        found = mincer_zarnowitz(loss, bent, truth, DATES, 1)
        rejected += isinstance(found.wald, Statistic) and found.wald.p_value < 0.05
    assert least <= rejected / 300 <= most


@LOSSES
def test_the_weight_has_the_lowest_loss(loss: Loss) -> None:
    """No other mixture of the two forecasts has a lower mean loss."""
    forecast, truth = draw()
    noise = np.random.default_rng(9).normal(0, 0.4, size=(2, 300))
    errors, rival = truth - forecast - noise[0], truth - forecast - noise[1]
    found = encompassing(loss, "har", errors, rival, DATES, 1)

    def mean_loss(weight: float) -> float:
        return float(loss.value(weight * errors + (1 - weight) * rival).mean())

    assert found.weight == pytest.approx(minimize_scalar(mean_loss, (-1, 2)).x, abs=1e-5)
    assert isinstance(found.weight, float)
    assert 0.2 < found.weight < 0.8
    for test in (found.rival_suffices, found.model_suffices):
        assert isinstance(test, Statistic)
        assert test.p_value < 0.01


@LOSSES
def test_a_forecast_that_knows_all_the_other_knows_suffices(loss: Loss) -> None:
    """If the rival is the model plus noise, the model suffices and the rival does not."""
    rejected = 0
    for seed in range(200):
        forecast, truth = draw(seed)
        errors = truth - forecast if loss is QLIKE else truth - forecast + 0.130177
        noise = np.random.default_rng(seed + 1000).normal(0, 0.5, size=300)
        found = encompassing(loss, "har", errors, errors - noise, DATES, 1)
        assert isinstance(found.rival_suffices, Statistic)
        assert isinstance(found.model_suffices, Statistic)
        assert found.rival_suffices.p_value < 0.02
        rejected += found.model_suffices.p_value < 0.05
    assert rejected / 200 <= 0.1


@LOSSES
def test_a_date_counts_once(loss: Loss) -> None:
    """The same ticker listed twice changes neither estimate nor test."""
    forecast, truth = draw()
    twice = [np.tile(values, 2) for values in (forecast, truth, DATES)]
    once = mincer_zarnowitz(loss, forecast, truth, DATES, 1)
    again = mincer_zarnowitz(loss, *twice, 1)
    for field in dataclasses.fields(once):
        one, two = getattr(once, field.name), getattr(again, field.name)
        if isinstance(one, Statistic):
            one, two = one.value, two.value
        assert two == pytest.approx(one, rel=1e-6)


@pytest.mark.filterwarnings("error")
@LOSSES
def test_reasons(loss: Loss) -> None:
    """Few dates, a constant forecast, equal forecasts and an overflow each have their reason."""
    forecast, truth = draw()
    short = mincer_zarnowitz(loss, forecast[:29], truth[:29], DATES[:29], 1)
    assert short.wald == short.slope == too_short(29)
    constant = mincer_zarnowitz(loss, np.full(300, -9.0), truth, DATES, 1)
    assert constant.slope == NotComputed("the forecast is constant")
    equal = NotComputed("the forecasts are equal")
    errors = truth - forecast
    assert encompassing(loss, "har", errors, errors, DATES, 1) == Encompassing(
        "har", equal, equal, equal
    )
    if loss is QLIKE:
        far = encompassing(loss, "har", errors + 1e4, 2 * errors + 1e4, DATES, 1)
        assert far.weight == NotComputed("a forecast is too far from the truth")
        wild = mincer_zarnowitz(loss, forecast - 1e4, truth, DATES, 1)
        assert wild.slope == NotComputed("a forecast is too far from the truth")
