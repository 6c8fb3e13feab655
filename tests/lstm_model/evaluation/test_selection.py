"""Claims about selection bias and the probability of overfitting."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import rankdata

from lstm_model.evaluation.inputs import SearchFacts, Validation
from lstm_model.evaluation.measured import NotComputed
from lstm_model.evaluation.selection import (
    SelectionBias,
    best_of_noise,
    expected_maximum,
    measure_selection,
    probability_of_overfitting,
)


@pytest.mark.parametrize(
    ("n", "expected"),
    [(1, 0.0), (2, 1 / math.sqrt(math.pi)), (10, 1.53875), (50, 2.24907), (200, 2.74604)],
)
def test_largest_of_normals(n: int, expected: float) -> None:
    """The means equal those in tables of order statistics (n = 2: 1 / sqrt(pi))."""
    assert expected_maximum(n) == pytest.approx(expected, abs=1e-5)


def test_no_number_has_no_largest() -> None:
    """There is no largest of zero numbers."""
    with pytest.raises(ValueError, match="n >= 1 but n is 0"):
        expected_maximum(0)


@given(st.integers(1, 10**6))
def test_more_trials_look_better(n: int) -> None:
    """The largest grows with n, and more slowly than sqrt(2 ln n)."""
    assert 0 <= expected_maximum(n) < expected_maximum(n + max(1, n // 10))
    assert expected_maximum(n) <= math.sqrt(2 * math.log(n)) + 1e-12


@pytest.mark.parametrize(("trials", "measured"), [(10, 0.0045), (50, 0.0076), (200, 0.0098)])
def test_best_of_noise_is_what_was_measured(trials: int, measured: float) -> None:
    """On 500 days, 5 % noise gives the values measured before and those of a simulation."""
    assert best_of_noise(trials, 500, 0.05) == pytest.approx(measured, abs=1.5e-4)
    draws = np.random.default_rng(trials)
    best = []
    for _ in range(400):
        errors = draws.normal(size=500)
        noise = 0.05 * draws.normal(size=(trials, 500))
        best.append(1 - np.mean((errors - noise) ** 2, axis=1).min() / np.mean(errors**2))
    assert best_of_noise(trials, 500, 0.05) == pytest.approx(np.mean(best), abs=3e-4)


def test_a_search_without_skill_can_stay_at_the_benchmark() -> None:
    """Beyond the best amplitude, E[max] / sqrt(n), more noise does not raise the expectation.

    Ten trials on 711 days give 0.0033 at most, and a winner that differs by much keeps its R2.
    """
    highest = expected_maximum(10) ** 2 / 711
    assert highest == pytest.approx(0.00333, abs=1e-5)
    assert best_of_noise(10, 711, 0.05) < highest
    for share in (0.0577, 0.115, 0.4, 3.0):
        assert best_of_noise(10, 711, share) == pytest.approx(highest, rel=1e-5)


@given(st.integers(1, 10**4), st.integers(1, 10**5), st.floats(0, 10))
def test_noise_never_lowers_what_is_expected(trials: int, n: int, share: float) -> None:
    """What is expected of noise is never negative, so what is left is never above the winner's."""
    expected = best_of_noise(trials, n, share)
    assert 0.0 <= expected <= expected_maximum(trials) ** 2 / n * (1 + 1e-9)
    assert expected <= best_of_noise(trials, n, share + 0.1) + 1e-15


def overfitting_by_loops(losses: np.ndarray) -> float:
    """Follow Bailey et al. (2017), algorithm 2.3, step by step; the median counts one half."""
    trials, blocks = losses.shape
    below = []
    for inside in itertools.combinations(range(blocks), blocks // 2):
        outside = [b for b in range(blocks) if b not in inside]
        performance = -losses[:, outside].mean(axis=1)
        chosen = int(np.argmax(-losses[:, list(inside)].mean(axis=1)))
        omega = rankdata(performance)[chosen] / (trials + 1)
        logit = math.log(omega / (1 - omega))
        below.append(0.5 if abs(logit) < 1e-12 else float(logit < 0))
    return float(np.mean(below))


@pytest.mark.parametrize(("trials", "blocks"), [(2, 4), (3, 6), (7, 8), (10, 10)])
def test_overfitting_is_the_papers_algorithm(trials: int, blocks: int) -> None:
    """Loops over all splits with logits of ranks give the same share, also for odd numbers."""
    losses = np.random.default_rng(blocks).normal(size=(trials, blocks)) ** 2
    assert probability_of_overfitting(losses) == pytest.approx(overfitting_by_loops(losses))


@pytest.mark.parametrize("trials", [2, 3, 20])
def test_noise_is_a_coin_toss(trials: int) -> None:
    """The best of equal trials is above the median on the other half in half of all cases."""
    draws = np.random.default_rng(trials)
    found = [probability_of_overfitting(draws.normal(size=(trials, 8)) ** 2) for _ in range(300)]
    assert np.mean([value for value in found if isinstance(value, float)]) == pytest.approx(
        0.5, abs=0.05
    )


def test_a_trial_that_is_better_everywhere_is_no_accident() -> None:
    """The trial with the lowest loss on each block is the best in every half."""
    losses = 1 + np.random.default_rng(0).random((30, 16))
    losses[17] = 0.5
    assert probability_of_overfitting(losses) == 0.0


def test_what_wins_one_half_and_loses_the_other_is_overfitted() -> None:
    """Of trials with equal totals, the better one on one half is worse on the other."""
    first = np.random.default_rng(0).random(8)
    assert probability_of_overfitting(np.stack([first, 1 - first])) > 0.5


@pytest.mark.parametrize(
    ("losses", "reason"),
    [
        (np.ones((0, 16)), "n = 0 < 2 trials"),
        (np.ones((1, 16)), "n = 1 < 2 trials"),
        (np.ones((5, 7)), "halves need an even number of blocks, not 7"),
        (np.ones((5, 0)), "halves need an even number of blocks, not 0"),
        (np.full((5, 4), np.nan), "a loss is not finite"),
        (np.ones((5, 4)), "all trials have equal losses"),
    ],
)
def test_no_overfitting_to_measure(losses: np.ndarray, reason: str) -> None:
    """Each case that cannot be split or ranked has its reason."""
    assert probability_of_overfitting(losses) == NotComputed(reason)


@given(arrays(float, (4, 6), elements=st.sampled_from([0.0, 1.0, 2.0])))
def test_overfitting_is_a_share(losses: np.ndarray) -> None:
    """With any ties, the result is a share or there is a reason."""
    found = probability_of_overfitting(losses)
    assert isinstance(found, NotComputed) or 0 <= found <= 1


ONE_TRIAL = np.ones((1, 4))


def noise_validation(n: int = 400, share: float = 0.1, tickers: int = 1) -> Validation:
    draws = np.random.default_rng(6)
    truth = draws.normal(size=n * tickers)
    benchmark = np.full(n * tickers, 0.02)
    forecast = benchmark + share * draws.normal(size=n * tickers)
    return validation_of(truth, forecast, benchmark, np.repeat(np.arange(n), tickers))


def validation_of(
    truth: np.ndarray, forecast: np.ndarray, benchmark: np.ndarray, dates: np.ndarray
) -> Validation:
    return Validation(truth, dates, {"har": benchmark}, forecast[None])


def parts(validation: Validation) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    return validation.truth, validation.model, validation.forecasts["har"], validation.dates


def selection(
    validation: Validation,
    trials: int,
    studies: int = 1,
    losses: np.ndarray = ONE_TRIAL,
    horizon: int = 1,
) -> SelectionBias:
    search = SearchFacts(trials, studies, 1, losses, None, None)
    return measure_selection("har", validation, search, horizon)


def test_the_winner_is_compared_with_the_best_of_noise() -> None:
    """R2, its expectation under equal noise, and the difference; PBO is of this night's trials."""
    validation = noise_validation()
    losses = np.random.default_rng(1).random((12, 8))
    found = selection(validation, 50, 3, losses)
    truth, forecast, benchmark, _ = parts(validation)
    error, shift = truth - benchmark, forecast - benchmark
    r2 = 1 - np.mean((truth - forecast) ** 2) / np.mean(error**2)
    share = math.sqrt(np.mean(shift**2) / np.mean(error**2))
    assert (found.benchmark, found.trials, found.studies, found.pbo_trials) == ("har", 50, 3, 12)
    assert found.r2 == pytest.approx(r2)
    assert found.expected_best == pytest.approx(best_of_noise(50, 400, share))
    assert found.deflated == pytest.approx(r2 - best_of_noise(50, 400, share))
    assert found.pbo == probability_of_overfitting(losses)


def test_dates_count_not_tickers() -> None:
    """Ten tickers on 40 days count as 40 samples, not 400, for the best of noise."""
    found = selection(noise_validation(40, tickers=10), 20)
    assert isinstance(found.expected_best, float)
    assert found.expected_best > 2 * best_of_noise(20, 400, 0.1)


def test_overlapping_labels_count_once() -> None:
    """With labels over five bars, a fifth of the dates counts for the best of noise."""
    validation = noise_validation(400)
    one, five = (selection(validation, 20, horizon=horizon) for horizon in (1, 5))
    truth, forecast, benchmark, _ = parts(validation)
    error, shift = truth - benchmark, forecast - benchmark
    share = math.sqrt(np.mean(shift**2) / np.mean(error**2))
    assert one.expected_best == pytest.approx(best_of_noise(20, 400, share))
    assert five.expected_best == pytest.approx(best_of_noise(20, 80, share))


def test_missing_days_are_left_out() -> None:
    """Days without a benchmark are left out."""
    truth, forecast, benchmark, dates = parts(noise_validation())
    holey = benchmark.copy()
    holey[100:] = np.nan
    cut = validation_of(truth[:100], forecast[:100], benchmark[:100], dates[:100])
    assert selection(validation_of(truth, forecast, holey, dates), 9) == selection(cut, 9)


def test_reasons() -> None:
    """No benchmark, one without error, and no trials each give a reason."""
    truth, forecast, _, dates = parts(noise_validation())

    def measured(validation: Validation, trials: int = 5) -> tuple[object, ...]:
        found = selection(validation, trials)
        return found.r2, found.expected_best, found.deflated

    gone = NotComputed("the benchmark is missing on every sample")
    assert measured(validation_of(truth, forecast, np.full(400, np.nan), dates)) == (gone,) * 3
    perfect = NotComputed("the benchmark has no error")
    assert measured(validation_of(truth, forecast, truth, dates)) == (perfect,) * 3
    r2, expected, deflated = measured(noise_validation(), trials=0)
    assert isinstance(r2, float)
    assert expected == deflated == NotComputed("there are no trials")
