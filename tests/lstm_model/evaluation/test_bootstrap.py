"""Claims about the stationary bootstrap."""

import math

import numpy as np
import pytest
from arch.bootstrap import StationaryBootstrap, optimal_block_length

from lstm_model.evaluation.bootstrap import block_length, stationary_samples


def test_blocks_wrap_around_and_have_the_requested_length() -> None:
    """A day follows the day before it or starts a block; blocks are 8 days long on average."""
    days = stationary_samples(500, 400, 8, seed=0)
    assert days.shape == (400, 500)
    assert days.min() == 0
    assert days.max() == 499
    goes_on = (np.diff(days, axis=1) % 500) == 1
    assert 1 / (1 - goes_on.mean()) == pytest.approx(8, rel=0.03)


def test_every_day_is_equally_likely() -> None:
    """Blocks wrap around the end, so the first and last days are drawn as often as others."""
    counts = np.bincount(stationary_samples(20, 20_000, 5, seed=1).ravel())
    np.testing.assert_allclose(counts / counts.sum(), 1 / 20, rtol=0.06)


def test_the_mean_varies_as_in_arch() -> None:
    """On a persistent series the resampled mean has the spread that arch's bootstrap gives it."""
    draws = np.random.default_rng(2).normal(size=330)
    series = np.convolve(draws, 0.8 ** np.arange(30), mode="valid")[:300]
    own = series[stationary_samples(300, 4000, 12, seed=3)].mean(axis=1).std()
    theirs = StationaryBootstrap(12, series, seed=4).apply(np.mean, 4000).std()
    alone = series[stationary_samples(300, 4000, 1, seed=3)].mean(axis=1).std()
    assert own == pytest.approx(theirs, rel=0.06)
    assert own > 1.5 * alone


def test_the_seed_decides() -> None:
    """The same seed draws the same days; another seed draws others."""
    first, again, other = (stationary_samples(50, 3, 4, seed=s) for s in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_block_length_is_archs_for_the_most_persistent() -> None:
    """Of several series the longest block counts, rounded up; constant ones are ignored."""
    draws = np.random.default_rng(5).normal(size=(400, 2))
    slow = np.convolve(draws[:, 0], np.ones(15), mode="same")
    expected = optimal_block_length(slow)["stationary"].iloc[0]
    columns = np.column_stack([draws[:, 1], slow, np.full(400, 3.0)])
    assert block_length(columns) == math.ceil(expected)
    assert block_length(slow[:, None]) > block_length(draws[:, 1:]) >= 1


def test_block_length_is_always_there() -> None:
    """Series on which the rule fails get the square root of n; constant ones get 1."""
    assert block_length(np.zeros((100, 2))) == 1
    spike = np.zeros((100, 1))
    spike[0] = 1.0
    assert 1 <= block_length(spike) <= 10
