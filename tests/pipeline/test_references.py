"""Claims about the references of a night, on real trainings."""

from collections.abc import Callable
from typing import Any

import pytest

from lstm_model.model.race import highest_loss_of_a_seed

pytestmark = pytest.mark.e2e
FEW = {"evaluation__references": "3", "training__retrain__seeds": "3"}


def test_only_contenders_train_every_seed(search_alone: Callable[..., Any]) -> None:
    """A reference has every seed if its first is within the winner's interval, otherwise that one.

    Why the others were cut short is said, and no budget stops anybody here.
    """
    _, models = search_alone(2, with_final_models=True, evaluation__reference_budget="1e6", **FEW)
    limit = highest_loss_of_a_seed([t.best_loss for t in models.winner.trainings])
    assert {reference.name for reference in models.references} == {
        "balanced", "minimal", "conservative"
    }  # fmt: skip
    assert all(r.seeds == models.winner.seeds[: len(r.seeds)] for r in models.references)
    for reference in models.references:
        contends = reference.trainings[0].best_loss <= limit
        assert len(reference.seeds) == (3 if contends else 1)
        assert (reference.name in models.cut_short) is not contends
    assert set(models.cut_short.values()) <= {"its first seed is worse than the winner's"}


def test_the_budget_stops_what_costs_more_than_the_search(search_alone: Callable[..., Any]) -> None:
    """Of two trials of tiny networks the references cost hundreds of times as much: none trains."""
    _, models = search_alone(2, with_final_models=True, name="poor", **FEW)
    assert models.references == ()
    assert set(models.cut_short) == {"balanced", "minimal", "conservative"}
    for reason in models.cut_short.values():
        assert reason.endswith("times the work of the search, and 1 is left of "
                               "evaluation.reference_budget")  # fmt: skip
