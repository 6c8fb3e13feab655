"""Claims about proposals: pure, resumable, and informed by losses after the start-up."""

import dataclasses
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lstm_model.search.distributions import Choice
from lstm_model.search.hyper_params import BALANCED, EXAMPLES, HyperParams
from lstm_model.search.sampling import (
    ProposalSettings,
    generation_of,
    propose,
    queue_first,
)
from lstm_model.search.space import SamplerName, holds, seed_space
from lstm_model.search.trial import Trial

SETTINGS = ProposalSettings(seed=42, study_name="study", space=seed_space(), startup_trials=5)
GENERATION = 3


def loss_of(params: HyperParams) -> float:
    return abs(math.log(params.lr / 2e-3)) + params.dropout + params.num_layers / 10


def completed(number: int, params: HyperParams, loss: float) -> Trial:
    return Trial(number, "COMPLETE", params, loss)


def search(
    total: int,
    finished: list[Trial] | None = None,
    stop: int | None = None,
    settings: ProposalSettings = SETTINGS,
) -> list[Trial]:
    """Run trials in generations, from those already finished up to `stop`."""
    done = list(finished or [])
    for number in range(len(done), total if stop is None else stop):
        own = generation_of(number, GENERATION, total)
        earlier = [trial for trial in done if trial.number < own.start]
        siblings = [trial.params for trial in done if trial.number in own]
        params = propose(number, settings, earlier, siblings)
        done.append(completed(number, params, loss_of(params)))
    return done


@pytest.fixture(scope="module")
def whole() -> list[Trial]:
    return search(12)


def test_queued_parameters_come_first() -> None:
    """Queued configurations are tried in order, before anything is drawn."""
    queue = queue_first([], 5, seed_space())
    settings = dataclasses.replace(SETTINGS, queued=queue)
    assert [propose(number, settings, [], []) for number in range(5)] == list(queue)
    assert queue[0] == BALANCED
    assert propose(5, settings, [], []) not in queue


def test_the_queue_holds_what_the_space_holds_once() -> None:
    """Last night's best come first; a repeated row is queued once, one outside the space is not."""
    space = seed_space() | {"batch_size": Choice(type="categorical", choices=(32, 128))}
    rows = EXAMPLES
    queue = queue_first([rows[4]], 5, space)
    assert queue == (rows[4], rows[1], rows[2], rows[3])
    assert queue_first([], 0, seed_space()) == ()


def test_the_examples_are_the_seeds_table() -> None:
    """The five rows of the seed's Table 5, by hidden size, layers, dropout, rate and batch."""
    assert {tuple(row.to_dict().values()) for row in EXAMPLES} == {
        (64, 1, 0.0, 5e-3, 128),
        (128, 2, 0.2, 1e-3, 64),
        (256, 3, 0.3, 5e-4, 32),
        (64, 1, 0.4, 1e-4, 128),
        (256, 2, 0.1, 5e-3, 128),
    }


SAMPLERS = ("tpe", "gp", "random", "qmc", "cmaes", "grid")


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_every_sampler_is_pure_and_stays_in_the_space(
    whole: list[Trial], sampler: SamplerName
) -> None:
    """With each sampler, the same history gives the same parameters, inside the space."""
    settings = dataclasses.replace(SETTINGS, sampler=sampler)
    for number in (1, 9):
        params = propose(number, settings, whole[:number], [whole[9].params])
        assert propose(number, settings, whole[:number], [whole[9].params]) == params
        assert holds(seed_space(), params)


@pytest.mark.parametrize("sampler", ["tpe", "gp"])
def test_two_objectives_are_accepted(whole: list[Trial], sampler: SamplerName) -> None:
    """If seconds are minimised too, the sampler gets both values."""
    settings = dataclasses.replace(SETTINGS, sampler=sampler, with_seconds=True)
    timed = [dataclasses.replace(t, seconds=float(t.params.hidden_size)) for t in whole]
    assert holds(seed_space(), propose(12, settings, timed, []))


def test_proposal_is_pure(whole: list[Trial]) -> None:
    """The same arguments give the same parameters, whatever was proposed in between."""
    first = propose(9, SETTINGS, whole[:9], [])
    propose(3, SETTINGS, whole[:3], [])
    assert propose(9, SETTINGS, whole[:9], []) == first == whole[9].params


@pytest.mark.parametrize("restarts", [[1], [4], [5, 8], list(range(1, 12))])
def test_restarts_change_nothing(whole: list[Trial], restarts: list[int]) -> None:
    """A search that is stopped after any trial proposes what an uninterrupted one does."""
    done: list[Trial] = []
    for stop in [*restarts, 12]:
        done = search(12, done, stop)
    assert done == whole


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_resumed_search_by_any_sampler_equals_an_unbroken_one(sampler: SamplerName) -> None:
    """Stopped within a generation of its model, a search goes on as if it had never stopped."""
    by = dataclasses.replace(SETTINGS, sampler=sampler, startup_trials=3)
    unbroken = search(6, settings=by)
    assert len({trial.params for trial in unbroken}) == 6
    assert search(6, search(6, stop=4, settings=by), settings=by) == unbroken


@settings(max_examples=5, deadline=None)
@given(st.permutations(range(9)))
def test_order_of_finished_trials_is_ignored(order: list[int]) -> None:
    """Workers may finish in any order: the proposal is the same, even with equal losses."""
    done = [completed(t.number, t.params, 1.0) for t in search(9)]
    expected = propose(9, SETTINGS, done, [])
    assert propose(9, SETTINGS, [done[i] for i in order], []) == expected


def flipped(trials: list[Trial]) -> list[Trial]:
    return [completed(t.number, t.params, -(t.loss or 0.0)) for t in trials]


def test_start_up_ignores_losses(whole: list[Trial]) -> None:
    """Losses do not matter until the start-up trials have finished."""
    assert propose(3, SETTINGS, flipped(whole[:3]), []) == whole[3].params


def test_model_uses_losses(whole: list[Trial]) -> None:
    """After the start-up, other losses lead to other proposals."""
    assert propose(9, SETTINGS, flipped(whole[:9]), []) != whole[9].params


def test_pruned_trial_counts(whole: list[Trial]) -> None:
    """A trial without a loss is accepted, and is not ignored."""
    pruned = [*whole[:8], Trial(8, "PRUNED", whole[8].params, None)]
    assert holds(seed_space(), propose(9, SETTINGS, pruned, []))


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


def test_proposals_lie_in_the_space(whole: list[Trial]) -> None:
    """Every proposal is within the space, and no two of a search are equal."""
    assert all(holds(seed_space(), trial.params) for trial in whole)
    assert len({trial.params for trial in whole}) == len(whole)


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
    """Generations cover all trials without overlap; the last one ends at the total."""
    assert generation_of(number, size, total) == expected
