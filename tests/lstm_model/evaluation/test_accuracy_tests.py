"""Claims about tests of equal accuracy, by hand and simulated."""

import math

import numpy as np
import pytest

from lstm_model.evaluation.accuracy_tests import better_p, clark_west, diebold_mariano
from lstm_model.evaluation.long_run import mean_test
from lstm_model.evaluation.measured import NotComputed, Statistic, Tested, too_short


def losses(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Draw the squared errors of a good and a poor forecast."""
    draws = np.random.default_rng(seed)
    return (0.5 * draws.normal(size=count)) ** 2, draws.normal(size=count) ** 2


def series(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    draws = np.random.default_rng(seed)
    truth = draws.normal(size=count)
    return truth + 0.5 * draws.normal(size=count), truth + draws.normal(size=count), truth


def statistic(test: Tested) -> Statistic:
    assert isinstance(test, Statistic)
    return test


def test_it_tests_the_mean_of_the_difference() -> None:
    """The statistic is the long-run t of the difference of losses."""
    good, poor = losses(200)
    assert diebold_mariano(good, poor, 5) == mean_test(good - poor, 5, two_sided=True)


def test_negative_statistic_favours_the_model() -> None:
    """The better forecast has the negative statistic, and swapping the two flips the sign."""
    good, poor = losses(200)
    found, swapped = statistic(diebold_mariano(good, poor, 1)), diebold_mariano(poor, good, 1)
    assert found.value < -2
    assert found.p_value < 0.05
    assert statistic(swapped).value == pytest.approx(-found.value)
    assert better_p(found) == pytest.approx(found.p_value / 2)
    assert better_p(swapped) == pytest.approx(1 - found.p_value / 2)


def test_better_p_passes_reasons_on() -> None:
    """Without a two-sided test there is no one-sided test, for the same reason."""
    assert better_p(too_short(12)) == too_short(12)


@pytest.mark.parametrize(("count", "computed"), [(29, False), (30, True)])
def test_too_few_dates_have_no_test(count: int, computed: bool) -> None:
    """Below thirty dates there is no statistic."""
    forecast, baseline, truth = series(count)
    for found in (
        diebold_mariano(*losses(count), 1),
        clark_west(forecast, baseline, truth, np.arange(count), 1),
    ):
        assert isinstance(found, Statistic) is computed
        assert computed or found == too_short(29)


@pytest.mark.parametrize("nudge", [0.0, 1e-15])
def test_equal_forecasts_have_no_test(nudge: float) -> None:
    """A model that equals the baseline up to rounding has no statistic."""
    good, _ = losses(100)
    assert diebold_mariano(good, good + nudge, 1) == NotComputed("the losses are equal")
    forecast, _, truth = series(100)
    found = clark_west(forecast, forecast, truth, np.arange(100), 1)
    assert found == NotComputed("the forecasts are equal")


def test_losses_a_constant_apart_have_no_test() -> None:
    """If two losses differ by the same on each date, nothing varies."""
    good, _ = losses(40)
    found = diebold_mariano(good, good + 3.0, 1)
    assert found == NotComputed("the losses differ by a constant")


def test_losses_beyond_all_numbers_have_no_test() -> None:
    """A loss that overflows has a reason."""
    good, poor = losses(40)
    poor[3] = np.inf
    assert diebold_mariano(good, poor, 1) == NotComputed("a forecast is too far from the truth")


def test_panel_counts_dates_not_rows() -> None:
    """The same ticker listed twice adds no evidence to Clark-West."""
    forecast, baseline, truth = series(100)
    dates = np.arange(100)
    once = statistic(clark_west(forecast, baseline, truth, dates, 1))
    doubled = [np.tile(values, 2) for values in (forecast, baseline, truth, dates)]
    twice = statistic(clark_west(doubled[0], doubled[1], doubled[2], doubled[3], 1))
    assert twice.value == pytest.approx(once.value, rel=1e-9)
    five_a_day = np.repeat(np.arange(20), 5)
    assert clark_west(forecast, baseline, truth, five_a_day, 1) == too_short(20)


def test_clark_west_by_hand() -> None:
    """Against zero its series is y^2 - (y - f)^2 + f^2 = 2 y f: a test of the product's mean."""
    forecast, _, truth = series(120)
    found = clark_west(forecast, np.zeros(120), truth, np.arange(120), 1)
    assert statistic(found).value == pytest.approx(
        statistic(mean_test(2 * truth * forecast, 1)).value
    )


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
        plain.append(statistic(diebold_mariano((truth - forecast) ** 2, truth**2, 1)).value)
        corrected.append(statistic(clark_west(forecast, zero, truth, dates, 1)))
    assert np.mean(plain) > 1.0
    assert abs(np.mean([test.value for test in corrected])) < 0.2
    assert np.mean([test.p_value < 0.05 for test in corrected]) < 0.09


def test_clark_west_accounts_for_overlapping_labels() -> None:
    """For labels over 10 bars and persistent forecasts, the t is far below that of independence."""
    draws = np.random.default_rng(5)
    steps = draws.normal(size=420)
    truth = np.convolve(steps, np.ones(10), mode="valid")[:400]
    forecast = np.convolve(steps + draws.normal(size=420), np.ones(10), mode="valid")[:400]
    found = statistic(clark_west(forecast, np.zeros(400), truth, np.arange(400), 10)).value
    products = 2 * truth * forecast
    assert 0 < found < 0.6 * products.mean() / (products.std() / math.sqrt(400))
