"""Claims about the choice: best, cheapest as good as the best, and what nothing beats."""

from hypothesis import given
from hypothesis import strategies as st

from lstm_model.search.best_trial import (
    Candidate,
    best_by_loss,
    cheapest_within_one_error,
    pareto_front,
)

CANDIDATES = st.lists(
    st.tuples(st.floats(0, 10), st.floats(0, 1), st.floats(0.1, 100)), min_size=1, max_size=12
).map(lambda rows: [Candidate(n, *row) for n, row in enumerate(rows)])


def test_cheapest_within_one_error_of_the_best() -> None:
    """A loss within one standard error of the best counts as equal, and the faster is taken."""
    slow = Candidate(0, loss=1.00, standard_error=0.05, seconds=60.0)
    fast = Candidate(1, loss=1.04, standard_error=0.01, seconds=10.0)
    faster = Candidate(2, loss=1.06, standard_error=9.0, seconds=1.0)
    assert cheapest_within_one_error([slow, fast, faster]) == fast
    assert best_by_loss([fast, slow, faster]) == slow


def test_equal_losses_go_to_the_lower_number() -> None:
    """A tie does not depend on the order in which trials finished."""
    first, second = Candidate(3, 1.0, 0.0, 5.0), Candidate(7, 1.0, 0.0, 5.0)
    assert best_by_loss([second, first]) == cheapest_within_one_error([second, first]) == first


@given(CANDIDATES)
def test_the_front_is_what_nothing_beats(candidates: list[Candidate]) -> None:
    """Whatever is not on the front is beaten or equalled in both by something that is."""
    front = pareto_front(candidates)
    for candidate in candidates:
        beaten = any(f.loss <= candidate.loss and f.seconds <= candidate.seconds for f in front)
        assert beaten
    for one in front:
        assert not any(o.loss < one.loss and o.seconds < one.seconds for o in candidates)


@given(CANDIDATES)
def test_the_chosen_is_never_slower_than_the_best(candidates: list[Candidate]) -> None:
    """The rule trades loss for seconds in one direction only."""
    chosen, best = cheapest_within_one_error(candidates), best_by_loss(candidates)
    assert chosen.seconds <= best.seconds
    assert chosen.loss <= best.loss + best.standard_error
