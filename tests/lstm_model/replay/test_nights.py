"""Claims about the nights of a replay: their dates, and which outcomes may judge them."""

import datetime as dt

import numpy as np
import pytest

from lstm_model.errors import ConfigError
from lstm_model.replay.nights import JUDGED, ReplaySamples, replay_days

from .conftest import NightMaker


def test_every_kth_day_with_bars() -> None:
    """Nights are every k-th day with bars of the span, the first one included."""
    days = np.array([0, 1, 1, 4, 5, 6, 7, 20])
    found = replay_days(days, dt.date(1970, 1, 2), dt.date(1970, 1, 9), 2)
    assert found == (1, 5, 7)


@pytest.mark.parametrize(("last", "every"), [("1970-01-02", 1), ("1970-01-09", 50)])
def test_fewer_than_two_nights_are_refused(last: str, every: int) -> None:
    """One night is no replay."""
    with pytest.raises(ConfigError, match=r"needs two nights or more but .* has 1; widen"):
        replay_days(np.arange(20), dt.date(1970, 1, 2), dt.date.fromisoformat(last), every)


def test_only_what_was_known_and_not_learnt_judges(
    samples: ReplaySamples, make_night: NightMaker
) -> None:
    """An outcome counts from the night's own test block on, once its truth was known."""
    night = make_night(300, 1.0)
    known = night.day
    found = night.judged_outcomes(samples, JUDGED, night.test_start - 50, known)
    assert found.days.tolist() == list(range(night.test_start, night.day))
    later = night.judged_outcomes(samples, JUDGED, night.day - 5, known)
    assert later.days.tolist() == list(range(night.day - 5, night.day))
