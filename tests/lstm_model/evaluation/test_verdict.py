"""Claims about the verdict: each case has its sentence."""

import pytest

from lstm_model.evaluation.comparison import Comparison
from lstm_model.evaluation.measured import Measured, NotComputed, Statistic, too_short
from lstm_model.evaluation.metrics import Metrics
from lstm_model.evaluation.multiple_testing import ConfidenceSet
from lstm_model.evaluation.verdict import Verdict, judge

NONE = NotComputed("not asked")
IN_SET = ConfidenceSet(0.10, {"model": 1.0, "example 2": 0.4})


def metrics(mse: float) -> Metrics:
    return Metrics(mse, mse**0.5, mse, *[NONE] * 8)


def beside(name: str, mse: float, better_p: Measured) -> Comparison:
    return Comparison(name, metrics(mse), Statistic(0.0, 1.0), better_p, NONE)


def verdict(
    *comparisons: Comparison,
    is_volatility: bool = False,
    best_reference: str | None = None,
    equals_reference: str | None = None,
    in_set: ConfidenceSet = IN_SET,
) -> Verdict:
    """Judge a model whose error is 1 against these."""
    return judge(
        metrics(1.0),
        comparisons,
        comparisons[0].name,
        in_set,
        is_volatility=is_volatility,
        best_reference=best_reference,
        equals_reference=equals_reference,
    )


@pytest.mark.parametrize(
    ("mse", "p", "skill", "sentence"),
    [
        (
            1.25,
            0.0004,
            True,
            "The model has skill: the model's squared error is 20.0% below that of train_mean "
            "(Diebold-Mariano, one-sided p < 0.001). For returns that is rare: look for a leak "
            "before trusting it.",
        ),
        (
            1.0005,
            0.3,
            False,
            "No skill is shown: the model's squared error is less than 0.1% below that of "
            "train_mean, which is not distinguishable from chance (Diebold-Mariano, one-sided "
            "p = 0.300). For returns that is the usual answer.",
        ),
        (
            0.99,
            0.7,
            False,
            "No skill: the model's squared error is 1.0% above that of train_mean "
            "(Diebold-Mariano, one-sided p = 0.700). For returns that is the usual answer.",
        ),
        (
            0.5,
            0.99,
            False,
            "No skill: the model's squared error is 100.0% above that of train_mean, and that is "
            "not chance (Diebold-Mariano, one-sided p = 0.990). For returns that is the usual "
            "answer.",
        ),
        (
            2.0,
            too_short(12),
            None,
            "Whether the model has skill cannot be said: the model's squared error is 50.0% below "
            "that of train_mean, and no test says more (not computed: n = 12 < 30).",
        ),
        (
            1.0,
            NotComputed("the losses are equal"),
            None,
            "Whether the model has skill cannot be said: the model's squared error is equal to "
            "that of train_mean, and no test says more (not computed: the losses are equal).",
        ),
    ],
    ids=["skill", "lower", "higher", "worse", "short", "equal"],
)
def test_skill_of_returns(mse: float, p: Measured, skill: bool | None, sentence: str) -> None:
    """Lower and certain is skill; lower, higher, and what has no test are said to be that."""
    found = verdict(beside("train_mean", mse, p))
    assert (found.has_skill, found.skill) == (skill, sentence)
    assert found.search_paid is None
    assert found.search.endswith("there is no reference.")


def test_a_benchmark_without_error() -> None:
    """Against a perfect forecast there is no share to name."""
    found = verdict(beside("train_mean", 0.0, 1.0))
    assert "the model's squared error is above that of train_mean" in found.skill


def test_volatility_is_held_against_persistence_too() -> None:
    """The benchmark decides, and persistence is named beside it."""
    found = verdict(
        beside("har", 0.98, 0.8), beside("persistence", 1.5, 0.0001), is_volatility=True
    )
    assert found.has_skill is False
    assert found.skill == (
        "No skill: the model's squared error is 2.0% above that of har (Diebold-Mariano, one-sided "
        "p = 0.800). And the model's squared error is 33.3% below that of persistence "
        "(Diebold-Mariano, one-sided p < 0.001)."
    )


@pytest.mark.parametrize(
    ("mse", "p", "paid", "opening"),
    [
        (1.1, 0.01, True, "The search was worth it: "),
        (1.1, 0.2, False, "The search was not shown to be worth it: "),
        (0.9, 0.9, False, "The search was not shown to be worth it: "),
        (1.1, too_short(3), None, "Whether the search was worth it cannot be said: "),
    ],
)
def test_the_search_against_the_best_reference(
    mse: float, p: Measured, paid: bool | None, opening: str
) -> None:
    """The search was worth it where its winner is better for certain."""
    benchmark = beside("train_mean", 1.2, 0.01)
    found = verdict(benchmark, beside("example 2", mse, p), best_reference="example 2")
    assert found.search_paid is paid
    assert found.search.startswith(opening)
    assert "that of example 2, the best reference on validation" in found.search


@pytest.mark.parametrize(
    ("p_values", "sentence"),
    [
        ({"model": 1.0, "example 2": 0.4}, " Both are in the 90% model confidence set."),
        ({"model": 0.01, "example 2": 0.1}, " Neither is in the 90% model confidence set."),
        ({"model": 1.0}, " The model alone of the two is in the 90% model confidence set."),
        ({"example 2": 1.0}, " example 2 alone of the two is in the 90% model confidence set."),
        (too_short(3), "(Diebold-Mariano, one-sided p = 0.200)."),
    ],
)
def test_the_confidence_set_is_named(
    p_values: dict[str, float] | NotComputed, sentence: str
) -> None:
    """Which of the two is in the set is said, where there is one."""
    found = verdict(
        beside("train_mean", 1.2, 0.01),
        beside("example 2", 1.1, 0.2),
        best_reference="example 2",
        in_set=ConfidenceSet(0.10, p_values),
    )
    assert found.search.endswith(sentence)


def test_a_search_that_ends_at_a_reference() -> None:
    """Where the winner is a reference's own configuration the search was not needed."""
    found = verdict(
        beside("train_mean", 1.2, 0.01),
        beside("example 2", 1.1, 0.01),
        best_reference="example 2",
        equals_reference="example 2",
    )
    assert found.search_paid is False
    assert found.search == "The search was not needed: it ended at a reference itself, example 2."


def test_a_search_that_ends_at_the_only_reference() -> None:
    """Where no other reference is left to compare with, it is said all the same."""
    found = verdict(beside("train_mean", 1.2, 0.01), equals_reference="balanced")
    assert found.search == "The search was not needed: it ended at a reference itself, balanced."
