"""Claims about the decay alarm: Page's sums, run lengths, and what is no alarm."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstm_model.champion.decay import DecayRules, first_alarm, threshold_of, watch
from lstm_model.champion.paired import DatedLosses
from lstm_model.evaluation.measured import NotComputed

RULES = DecayRules()


def losses(seed: int, days: int, scale: float = 1.0, start: int = 0) -> DatedLosses:
    values = scale * np.random.default_rng(seed).standard_t(8, size=days) ** 2
    return DatedLosses(start + np.arange(days), values)


def test_the_run_length_is_what_it_says() -> None:
    """Normal steps raise a false alarm after 1,000 nights in the mean, by simulation."""
    allowance = 0.1
    threshold, draws = threshold_of(allowance, 1000.0), np.random.default_rng(0)
    sums, runs = np.zeros(400), np.zeros(400)
    running = np.ones(400, dtype=bool)
    for _ in range(12_000):
        sums = np.maximum(0, sums + draws.normal(size=400) - allowance)
        runs += running
        running &= sums <= threshold
    assert runs.mean() == pytest.approx(1000, rel=0.15)  # 3 standard errors


@given(st.floats(0.01, 1.0), st.floats(100, 1e5))
def test_rarer_alarms_need_a_higher_threshold(allowance: float, run: float) -> None:
    """The threshold grows with the run length and falls with the allowance."""
    assert threshold_of(allowance, 2 * run) > threshold_of(allowance, run)
    assert threshold_of(2 * allowance, run) < threshold_of(allowance, run)


def test_a_doubled_loss_is_an_alarm_that_names_its_start() -> None:
    """Losses that double after 100 nights are noticed within 100 more, and dated to within 30."""
    usual, doubled = losses(1, 100, start=1000), losses(2, 100, scale=2.0, start=1100)
    live = DatedLosses(np.r_[usual.dates, doubled.dates], np.r_[usual.losses, doubled.losses])
    found = watch(losses(0, 713), live, RULES)
    assert found.alarm
    assert found.since == pytest.approx(1100, abs=30)
    assert not isinstance(found.ratio, NotComputed)
    assert found.ratio > 1.5
    assert "more than chance" in found.text
    assert not watch(losses(0, 713), usual, RULES).alarm
    first = first_alarm(losses(0, 713), live, RULES)
    assert first is not None
    assert 1100 < first < 1200


def test_better_losses_are_no_alarm() -> None:
    """Losses that halve leave the sum at zero, and it says so."""
    found = watch(losses(0, 713), losses(1, 300, scale=0.2), RULES)
    assert (found.alarm, found.since) == (False, None)
    assert found.text.startswith("the live losses are as usual")


def test_one_wild_night_is_no_alarm() -> None:
    """A single loss, however large, counts as the 99 % quantile; infinity, too."""
    for wild in (1e6, np.inf):
        live = DatedLosses(np.array([5]), np.array([wild]))
        assert not watch(losses(0, 713), live, RULES).alarm


@given(st.floats(1e-6, 1e6), st.integers(0, 20))
def test_the_unit_of_the_loss_does_not_matter(scale: float, seed: int) -> None:
    """Reference and live losses in another unit give the same sum and alarm."""

    def scaled(series: DatedLosses) -> DatedLosses:
        return DatedLosses(series.dates, scale * series.losses)

    reference, live = losses(seed, 300), losses(seed + 100, 80, scale=1.5)
    found, other = watch(reference, live, RULES), watch(scaled(reference), scaled(live), RULES)
    assert other.alarm == found.alarm
    assert other.statistic == pytest.approx(found.statistic, abs=1e-6)


def test_the_alarm_stays_until_the_sum_is_zero() -> None:
    """After an alarm losses slightly below usual do not end it at once; enough of them do."""
    reference = losses(0, 713)
    mean = reference.mean
    high = [4 * mean] * 40
    for low, on in ((10, True), (400, False)):
        values = np.array(high + [0.5 * mean] * low)
        assert watch(reference, DatedLosses(np.arange(len(values)), values), RULES).alarm is on


@pytest.mark.parametrize(
    ("reference", "live", "reason"),
    [
        (losses(0, 249), losses(1, 5), "249 reference dates (rule: 250 or more)"),
        (losses(0, 250), losses(1, 0), "no live loss yet"),
        (
            DatedLosses(np.arange(300), np.ones(300)),
            losses(1, 5),
            "the reference losses do not vary, or are not finite",
        ),
        (
            DatedLosses(np.arange(300), np.where(np.arange(300) % 10 == 0, np.inf, 1.0)),
            losses(1, 5),
            "the reference losses do not vary, or are not finite",
        ),
    ],
)
def test_what_cannot_be_watched_has_its_reason(
    reference: DatedLosses, live: DatedLosses, reason: str
) -> None:
    """Too short, constant or infinite references raise no alarm and say why."""
    found = watch(reference, live, RULES)
    assert (found.alarm, found.statistic) == (False, NotComputed(reason))
    assert found.text == f"not watched: {reason}"
    assert live.dates.size == 0 or first_alarm(reference, live, RULES) is None


@pytest.mark.parametrize(
    ("name", "value"),
    [("rise", 0.0), ("nights_between_false_alarms", 1.0), ("most", 1.1), ("min_reference", 99)],
)
def test_rules_out_of_range_are_refused(name: str, value: float) -> None:
    """The message has rule, range and value."""
    with pytest.raises(ValueError, match=f"{name} must be from .* but is {value}; correct it"):
        DecayRules(**{name: value})
