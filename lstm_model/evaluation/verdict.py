"""Verdict: the conclusions from the numbers, in plain words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lstm_model.evaluation.accuracy_tests import EQUAL
from lstm_model.evaluation.comparison import Comparison, LossTest
from lstm_model.evaluation.inputs import MODEL
from lstm_model.evaluation.losses import MSE, Loss, LossName
from lstm_model.evaluation.measured import NotComputed
from lstm_model.evaluation.multiple_testing import ConfidenceSet

SIGNIFICANT = 0.05

UNKNOWN_WORTH = "Whether the search was worth it could not be determined"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the model has skill and whether the search was worth it, each with its reason.

    None if it could not be determined: too few dates, or no reference to compare with. looks: by
    which the p-values of skill are multiplied.
    """

    has_skill: bool | None
    search_paid: bool | None
    skill: str
    search: str
    looks: int


@dataclass(frozen=True, slots=True)
class Opponents:
    """What skill is judged against.

    benchmark: the field's standard, HAR or the train mean. rival: the baseline that is best on
    validation; it may be the benchmark. looks: nights that have looked at this test block or a part
    of it; as many looks find a p-value as low by chance as many times more often (Bonferroni).
    """

    benchmark: str
    rival: str
    looks: int

    @property
    def names(self) -> tuple[str, ...]:
        """Both, or the one that is both."""
        return tuple(dict.fromkeys((self.benchmark, self.rival)))

    def beaten(self, test: LossTest) -> bool | None:
        """Say whether the model's loss is lower beyond chance; None if that was not tested.

        Equal losses need no test.
        """
        if test.better_p == EQUAL:
            return False
        if isinstance(test.better_p, NotComputed) or isinstance(test.ratio, NotComputed):
            return None
        return test.ratio < 1 and test.better_p * self.looks < SIGNIFICANT


def judge(
    comparisons: Mapping[str, Comparison],
    losses: Sequence[Loss],
    opponents: Opponents,
    confidence_set: ConfidenceSet,
    *,
    best_reference: str | None,
    equals_reference: str | None,
) -> Verdict:
    """Say whether the model beats its opponents and the best reference on the test block.

    The model has skill if it beats the benchmark and the rival by every loss, each time with a
    lower loss and a one-sided Diebold-Mariano p, times the looks, below 0.05. comparisons: of the
    model with every other forecast, by name. losses: MSE, and QLIKE for volatility. confidence_set:
    of all forecasts, by MSE. best_reference: the configuration with the lowest validation loss
    among those trained like the model but without a search, None if there are none.
    equals_reference: the reference whose configuration the search selected, None if it is none of
    them.
    """
    has_skill, skill = _judge_skill(comparisons, losses, opponents)
    paid, search = _judge_search(comparisons, best_reference, equals_reference, confidence_set)
    return Verdict(has_skill, paid, skill, search, opponents.looks)


def _judge_skill(
    comparisons: Mapping[str, Comparison], losses: Sequence[Loss], opponents: Opponents
) -> tuple[bool | None, str]:
    beaten = {
        (name, loss.name): opponents.beaten(comparisons[name].test(loss))
        for name in opponents.names
        for loss in losses
    }
    # One comparison that is lost settles it, whatever was not tested.
    lost, untested = False in beaten.values(), None in beaten.values()
    has_skill = False if lost else None if untested else True
    looks = opponents.looks
    details = "; ".join(
        f"against {_named(name, opponents)}, {_against(comparisons[name], losses, looks)}"
        for name in opponents.names
    )
    text = f"{_opening(beaten, comparisons, losses, opponents)}: {details}."
    if set(beaten.values()) == {None}:
        return has_skill, text
    text += " The p-values are one-sided Diebold-Mariano"
    if looks > 1:
        text += f", multiplied by {looks}, the number of nights that have looked at this test block"
    text += "."
    if len(losses) == 1:
        text += {
            True: " This is rare for returns: look for a leak before trusting it.",
            False: " This is the usual result for returns.",
            None: "",
        }[has_skill]
    return has_skill, text


def _opening(
    beaten: Mapping[tuple[str, LossName], bool | None],
    comparisons: Mapping[str, Comparison],
    losses: Sequence[Loss],
    opponents: Opponents,
) -> str:
    """Say in a few words who is beaten, and by which loss."""
    if all(beaten.values()):
        return "The model has skill"
    if False not in beaten.values():
        return "Whether the model has skill could not be determined"
    if all(beaten[opponents.benchmark, loss.name] for loss in losses):
        return (
            f"Only {opponents.benchmark} is beaten, not {opponents.rival}, so the model is not "
            f"shown to have skill of its own"
        )
    one = [loss for loss in losses if all(beaten[name, loss.name] for name in opponents.names)]
    if one:
        others = " and ".join(loss.title for loss in losses if loss not in one)
        return f"Skill by {one[0].title} only, not by {others}"
    lower = all(
        not isinstance(test.ratio, NotComputed) and test.ratio < 1
        for name in opponents.names
        for test in (comparisons[name].test(loss) for loss in losses)
    )
    return "No significant skill" if lower else "No skill"


def _named(name: str, opponents: Opponents) -> str:
    return f"{name}, the best baseline on validation" if name == opponents.rival else name


def _judge_search(
    comparisons: Mapping[str, Comparison],
    best_reference: str | None,
    equals_reference: str | None,
    confidence_set: ConfidenceSet,
) -> tuple[bool | None, str]:
    if equals_reference is not None:
        text = f"The search was not needed: it selected the configuration of {equals_reference}."
        return False, text
    if best_reference is None:
        return None, f"{UNKNOWN_WORTH}: there is no reference to compare with."
    other = comparisons[best_reference]
    paid = Opponents(best_reference, best_reference, looks=1).beaten(other.mse)
    opening = {
        True: "The search was worth it",
        False: "The search was not shown to be worth it",
        None: UNKNOWN_WORTH,
    }[paid]
    text = (
        f"{opening}: against {best_reference}, the best reference on validation, "
        f"{_against(other, (MSE,))}."
    )
    p_values = confidence_set.p_values
    # A reference that lost the race has too few seeds to be in a set with the model.
    if isinstance(p_values, NotComputed) or best_reference not in p_values:
        return paid, text
    members = [name in confidence_set.members for name in (MODEL, best_reference)]
    share = f"{1 - confidence_set.size:.0%}"
    where = {
        (True, True): "Both are",
        (False, False): "Neither is",
        (True, False): "Only the model is",
        (False, True): f"Only {best_reference} is",
    }[members[0], members[1]]
    return paid, f"{text} {where} in the {share} model confidence set."


def _against(other: Comparison, losses: Sequence[Loss], looks: int = 1) -> str:
    """Say by how much each of the model's losses is lower, with the p-value of being better."""
    return " and ".join(f"{loss.title} is {_change(other.test(loss), looks)}" for loss in losses)


def _change(test: LossTest, looks: int) -> str:
    ratio, p = test.ratio, test.better_p
    tested = f"not tested: {p.reason}" if isinstance(p, NotComputed) else _p(min(p * looks, 1.0))
    if isinstance(ratio, NotComputed):
        return f"not comparable ({ratio.reason})"
    if ratio == 1:
        return f"equal ({tested})"
    share = abs(ratio - 1)
    size = f"{share:.1%}" if share >= 0.001 else "less than 0.1%"
    return f"{size} {'lower' if ratio < 1 else 'higher'} ({tested})"


def _p(p: float) -> str:
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"
