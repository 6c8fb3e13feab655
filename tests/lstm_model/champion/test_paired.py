"""Claims about paired losses: the same dates for all, live ones first."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstm_model.champion.paired import DatedLosses, PairedLosses, live_first


def losses(dates: list[int], value: float = 1.0) -> DatedLosses:
    return DatedLosses(np.array(dates, dtype=int), np.full(len(dates), value))


@pytest.mark.parametrize(
    ("dates", "values", "message"),
    [
        ([2, 1], [1.0, 1.0], "must ascend"),
        ([1, 1], [1.0, 1.0], "must ascend"),
        ([1, 2], [1.0, -0.1], "0 or more"),
        ([1, 2], [1.0, np.nan], "0 or more"),
    ],
)
def test_losses_of_no_series_are_refused(
    dates: list[int], values: list[float], message: str
) -> None:
    """Dates that repeat or go back, and losses below zero or NaN, are refused."""
    with pytest.raises(ValueError, match=message):
        DatedLosses(np.array(dates), np.array(values))


def test_unequal_dates_are_refused() -> None:
    """Losses of other dates, be it one, are not paired; the message has both spans."""
    some, other = losses([0, 1, 2]), losses([0, 1, 3])
    message = "3 dates from 1970-01-01 to 1970-01-04 is not 3 dates from 1970-01-01 to 1970-01-03"
    with pytest.raises(ValueError, match=f"the challenger's losses .*{message}"):
        PairedLosses(some, other, some)
    with pytest.raises(ValueError, match=r"the benchmark's losses .* no date is not"):
        PairedLosses(some, some, losses([]))


@given(st.sets(st.integers(0, 30)), st.sets(st.integers(0, 30)))
def test_a_date_takes_all_its_losses_from_one_place(live: set[int], block: set[int]) -> None:
    """Each date of either is there once; the live losses win, for all three forecasts together."""
    old, new = losses(sorted(block), 1.0), losses(sorted(live), 2.0)
    both = live_first(PairedLosses(new, new, new), PairedLosses(old, old, old))
    assert both.dates.tolist() == sorted(live | block)
    expected = [2.0 if day in live else 1.0 for day in sorted(live | block)]
    for found in (both.champion, both.challenger, both.benchmark):
        assert found.losses.tolist() == expected
