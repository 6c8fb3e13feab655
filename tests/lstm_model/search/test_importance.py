"""Claims about importances: known drivers are found, chance is recognised, nothing is NaN."""

import dataclasses
import math
import random
from pathlib import Path

import numpy as np
import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lstm_model.config.loader import load_config
from lstm_model.search.hyper_params import HyperParams, Params
from lstm_model.search.importance import CLAIMS, MIN_TRIALS, Importances, rank_importances
from lstm_model.search.space import Space, seed_space, suggest_params
from lstm_model.search.trial import Trial

ROOT = Path(__file__).resolve().parents[3]
SPACE = seed_space()
EXTENDED = load_config(
    ROOT / "configs" / "volatility.yaml", {"search.space": "configs/spaces/extended.yaml"}
).search.space


def draw(count: int, space: Space = SPACE, seed: int = 1) -> list[Params]:
    """Draw parameters at random, as a search's start-up does."""
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))
    return [suggest_params(study.ask(), space) for _ in range(count)]


def trials(drawn: list[Params], losses: list[float | None]) -> list[Trial]:
    return [
        Trial(n, "PRUNED" if loss is None else "COMPLETE", HyperParams.from_mapping(params), loss)
        for n, (params, loss) in enumerate(zip(drawn, losses, strict=True))
    ]


def shares(found: Importances) -> dict[str, float | None]:
    return {row.parameter: row.share for row in found.rows}


@pytest.mark.parametrize("driver", list(SPACE))
def test_the_one_parameter_that_drives_the_loss_comes_first(driver: str) -> None:
    """If one parameter alone determines the loss, it gets nearly all importance.

    This holds for any type and any rank in the seed's table.
    """
    drawn = draw(60)
    found = rank_importances(trials(drawn, [float(p[driver]) for p in drawn]), SPACE)
    first, *rest = found.rows
    assert first.parameter == driver
    assert first.share is not None
    assert first.share > 0.7
    assert first.p_value is not None
    assert first.p_value < 0.05
    assert all(row.share is not None and row.share < 0.2 for row in rest)


def test_chance_gives_no_parameter_a_low_p() -> None:
    """If losses depend on no parameter, p-values are as high as by chance."""
    generator = np.random.default_rng(3)
    p_values = [
        row.p_value
        for seed in range(8)
        for row in rank_importances(
            trials(draw(12, seed=seed), generator.normal(size=12).tolist()), SPACE
        ).rows
    ]
    low = [p for p in p_values if p is not None and p <= 0.05]
    assert len(p_values) == 40
    assert len(low) <= 6  # 2 expected; more than 6 has a chance of 1 in 300


@pytest.mark.parametrize(
    ("losses", "note"),
    [
        ([], "not computed: n = 0 < 7 completed trials"),
        ([0.3, 0.2, 0.1], "not computed: n = 3 < 7 completed trials"),
        ([0.1, None, 0.2, None, 0.3, None, 0.4, None], "not computed: n = 4 < 7"),
        ([math.inf, math.nan, *([0.1] * 6)], "not computed: n = 6 < 7"),
        ([0.5] * 10, "not computed: 10 of 10 losses equal the worst, 0.5"),
        ([0.4] + [0.5] * 9, "not computed: 9 of 10 losses equal the worst, 0.5"),
    ],
)
def test_a_reason_is_given_if_none_can_be_computed(losses: list[float | None], note: str) -> None:
    """With too few trials, or too few better ones, only a reason and the seed's claims remain."""
    found = rank_importances(trials(draw(len(losses)), losses), SPACE)
    assert found.note.startswith(note)
    assert [(row.parameter, row.share, row.p_value) for row in found.rows] == [
        (name, None, None) for name in CLAIMS
    ]


def test_a_space_of_single_values_has_no_importances() -> None:
    """If no parameter took two values, none has an importance."""
    fixed: Space = {"num_layers": SPACE["num_layers"].model_copy(update={"high": 1})}
    found = rank_importances(trials([{"num_layers": 1}] * 8, [n / 8 for n in range(8)]), fixed)
    assert found.note == "not computed: no parameter took two values"
    assert shares(found) == {"num_layers": None}


def test_a_conditional_parameter_counts_where_it_is_active() -> None:
    """A conditional parameter can rank first; one that is rarely active has no share."""
    drawn = draw(120, EXTENDED)
    # With the other optimisers the loss is that of a middling momentum, whatever else was drawn.
    losses = [
        1.0 - float(p["momentum"]) if "momentum" in p else 0.5 + (-1) ** number * number / 1e4
        for number, p in enumerate(drawn)
    ]
    found = rank_importances(trials(drawn, losses), EXTENDED, shuffles=3)
    rows = {row.parameter: row for row in found.rows}
    assert found.rows[0].parameter == "momentum"
    assert rows["momentum"].trials == sum(p["optimiser"] == "sgd" for p in drawn)
    assert rows["momentum"].claim is None
    assert math.fsum(row.share or 0.0 for row in found.rows) == pytest.approx(1)

    adam = [p for p in drawn if p["optimiser"] == "adam"][:12]
    found = rank_importances(trials(adam, [float(p["lr"]) for p in adam]), EXTENDED, shuffles=3)
    rows = {row.parameter: row for row in found.rows}
    assert (rows["momentum"].trials, rows["momentum"].share) == (0, None)
    assert found.rows[-1].share is None
    assert rows["lr"].share == found.rows[0].share


def test_the_claims_are_the_seeds() -> None:
    """Table 4: impact, priority and typical range of the seed's five parameters."""
    claims = [(name, c.rank, c.impact, c.typical) for name, c in CLAIMS.items()]
    assert claims == [
        ("lr", 1, "high", "0.0005 .. 0.002"),
        ("hidden_size", 2, "high", "128 .. 192"),
        ("dropout", 3, "medium", "0.1 .. 0.3"),
        ("num_layers", 4, "medium", "2"),
        ("batch_size", 5, "low", "64"),
    ]


@pytest.mark.parametrize(
    ("count", "worth"),
    [
        (10, "ranks are a hint"),
        (30, "the first rank is reliable, the others are a hint"),
        (200, "ranks are reliable"),
    ],
)
def test_the_note_says_how_reliable_ranks_are(count: int, worth: str) -> None:
    """The note gives the number of trials and the reliability of the ranks."""
    drawn = draw(count)
    losses = [float(p["lr"]) for p in drawn]
    found = rank_importances(trials(drawn, losses), SPACE, shuffles=1)
    assert found.note == f"{count} trials: {worth}"


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.none() | st.floats(0, 3) | st.just(0.5), min_size=0, max_size=16),
    st.sampled_from([SPACE, EXTENDED]),
    st.randoms(use_true_random=False),
)
def test_shares_sum_to_one_or_are_absent(
    losses: list[float | None], space: Space, chance: random.Random
) -> None:
    """For any losses, shares are finite, and sum to 1 or are absent; order does not matter."""
    finished = trials(draw(len(losses), space), losses)
    found = rank_importances(finished, space, shuffles=3)
    assert {row.parameter for row in found.rows} == set(space)
    known = [row for row in found.rows if row.share is not None and row.p_value is not None]
    assert all(0 <= row.share <= 1 and 0 < row.p_value <= 1 for row in known)
    if found.note.startswith("not computed"):
        assert not known
    else:
        assert found.trials >= MIN_TRIALS
        assert math.fsum(row.share for row in known) == pytest.approx(1)
    chance.shuffle(finished)
    assert rank_importances(finished, space, shuffles=3) == found
    timed = [dataclasses.replace(trial, seconds=float(trial.number)) for trial in finished]
    assert rank_importances(timed, space, shuffles=3) == found
