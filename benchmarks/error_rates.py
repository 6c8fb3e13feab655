"""Sizes of the tests of an evaluation by simulation: how often they reject where nothing differs.

Every row is a nominal 5 % on a block of 713 days. "before" is what the project used before:
Bartlett's window with the small-sample correction for Diebold-Mariano, the published variance for
Pesaran-Timmermann, and no lags for Clark-West at one bar.

    python -m benchmarks.error_rates
"""

import argparse
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from statistics import NormalDist

import numpy as np
from scipy.special import fdtrc
from statsmodels.tsa.stattools import diebold_mariano_test

from benchmarks.results import write_results
from lstm_model.evaluation.accuracy_tests import clark_west, diebold_mariano
from lstm_model.evaluation.direction import pesaran_timmermann
from lstm_model.evaluation.efficiency import mincer_zarnowitz
from lstm_model.evaluation.long_run import cosine_count, long_run_covariance
from lstm_model.evaluation.losses import MSE, QLIKE, Loss
from lstm_model.evaluation.measured import Statistic, Tested

DAYS, NOMINAL = 713, 0.05
Draws = np.random.Generator
Test = Callable[[Draws], float]
Cases = dict[str, tuple[Test, Test]]


def main() -> None:
    """Simulate every row and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=4000)
    repetitions = parser.parse_args().repetitions
    rows = {}
    for name, (before, now) in cases().items():
        sizes = [rate(test, repetitions) for test in (before, now)]
        rows[name] = dict(zip(("before", "now"), sizes, strict=True))
        print(f"{name:<62}{sizes[0]:7.1%}{sizes[1]:7.1%}", flush=True)
    looks = sliding_looks(repetitions)
    print("a skill-less model on a sliding block, some night of 1, 63, 250:", looks)
    contents = {"days": DAYS, "repetitions": repetitions, "sizes": rows, "looks": looks}
    print(f"written to {write_results('error_rates', contents)}")


def rate(test: Test, repetitions: int) -> float:
    """Return the share of samples in which p is below 5 %."""
    draws = np.random.default_rng(0)
    return float(np.mean([test(draws) < NOMINAL for _ in range(repetitions)]))


def cases() -> Cases:
    """Return each row's test before and now, as functions of a generator to a p-value."""
    found: Cases = {}
    for horizon in (1, 5, 10, 22):
        name = f"Diebold-Mariano, squared errors of labels over {horizon} bars"
        found[name] = partial(bartlett, horizon), partial(long_run, horizon)
    for persistence in (0.0, 0.8):
        name = f"Pesaran-Timmermann, unrelated signs of AR({persistence})"
        found[name] = partial(published_signs, persistence), partial(long_run_signs, persistence)
        name = f"Clark-West, unrelated AR({persistence}) forecast of AR({persistence})"
        found[name] = partial(without_lags, persistence), partial(long_run_nested, persistence)
    for persistence in (0.0, 0.95):
        name = f"Mincer-Zarnowitz by QLIKE, efficient AR({persistence}) forecast"
        found[name] = partial(of_variances, persistence), partial(of_the_line, QLIKE, persistence)
        name = f"Mincer-Zarnowitz by MSE, efficient AR({persistence}) forecast"
        found[name] = partial(of_the_line, MSE, persistence), partial(of_the_line, MSE, persistence)
    return found


def p_of(test: Tested) -> float:
    """Return the p-value; a test that was not computed rejects nothing."""
    return test.p_value if isinstance(test, Statistic) else 1.0


def two_losses(draws: Draws, horizon: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw squared errors of two equally good forecasts of labels over some bars."""
    sums = (
        np.convolve(draws.normal(size=DAYS + horizon - 1), np.ones(horizon), "valid")
        for _ in range(2)
    )
    first, second = (path**2 for path in sums)
    return first, second


def bartlett(horizon: int, draws: Draws) -> float:
    """Return the p-value of statsmodels' Diebold-Mariano test with the small-sample correction."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", category=FutureWarning)
        found = diebold_mariano_test(
            np.zeros(DAYS),
            *two_losses(draws, horizon),
            criterion=lambda _, loss: loss,
            harvey_adj=True,
            horizon=horizon,
        )
    return float(found.pvalue)


def long_run(horizon: int, draws: Draws) -> float:
    """Return the project's p-value of Diebold-Mariano."""
    return p_of(diebold_mariano(*two_losses(draws, horizon), horizon))


def paths(draws: Draws, persistence: float) -> Iterator[np.ndarray]:
    """Yield autoregressive paths of variance one."""
    while True:
        steps = draws.normal(size=DAYS + 100)
        for t in range(1, len(steps)):
            steps[t] += persistence * steps[t - 1]
        yield steps[100:] * np.sqrt(1 - persistence**2)


def two_paths(draws: Draws, persistence: float) -> tuple[np.ndarray, np.ndarray]:
    """Draw two unrelated paths."""
    both = paths(draws, persistence)
    return next(both), next(both)


def published_signs(persistence: float, draws: Draws) -> float:
    """Return Pesaran-Timmermann's one-sided p with the variance for independent samples."""
    forecast, truth = (path > 0 for path in two_paths(draws, persistence))
    y, x = truth.mean(), forecast.mean()
    chance = y * x + (1 - y) * (1 - x)
    variance = (
        chance * (1 - chance)
        - (2 * y - 1) ** 2 * x * (1 - x)
        - (2 * x - 1) ** 2 * y * (1 - y)
        - 4 * y * x * (1 - y) * (1 - x) / DAYS
    ) / DAYS
    return NormalDist().cdf(-(np.mean(forecast == truth) - chance) / np.sqrt(variance))


def long_run_signs(persistence: float, draws: Draws) -> float:
    """Return the project's p-value of Pesaran-Timmermann."""
    forecast, truth = (path > 0 for path in two_paths(draws, persistence))
    return p_of(pesaran_timmermann(forecast, truth, np.arange(DAYS), 1))


def without_lags(persistence: float, draws: Draws) -> float:
    """Return Clark-West's one-sided p-value against zero, as for independent days."""
    truth, forecast = two_paths(draws, persistence)
    gained = 2 * truth * forecast
    return NormalDist().cdf(-gained.mean() / (gained.std() / np.sqrt(DAYS)))


def long_run_nested(persistence: float, draws: Draws) -> float:
    """Return the project's p-value of Clark-West against zero."""
    truth, forecast = two_paths(draws, persistence)
    return p_of(clark_west(forecast, np.zeros(DAYS), truth, np.arange(DAYS), 1))


def efficient(draws: Draws, persistence: float) -> tuple[np.ndarray, np.ndarray]:
    """Draw a forecast log variance of standard deviation one, and the truth around it."""
    forecast = next(paths(draws, persistence))
    return forecast, forecast + np.log(draws.chisquare(2, size=DAYS) / 2)


def of_the_line(loss: Loss, persistence: float, draws: Draws) -> float:
    """Return the project's p-value; by MSE the mean error of the log is taken out."""
    forecast, truth = efficient(draws, persistence)
    shift = 0.0 if loss is QLIKE else -0.5772156649
    test = mincer_zarnowitz(loss, forecast + shift, truth, np.arange(DAYS), 1)
    return p_of(test.wald)


def of_variances(persistence: float, draws: Draws) -> float:
    """Return the p-value of the regression of the variance on its forecast, which weights it.

    With the same long-run variance; the days with the lowest forecasts carry its intercept.
    """
    forecast, truth = efficient(draws, persistence)
    terms = np.column_stack([np.exp(-forecast), np.ones(DAYS)])
    outcome = np.exp(truth - forecast)
    found = np.linalg.lstsq(terms, outcome, rcond=None)[0]
    inverse = np.linalg.inv(terms.T @ terms / DAYS)
    scores = terms * (outcome - terms @ found)[:, None]
    covariance = inverse @ long_run_covariance(scores) @ inverse / DAYS
    gap, cosines = found - np.array([0.0, 1.0]), cosine_count(DAYS)
    value = gap @ np.linalg.solve(covariance, gap) * (cosines - 1) / (2 * cosines)
    return float(fdtrc(2, cosines - 1, value))


def sliding_looks(repetitions: int) -> dict[int, float]:
    """Return how often a model without skill "has skill" at some of so many nights.

    The block slides by a day a night; skill is a one-sided p below 5 %, not multiplied by the
    looks. Five nights apart are tested, and the first and last: neighbours hardly differ.
    """
    draws, nights = np.random.default_rng(1), (1, 63, 250)
    found = dict.fromkeys(nights, 0)
    for _ in range(max(repetitions // 4, 1)):
        gaps = draws.normal(size=DAYS + nights[-1])
        lowest = 1.0
        tested: set[int] = set()
        for night in nights:
            for first in {*range(0, night, 5), night - 1} - tested:
                tested.add(first)
                block = gaps[first : first + DAYS]
                test = diebold_mariano(block, np.zeros(DAYS), 1)
                if isinstance(test, Statistic) and test.value < 0:
                    lowest = min(lowest, test.p_value / 2)
            found[night] += lowest < NOMINAL
    return {night: count / max(repetitions // 4, 1) for night, count in found.items()}


if __name__ == "__main__":
    main()
