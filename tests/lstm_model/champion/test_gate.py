"""Claims about the gate: its laws, its rules one by one, and its error rates by simulation."""

import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from lstm_model.champion.budget import GateRules, GateState
from lstm_model.champion.gate import GateVerdict, judge, judge_first
from lstm_model.champion.paired import DatedLosses, LossPair, PairedLosses
from lstm_model.evaluation.accuracy_tests import EQUAL
from lstm_model.evaluation.measured import NotComputed, plain

RULES, NIGHT = GateRules(), 18_000
RANK = {"worse": -1, "not_sure": 0, "better": 1}
PairMaker = Callable[..., PairedLosses]
gains = st.sampled_from([-0.5, -0.1, 0.0, 0.02, 0.1, 0.5])
seeds = st.integers(0, 50)


def tonight(paired: PairedLosses, **changes: PairedLosses) -> GateVerdict:
    others = {title: LossPair(loss.champion, loss.challenger) for title, loss in changes.items()}
    return judge(
        paired, night=NIGHT, horizon=1, state=GateState(), rules=RULES, other_losses=others
    )


def with_challenger(paired: PairedLosses, losses: np.ndarray) -> PairedLosses:
    return replace(paired, challenger=DatedLosses(paired.dates, losses))


def kept(verdict: GateVerdict) -> dict[str, bool]:
    return {reason.rule: reason.passed for reason in verdict.reasons}


@given(seeds, gains)
def test_swapping_the_two_swaps_better_and_worse(
    make_pair: PairMaker, seed: int, gain: float
) -> None:
    """What is better is worse in the other's place, with the same p-value, and back."""
    paired = make_pair(seed, gain=gain)
    found, swapped = tonight(paired), tonight(paired.swapped())
    assert RANK[found.outcome] == -RANK[swapped.outcome]
    assert (found.p_better, found.p_worse) == (swapped.p_worse, swapped.p_better)


@given(seeds, gains, st.floats(1e-6, 1e6))
def test_the_unit_of_the_loss_does_not_matter(
    make_pair: PairMaker, seed: int, gain: float, scale: float
) -> None:
    """Losses in another unit get the same outcome, p-value and ratio."""
    paired = make_pair(seed, gain=gain)
    scaled = PairedLosses(
        *(
            DatedLosses(paired.dates, scale * losses.losses)
            for losses in (paired.champion, paired.challenger, paired.benchmark)
        )
    )
    found, other = tonight(paired), tonight(scaled)
    assert found.outcome == other.outcome
    assert found.ratio == pytest.approx(other.ratio)
    assert found.p_better == pytest.approx(other.p_better)


@given(seeds, gains, st.floats(0.0, 2.0))
def test_a_constant_on_top_never_helps(
    make_pair: PairMaker, seed: int, gain: float, extra: float
) -> None:
    """A challenger that loses the same amount more on each date is judged no better."""
    paired = make_pair(seed, gain=gain)
    burdened = with_challenger(paired, paired.challenger.losses + extra)
    assert RANK[tonight(burdened).outcome] <= RANK[tonight(paired).outcome]


@given(seeds)
def test_identical_forecasts_are_not_sure(make_pair: PairMaker, seed: int) -> None:
    """A challenger with the champion's own forecasts is neither better nor worse, and says why."""
    paired = make_pair(seed)
    found = tonight(with_challenger(paired, paired.champion.losses))
    assert (found.outcome, found.p_better, found.ratio) == ("not_sure", EQUAL, 1.0)
    assert "the losses are equal" in found.text
    assert "equal to the champion's" in found.text


@pytest.mark.parametrize(("days", "outcome"), [(59, "not_sure"), (60, "better")])
def test_few_dates_are_not_sure(make_pair: PairMaker, days: int, outcome: str) -> None:
    """Below the least number of dates nothing is tested, and no look is spent."""
    found = tonight(make_pair(days=days, gain=0.7))
    assert found.outcome == outcome
    assert kept(found)["dates"] is (days == 60)
    assert (found.state == GateState()) is (days == 59)
    assert found.dates == days


def test_a_look_is_spent_whatever_it_finds(make_pair: PairMaker) -> None:
    """Also a challenger that is worse takes tonight's look; else only lucky nights were looked at.

    The second one of the same night is not judged, however good it is.
    """
    worse = tonight(make_pair(gain=-0.7))
    assert worse.outcome == "worse"
    assert worse.state == GateState(NIGHT, NIGHT)
    again = judge(make_pair(gain=0.7), night=NIGHT, horizon=1, state=worse.state, rules=RULES)
    assert (again.outcome, kept(again)["budget"]) == ("not_sure", False)
    assert "no look is left for 2019-04-14: the last one was of 2019-04-14" in again.text


def test_a_small_look_needs_more(make_pair: PairMaker) -> None:
    """Between large looks what was enough for a large one is not; a large difference still is."""
    some, much = make_pair(gain=0.18), make_pair(gain=0.7)
    after = GateState(last_look=NIGHT - 1, last_large_look=NIGHT - 1)

    def small(paired: PairedLosses) -> GateVerdict:
        return judge(paired, night=NIGHT, horizon=1, state=after, rules=RULES)

    assert (tonight(some).outcome, small(some).outcome) == ("better", "not_sure")
    assert small(much).outcome == "better"
    assert "a small look at level 1.4e-05, the next large one from 2019-05-14" in small(some).text


def test_a_significant_gain_below_the_margin_is_not_enough(make_pair: PairMaker) -> None:
    """A difference that is certain but smaller than the margin promotes nobody, either way."""
    paired = make_pair(days=2000)
    hardly = with_challenger(
        paired, paired.champion.losses * (0.995 + 1e-4 * np.sin(np.arange(2000)))
    )
    for found in (tonight(hardly), tonight(hardly.swapped())):
        assert found.outcome == "not_sure"
        assert kept(found)["margin"] is False
    assert kept(tonight(hardly))["evidence"] is True
    assert "0.5% below the champion's (rule: 1.0% lower)" in tonight(hardly).text


def test_the_benchmark_must_be_beaten(make_pair: PairMaker) -> None:
    """A challenger that beats a poor champion but not the benchmark is not promoted."""
    paired = make_pair(gain=0.7)
    poor = replace(paired, benchmark=DatedLosses(paired.dates, 0.9 * paired.challenger.losses))
    found = tonight(poor)
    assert (found.outcome, kept(found)) == (
        "not_sure",
        {"dates": True, "budget": True, "evidence": True, "margin": True, "benchmark": False},
    )
    assert "11.1% above the benchmark's (rule: lower)" in found.text


def test_another_loss_may_not_be_higher(make_pair: PairMaker) -> None:
    """A gain by squared error that costs QLIKE is none; other dates of QLIKE are refused."""
    paired = make_pair(gain=0.7)
    assert tonight(paired, QLIKE=make_pair(gain=0.3)).outcome == "better"
    found = tonight(paired, QLIKE=make_pair(gain=-0.3))
    assert (found.outcome, kept(found)["other_loss"]) == ("not_sure", False)
    assert "its mean QLIKE is " in found.text
    with pytest.raises(ValueError, match="QLIKE must be of the same dates"):
        tonight(paired, QLIKE=make_pair(days=199))


def test_losses_beyond_all_numbers_promote_nobody(make_pair: PairMaker) -> None:
    """An infinite loss has reasons instead of numbers."""
    paired = make_pair(gain=0.7)
    losses = paired.challenger.losses.copy()
    losses[7] = np.inf
    found = tonight(with_challenger(paired, losses))
    assert found.outcome == "not_sure"
    assert isinstance(found.ratio, NotComputed)
    assert "not comparable (a forecast is too far from the truth)" in found.text


def test_the_verdict_lists_every_rule_and_is_json(make_pair: PairMaker) -> None:
    """Each rule has value, bound and words; the record is plain JSON."""
    found = tonight(make_pair(gain=0.7))
    assert [reason.rule for reason in found.reasons] == [
        "dates", "budget", "evidence", "margin", "benchmark",
    ]  # fmt: skip
    assert found.text.startswith("Better: 200 paired dates (rule: 60 or more); a large look at")
    record = json.loads(json.dumps(plain(found)))
    assert record["reasons"][3]["value"] == found.ratio
    assert record["state"] == {"last_look": NIGHT, "last_large_look": NIGHT}


@pytest.mark.parametrize(
    ("factor", "days", "outcome", "opening"),
    [
        (0.9, 200, "better", "Good enough to be the first champion"),
        (1.0, 200, "better", "Good enough to be the first champion"),
        (1.019, 200, "better", "Good enough to be the first champion"),
        (1.03, 200, "worse", "Not good enough to be the first champion"),
        (0.9, 59, "not_sure", "Not sure yet"),
    ],
)
def test_the_first_champion_is_no_worse_than_the_benchmark(
    make_pair: PairMaker, factor: float, days: int, outcome: str, opening: str
) -> None:
    """It need not be shown better, its loss may be slightly higher, and no look is spent."""
    paired = make_pair(days=days)
    mean = paired.champion.mean / paired.challenger.mean
    challenger = DatedLosses(paired.dates, factor * mean * paired.challenger.losses)
    if factor == 1.0:
        challenger = paired.champion
    found = judge_first(challenger, paired.champion, horizon=1, state=GateState(), rules=RULES)
    assert (found.outcome, found.state, found.is_first) == (outcome, GateState(), True)
    assert found.text.startswith(opening)


def test_the_first_champion_may_not_be_shown_worse(make_pair: PairMaker) -> None:
    """A loss that is certainly higher is refused though it is within the margin."""
    paired = make_pair(days=500)
    wiggle = 1.015 + 1e-3 * np.sin(np.arange(500))
    challenger = DatedLosses(paired.dates, wiggle * paired.champion.losses)
    found = judge_first(challenger, paired.champion, horizon=1, state=GateState(), rules=RULES)
    assert (found.outcome, kept(found)) == (
        "worse",
        {"dates": True, "margin": True, "evidence": False},
    )


def first_promotion(draws: np.random.Generator, gain: float, days: int) -> float:
    """Return the number of the large look at which a year of them promotes; infinity if none does.

    Each look has a new challenger and the newest days. benchmarks/gate_error_rates.py has every
    night of a year, and losses that resemble real ones.
    """
    state, common = GateState(), draws.standard_t(6, size=251 + days)
    champion = (common + 0.2 * draws.normal(size=251 + days)) ** 2
    for look in range(12):
        block = slice(21 * look, 21 * look + days)
        theirs = (common[block] + 0.2 * draws.normal(size=days)) ** 2 * (1 - gain)
        dates = np.arange(days)
        paired = PairedLosses(
            champion=DatedLosses(dates, champion[block]),
            challenger=DatedLosses(dates, theirs),
            benchmark=DatedLosses(dates, 10 + champion[block]),
        )
        night = NIGHT + RULES.days_between_looks * look
        verdict = judge(paired, night=night, horizon=1, state=state, rules=RULES)
        if verdict.outcome == "better":
            return look
        state = verdict.state
    return np.inf


def test_a_year_without_a_difference_rarely_has_a_promotion() -> None:
    """Of 100 years of large looks, no more have a promotion than a rate of 5 % allows.

    The bound is the 99.9 % quantile of the binomial, 13; a gate that tests each look at 5 %
    promotes in more than 30 of them.
    """
    draws = np.random.default_rng(0)
    promoted = sum(first_promotion(draws, 0.0, 120) < np.inf for _ in range(100))
    assert promoted <= binom.ppf(0.999, 100, 0.05)


def test_a_much_better_challenger_is_promoted_soon() -> None:
    """A loss lower by 15 % on 713 days is promoted at the first or second look in most years."""
    draws = np.random.default_rng(1)
    looks = [first_promotion(draws, 0.15, 713) for _ in range(40)]
    assert np.mean(np.array(looks) < 2) >= 0.8
