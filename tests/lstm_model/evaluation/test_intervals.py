"""Claims about conformal intervals."""

import numpy as np
import pytest

from lstm_model.evaluation.intervals import Interval, conformal_intervals
from lstm_model.evaluation.measured import NotComputed

DATES = (
    np.array(["2019-12-30", "2019-12-31", "2020-01-02", "2020-01-03"])
    .astype("datetime64[D]")
    .astype(int)
)


LEVELS = (0.9, 0.5)


def test_by_hand() -> None:
    """Of 19 errors 0.1 .. 1.9 of either sign, the 18th and the 10th are the radii."""
    errors = np.arange(1, 20) / 10 * np.tile([1, -1], 10)[:19]
    truth = np.array([1.0, 1.9, -1.7, 0.0])
    found = conformal_intervals(errors, np.zeros(4), truth, DATES, LEVELS)
    assert found == (
        Interval(0.9, 1.8, 0.75, 19, ((2019, 0.5), (2020, 1.0))),
        Interval(0.5, 1.0, 0.5, 19, ((2019, 0.5), (2020, 0.5))),
    )


@pytest.mark.parametrize(("n", "levels"), [(0, ()), (1, (0.5,)), (8, (0.5,)), (9, (0.9, 0.5))])
def test_a_level_needs_enough_errors(n: int, levels: tuple[float, ...]) -> None:
    """90 % needs nine errors and 50 % one; other levels are left out, with a reason if all are."""
    found = conformal_intervals(np.arange(n) + 1.0, np.zeros(4), np.zeros(4), DATES, LEVELS)
    if levels:
        assert not isinstance(found, NotComputed)
        assert tuple(interval.nominal for interval in found) == levels
    else:
        assert found == NotComputed("0 validation errors are too few for 50%")


def test_missing_errors_are_ignored() -> None:
    """A missing validation error changes neither radius nor count."""
    errors = np.arange(1, 20) / 10
    holey = np.concatenate([errors, [np.nan, np.inf]])
    arguments = np.zeros(4), np.ones(4), DATES, LEVELS
    assert conformal_intervals(holey, *arguments) == conformal_intervals(errors, *arguments)


def test_coverage_is_what_was_promised_on_exchangeable_errors() -> None:
    """Over many samples, coverage is the nominal level or slightly more."""
    draws = np.random.default_rng(0)
    coverage = []
    for _ in range(300):
        errors, truth = draws.standard_t(3, size=39), draws.standard_t(3, size=200)
        found = conformal_intervals(errors, np.zeros(200), truth, np.arange(200), LEVELS)
        assert isinstance(found, tuple)
        coverage.append([interval.coverage for interval in found])
    np.testing.assert_allclose(np.mean(coverage, axis=0), [0.9, 0.5], atol=0.015)


@pytest.mark.parametrize(("n", "percent"), [(9, 90), (19, 90), (99, 55), (99, 14), (199, 58)])
def test_ranks_are_exact(n: int, percent: int) -> None:
    """Where (n + 1) x level is whole, it is the rank, though 100 x 0.55 is a little above 55."""
    found = conformal_intervals(
        np.arange(1.0, n + 1), np.zeros(4), np.zeros(4), DATES, (percent / 100,)
    )
    assert isinstance(found, tuple)
    assert found[0].radius == (n + 1) * percent // 100
