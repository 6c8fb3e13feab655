"""Claims about what a night prints."""

from dataclasses import replace

import pytest

from lstm_model.report.night_result import NightResult
from lstm_model.report.terminal import WIDTH, terminal_text
from tests.page_contents import Kind, make_content

KINDS: tuple[Kind, ...] = ("volatility", "panel", "nothing")


def flat(night: NightResult) -> str:
    """Return the text in one line."""
    return " ".join(terminal_text(night).split())


@pytest.mark.parametrize("kind", KINDS)
def test_the_test_block_fits_the_terminal(kind: Kind) -> None:
    """Verdict, tables and notes wrap; only parameters, commands and addresses may be longer."""
    lines = terminal_text(make_content(kind)).splitlines()
    end = next(k for k, line in enumerate(lines) if line.startswith("The whole page"))
    assert [line for line in lines[1:end] if len(line) > WIDTH] == []


@pytest.mark.parametrize(
    ("kind", "heading"),
    [
        ("volatility", "MSE QLIKE R2 mean R2 bench direction DM p, MSE DM p, QLIKE"),
        ("panel", "MSE MAE R2 mean R2 bench direction DM p"),
        ("nothing", "MSE QLIKE R2 mean R2 bench direction DM p, MSE DM p, QLIKE"),
    ],
)
def test_a_target_has_its_own_columns(kind: Kind, heading: str) -> None:
    """Volatility is scored by MSE and QLIKE, returns by MSE and MAE, each loss with its test."""
    lines = [" ".join(line.split()) for line in terminal_text(make_content(kind)).splitlines()]
    assert heading in lines


@pytest.mark.parametrize(
    ("kind", "second", "values"),
    [("volatility", "qlike", 7), ("panel", "mae", 6), ("nothing", "qlike", 7)],
)
def test_a_row_has_a_value_in_each_column(kind: Kind, second: str, values: int) -> None:
    """QLIKE or MAE follows MSE; a p-value that was not computed is a dash."""
    night = make_content(kind)
    rows = {line[:5]: line.split()[1:] for line in terminal_text(night).splitlines()}
    ridge = next(c.metrics for c in night.evaluation.baselines if c.name == "ridge")
    assert len(rows["ridge"]) == values
    assert rows["ridge"][:2] == [f"{ridge.mse:.5g}", f"{getattr(ridge, second):.5g}"]
    assert (rows["ridge"][-1] == "-") == (kind == "nothing")


@pytest.mark.parametrize(
    ("kind", "named"),
    [
        ("volatility", "benchmark har, best baseline on validation har_linear"),
        ("panel", "benchmark train_mean, best baseline on validation last_bar"),
    ],
)
def test_the_opponents_are_named(kind: Kind, named: str) -> None:
    """The benchmark and the best baseline on validation stand above the table."""
    assert named in flat(make_content(kind))


def test_the_majority_class_is_for_returns() -> None:
    """Volatility returns to its mean, so only differences in direction count there."""
    panel, volatility = flat(make_content("panel")), flat(make_content())
    assert "the majority class scores 0." in panel
    assert "majority class" not in volatility
    assert "correct sign of the change; only differences between forecasts count" in volatility


def test_a_baseline_without_forecasts_says_why() -> None:
    """Each baseline that is left out has a line with its reason."""
    night = make_content()
    assert "gjr_garch is left out: its fit did not converge." in flat(night)
    everyone = replace(night, evaluation=replace(night.evaluation, left_out={}))
    assert "left out" not in flat(everyone)


def test_both_verdicts_come_before_the_table() -> None:
    """The text says first whether there is skill, then whether the search was worth it."""
    night = make_content()
    text, verdict = flat(night), night.evaluation.verdict
    places = [text.index(part) for part in (verdict.skill, verdict.search, "Test block 2016")]
    assert places == sorted(places)
