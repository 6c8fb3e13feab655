"""Claims about counts from shares: binary rounding changes none, and `dates_needed` suffices."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lstm_model.data.scaling import KNOTS, _quantile_knots
from lstm_model.model.optimizer import warmup_steps
from lstm_model.search.hyper_params import HyperParams
from lstm_model.shares import block_starts, dates_needed, exact


@pytest.mark.parametrize(("share", "parts"), [(0.7, (7, 10)), (0.0001, (1, 10_000)), (1e-7, None)])
def test_a_share_is_the_decimal_it_is_written_as(
    share: float, parts: tuple[int, int] | None
) -> None:
    """0.7 is exactly seven tenths, and so is any decimal, small or long."""
    assert exact(share).as_integer_ratio() == (parts or (1, 10_000_000))


@settings(max_examples=500)
@given(st.integers(3, 20_000), st.integers(1, 9998), st.data())
def test_blocks_begin_at_the_nearest_date(dates: int, train: int, data: st.DataObject) -> None:
    """Both positions are within half a date of their shares, and even on a tie."""
    validation = data.draw(st.integers(1, 9999 - train))
    starts = block_starts(dates, train / 10_000, validation / 10_000)
    for start, ten_thousandths in zip(starts, (train, train + validation), strict=True):
        twice_too_far = 2 * (start * 10_000 - dates * ten_thousandths)
        assert abs(twice_too_far) <= 10_000 or start == dates - 1
        if twice_too_far == 10_000:
            assert start % 2 == 0


@pytest.mark.parametrize(
    ("dates", "starts"), [(45, (32, 38)), (100, (70, 85)), (325, (228, 276)), (1000, (700, 850))]
)
def test_half_a_date_goes_to_the_even_one(dates: int, starts: tuple[int, int]) -> None:
    """0.7 x 45 is 31.5 and goes to 32; the float product lies below the half and went to 31."""
    assert block_starts(dates, 0.7, 0.15) == starts


def test_default_blocks_begin_where_they_always_did() -> None:
    """From 300 dates on floats gave the same starts but for a date at 146 halves of 0.7."""
    moved = []
    for dates in range(300, 20_001):
        before = (round(dates * 0.7), round(dates * (0.7 + 0.15)))
        now = block_starts(dates, 0.7, 0.15)
        if now != before:
            moved.append(dates)
            assert now == (before[0] + 1, before[1])
            assert dates % 20 == 5
    assert (len(moved), moved[:3], moved[-1]) == (146, [325, 345, 365], 11_685)


@settings(max_examples=500)
@given(st.data(), st.integers(0, 60), st.integers(1, 40))
@example(None, 1, 20)
def test_the_dates_needed_hold_from_there_on(
    data: st.DataObject | None, purge: int, least: int
) -> None:
    """From the returned count on, every block has its dates; at one date fewer, one is short."""
    train = data.draw(st.integers(1, 98)) if data else 75
    validation = data.draw(st.integers(1, 99 - train)) if data else 10
    train, validation = train / 100, validation / 100

    def smallest(dates: int) -> int:
        first, second = block_starts(dates, train, validation)
        return min(first - purge, second - first - purge, dates - second)

    needed = dates_needed(train, validation, purge, least)
    assert smallest(needed - 1) < least
    assert min(smallest(dates) for dates in range(needed, needed + 250)) >= least


def test_shares_too_small_to_search_are_promised_enough() -> None:
    """If there are too many counts to try, the answer still suffices, and comes at once."""
    needed = dates_needed(0.5, 1e-12, 1, 20)
    first, second = block_starts(needed, 0.5, 1e-12)
    assert second - first - 1 >= 20


def test_a_warm_up_takes_its_share_of_the_steps() -> None:
    """Half a step rounds to even: 0.05 of 3 x 30 steps is 4.5, but more in floats."""
    params = HyperParams.from_mapping({"batch_size": 32, "warmup_share": 0.05})
    assert [warmup_steps(params, 32 * batches, 3) for batches in (29, 30, 31)] == [4, 4, 5]


@pytest.mark.parametrize("rows", [300, 257, 514, 1285, 19_532])
def test_knots_stand_at_whole_ranks(rows: int) -> None:
    """The k-th knot is the ceil(rows (k + 1/2) / KNOTS)-th smallest, also at a whole rank."""
    places = [-(-rows * (2 * k + 1) // (2 * KNOTS)) for k in range(KNOTS)]
    shuffled = np.random.default_rng(0).permutation(rows) + 1.0
    assert _quantile_knots(shuffled).tolist() == places
