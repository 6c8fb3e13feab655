"""Claims about many forecasts at once."""

import math

import numpy as np
import pytest
from arch.bootstrap import MCS, SPA
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from lstm_model.evaluation.bootstrap import stationary_samples
from lstm_model.evaluation.measured import NotComputed, too_short
from lstm_model.evaluation.multiple_testing import (
    ConfidenceSet,
    SuperiorAbility,
    _long_run_sd,
    _range_p_values,
    confidence_set,
    superior_ability,
)

Losses = dict[str, np.ndarray]


def ability(
    benchmark: str, losses: Losses, *, seed: int, repetitions: int = 1000
) -> SuperiorAbility:
    return superior_ability(benchmark, losses, seed, repetitions)


def best_set(losses: Losses, *, seed: int, repetitions: int = 1000) -> ConfidenceSet:
    return confidence_set(losses, seed, repetitions)


def make_losses(n: int = 300, seed: int = 0, **shifts: float) -> Losses:
    """Return losses with a common daily component, each shifted by its own amount."""
    draws = np.random.default_rng(seed)
    day = draws.chisquare(1, size=n)
    return {name: day + shift + 0.3 * draws.normal(size=n) for name, shift in shifts.items()}


def test_forecasts_that_beat_the_benchmark_are_named() -> None:
    """Two clearly better forecasts are superior; an equal and a worse one are not."""
    losses = make_losses(mean=0.0, good=-0.2, better=-0.4, same=0.0, worse=0.3)
    found = ability("mean", losses, seed=1)
    assert found.benchmark == "mean"
    assert isinstance(found.p_value, float)
    assert found.p_value < 0.01
    assert found.superior == ("good", "better")


def test_all_superior_in_several_steps() -> None:
    """The weaker of two better forecasts is found in the second step, which leaves none to test.

    It is 1.74 standard errors better: not enough for the best of two, but more than 1.645.
    """
    draws = np.random.default_rng(6)
    day = draws.chisquare(1, size=300)
    losses = {"mean": day, "clear": day - 0.5 + 0.1 * draws.normal(size=300)}
    losses["faint"] = day - 0.11 + draws.normal(size=300)
    assert ability("mean", losses, seed=1).superior == ("clear", "faint")


def test_the_best_of_many_without_skill_is_not_superior() -> None:
    """Of thirty equal forecasts the best looks better, but the test rejects only 5 % of times."""
    p_values = []
    for seed in range(60):
        names = {f"m{i}": 0.0 for i in range(30)}
        losses = make_losses(n=120, seed=seed, mean=0.0, **names)
        p_value = ability("mean", losses, seed=seed, repetitions=200).p_value
        assert isinstance(p_value, float)
        p_values.append(p_value)
    assert np.mean([p < 0.05 for p in p_values]) <= 0.15  # 3 of 60 expected, 10 once in 1,000
    assert 0.3 < np.mean(p_values) < 0.7


def test_a_noisy_forecast_hides_no_better_one() -> None:
    """A very noisy forecast does not mask one that is slightly better on every day."""
    losses = make_losses(mean=0.0, steady=-0.1)
    losses["wild"] = losses["mean"] + 20 * np.random.default_rng(9).normal(size=300)
    found = ability("mean", losses, seed=1)
    assert found.superior == ("steady",)
    plain = SPA(losses["mean"], np.column_stack([losses["steady"], losses["wild"]]), seed=1)
    plain.compute()
    assert plain.pvalues["consistent"] > 0.2  # arch's result, which is not studentised


def test_the_long_run_deviation_is_the_bootstraps_own() -> None:
    """The formula is the limit of the standard deviation of bootstrapped means."""
    draws = np.random.default_rng(3).normal(size=(230, 2))
    gains = np.column_stack([draws[:200, 0], np.convolve(draws[:, 1], np.ones(10))[20:220]])
    means = gains[stationary_samples(200, 20_000, 9, seed=4)].mean(axis=1)
    expected = means.std(axis=0) * math.sqrt(200)
    np.testing.assert_allclose(_long_run_sd(gains, 9), expected, rtol=0.03)


def test_the_set_holds_the_best_and_its_equals() -> None:
    """Two equally good forecasts are in the set, a clearly worse one is not; the best has p = 1."""
    found = best_set(make_losses(best=-0.01, equal=0.0, worse=0.3), seed=1)
    assert set(found.members) == {"best", "equal"}
    assert isinstance(found.p_values, dict)
    assert max(found.p_values.values()) == 1.0
    assert list(found.p_values) == ["best", "equal", "worse"]


def test_the_set_is_archs() -> None:
    """On the days that arch drew, the p-values equal arch's."""
    losses = make_losses(n=120, a=0.0, b=0.05, c=0.1, d=0.02, e=0.4)
    columns = np.column_stack(list(losses.values()))
    theirs = MCS(columns, 0.1, reps=300, block_size=4, seed=5)
    theirs.compute()
    found = _range_p_values(columns, np.stack(theirs._bootstrap_indices))
    assert found == theirs.pvalues["Pvalue"].sort_index().tolist()
    assert len(set(found)) > 3


def test_two_pairs_as_far_apart() -> None:
    """Two forecasts that are right on alternate days are equally far from a third; ties work."""
    turns = np.tile([0.0, 1.0], 20)
    found = best_set({"a": turns, "b": 1 - turns, "c": np.full(40, 0.5)}, seed=0)
    assert set(found.members) == {"a", "b", "c"}


def test_a_constant_difference_is_certain() -> None:
    """A forecast that is worse by the same amount every day is out with p = 0."""
    draws = np.random.default_rng(0).random(40)
    found = best_set({"a": draws, "b": draws + 0.01}, seed=0)
    assert found.p_values == {"a": 1.0, "b": 0.0}


def test_equal_losses_share_a_p_value() -> None:
    """Equal losses under several names share one p-value and leave the others unchanged."""
    losses = make_losses(a=0.0, b=0.3, c=0.02)
    alone = best_set(losses, seed=1).p_values
    doubled = {**losses, "a again": losses["a"].copy(), "b again": losses["b"] * (1 + 1e-15)}
    found = best_set(doubled, seed=1).p_values
    assert isinstance(found, dict)
    assert {name: found[name] for name in losses} == alone
    assert (found["a again"], found["b again"]) == (found["a"], found["b"])
    superior = ability("a", doubled, seed=1)
    assert superior.superior == ()
    assert superior == ability("a", {k: v for k, v in doubled.items() if k != "a again"}, seed=1)


@pytest.mark.parametrize(
    ("losses", "superior", "in_set"),
    [
        (make_losses(n=29, a=0.0, b=0.0), too_short(29), too_short(29)),
        (
            make_losses(a=0.0),
            NotComputed("there is nothing to compare with"),
            NotComputed("there is nothing to compare with"),
        ),
        (
            {"a": np.arange(40.0), "b": np.arange(40.0)},
            NotComputed("the losses are equal"),
            NotComputed("the losses are equal"),
        ),
    ],
    ids=["short", "alone", "equal"],
)
def test_reasons(losses: Losses, superior: NotComputed, in_set: NotComputed) -> None:
    """Each case without a test has its reason."""
    found = ability("a", losses, seed=0)
    assert found.p_value == found.superior == superior
    assert best_set(losses, seed=0) == ConfidenceSet(0.10, in_set)
    assert best_set(losses, seed=0).members == ()


def test_constant_differences_have_no_superior() -> None:
    """If all losses differ from the benchmark's by a constant, there is no test."""
    losses = {"a": np.arange(40.0), "b": np.arange(40.0) - 1}
    found = ability("a", losses, seed=0)
    assert found.p_value == found.superior == NotComputed("the losses differ by a constant")


def test_the_seed_decides() -> None:
    """The same seed gives the same p-values."""
    losses = make_losses(n=60, a=0.0, b=0.02, c=0.03)
    assert best_set(losses, seed=3) == best_set(losses, seed=3)
    assert ability("a", losses, seed=3) == ability("a", losses, seed=3)


@settings(max_examples=30)
@given(arrays(float, (31, 4), elements=st.sampled_from([0.0, 0.5, 1.0, 2.0, 1e-9, 1e6])))
def test_never_nan(columns: np.ndarray) -> None:
    """For any losses, including ties, p-values are in [0, 1] or there is a reason."""
    losses = {f"m{i}": column for i, column in enumerate(columns.T)}
    p_value = ability("m0", losses, seed=0, repetitions=20).p_value
    assert isinstance(p_value, NotComputed) or 0 <= p_value <= 1
    p_values = best_set(losses, seed=0, repetitions=20).p_values
    assert isinstance(p_values, NotComputed) or all(0 <= p <= 1 for p in p_values.values())
