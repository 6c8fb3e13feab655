"""Claims about pruning: limits come only from earlier curves, and match the cited papers."""

import numpy as np
import pytest

from lstm_model.search.pruning import hyperband_limits, is_clearly_worse, median_limits

CURVES = [{epoch: loss / epoch for epoch in range(1, 10)} for loss in (1.0, 2.0, 3.0, 4.0, 5.0)]


def test_median_limits_are_medians_between_warm_up_and_end() -> None:
    """Epochs 3 .. last - 1 have the median of the earlier trials; the others have no limit."""
    assert median_limits(CURVES, 6) == {3: 1.0, 4: 0.75, 5: pytest.approx(0.6)}


def test_median_waits_for_five_trials_that_got_so_far() -> None:
    """A trial that was pruned early does not count for the epochs it did not reach."""
    short = [{1: 9.0, 2: 9.0}]
    assert median_limits(CURVES[:4] + short, 6) == {}
    assert median_limits([], 6) == {}


@pytest.mark.parametrize(
    ("number", "rungs"), [(0, [1, 3, 9]), (1, [3, 9]), (2, [9]), (3, []), (4, [1, 3, 9])]
)
def test_hyperband_brackets_take_turns(number: int, rungs: list[int]) -> None:
    """Brackets begin at 1, 3, 9, ... epochs, and the last prunes nothing."""
    curves = [{epoch: loss / epoch for epoch in range(1, 20)} for loss in (1.0, 2.0, 3.0)]
    assert list(hyperband_limits(curves, number, 20)) == rungs


def test_hyperband_keeps_the_best_third() -> None:
    """The limit is the worst loss of the best third that reached the rung."""
    curves = [{1: loss} for loss in (6.0, 5.0, 4.0, 3.0, 2.0, 1.0)]
    assert hyperband_limits(curves, 0, 5) == {1: 2.0}
    assert hyperband_limits(curves[:2], 0, 5) == {}


@pytest.mark.parametrize(
    ("folds", "worse"),
    [
        ([2.0], False),
        ([2.0, 2.1, 2.2], False),
        ([2.0, 2.1, 2.2, 2.3], True),
        ([0.5, 2.1, 2.2, 2.3], False),
        ([1.0, 1.0, 1.0, 1.0], False),
        ([0.5, 0.4, 0.3, 0.2], False),
    ],
)
def test_four_lost_folds_are_enough(folds: list[float], worse: bool) -> None:
    """In the exact test four losses in four folds have p = 1/16; three in three have p = 1/8."""
    assert is_clearly_worse(folds, [1.0] * 5) is worse


def test_without_a_best_trial_nothing_is_worse() -> None:
    """The first generation has nothing to be compared with."""
    assert not is_clearly_worse(list(np.arange(5.0)), ())
