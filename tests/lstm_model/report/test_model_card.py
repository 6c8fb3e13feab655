"""Claims about the model card: what it must say, for every kind of night."""

from dataclasses import replace

import pytest

from lstm_model.report.model_card import model_card
from lstm_model.report.night_result import night_from_json, night_to_json
from tests.page_contents import Kind, make_content

KINDS: tuple[Kind, ...] = ("volatility", "panel", "nothing")


@pytest.mark.parametrize("kind", KINDS)
def test_it_says_what_a_reader_needs(kind: Kind) -> None:
    """Name and version, verdict, data and snapshot, true size, parameters and how to repeat it."""
    night = make_content(kind)
    card = model_card(night)
    verdict, winner = night.evaluation.verdict, night.winner
    for words in (
        f"# {night.registered.name}, version {night.registered.version}\n",
        verdict.skill,
        verdict.search,
        night.data.snapshot_sha256,
        night.data.tickers[0],
        night.data.test_start,
        f"{winner.parameters:,} weights",
        *night.again,
    ):
        assert words in card
    if len(winner.seeds) > 1:
        assert f"{len(winner.seeds)} LSTMs" in card
    for name, value in night.best_params.to_dict().items():
        assert f"| {name} | {value} |" in card
    assert "nan" not in card.lower()


@pytest.mark.parametrize("kind", KINDS)
def test_tables_are_tables(kind: Kind) -> None:
    """Every row of a table has as many cells as its header."""
    widths: set[int] = set()
    for line in model_card(make_content(kind)).splitlines():
        if line.startswith("|"):
            widths.add(line.replace("\\|", "").count("|"))
            assert len(widths) == 1, line
        else:
            widths = set()


def test_the_model_stands_beside_har_and_the_best_baseline() -> None:
    """The table has the model, HAR and the best baseline on validation with its p-values."""
    night = make_content("volatility")
    evaluation = night.evaluation
    lines = model_card(night).splitlines()
    rows = {line.split("|")[1].strip(): line for line in lines if line.startswith("|")}
    by_name = {c.name: c for c in evaluation.baselines}
    assert f"{evaluation.model.mse:.4g}" in rows["this model"]
    for name, role in (("har", "benchmark"), (evaluation.rival, "best baseline")):
        row = rows[f"{name} ({role})"]
        assert f"{by_name[name].metrics.mse:.4g}" in row
        assert f"{by_name[name].mse.diebold_mariano.p_value:.2g}" in row  # type: ignore[union-attr]


@pytest.mark.parametrize(("kind", "words"), [
    ("volatility", "leaves out the night"), ("panel", "not to be expected"),
])  # fmt: skip
def test_limits_are_those_of_the_target(kind: Kind, words: str) -> None:
    """The card says what its target does not cover, and which rival is missing."""
    night = make_content(kind)
    assert words in model_card(night)
    reason = {"garch": "it did not converge"}
    night = replace(night, evaluation=replace(night.evaluation, left_out=reason))
    assert "- garch is no rival: it did not converge." in model_card(night)


def test_many_tickers_are_counted() -> None:
    """A universe is named in part; the card fits into the registry."""
    card = model_card(make_content("panel", tickers=400))
    assert "and 380 more" in card
    assert len(card) < 5000


def test_the_card_is_the_same_from_what_mlflow_stores() -> None:
    """A card can be made again from the night's content."""
    night = make_content("volatility")
    assert model_card(night_from_json(night_to_json(night))) == model_card(night)
