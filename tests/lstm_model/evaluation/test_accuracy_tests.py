"""Claims about tests of equal accuracy, against the library and by hand."""

import math

import numpy as np
import pytest
from statsmodels.tsa.stattools import diebold_mariano_test

from lstm_model.evaluation.accuracy_tests import (
    better_p,
    clark_west,
    diebold_mariano,
    losses_by_date,
)
from lstm_model.evaluation.measured import NotComputed, Statistic, Tested, too_short


def series(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    draws = np.random.default_rng(seed)
    truth = draws.normal(size=count)
    return truth + 0.5 * draws.normal(size=count), truth + draws.normal(size=count), truth


def statistic(test: Tested) -> Statistic:
    assert isinstance(test, Statistic)
    return test


@pytest.mark.parametrize("horizon", [1, 5, 20])
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_dm_is_statsmodels_own(horizon: int) -> None:
    """On one ticker the test equals statsmodels' on the raw series."""
    forecast, baseline, truth = series(200)
    found = statistic(diebold_mariano(forecast, baseline, truth, np.arange(200), horizon))
    expected = diebold_mariano_test(
        truth, forecast, baseline, criterion="mse", harvey_adj=True, horizon=horizon
    )
    assert found.value == pytest.approx(float(expected.statistic), rel=1e-9)
    assert found.p_value == pytest.approx(float(expected.pvalue), rel=1e-9)


def test_negative_statistic_favours_the_model() -> None:
    """The better forecast has the negative statistic, and swapping the two flips the sign."""
    forecast, baseline, truth = series(200)
    dates = np.arange(200)
    found = statistic(diebold_mariano(forecast, baseline, truth, dates, 1))
    swapped = statistic(diebold_mariano(baseline, forecast, truth, dates, 1))
    assert found.value < -2
    assert found.p_value < 0.05
    assert swapped.value == pytest.approx(-found.value)
    assert better_p(found) == pytest.approx(found.p_value / 2)
    assert better_p(swapped) == pytest.approx(1 - found.p_value / 2)


def test_better_p_passes_reasons_on() -> None:
    """Without a two-sided test there is no one-sided test, for the same reason."""
    assert better_p(too_short(12)) == too_short(12)


@pytest.mark.parametrize(("count", "computed"), [(29, False), (30, True)])
def test_too_few_dates_have_no_test(count: int, computed: bool) -> None:
    """Below thirty dates there is no statistic."""
    forecast, baseline, truth = series(count)
    dates = np.arange(count)
    for found in (
        diebold_mariano(forecast, baseline, truth, dates, 1),
        clark_west(forecast, baseline, truth, dates, 1),
    ):
        assert isinstance(found, Statistic) is computed
        assert computed or found == too_short(29)


@pytest.mark.parametrize("nudge", [0.0, 1e-15])
def test_equal_forecasts_have_no_test(nudge: float) -> None:
    """A model that equals the baseline up to rounding has no statistic."""
    forecast, _, truth = series(100)
    dates = np.arange(100)
    same = forecast + nudge
    assert diebold_mariano(forecast, same, truth, dates, 1) == NotComputed("the losses are equal")
    assert clark_west(forecast, forecast, truth, dates, 1) == NotComputed("the forecasts are equal")


def test_losses_a_constant_apart_have_no_test() -> None:
    """If the truth is constant, the losses of two constant forecasts differ by a constant."""
    dates = np.arange(40)
    found = diebold_mariano(np.full(40, 2.0), np.full(40, 1.0), np.zeros(40), dates, 1)
    assert found == NotComputed("the losses differ by a constant")


def test_missing_days_are_left_out() -> None:
    """Days without a forecast are left out, on either side."""
    forecast, baseline, truth = series(100)
    dates = np.arange(100)
    holey = baseline.copy()
    holey[:10] = np.nan
    for test in (diebold_mariano, clark_west):
        found = test(forecast, holey, truth, dates, 1)
        assert found == test(forecast[10:], baseline[10:], truth[10:], dates[10:], 1)
    assert diebold_mariano(forecast, np.full(100, np.nan), truth, dates, 1) == too_short(0)


def test_a_horizon_beyond_the_dates() -> None:
    """Labels that span the whole test block cannot be tested."""
    forecast, baseline, truth = series(30)
    dates = np.arange(30)
    assert diebold_mariano(forecast, baseline, truth, dates, 30) == NotComputed(
        "n = 30 <= horizon 30"
    )
    assert clark_west(forecast, baseline, truth, dates, 31) == NotComputed("n = 30 <= 30 lags")
    assert isinstance(diebold_mariano(forecast, baseline, truth, dates, 29), Statistic)


def test_panel_counts_dates_not_rows() -> None:
    """The same ticker listed twice adds no evidence."""
    forecast, baseline, truth = series(100)
    dates = np.arange(100)
    for test in (diebold_mariano, clark_west):
        once = statistic(test(forecast, baseline, truth, dates, 1))
        doubled = [np.tile(values, 2) for values in (forecast, baseline, truth, dates)]
        twice = statistic(test(doubled[0], doubled[1], doubled[2], doubled[3], 1))
        assert twice.value == pytest.approx(once.value, rel=1e-9)
        assert test(forecast, baseline, truth, np.repeat(np.arange(20), 5), 1) == too_short(20)


def test_losses_are_averaged_over_each_date() -> None:
    """On a panel with gaps a date's loss is the mean of the tickers that it has."""
    truth = np.array([1.0, 2.0, 3.0])
    losses = losses_by_date(np.array([1.0, 0.0, 2.0]), truth, np.array([4, 4, 9]))
    np.testing.assert_allclose(losses, [2.0, 1.0])


def test_clark_west_by_hand() -> None:
    """Against zero its series is y^2 - (y - f)^2 + f^2 = 2 y f: a t-statistic of the product."""
    forecast, _, truth = series(120)
    found = statistic(clark_west(forecast, np.zeros(120), truth, np.arange(120), 1))
    products = 2 * truth * forecast
    expected = products.mean() / (products.std() / math.sqrt(120))
    assert found.value == pytest.approx(expected, rel=1e-9)
    assert found.p_value == pytest.approx(math.erfc(expected / math.sqrt(2)) / 2, rel=1e-6)


def test_clark_west_corrects_for_the_noise_of_fitting() -> None:
    """If nothing is predictable, noise is worse than zero by squared error but not by Clark-West.

    Diebold-Mariano's statistics are centred well above zero, Clark-West's at zero, and it rejects
    at most about as often as it says.
    """
    draws = np.random.default_rng(4)
    dates, zero = np.arange(200), np.zeros(200)
    plain, corrected = [], []
    for _ in range(300):
        truth, forecast = draws.normal(size=200), 0.3 * draws.normal(size=200)
        plain.append(statistic(diebold_mariano(forecast, zero, truth, dates, 1)).value)
        corrected.append(statistic(clark_west(forecast, zero, truth, dates, 1)))
    assert np.mean(plain) > 1.0
    assert abs(np.mean([test.value for test in corrected])) < 0.2
    assert np.mean([test.p_value < 0.05 for test in corrected]) < 0.09


def test_clark_west_accounts_for_overlapping_labels() -> None:
    """For labels over 10 bars and persistent forecasts, lags make the statistic smaller."""
    draws = np.random.default_rng(5)
    steps = draws.normal(size=420)
    truth = np.convolve(steps, np.ones(10), mode="valid")[:400]
    forecast = np.convolve(steps + draws.normal(size=420), np.ones(10), mode="valid")[:400]
    one, ten = (
        statistic(clark_west(forecast, np.zeros(400), truth, np.arange(400), h)).value
        for h in (1, 10)
    )
    assert 0 < ten < 0.6 * one
