"""Claims about the verdict: the sentence of each case."""

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
    """Judge a model with an error of 1 against these."""
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
            "(Diebold-Mariano, one-sided p < 0.001). This is rare for returns: look for a "
            "leak before trusting it.",
        ),
        (
            1.0005,
            0.3,
            False,
            "No significant skill: the model's squared error is less than 0.1% below that of "
            "train_mean, but the difference is not significant (Diebold-Mariano, one-sided "
            "p = 0.300). This is the usual result for returns.",
        ),
        (
            0.99,
            0.7,
            False,
            "No skill: the model's squared error is 1.0% above that of train_mean "
            "(Diebold-Mariano, one-sided p = 0.700). This is the usual result for returns.",
        ),
        (
            0.5,
            0.99,
            False,
            "No skill: the model's squared error is 100.0% above that of train_mean, and the "
            "difference is significant (Diebold-Mariano, one-sided p = 0.990). This is the usual "
            "result for returns.",
        ),
        (
            2.0,
            too_short(12),
            None,
            "Whether the model has skill could not be determined: the model's squared error is "
            "50.0% below that of train_mean, but the difference was not tested (not computed: "
            "n = 12 < 30).",
        ),
        (
            1.0,
            NotComputed("the losses are equal"),
            None,
            "Whether the model has skill could not be determined: the model's squared error is "
            "equal to that of train_mean, but the difference was not tested (not computed: the "
            "losses are equal).",
        ),
    ],
    ids=["skill", "lower", "higher", "worse", "short", "equal"],
)
def test_skill_of_returns(mse: float, p: Measured, skill: bool | None, sentence: str) -> None:
    """A significantly lower error is skill; every other case is described as what it is."""
    found = verdict(beside("train_mean", mse, p))
    assert (found.has_skill, found.skill) == (skill, sentence)
    assert found.search_paid is None
    assert found.search.endswith("there is no reference to compare with.")


def test_a_benchmark_without_error() -> None:
    """Against a forecast without error there is no percentage to report."""
    found = verdict(beside("train_mean", 0.0, 1.0))
    assert "the model's squared error is above that of train_mean" in found.skill


def test_volatility_is_also_compared_with_persistence() -> None:
    """The benchmark decides; persistence is reported in addition."""
    found = verdict(
        beside("har", 0.98, 0.8), beside("persistence", 1.5, 0.0001), is_volatility=True
    )
    assert found.has_skill is False
    assert found.skill == (
        "No skill: the model's squared error is 2.0% above that of har (Diebold-Mariano, one-sided "
        "p = 0.800). Also, the model's squared error is 33.3% below that of persistence "
        "(Diebold-Mariano, one-sided p < 0.001)."
    )


@pytest.mark.parametrize(
    ("mse", "p", "paid", "opening"),
    [
        (1.1, 0.01, True, "The search was worth it: "),
        (1.1, 0.2, False, "The search was not shown to be worth it: "),
        (0.9, 0.9, False, "The search was not shown to be worth it: "),
        (1.1, too_short(3), None, "Whether the search was worth it could not be determined: "),
    ],
)
def test_the_search_against_the_best_reference(
    mse: float, p: Measured, paid: bool | None, opening: str
) -> None:
    """The search was worth it if its winner is significantly better."""
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
        ({"model": 1.0}, " Only the model is in the 90% model confidence set."),
        ({"example 2": 1.0}, " Only example 2 is in the 90% model confidence set."),
        (too_short(3), "(Diebold-Mariano, one-sided p = 0.200)."),
    ],
)
def test_the_confidence_set_is_named(
    p_values: dict[str, float] | NotComputed, sentence: str
) -> None:
    """If there is a confidence set, the sentence says which of the two is in it."""
    found = verdict(
        beside("train_mean", 1.2, 0.01),
        beside("example 2", 1.1, 0.2),
        best_reference="example 2",
        in_set=ConfidenceSet(0.10, p_values),
    )
    assert found.search.endswith(sentence)


def test_a_search_that_selects_a_reference() -> None:
    """If the winner has the configuration of a reference, the search was not needed."""
    found = verdict(
        beside("train_mean", 1.2, 0.01),
        beside("example 2", 1.1, 0.01),
        best_reference="example 2",
        equals_reference="example 2",
    )
    assert found.search_paid is False
    assert found.search == "The search was not needed: it selected the configuration of example 2."


def test_a_search_that_selects_the_only_reference() -> None:
    """The same sentence is used if no other reference is left to compare with."""
    found = verdict(beside("train_mean", 1.2, 0.01), equals_reference="balanced")
    assert found.search == "The search was not needed: it selected the configuration of balanced."
