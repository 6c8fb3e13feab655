"""Claims about numbers that may be missing, with a reason in their place."""

import math

import pytest

from lstm_model.evaluation.measured import Measured, NotComputed, show, too_short


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.23456, "1.235"),
        (0.0, "0"),
        (-math.inf, "-inf"),
        (NotComputed("the truth is constant"), "not computed: the truth is constant"),
        (too_short(12), "not computed: n = 12 < 30"),
    ],
)
def test_shown(value: Measured, text: str) -> None:
    """A number is shown with four digits, a missing one by its reason."""
    assert show(value) == text
