"""Claims about outcomes: only what all have is paired, and a day is live or of the block."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstm_model.champion.outcomes import Outcomes, dated_losses, pair

days = st.sets(st.integers(0, 30))


def outcomes(
    on: set[int], error: float = 1.0, tickers: tuple[str, ...] = ("X",), smearing: float = 0.0
) -> Outcomes:
    keys = [(ticker, day) for ticker in tickers for day in sorted(on)]
    return Outcomes(
        tuple(ticker for ticker, _ in keys),
        np.array([day for _, day in keys], dtype=np.int64),
        np.full(len(keys), error),
        smearing,
    )


@given(days, days, days, days, days)
def test_a_day_takes_all_its_losses_from_one_place(
    champion: set[int], challenger: set[int], benchmark: set[int], live: set[int], other: set[int]
) -> None:
    """The live losses of a day that both models have win; other days need a loss of all three."""
    rivals = pair(
        "log_return",
        outcomes(champion, 1.0),
        outcomes(challenger, 2.0),
        outcomes(benchmark, 3.0),
        outcomes(live, 4.0),
        outcomes(other, 5.0),
    )
    known = live & other & benchmark
    shared = (champion & challenger & benchmark) | known
    assert rivals.paired.dates.tolist() == sorted(shared)
    assert rivals.live == len(known)
    for losses, block, newer in (
        (rivals.paired.champion, 1.0, 16.0),
        (rivals.paired.challenger, 4.0, 25.0),
    ):
        expected = [newer if day in known else block for day in sorted(shared)]
        assert losses.losses.tolist() == expected
    assert set(rivals.paired.benchmark.losses.tolist()) <= {9.0}
    assert rivals.other == {}


def test_tickers_of_a_day_are_one_loss() -> None:
    """Of several tickers a day's loss is their mean, over those that all forecasts have."""
    both, one = outcomes({1, 2}, 1.0, ("X", "Y")), outcomes({1, 2}, 3.0, ("X",))
    assert pair("log_return", both, one, both).paired.champion.losses.tolist() == [1.0, 1.0]
    mixed = Outcomes(("X", "Y"), np.array([1, 1]), np.array([1.0, 3.0]))
    assert dated_losses(mixed).losses.tolist() == [5.0]


def test_volatility_has_a_second_loss() -> None:
    """QLIKE is of the variance: the error less each model's own smearing constant."""
    right, high = outcomes({1}, 0.5, smearing=0.5), outcomes({1}, 0.5, smearing=1.5)
    rivals = pair("log_volatility", right, high, right)
    assert rivals.other["QLIKE"].champion.losses.tolist() == [0.0]
    assert rivals.other["QLIKE"].challenger.losses == pytest.approx([np.expm1(-1) + 1])


def test_what_is_not_finite_or_double_does_not_count() -> None:
    """An error that is not finite is no outcome; two of a ticker and day are refused."""
    broken = Outcomes(("X", "X"), np.array([1, 2]), np.array([np.nan, 1.0]))
    assert pair("log_return", broken, broken, broken).paired.dates.tolist() == [2]
    with pytest.raises(ValueError, match="one outcome a day"):
        Outcomes(("X", "X"), np.array([1, 1]), np.ones(2))
