"""Claims about paired losses: the same dates for all."""

import numpy as np
import pytest

from lstm_model.champion.paired import DatedLosses, LossPair, PairedLosses


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
    with pytest.raises(ValueError, match="losses of the same dates"):
        LossPair(some, other)
