"""Claims about groups of bars."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstm_model.explain.lag_groups import lag_groups, single_lags


@pytest.mark.parametrize(
    ("length", "names"),
    [
        (1, ["last bar"]),
        (2, ["last bar", "bar 2"]),
        (4, ["last bar", "bars 2-4"]),
        (6, ["last bar", "bars 2-5", "bar 6"]),
        (22, ["last bar", "bars 2-5", "bars 6-22"]),
        (60, ["last bar", "bars 2-5", "bars 6-22", "older bars"]),
    ],
)
def test_the_groups_are_a_day_a_week_and_a_month(length: int, names: list[str]) -> None:
    """A short window has fewer groups, named by what they hold."""
    assert [group.name for group in lag_groups(length)] == names


@given(length=st.integers(1, 300))
def test_each_bar_is_in_one_group(length: int) -> None:
    """Groups follow each other from the last bar to the oldest, whether single or not."""
    for groups in (lag_groups(length), single_lags(length)):
        bars = [bar for g in groups for bar in range(g.newest, g.oldest + 1)]
        assert bars == list(range(1, length + 1))
        assert len({group.name for group in groups}) == len(groups)


def test_bars_of_a_short_window_stand_alone() -> None:
    """Up to ten bars each bar is a group of its own."""
    assert len(single_lags(10)) == 10
    assert single_lags(11) == lag_groups(11)
