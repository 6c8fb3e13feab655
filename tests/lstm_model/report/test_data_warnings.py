"""What terminal and page say of the bars before the verdict."""

from dataclasses import replace

import pytest

from lstm_model.data.bars import Finding
from lstm_model.report.data_warnings import data_warnings, panel_warnings
from lstm_model.report.night_result import NightResult
from lstm_model.report.page.render import render_page
from lstm_model.report.terminal import WIDTH, terminal_text
from tests.page_contents import make_content


def night_without(count: int, reason: str = "X.csv is missing") -> NightResult:
    night = make_content()
    gone = tuple(Finding(f"GONE{n}", "", "left_out", reason, "noted") for n in range(count))
    return replace(night, data=replace(night.data, tickers=("A", "B"), findings=gone))


def test_terminal_and_page_begin_with_what_is_missing() -> None:
    """The tickers left out stand right below the best trial, and above the page's verdict."""
    night = night_without(1)
    sentence = "Without 1 of 3 tickers: GONE0 (X.csv is missing)."
    assert terminal_text(night).splitlines()[1] == sentence
    page = render_page(night)
    assert page.index(sentence) < page.index('<ul class="verdict">')


def test_nothing_is_said_where_nothing_is_missing() -> None:
    """A night with all its tickers has no such line."""
    night = night_without(0)
    assert data_warnings(night.data) == ()
    best, blank, verdict = terminal_text(night).splitlines()[:3]
    assert best.startswith("Best trial: ")
    assert (blank, bool(verdict)) == ("", True)
    assert "Without 0" not in render_page(night)


@pytest.mark.parametrize("count", [6, 40])
def test_many_are_all_named(count: int) -> None:
    """Five have their reason and all have their name; a long reason is cut."""
    night = night_without(count, reason="x" * 500)
    (sentence,) = data_warnings(night.data)
    assert sentence.count("x...") == 5
    assert all(f"GONE{number}" in sentence for number in range(count))
    assert max(map(len, terminal_text(night).splitlines()[1:8])) <= WIDTH


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        (
            "one_ticker_dates",
            "Of the panel, down by 90 % (A).",
        ),
        ("short_history", "Used where they exist: A has down by 90 %."),
        (
            "unexplained_move",
            "No split or dividend explains these moves; check them: A 2023-08-08 (down by 90 %).",
        ),
        (
            "newest_prices_missing",
            "The newest sessions have no prices yet: A 2023-08-08. Forecasts follow the last bar "
            "with prices.",
        ),
    ],
)
def test_what_may_change_the_verdict_comes_first(rule: str, sentence: str) -> None:
    """A move without an action and a session without prices stand above the verdict."""
    night = make_content()
    finding = Finding("A", "2023-08-08", rule, "down by 90 %", "noted")
    night = replace(night, data=replace(night.data, findings=(finding,)))
    assert data_warnings(night.data) == (sentence,)
    page = render_page(night)
    assert page.index(sentence) < page.index('<ul class="verdict">')
    assert sentence in " ".join(line.strip() for line in terminal_text(night).splitlines()[1:4])


def test_many_short_histories_are_one_sentence() -> None:
    """Five tickers are named with their dates and the others counted."""
    found = [Finding(f"T{n}", "2020-01-02", "short_history", "no X", "noted") for n in range(7)]
    (sentence,) = panel_warnings(found)
    assert sentence.startswith("Used where they exist: T0 has no X; T1 has no X; ")
    assert sentence.endswith("T4 has no X; and 2 more.")
    merged = Finding("T0", "2020-01-02", "short_history", "80 tickers lack", "noted", 80)
    assert panel_warnings([merged]) == ("Used where they exist: 80 tickers lack.",)
