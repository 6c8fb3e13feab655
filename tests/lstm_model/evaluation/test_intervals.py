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
    found = conformal_intervals(errors, np.zeros(4), truth, DATES, DATES + 1, LEVELS, step=0.0)
    assert found == (
        Interval(0.9, 1.8, (1.8,) * 4, 0.75, 19, ((2019, 0.5), (2020, 1.0))),
        Interval(0.5, 1.0, (1.0,) * 4, 0.5, 19, ((2019, 0.5), (2020, 0.5))),
    )


def test_outcomes_move_the_level() -> None:
    """After a miss the level rises by step x 0.9, after a hit it falls by step x 0.1; by hand.

    With horizon 2 an outcome moves the interval two dates later.
    """
    errors, truth = np.arange(1, 100) / 10, np.array([20.0, 0.0, 0.0, 20.0, 0.0])
    days = np.arange(5)
    (found,) = conformal_intervals(errors, np.zeros(5), truth, days, days + 1, (0.9,), step=0.01)  # type: ignore[misc]
    # Levels .9, .909, .908, .907, .916 of 100 give these ranks, rounded up.
    np.testing.assert_allclose(found.radii, [9.0, 9.1, 9.1, 9.1, 9.2])
    assert found.radius == pytest.approx(9.1)
    (later,) = conformal_intervals(errors, np.zeros(5), truth, days, days + 2, (0.9,), step=0.01)  # type: ignore[misc]
    np.testing.assert_allclose(later.radii, [9.0, 9.0, 9.1, 9.1, 9.1])


def test_a_label_that_ends_late_is_used_late() -> None:
    """An outcome counts once all labels of its date have ended, whatever a ticker missed."""
    errors, truth, days = np.arange(1, 100) / 10, np.full(4, 20.0), np.arange(4)
    ends = np.array([3, 2, 3, 4])
    (found,) = conformal_intervals(errors, np.zeros(4), truth, days, ends, (0.9,), step=0.01)  # type: ignore[misc]
    # The first label ends on day 3; until then nothing moves, although the second's is known.
    np.testing.assert_allclose(found.radii, [9.0, 9.0, 9.0, 9.3])


def test_a_change_of_spread_is_followed() -> None:
    """If errors double after validation, adaptive intervals keep their level, fixed ones do not."""
    draws = np.random.default_rng(0)
    errors, truth, days = draws.normal(size=700), 2 * draws.normal(size=2000), np.arange(2000)
    adaptive, fixed = (
        conformal_intervals(errors, np.zeros(2000), truth, days, days + 1, (0.9,), step=step)[0]  # type: ignore[index]
        for step in (0.01, 0.0)
    )
    assert fixed.coverage < 0.65
    assert adaptive.coverage == pytest.approx(0.9, abs=0.02)


def test_an_outcome_moves_no_earlier_interval() -> None:
    """Other outcomes from a date on change only the radii after it."""
    draws = np.random.default_rng(1)
    errors, truth, days = draws.normal(size=99), draws.normal(size=60), np.repeat(np.arange(30), 2)
    other = np.where(days >= 12, 50.0, truth)
    radii = [
        conformal_intervals(errors, np.zeros(60), t, days, days + 3, (0.9,))[0].radii  # type: ignore[index]
        for t in (truth, other)
    ]
    assert radii[0][:15] == radii[1][:15]
    assert radii[0][15] < radii[1][15]


@pytest.mark.parametrize(("n", "levels"), [(0, ()), (1, (0.5,)), (8, (0.5,)), (9, (0.9, 0.5))])
def test_a_level_needs_enough_errors(n: int, levels: tuple[float, ...]) -> None:
    """90 % needs nine errors and 50 % one; other levels are left out, with a reason if all are."""
    found = conformal_intervals(
        np.arange(n) + 1.0, np.zeros(4), np.zeros(4), DATES, DATES + 1, LEVELS
    )
    if levels:
        assert not isinstance(found, NotComputed)
        assert tuple(interval.nominal for interval in found) == levels
    else:
        assert found == NotComputed("0 validation errors are too few for 50%")


def test_missing_errors_are_ignored() -> None:
    """A missing validation error changes neither radius nor count."""
    errors = np.arange(1, 20) / 10
    holey = np.concatenate([errors, [np.nan, np.inf]])
    arguments = np.zeros(4), np.ones(4), DATES, DATES + 1, LEVELS
    assert conformal_intervals(holey, *arguments) == conformal_intervals(errors, *arguments)


def test_coverage_is_what_was_promised_on_exchangeable_errors() -> None:
    """Over many samples, coverage is the nominal level or slightly more."""
    draws = np.random.default_rng(0)
    coverage = []
    for _ in range(300):
        errors, truth = draws.standard_t(3, size=39), draws.standard_t(3, size=200)
        found = conformal_intervals(
            errors, np.zeros(200), truth, np.arange(200), np.arange(200) + 1, LEVELS, step=0.0
        )
        assert isinstance(found, tuple)
        coverage.append([interval.coverage for interval in found])
    np.testing.assert_allclose(np.mean(coverage, axis=0), [0.9, 0.5], atol=0.015)


@pytest.mark.parametrize(("n", "percent"), [(9, 90), (19, 90), (99, 55), (99, 14), (199, 58)])
def test_ranks_are_exact(n: int, percent: int) -> None:
    """Where (n + 1) x level is whole, it is the rank, though 100 x 0.55 is a little above 55."""
    found = conformal_intervals(
        np.arange(1.0, n + 1), np.zeros(4), np.zeros(4), DATES, DATES + 1, (percent / 100,)
    )
    assert isinstance(found, tuple)
    assert found[0].radii[0] == (n + 1) * percent // 100
