"""Claims about proposals: pure, resumable, and informed by losses after the start-up."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lstm_model.proposals import (
    FinishedTrial,
    Params,
    ProposalSettings,
    generation_of,
    propose,
)
from lstm_model.search_space import BALANCED, FloatRange, seed_space

SETTINGS = ProposalSettings(seed=42, study_name="study", space=seed_space(), startup_trials=5)
GENERATION = 3


def loss_of(params: Params) -> float:
    return abs(math.log(params["lr"] / 2e-3)) + params["dropout"] + params["num_layers"] / 10


def search(
    total: int, finished: list[FinishedTrial] | None = None, stop: int | None = None
) -> list[FinishedTrial]:
    """Run trials in generations, from those already finished up to `stop`."""
    done = list(finished or [])
    for number in range(len(done), total if stop is None else stop):
        own = generation_of(number, GENERATION, total)
        earlier = [trial for trial in done if trial.number < own.start]
        siblings = [trial.params for trial in done if trial.number in own]
        params = propose(number, SETTINGS, earlier, siblings)
        done.append(FinishedTrial(number, params, loss_of(params)))
    return done


@pytest.fixture(scope="module")
def whole() -> list[FinishedTrial]:
    return search(12)


def test_first_trial_is_balanced(whole: list[FinishedTrial]) -> None:
    """Trial 0 is the seed's recommended row."""
    assert whole[0].params == BALANCED.to_dict()


def test_first_trial_outside_the_space_is_drawn() -> None:
    """Where the space does not hold the recommended row, trial 0 is drawn from the space."""
    space = {"lr": FloatRange(type="float", low=1e-5, high=1e-4, log=True)}
    params = propose(0, ProposalSettings(42, "study", space, 5), [], [])
    assert list(params) == ["lr"]
    assert 1e-5 <= params["lr"] <= 1e-4


def test_proposal_is_pure(whole: list[FinishedTrial]) -> None:
    """The same arguments give the same parameters, whatever was proposed in between."""
    first = propose(9, SETTINGS, whole[:9], [])
    propose(3, SETTINGS, whole[:3], [])
    assert propose(9, SETTINGS, whole[:9], []) == first == whole[9].params


@pytest.mark.parametrize("restarts", [[1], [4], [5, 8], list(range(1, 12))])
def test_restarts_change_nothing(whole: list[FinishedTrial], restarts: list[int]) -> None:
    """A search stopped after any trials proposes what an unbroken one does."""
    done: list[FinishedTrial] = []
    for stop in [*restarts, 12]:
        done = search(12, done, stop)
    assert done == whole


@settings(max_examples=5, deadline=None)
@given(st.permutations(range(9)))
def test_order_of_finished_trials_is_ignored(order: list[int]) -> None:
    """Workers may finish in any order: the proposal is the same, at equal losses too."""
    done = [FinishedTrial(t.number, t.params, 1.0) for t in search(9)]
    expected = propose(9, SETTINGS, done, [])
    assert propose(9, SETTINGS, [done[i] for i in order], []) == expected


def flipped(trials: list[FinishedTrial]) -> list[FinishedTrial]:
    return [FinishedTrial(t.number, t.params, -(t.loss or 0.0)) for t in trials]


def test_start_up_ignores_losses(whole: list[FinishedTrial]) -> None:
    """While fewer trials than the start-up's are finished, losses do not matter."""
    assert propose(3, SETTINGS, flipped(whole[:3]), []) == whole[3].params


def test_model_uses_losses(whole: list[FinishedTrial]) -> None:
    """After the start-up, other losses lead to other proposals."""
    assert propose(9, SETTINGS, flipped(whole[:9]), []) != whole[9].params


def test_pruned_trial_counts(whole: list[FinishedTrial]) -> None:
    """A trial without a loss can be handed in, and is not ignored."""
    pruned = [*whole[:8], FinishedTrial(8, whole[8].params, None)]
    assert set(propose(9, SETTINGS, pruned, [])) == set(seed_space())


@pytest.mark.parametrize(
    "other",
    [
        ProposalSettings(43, "study", seed_space(), 5),
        ProposalSettings(42, "other", seed_space(), 5),
    ],
)
def test_seed_and_study_name_matter(other: ProposalSettings) -> None:
    """Another seed or study name draws other parameters."""
    assert propose(1, other, [], []) != propose(1, SETTINGS, [], [])


def test_proposals_lie_in_the_space(whole: list[FinishedTrial]) -> None:
    """Every proposal is within the space, and no two of a search are equal."""
    for trial in whole:
        for name, distribution in ((n, d.distribution()) for n, d in seed_space().items()):
            value = distribution.to_internal_repr(trial.params[name])
            assert distribution._contains(value)
    assert len({tuple(trial.params.values()) for trial in whole}) == len(whole)


@pytest.mark.parametrize(
    ("number", "size", "total", "expected"),
    [
        (0, 5, 10, range(5)),
        (4, 5, 10, range(5)),
        (5, 5, 10, range(5, 10)),
        (9, 4, 10, range(8, 10)),
        (3, 1, 4, range(3, 4)),
        (0, 5, 3, range(3)),
    ],
)
def test_generations(number: int, size: int, total: int, expected: range) -> None:
    """Generations tile the trials; the last one is cut off at the total."""
    assert generation_of(number, size, total) == expected
