"""Claims about the race of the references."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstm_model.model.race import Heat, highest_loss_of_a_seed, within


def test_another_seed_is_rarely_above_the_limit() -> None:
    """Of draws from the same normal distribution one more exceeds the limit in 2.5 %."""
    draws = np.random.default_rng(0)
    samples = draws.normal(0.5, 0.01, size=(4000, 6))
    above = [row[5] > highest_loss_of_a_seed(row[:5].tolist()) for row in samples]
    assert np.mean(above) == pytest.approx(0.025, abs=0.0075)


def test_one_seed_excludes_nothing() -> None:
    """With a single seed nothing is known of the spread."""
    assert math.isinf(highest_loss_of_a_seed([0.5]))


def test_the_first_that_fit_run() -> None:
    """One that does not fit is passed over with its reason, and a cheaper one behind it runs."""
    found = within({"balanced": 0.6, "large": 1.5, "minimal": 0.2}, 1.0)
    reason = (
        "it needs 1.5 times the work of the search, and 0.4 is left of evaluation.reference_budget"
    )
    assert found == Heat(("balanced", "minimal"), {"large": reason})


@pytest.mark.parametrize("left", [0.0, -3.0])
def test_without_a_budget_nobody_runs(left: float) -> None:
    """A budget of zero, or one that is overspent, lets nothing run."""
    assert "and 0 is left of evaluation.reference_budget" in within({"a": 1.0}, left).out["a"]


@given(st.dictionaries(st.text(min_size=1), st.floats(0, 100), max_size=6), st.floats(0, 200))
def test_the_budget_is_kept(work: dict[str, float], budget: float) -> None:
    """Everyone runs or has a reason, and those who run fit the budget together."""
    found = within(work, budget)
    assert set(found.running) | set(found.out) == set(work)
    assert sum(work[name] for name in found.running) <= budget * (1 + 1e-12)
