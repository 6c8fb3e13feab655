"""Verdict: the conclusions from the numbers, in plain words."""

from collections.abc import Sequence
from dataclasses import dataclass

from lstm_model.evaluation.comparison import Comparison
from lstm_model.evaluation.inputs import MODEL
from lstm_model.evaluation.measured import NotComputed
from lstm_model.evaluation.metrics import Metrics
from lstm_model.evaluation.multiple_testing import ConfidenceSet

SIGNIFICANT = 0.05

UNKNOWN_WORTH = "Whether the search was worth it could not be determined"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the model has skill and whether the search was worth it, each with its reason.

    None if it could not be determined: too few dates, or no reference to compare with.
    """

    has_skill: bool | None
    search_paid: bool | None
    skill: str
    search: str


def judge(
    model: Metrics,
    comparisons: Sequence[Comparison],
    benchmark: str,
    confidence_set: ConfidenceSet,
    *,
    is_volatility: bool,
    best_reference: str | None,
    equals_reference: str | None,
) -> Verdict:
    """Say whether the model beats the benchmark and the best reference on the test block.

    It does if its squared error is lower with a one-sided Diebold-Mariano p < 0.05. model: its
    metrics. comparisons: of the model with every other forecast. benchmark: name of the baseline
    that skill is measured against. confidence_set: of all forecasts. is_volatility: of the target.
    best_reference: the configuration with the lowest validation loss among those trained like the
    model but without a search, None if there are none. equals_reference: the reference whose
    configuration the search selected, None if it is none of them.
    """
    by_name = {comparison.name: comparison for comparison in comparisons}
    has_skill, skill = _judge_skill(model, by_name, benchmark, is_volatility)
    paid, search = _judge_search(model, by_name, best_reference, equals_reference, confidence_set)
    return Verdict(has_skill, paid, skill, search)


def _judge_skill(
    model: Metrics, by_name: dict[str, Comparison], benchmark: str, is_volatility: bool
) -> tuple[bool | None, str]:
    other = by_name[benchmark]
    beats = _beats(model, other)
    if beats is None:
        opening = "Whether the model has skill could not be determined"
    elif beats:
        opening = "The model has skill"
    elif model.mse < other.metrics.mse:
        opening = "No significant skill"
    else:
        opening = "No skill"
    text = f"{opening}: {_against(model, other)}."
    if not is_volatility:
        ending = {
            True: " This is rare for returns: look for a leak before trusting it.",
            False: " This is the usual result for returns.",
            None: "",
        }[beats]
        return beats, text + ending
    persistence = by_name.get("persistence")
    if persistence is not None:
        text += f" Also, {_against(model, persistence)}."
    return beats, text


def _judge_search(
    model: Metrics,
    by_name: dict[str, Comparison],
    best_reference: str | None,
    equals_reference: str | None,
    confidence_set: ConfidenceSet,
) -> tuple[bool | None, str]:
    if equals_reference is not None:
        text = f"The search was not needed: it selected the configuration of {equals_reference}."
        return False, text
    if best_reference is None:
        return None, f"{UNKNOWN_WORTH}: there is no reference to compare with."
    other = by_name[best_reference]
    beats = _beats(model, other)
    opening = {
        True: "The search was worth it",
        False: "The search was not shown to be worth it",
        None: UNKNOWN_WORTH,
    }[beats]
    text = f"{opening}: {_against(model, other, ', the best reference on validation')}."
    if isinstance(confidence_set.p_values, NotComputed):
        return beats, text
    members = [name in confidence_set.members for name in (MODEL, best_reference)]
    share = f"{1 - confidence_set.size:.0%}"
    where = {
        (True, True): "Both are",
        (False, False): "Neither is",
        (True, False): "Only the model is",
        (False, True): f"Only {best_reference} is",
    }[members[0], members[1]]
    return beats, f"{text} {where} in the {share} model confidence set."


def _beats(model: Metrics, other: Comparison) -> bool | None:
    if isinstance(other.better_p, NotComputed):
        return None
    return other.better_p < SIGNIFICANT and model.mse < other.metrics.mse


def _against(model: Metrics, other: Comparison, apposition: str = "") -> str:
    """Say how far apart the errors are, and whether the difference is significant."""
    change = _change(model.mse, other.metrics.mse)
    error = f"the model's squared error is {change} that of {other.name}{apposition}"
    p = other.better_p
    if isinstance(p, NotComputed):
        return f"{error}, but the difference was not tested ({p})"
    if model.mse < other.metrics.mse:
        certain = "" if p < SIGNIFICANT else ", but the difference is not significant"
        return f"{error}{certain} (Diebold-Mariano, one-sided {_p(p)})"
    certain = ", and the difference is significant" if p > 1 - SIGNIFICANT else ""
    return f"{error}{certain} (Diebold-Mariano, one-sided {_p(p)})"


def _change(mine: float, other: float) -> str:
    if mine == other:
        return "equal to"
    if other == 0.0:
        return "above"
    share = abs(mine / other - 1)
    size = f"{share:.1%}" if share >= 0.001 else "less than 0.1%"
    return f"{size} {'below' if mine < other else 'above'}"


def _p(p: float) -> str:
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"
