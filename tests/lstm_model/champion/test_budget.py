"""Claims about the error budget: no 365 days spend more than the year's, whatever the nights."""

import json
from dataclasses import asdict, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstm_model.champion.budget import GateRules, GateState, tonights_look

RULES = GateRules()


@given(
    st.lists(st.integers(0, 40), max_size=400),
    st.floats(0.0, 1.0),
    st.integers(1, 365),
)
def test_no_year_spends_more_than_its_budget(
    steps: list[int], nightly_share: float, days_between_looks: int
) -> None:
    """The levels of the nights within any 365 days add up to alpha at most, also of double runs."""
    rules = GateRules(nightly_share=nightly_share, days_between_looks=days_between_looks)
    state, night, spent = GateState(), 17_000, []
    for step in steps:
        night += step
        look = tonights_look(night, state, rules)
        spent.append((night, look.level))
        state = look.state
    for first, _ in spent:
        year = sum(level for night, level in spent if first <= night < first + 365)
        assert year <= rules.alpha_a_year * (1 + 1e-12)


def test_every_night_of_a_year_spends_all_of_it() -> None:
    """365 nights in a row use up the whole budget."""
    state, spent = GateState(), 0.0
    for night in range(365):
        look = tonights_look(night, state, RULES)
        spent, state = spent + look.level, look.state
    assert spent == pytest.approx(RULES.alpha_a_year)


def test_the_first_night_has_a_large_look_and_the_next_a_month_later() -> None:
    """Between large looks each night has a small one, at the level of its share."""
    first = tonights_look(100, GateState(), RULES)
    assert (first.is_large, first.next_large) == (True, 131)
    assert first.level == pytest.approx(0.045 / 12 + 0.005 / 365)
    small = tonights_look(130, first.state, RULES)
    assert (small.is_large, small.next_large) == (False, 131)
    assert small.level == pytest.approx(0.005 / 365)
    assert tonights_look(131, small.state, RULES).is_large


@pytest.mark.parametrize("night", [100, 99, 3])
def test_a_night_has_one_look(night: int) -> None:
    """The same night again, or a clock that went back, has no look and changes nothing."""
    state = tonights_look(100, GateState(), RULES).state
    look = tonights_look(night, state, RULES)
    assert (look.level, look.state) == (0.0, state)


def test_the_state_survives_json() -> None:
    """What has to be kept from night to night is a record of two numbers."""
    state = tonights_look(100, GateState(), RULES).state
    assert GateState(**json.loads(json.dumps(asdict(state)))) == state


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("alpha_a_year", 0.6),
        ("nightly_share", -0.1),
        ("days_between_looks", 0),
        ("days_between_looks", 366),
        ("margin", -0.01),
        ("min_dates", 29),
        ("first_alpha", float("nan")),
        ("first_margin", 0.6),
    ],
)
def test_rules_out_of_range_are_refused(name: str, value: float) -> None:
    """The message has rule, range and value."""
    with pytest.raises(ValueError, match=f"{name} must be from .* but is {value}; correct it"):
        replace(RULES, **{name: value})
