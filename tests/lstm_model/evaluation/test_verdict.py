"""Claims about the verdict: the sentence of each case."""

import pytest

from lstm_model.evaluation.comparison import Comparison, LossTest
from lstm_model.evaluation.losses import MSE, QLIKE
from lstm_model.evaluation.measured import Measured, NotComputed, Statistic, too_short
from lstm_model.evaluation.metrics import Metrics
from lstm_model.evaluation.multiple_testing import ConfidenceSet
from lstm_model.evaluation.verdict import Opponents, Verdict, judge

NONE = NotComputed("not asked")
IN_SET = ConfidenceSet(0.10, {"model": 1.0, "example 2": 0.4})
Result = tuple[Measured, Measured]
"""Ratio of the model's loss to the other's, and the one-sided p-value."""


def against(name: str, mse: Result, qlike: Result = (NONE, NONE)) -> tuple[str, Comparison]:
    mse_test, qlike_test = (LossTest(ratio, Statistic(0.0, 1.0), p) for ratio, p in (mse, qlike))
    metrics = Metrics(1.0, 1.0, 1.0, *[NONE] * 9)
    return name, Comparison(name, metrics, 5, mse_test, qlike_test, NONE, NONE, NONE)


def of_returns(
    *comparisons: tuple[str, Comparison],
    best_reference: str | None = None,
    equals_reference: str | None = None,
    in_set: ConfidenceSet = IN_SET,
    looks: int = 1,
) -> Verdict:
    """Judge a forecast of returns, whose benchmark, the first, is also the best baseline."""
    name, _ = comparisons[0]
    return judge(
        dict(comparisons),
        (MSE,),
        Opponents(name, name, looks),
        in_set,
        best_reference=best_reference,
        equals_reference=equals_reference,
    )


@pytest.mark.parametrize(
    ("ratio", "p", "skill", "sentence"),
    [
        (
            0.8,
            0.0004,
            True,
            "The model has skill: against train_mean, the best baseline on validation, MSE is "
            "20.0% lower (p < 0.001). The p-values are one-sided Diebold-Mariano. This is rare for "
            "returns: look for a leak before trusting it.",
        ),
        (
            0.9995,
            0.3,
            False,
            "No significant skill: against train_mean, the best baseline on validation, MSE is "
            "less than 0.1% lower (p = 0.300). The p-values are one-sided Diebold-Mariano. This is "
            "the usual result for returns.",
        ),
        (
            1.01,
            0.7,
            False,
            "No skill: against train_mean, the best baseline on validation, MSE is 1.0% higher "
            "(p = 0.700). The p-values are one-sided Diebold-Mariano. This is the usual result for "
            "returns.",
        ),
        (
            0.5,
            too_short(12),
            None,
            "Whether the model has skill could not be determined: against train_mean, the best "
            "baseline on validation, MSE is 50.0% lower (not tested: n = 12 < 30).",
        ),
        (
            1.0,
            NotComputed("the losses are equal"),
            False,
            "No skill: against train_mean, the best baseline on validation, MSE is equal (not "
            "tested: the losses are equal). The p-values are one-sided Diebold-Mariano. This is "
            "the usual result for returns.",
        ),
        (
            NotComputed("the other forecast has no error"),
            1.0,
            None,
            "Whether the model has skill could not be determined: against train_mean, the best "
            "baseline on validation, MSE is not comparable (the other forecast has "
            "no error).",
        ),
    ],
    ids=["skill", "lower", "higher", "short", "equal", "no error"],
)
def test_skill_of_returns(ratio: Measured, p: Measured, skill: bool | None, sentence: str) -> None:
    """A significantly lower error is skill; every other case is described as what it is."""
    found = of_returns(against("train_mean", (ratio, p)))
    assert (found.has_skill, found.skill) == (skill, sentence)
    assert found.search_paid is None
    assert found.search.endswith("there is no reference to compare with.")


WON, LOST, CLOSE, UNTESTED = (0.9, 0.01), (1.1, 0.9), (0.99, 0.2), (0.9, too_short(9))
EQUAL = (1.0, NotComputed("the losses are equal"))


@pytest.mark.parametrize(
    ("har", "rival", "skill", "opening"),
    [
        ((WON, WON), (WON, WON), True, "The model has skill: "),
        ((WON, WON), (CLOSE, LOST), False, "Only har is beaten, not har_linear, so the model is "),
        ((WON, WON), (WON, CLOSE), False, "Only har is beaten, not har_linear, so the model is "),
        ((WON, LOST), (WON, LOST), False, "Skill by MSE only, not by QLIKE: "),
        ((CLOSE, WON), (LOST, WON), False, "Skill by QLIKE only, not by MSE: "),
        ((CLOSE, CLOSE), (CLOSE, CLOSE), False, "No significant skill: "),
        ((CLOSE, CLOSE), (LOST, CLOSE), False, "No skill: "),
        ((LOST, LOST), (WON, WON), False, "No skill: "),
        ((WON, WON), (WON, UNTESTED), None, "Whether the model has skill could not be determined"),
        ((EQUAL, EQUAL), (LOST, LOST), False, "No skill: "),
        ((WON, UNTESTED), (LOST, UNTESTED), False, "No skill: "),
    ],
)
def test_skill_of_volatility(
    har: tuple[Result, Result], rival: tuple[Result, Result], skill: bool | None, opening: str
) -> None:
    """Skill is to beat HAR and the best baseline by both losses; less is said in those words."""
    found = judge(
        dict([against("har", *har), against("har_linear", *rival)]),
        (MSE, QLIKE),
        Opponents("har", "har_linear", looks=1),
        IN_SET,
        best_reference=None,
        equals_reference=None,
    )
    assert found.has_skill is skill
    assert found.skill.startswith(opening)
    assert ": against har, MSE is " in found.skill
    assert "; against har_linear, the best baseline on validation, MSE is " in found.skill
    assert found.skill.count("QLIKE is ") == 2


@pytest.mark.parametrize(("looks", "skill"), [(1, True), (4, True), (5, False), (250, False)])
def test_repeated_looks_need_a_lower_p(looks: int, skill: bool) -> None:
    """A p-value is multiplied by the nights that have looked at the block; the verdict says so."""
    found = of_returns(against("train_mean", (0.9, 0.01)), looks=looks)
    assert (found.has_skill, found.looks) == (skill, looks)
    assert (f"multiplied by {looks}, the number of nights" in found.skill) is (looks > 1)
    assert f"(p = {min(0.01 * looks, 1):.3f})" in found.skill


@pytest.mark.parametrize(
    ("ratio", "p", "paid", "opening"),
    [
        (0.9, 0.01, True, "The search was worth it: "),
        (0.9, 0.2, False, "The search was not shown to be worth it: "),
        (1.1, 0.9, False, "The search was not shown to be worth it: "),
        (0.9, too_short(3), None, "Whether the search was worth it could not be determined: "),
    ],
)
def test_the_search_against_the_best_reference(
    ratio: float, p: Measured, paid: bool | None, opening: str
) -> None:
    """The search was worth it if its winner is significantly better, whatever the looks."""
    benchmark = against("train_mean", (0.8, 0.01))
    found = of_returns(
        benchmark, against("example 2", (ratio, p)), best_reference="example 2", looks=99
    )
    assert found.search_paid is paid
    assert found.search.startswith(opening)
    assert "against example 2, the best reference on validation, MSE is " in found.search


@pytest.mark.parametrize(
    ("p_values", "sentence"),
    [
        ({"model": 1.0, "example 2": 0.4}, " Both are in the 90% model confidence set."),
        ({"model": 0.01, "example 2": 0.1}, " Neither is in the 90% model confidence set."),
        ({"model": 1.0, "example 2": 0.1}, " Only the model is in the 90% model confidence set."),
        ({"model": 0.1, "example 2": 1.0}, " Only example 2 is in the 90% model confidence set."),
        (too_short(3), "MSE is 10.0% lower (p = 0.200)."),
        ({"model": 1.0, "har": 0.4}, "MSE is 10.0% lower (p = 0.200)."),
    ],
)
def test_the_confidence_set_is_named(
    p_values: dict[str, float] | NotComputed, sentence: str
) -> None:
    """If there is a confidence set, the sentence says which of the two is in it."""
    found = of_returns(
        against("train_mean", (0.8, 0.01)),
        against("example 2", (0.9, 0.2)),
        best_reference="example 2",
        in_set=ConfidenceSet(0.10, p_values),
    )
    assert found.search.endswith(sentence)


@pytest.mark.parametrize("best_reference", ["example 2", None])
def test_a_search_that_selects_a_reference(best_reference: str | None) -> None:
    """If the winner has the configuration of a reference, the search was not needed."""
    found = of_returns(
        against("train_mean", (0.8, 0.01)),
        against("example 2", (0.9, 0.01)),
        best_reference=best_reference,
        equals_reference="balanced",
    )
    assert found.search_paid is False
    assert found.search == "The search was not needed: it selected the configuration of balanced."
