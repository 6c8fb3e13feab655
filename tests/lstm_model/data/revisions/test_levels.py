"""Factors between two versions of a series."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstm_model.data.revisions.levels import find_levels


def levels_of(ratio: list[float], tolerance: float = 1e-4) -> list[float]:
    values = np.array(ratio)
    return find_levels(values, np.full(len(values), tolerance)).tolist()


@pytest.mark.parametrize(
    ("ratio", "levels"),
    [
        ([0.0] * 8, [0.0] * 8),
        ([-1.0] * 8, [-1.0] * 8),
        ([-1.0] * 5 + [0.0] * 5, [-1.0] * 5 + [0.0] * 5),
        ([-3.0] * 5 + [-1.0] * 5 + [0.0] * 5, [-3.0] * 5 + [-1.0] * 5 + [0.0] * 5),
        ([0.0] * 5 + [0.5] + [0.0] * 5, [0.0] * 11),
        ([0.0] * 5 + [0.5, 0.5] + [0.0] * 5, [0.0] * 12),
        ([-1.0] * 5 + [0.5] + [-1.0] * 5 + [0.0] * 3, [-1.0] * 11 + [0.0] * 3),
        ([-1.0] * 6 + [np.nan] * 3 + [0.0] * 3, [-1.0] * 6 + [0.0] * 6),
        ([np.nan] * 4, [0.0] * 4),
        ([], []),
    ],
    ids=[
        "nothing", "everything", "a step", "two steps", "one corrected bar", "two corrected bars",
        "a corrected bar below a step", "nulls at the step", "only nulls", "no bar",
    ],
)  # fmt: skip
def test_levels(ratio: list[float], levels: list[float]) -> None:
    """A factor that holds is a level; bars that stand alone are not."""
    assert levels_of(ratio) == levels


@given(
    st.lists(st.integers(3, 40), min_size=1, max_size=4),
    st.integers(0, 2**32 - 1),
    st.floats(1e-5, 1e-3),
)
def test_steps_are_found_within_rounding(lengths: list[int], seed: int, tolerance: float) -> None:
    """Steps far over the rounding are found, and each level to the rounding."""
    draws = np.random.default_rng(seed)
    steps = np.repeat(np.arange(len(lengths))[::-1], lengths)
    true = -20 * tolerance * steps
    ratio = true + draws.uniform(-tolerance, tolerance, len(true))
    found = np.array(find_levels(ratio, np.full(len(true), tolerance)))
    assert np.abs(found - true).max() <= 3 * tolerance
