"""Claims about walk-forward folds: they expand, do not overlap, and never look ahead."""

import numpy as np
import pytest

from lstm_model.data.views import ChronoSplit
from lstm_model.data.walk_forward import walk_forward
from lstm_model.errors import SplitError


@pytest.mark.parametrize("purge", [1, 10])
def test_folds_train_on_the_past_of_what_they_validate_on(
    sp500_split: ChronoSplit, purge: int
) -> None:
    """Train labels end before validation begins, with `purge` sessions between; train expands."""
    view = sp500_split.search
    folds = walk_forward(view, 4, purge)
    for fold in folds:
        start = view.rows.dates[fold.validation].min()
        assert view.rows.label_ends[fold.train].max() < start
        assert fold.validation.min() - fold.train.max() > purge
    sizes = [len(fold.train) for fold in folds]
    assert sizes == sorted(set(sizes))


def test_validation_blocks_tile_the_second_half(sp500_split: ChronoSplit) -> None:
    """Every sample of the second half is in one validation block, in order; no test sample is."""
    view = sp500_split.search
    folds = walk_forward(view, 4, 1)
    validated = np.concatenate([fold.validation for fold in folds])
    assert (np.diff(validated) > 0).all()
    samples = np.sort(np.concatenate([view.train, view.validation]))
    np.testing.assert_array_equal(validated, samples[len(samples) - len(validated) :])
    assert len(validated) == pytest.approx(len(samples) / 2, abs=1)


def test_too_many_folds_are_refused(sp500_split: ChronoSplit) -> None:
    """Folds of fewer than 20 samples are refused with the key to change."""
    with pytest.raises(SplitError, match=r"folds needs >= 20 samples.*lower search\.folds"):
        walk_forward(sp500_split.search, 500, 1)
