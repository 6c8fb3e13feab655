"""What an answer adds to the bars as known."""

import datetime as dt
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lstm_model.data.cleaning import tidy_bars
from lstm_model.data.revisions.known import KnownBars
from lstm_model.data.revisions.learning import Lesson, begin, learn
from lstm_model.errors import BarsError
from tasks.data.sources.csv_folder import read_bars_file
from tests.stored import raw_bars

NIGHTS = [dt.datetime(2026, 1, day) for day in range(1, 10)]
ALL = (None, None)
CASES = Path(__file__).parents[5] / "shared" / "cases"


def tidy(raw: pd.DataFrame) -> pd.DataFrame:
    return tidy_bars(raw, "X").frame


def learnt(*answers: pd.DataFrame) -> Lesson:
    """Learn answers on consecutive nights; return the last lesson."""
    known = begin(tidy(answers[0]), "X", NIGHTS[0], None)
    for night, answer in zip(NIGHTS[1:], answers[1:], strict=False):
        lesson = learn(known, tidy(answer), "X", night, None, ALL)
        known = lesson.known
    return lesson


def rules(lesson: Lesson) -> list[str]:
    return [finding.rule for finding in lesson.findings]


def test_nothing_new_changes_nothing() -> None:
    """The same answer again adds no row, no event and no finding."""
    lesson = learnt(raw_bars(), raw_bars())
    assert not lesson.learnt
    assert (lesson.added, lesson.findings, len(lesson.known.rows)) == (0, (), 40)


def test_new_bars_are_added() -> None:
    """Bars of later dates are added, with the night they were learnt."""
    whole = raw_bars(bars=40)
    lesson = learnt(whole.head(38), whole)
    assert (lesson.added, rules(lesson), lesson.rewrites_history) == (2, [], False)
    assert lesson.known.rows["learnt"].tolist() == [NIGHTS[0]] * 38 + [NIGHTS[1]] * 2
    pd.testing.assert_frame_equal(lesson.known.as_of(), tidy(whole))


def test_a_corrected_close_is_a_dated_restatement() -> None:
    """A corrected close is a revision: tonight knows the new one, the night before the old one."""
    raw = raw_bars()
    corrected = raw.assign(close=raw["close"].where(raw.index != 20, raw["close"] + 0.25))
    lesson = learnt(raw, corrected)
    (finding,) = lesson.findings
    assert (finding.rule, finding.date, finding.action) == ("restatement", "2020-01-29", "noted")
    was, now = raw["close"][20], corrected["close"][20]
    assert finding.value == f"close {now:.10g}, was {was:.10g}"
    assert lesson.rewrites_history
    assert len(lesson.known.rows) == 41
    assert lesson.known.as_of()["close"][20] == now
    assert lesson.known.as_of(NIGHTS[0])["close"][20] == was


@pytest.mark.parametrize("factor", [0.9945, 0.25, 10.0, 0.01])
def test_a_rescaling_is_one_event(factor: float) -> None:
    """History times a constant is one event, whatever its rounding; returns stay as they were."""
    raw = raw_bars(level=400.0)
    prices = ["open", "high", "low", "close"]
    rescaled = raw.copy()
    rescaled[prices] = np.round(raw[prices] * factor, 4)
    lesson = learnt(raw.head(39), rescaled)
    assert rules(lesson) == ["dividend_rewrite"]
    assert len(lesson.known.rows) == 40
    (rescaling,) = lesson.known.rescalings
    assert rescaling.before == dt.date(2020, 2, 25)
    assert {name for name, _ in rescaling.factors} == set(prices)
    now, then = (lesson.known.as_of(night)["close"] for night in (None, NIGHTS[0]))
    assert now[38] == pytest.approx(rescaled["close"][38], rel=1e-6)
    assert then.tolist() == raw["close"].head(39).tolist()
    returns = (now.head(39) / now.head(39).shift()).dropna()
    np.testing.assert_allclose(returns, (then / then.shift()).dropna(), rtol=1e-15)
    again = learn(lesson.known, tidy(rescaled), "X", NIGHTS[2], None, ALL)
    assert not again.learnt, again.findings


def test_a_split_divides_volumes_and_dividends_too() -> None:
    """After a split the source's volumes and dividends of older bars are in new shares."""
    raw = raw_bars(level=400.0).assign(dividends=0.0, stock_splits=0.0)
    raw.loc[10, "dividends"] = 0.8
    after = raw.copy()
    after[["open", "high", "low", "close", "dividends"]] *= 0.25
    after["volume"] *= 4
    after.loc[39, ["open", "high", "low", "close", "dividends", "volume"]] = [
        *(raw.loc[39, ["open", "high", "low", "close"]].astype(float) / 4), 0.0, 5e5,
    ]  # fmt: skip
    after.loc[39, "stock_splits"] = 4.0
    lesson = learnt(raw.head(39), after)
    assert rules(lesson) == ["dividend_rewrite"]
    known = lesson.known.as_of()
    np.testing.assert_allclose(known["volume"], after["volume"], rtol=1e-9)
    np.testing.assert_allclose(known["dividends"], after["dividends"], rtol=1e-9)


@pytest.mark.parametrize(
    ("decimals", "step", "restated"), [(2, 0.01, 1), (4, 0.01, 1), (4, 0.0, 0)]
)
def test_one_cent_is_a_correction_and_more_digits_are_none(
    decimals: int, step: float, restated: int
) -> None:
    """Printed to the cent, one cent is a change; the same prices with more digits are the same."""
    fine = 100 + np.random.default_rng(0).uniform(0, 5, 40)
    raw = raw_bars().assign(open=100.0, high=106.0, low=99.0, close=np.round(fine, 2))
    again = raw.assign(close=np.round(fine, decimals))
    again.loc[20, "close"] += step
    lesson = learnt(raw, again)
    assert rules(lesson) == ["restatement"] * restated


def test_late_values_are_one_finding() -> None:
    """Volumes that were late, and a price that was not out, are told once and are no correction."""
    raw = raw_bars()
    early = raw.assign(volume=raw["volume"].where(raw.index < 37, 0.0))
    early.loc[39, ["open", "high", "low", "close"]] = np.nan
    lesson = learnt(early, raw)
    assert rules(lesson) == ["late_values"]
    assert lesson.findings[0].value.startswith("3 bars to 2020-02-25")
    assert not lesson.rewrites_history
    pd.testing.assert_frame_equal(lesson.known.as_of(), tidy(raw))


def test_a_short_answer_shrinks_nothing() -> None:
    """Bars that an answer lacks stay and are named; a null erases no price."""
    raw = raw_bars()
    short = raw.drop(index=[3, 4, 5, 20])
    short.loc[30, "close"] = np.nan
    lesson = learnt(raw, short)
    assert rules(lesson) == ["short_answer"]
    assert lesson.findings[0].value.startswith("4 stored bars to 2020-01-29 are not")
    pd.testing.assert_frame_equal(lesson.known.as_of(), tidy(raw))


def test_bars_outside_what_was_asked_are_not_missing() -> None:
    """An answer to a request for the newest bars lacks the older ones by right."""
    raw = raw_bars()
    known = begin(tidy(raw), "X", NIGHTS[0], None)
    asked = (dt.date(2020, 1, 29), None)
    lesson = learn(known, tidy(raw.tail(20)), "X", NIGHTS[1], None, asked)
    assert lesson.findings == ()
    earlier = (dt.date(2020, 1, 28), None)
    lesson = learn(known, tidy(raw.tail(20)), "X", NIGHTS[1], None, earlier)
    assert rules(lesson) == ["short_answer"]


def test_another_series_is_refused() -> None:
    """Closes that differ by no common factor are another series, and never mixed with the first."""
    with pytest.raises(BarsError, match=r"^X 2020-01-0\d: another_series: \d+ of 40 closes"):
        learnt(raw_bars(seed=0), raw_bars(seed=1))


def test_a_new_column_is_no_restatement() -> None:
    """A column that the source did not have before is added for every bar."""
    raw = raw_bars()
    lesson = learnt(raw.drop(columns="volume"), raw)
    assert rules(lesson) == ["late_values"]
    pd.testing.assert_frame_equal(lesson.known.as_of(), tidy(raw))


def test_a_dividend_multiplies_the_adjusted_closes_alone() -> None:
    """What a vendor does at every dividend is one event, and touches no price."""
    raw = raw_bars().assign(dividends=0.0, stock_splits=0.0)
    before = raw.assign(adj_close=raw["close"])
    adjusted = np.where(raw.index < 20, raw["close"] * 0.99, raw["close"])
    lesson = learnt(before, raw.assign(adj_close=np.round(adjusted, 4)))
    assert rules(lesson) == ["dividend_rewrite"]
    assert lesson.findings[0].value.endswith("before it: adj_close by 0.99")
    (rescaling,) = lesson.known.rescalings
    assert [name for name, _ in rescaling.factors] == ["adj_close"]
    assert rescaling.before == dt.date(2020, 1, 29)


@settings(deadline=None)
@given(seed=st.integers(0, 2**32 - 1), nights=st.integers(1, 5))
def test_every_night_stays_as_it_was(seed: int, nights: int) -> None:
    """Whatever comes later, each past night knows exactly what it knew."""
    draws = np.random.default_rng(seed)
    raw = raw_bars(bars=60, seed=seed % 1000)
    known: KnownBars | None = None
    history: list[pd.DataFrame] = []
    for night in range(nights + 1):
        kind = draws.integers(3)
        if kind == 0:
            raw.loc[draws.integers(60), "close"] *= 1.003
        elif kind == 1:
            raw[["open", "high", "low", "close"]] *= draws.choice([0.5, 0.99, 2.0])
        answer = tidy(raw.head(50 + night))
        if known is None:
            known = begin(answer, "X", NIGHTS[0], None)
        else:
            known = learn(known, answer, "X", NIGHTS[night], None, ALL).known
        history.append(known.as_of())
        for past, expected in enumerate(history):
            pd.testing.assert_frame_equal(known.as_of(NIGHTS[past]), expected, check_exact=True)
        np.testing.assert_allclose(known.as_of()["close"], answer["close"], rtol=1e-5)


@pytest.mark.skipif(not CASES.exists(), reason="the shared cases do not lie beside the project")
@pytest.mark.parametrize(
    ("case", "found"),
    [("restatement", ["restatement", "late_values"]), ("dividend_rewrite", ["dividend_rewrite"])],
)
def test_cases(case: str, found: list[str]) -> None:
    """The public cases of two days: a corrected close with late volumes, and a rescaling."""
    days = [read_bars_file(CASES / case / day / "X.csv", "X")[0] for day in ("day1", "day2")]
    lesson = learnt(*days)
    assert rules(lesson) == found
    pd.testing.assert_frame_equal(lesson.known.as_of(NIGHTS[0]), tidy(days[0]))
