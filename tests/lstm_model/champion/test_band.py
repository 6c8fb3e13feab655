"""Claims about the band: its coverage, its symmetry, and that live errors move it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstm_model.champion.band import NEWEST, band
from lstm_model.model.judged_errors import JudgedErrors

NONE = JudgedErrors(np.empty(0, dtype=np.int64), np.empty(0))


def errors(values: np.ndarray, first: int = 0) -> JudgedErrors:
    return JudgedErrors(first + np.arange(len(values)), values)


def test_bounds_are_order_statistics() -> None:
    """Of 99 errors 5 % each lie outside: the 5th lowest and the 5th highest are the bounds."""
    found = band(errors(np.random.default_rng(0).permutation(99).astype(float)), NONE, 0.9)
    assert found is not None
    assert (found.below, found.above, found.coverage) == (4.0, 94.0, 0.9)


@given(st.integers(0, 200), st.sampled_from([0.5, 0.8, 0.9]))
def test_mirrored_errors_mirror_the_band(seed: int, coverage: float) -> None:
    """Errors of the other sign swap the two bounds and their signs."""
    values = np.random.default_rng(seed).normal(size=60)
    found, mirrored = band(errors(values), NONE, coverage), band(errors(-values), NONE, coverage)
    assert found is not None
    assert mirrored is not None
    assert (mirrored.below, mirrored.above) == (-found.above, -found.below)


def test_it_covers_what_it_says() -> None:
    """Of new draws from the same errors the promised share lies inside, within 1.5 points."""
    draws = np.random.default_rng(1)
    inside = []
    for _ in range(2000):
        values = draws.gamma(2.0, size=101)
        found = band(errors(values[:-1]), NONE, 0.9)
        assert found is not None
        inside.append(found.below <= values[-1] <= found.above)
    assert np.mean(inside) == pytest.approx(0.9, abs=0.015)


def test_too_few_errors_make_no_band() -> None:
    """90 % need 19 errors."""
    assert band(errors(np.ones(18)), NONE, 0.9) is None
    assert band(errors(np.ones(19)), NONE, 0.9) is not None
    assert band(NONE, NONE, 0.9) is None


def test_live_errors_re_centre_it() -> None:
    """A bias that came with live dates moves both bounds, and all of it once they are 500."""
    values = np.random.default_rng(2).normal(size=NEWEST)
    judged = errors(values)
    half = band(judged, errors(values[: NEWEST // 2] + 1, first=NEWEST), 0.8)
    whole = band(judged, errors(values + 1, first=NEWEST), 0.8)
    before = band(judged, NONE, 0.8)
    assert before is not None
    assert half is not None
    assert whole is not None
    assert before.below < half.below < whole.below == pytest.approx(before.below + 1)
    assert before.above < half.above <= whole.above == pytest.approx(before.above + 1)


def test_a_live_day_replaces_the_judged_one() -> None:
    """A day that was judged and forecast live counts once, as it came live."""
    judged = errors(np.zeros(30))
    found = band(judged, JudgedErrors(np.arange(30), np.full(30, 2.0)), 0.9)
    assert found is not None
    assert (found.below, found.above) == (2.0, 2.0)


@pytest.mark.parametrize(("days", "values"), [([2, 1], [0.0, 0.0]), ([1], [np.nan])])
def test_errors_of_no_series_are_refused(days: list[int], values: list[float]) -> None:
    """Days that go back, and errors that are not finite."""
    with pytest.raises(ValueError, match="errors must"):
        JudgedErrors(np.array(days), np.array(values))
