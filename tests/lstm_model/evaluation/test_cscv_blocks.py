"""Squared errors by block of time."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lstm_model.evaluation.cscv_blocks import BLOCKS, losses_by_block


def test_blocks_are_equal_runs_of_dates() -> None:
    """32 dates make 16 blocks of two dates, each the mean over all samples of its dates."""
    dates = np.repeat(np.arange(32), 3)
    errors = np.arange(96.0)
    assert losses_by_block(errors, dates) == tuple(errors.reshape(16, 6).mean(axis=1))


@given(st.integers(BLOCKS, 200), st.integers(0, 10))
def test_no_sample_is_lost(days: int, seed: int) -> None:
    """Weighted by their dates, the block means give the overall mean; no block is empty."""
    draws = np.random.default_rng(seed)
    dates = np.arange(days)[draws.permutation(days)]
    errors = draws.random(days)
    losses = losses_by_block(errors, dates)
    counts = np.bincount(np.arange(days) * BLOCKS // days)
    np.testing.assert_allclose(np.average(losses, weights=counts), errors.mean())


def test_too_few_dates_give_none() -> None:
    """Fewer dates than blocks give nothing."""
    assert losses_by_block(np.ones(15), np.arange(15)) == ()
