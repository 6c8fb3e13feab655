"""Claims about the choice: the lowest loss, or the cheapest trial that is about as good."""

from hypothesis import given, settings
from hypothesis import strategies as st

from lstm_model.search.best_trial import best_by_loss, cheapest_within_one_error
from lstm_model.search.hyper_params import BALANCED
from lstm_model.search.trial import Trial


def completed(number: int, loss: float, standard_error: float, seconds: float) -> Trial:
    return Trial(number, "COMPLETE", BALANCED, loss, seconds=seconds, standard_error=standard_error)


ENDS = st.lists(
    st.tuples(st.floats(0, 10), st.floats(0, 1), st.floats(0.1, 100)), min_size=1, max_size=12
)


def test_cheapest_within_one_error_of_the_best() -> None:
    """A loss within one standard error of the best counts as equal; the faster trial is chosen."""
    slow = completed(0, loss=1.00, standard_error=0.05, seconds=60.0)
    fast = completed(1, loss=1.04, standard_error=0.01, seconds=10.0)
    faster = completed(2, loss=1.06, standard_error=9.0, seconds=1.0)
    assert cheapest_within_one_error([slow, fast, faster]) == fast
    assert best_by_loss([fast, slow, faster]) == slow


def test_equal_losses_go_to_the_lower_number() -> None:
    """A tie does not depend on the order in which trials finished."""
    first, second = completed(3, 1.0, 0.0, 5.0), completed(7, 1.0, 0.0, 5.0)
    assert best_by_loss([second, first]) == cheapest_within_one_error([second, first]) == first


@settings(deadline=None)
@given(ENDS)
def test_the_chosen_is_never_slower_than_the_best(ends: list[tuple[float, float, float]]) -> None:
    """The rule never chooses a trial that is slower than the best one."""
    trials = [completed(number, *end) for number, end in enumerate(ends)]
    chosen, best = cheapest_within_one_error(trials), best_by_loss(trials)
    assert chosen.seconds <= best.seconds
    assert chosen.loss is not None
    assert best.loss is not None
    assert chosen.loss <= best.loss + (best.standard_error or 0.0)
