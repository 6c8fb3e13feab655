"""Claims about the page as text, and about its content as JSON."""

import json
import math
import re
import tomllib
from dataclasses import FrozenInstanceError, replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from plotly.offline import get_plotlyjs
from pydantic import ValidationError

from lstm_model.evaluation.backtest import Trading
from lstm_model.evaluation.measured import NotComputed
from lstm_model.model.early_stopping import LearningCurve
from lstm_model.report.drift_lines import drift_sentence
from lstm_model.report.night_result import night_from_json, night_to_json
from lstm_model.report.page.numbers import Cell, best_of, column, number, probability, share
from lstm_model.report.page.render import SECTIONS, render_page
from lstm_model.report.page.sentences import (
    left_out_sentences,
    loss_sentences,
    sharpe_sentence,
    spread_sentence,
)
from lstm_model.report.summary_json import summary_json
from tests.page_contents import Kind, make_content, with_names

ROOT = Path(__file__).resolve().parents[4]
EVIL = "</script><script>alert(1)</script>"
KINDS: tuple[Kind, ...] = ("volatility", "panel", "nothing")


class Reader(HTMLParser):
    """What a reader without JavaScript sees, and what elements there are."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.inside: list[str] = []
        self.words: list[str] = []
        self.tags: list[str] = []
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Remember the element."""
        self.tags.append(tag)
        self.inside.append(tag)
        values = dict(attrs)
        self.anchors.add(values.get("id") or "")
        self.links += [value or "" for key, value in attrs if key in {"href", "src"}]

    def handle_endtag(self, tag: str) -> None:
        """Leave the element, and those in it that need no end."""
        while self.inside and self.inside.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        """Remember text that is shown."""
        if not {"script", "style"} & set(self.inside):
            self.words.append(data)

    @property
    def text(self) -> str:
        """All that is shown, in one line."""
        return " ".join(" ".join(self.words).split())


def own_part(page: str) -> str:
    """Return the page without Plotly's own code."""
    assert get_plotlyjs() in page
    return page.replace(get_plotlyjs(), "")


@pytest.fixture(scope="module", params=KINDS)
def page(request: pytest.FixtureRequest) -> str:
    return own_part(render_page(make_content(request.param)))


def test_a_large_night_stays_below_6_megabytes() -> None:
    """The page stays small for 500 tickers, 5,000 dates and 200 trials."""
    content = make_content("panel", tickers=500, dates=5000, trials=200, seeds=10)
    page = render_page(content)
    assert len(page.encode()) < 6_000_000
    assert len(re.findall(r"T\d{3}</th><td>", page)) == 40, "the two ends of the tickers"
    assert "at most 1,000 of 5,000 dates are drawn" in Reader(own_part(page)).text.lower()


def test_nothing_is_fetched(page: str) -> None:
    """The page links only to its own anchors and data; a policy forbids the rest."""
    assert all(link.startswith(("#", "data:")) for link in Reader(page).links)
    for call in ("http://", "https://", "@import", "url(", "fetch(", "XMLHttpRequest"):
        assert call not in page, call
    assert "default-src 'none'" in page


def test_text_and_tables_need_no_javascript(page: str) -> None:
    """Every section exists as text, and the table of contents links to each."""
    reader = Reader(page)
    assert set(SECTIONS) <= reader.anchors
    assert {link[1:] for link in reader.links if link.startswith("#")} == set(SECTIONS)
    assert reader.tags.count("table") >= 8
    assert reader.text.startswith("quickstart, 2026-11-24")


def test_no_value_is_shown_as_python_spells_it(page: str) -> None:
    """Neither NaN nor None, neither in text nor in what figures are drawn from."""
    assert not re.search(r"\b(nan|none|inf|infinity)\b", Reader(page).text, re.I)
    assert not re.search(r"\bNaN\b|\bNone\b|\bInfinity\b", page)


def test_what_was_not_computed_says_why() -> None:
    """A reason replaces each missing number."""
    text = Reader(own_part(render_page(make_content("nothing")))).text
    assert "not computed: n = 12 < 30" in text
    assert "Intervals: not computed: 12 validation errors are too few for 99%" in text
    assert "Trading: not computed: n = 10 < 30" in text
    assert "Mincer-Zarnowitz regression: not computed: n = 12 < 30" in text
    assert "Panel: not computed: one ticker" in text
    assert "Importances: not computed: n = 3 < 7 completed trials" in text
    assert "PBO" in text
    assert "Overfitting cannot be assessed" in text


@pytest.mark.parametrize("kind", ["volatility", "panel"])
def test_every_sentence_of_the_test_block_is_on_the_page(kind: Kind) -> None:
    """The page says what was fitted and left out, what each loss tests, and the Sharpe ratios."""
    content = make_content(kind)
    evaluation, text = content.evaluation, Reader(own_part(render_page(content))).text
    assert isinstance(evaluation.trading, Trading)
    told = [*left_out_sentences(content), sharpe_sentence(evaluation.trading)]
    told += [sentence for view in evaluation.by_loss for sentence in loss_sentences(view)]
    assert [sentence for sentence in told if " ".join(sentence.split()) not in text] == []
    captions = text.count("Tests of the model against each forecast, by ")
    assert captions == len(evaluation.by_loss)


@pytest.mark.parametrize(
    ("kind", "shown", "absent"),
    [
        ("volatility", ["QLIKE:", "Smearing constant:"], ["majority class", "Pesaran-Timmermann"]),
        ("panel", ["majority class", "Pesaran-Timmermann"], ["QLIKE", "Smearing constant"]),
    ],
)
def test_notes_explain_the_columns_of_the_target(
    kind: Kind, shown: list[str], absent: list[str]
) -> None:
    """A page of volatility explains QLIKE and smearing, one of returns the majority class."""
    text = Reader(own_part(render_page(make_content(kind)))).text
    assert [word for word in shown if word not in text] == []
    assert [word for word in absent if word in text] == []


def test_the_verdict_comes_first() -> None:
    """Two sentences with marks that need no colour come before everything else."""
    text = Reader(own_part(render_page(make_content()))).text
    places = [
        text.index(part)
        for part in (
            "Skill: ✓ yes.",
            "Search paid off: ✗ no.",
            "model (LSTM) ours",
            "Leak audit All",
        )
    ]
    assert places == sorted(places)


def test_the_best_of_a_column_is_bold() -> None:
    """A reference has the lowest error here, so its error is bold and the model's is not."""
    content = make_content()
    page = own_part(render_page(content))
    headline = page.split("<tbody>")[1].split("</tbody>")[0]
    rows = {row.split("<", 1)[0]: row for row in headline.split('<th scope="row" class="text">')}
    errors = {name: row.split("</td>")[1] for name, row in rows.items() if "</td>" in row}
    assert [name for name, error in errors.items() if "<strong>" in error] == ["balanced"]


@pytest.mark.parametrize("name", [EVIL, '"><img src=x onerror=alert(1)>', "{{ 7 * 7 }}", "a & b"])
def test_a_name_is_text_everywhere(name: str) -> None:
    """Tickers, studies, findings and units neither open nor close elements."""
    content = make_content("panel", tickers=50)
    plain, named = (
        Reader(own_part(render_page(with_names(content, word)))) for word in ("plain", name)
    )
    assert named.tags == plain.tags
    assert " ".join(name.split()) in named.text


def test_the_page_says_when_there_was_no_last_night_and_no_reference() -> None:
    """The page states what is absent."""
    content = make_content(references=False, last_night=False)
    text = Reader(own_part(render_page(content))).text
    assert "This is the first night of the study" in text
    assert "No reference model was trained" in text
    text = Reader(own_part(render_page(replace(content, changes=())))).text
    assert "Nothing changed." in text


def test_drift_is_told_beside_trains_own_blocks() -> None:
    """The page has the sentence, a row for each column, and says that nothing is stopped by it."""
    content = make_content()
    text = Reader(own_part(render_page(content))).text
    assert drift_sentence(content.drift[0]) in text
    assert "1 of 3 columns differs from train" in text
    assert "not computed: constant in train" in text
    assert "Nothing is stopped by it" in text
    document = json.loads(summary_json(content))["drift"][0]
    assert document["columns_beyond"] == 1
    assert document["columns"][0]["name"] == "parkinson"
    assert document["columns"][2]["shift"] == "not computed: constant in train"
    older = Reader(own_part(render_page(replace(content, drift=())))).text
    assert "Drift" not in older


def test_permutation_importance_is_told_with_what_it_does_not_say() -> None:
    """The page has both tables, HAR's row, the figure's title and the limits of the measure."""
    content = make_content()
    text = Reader(own_part(render_page(content))).text
    assert "among 708 samples of the test block. Unshuffled it is 0.8125." in text
    assert "parkinson 8.00 % 0.42 %" in text
    assert "rsi_14 \N{MINUS SIGN}0.10 % 0.26 %" in text
    assert "older bars 0.00 % 0.26 %" in text
    assert "HAR's forecast 172.31 % 0.42 %" in text
    assert "Without what parkinson says, the MSE on the test block is 8.0% higher." in text
    assert "Correlated features share their importance" in text
    assert "features chosen by it need a new one" in text
    document = json.loads(summary_json(content))["permutation"]
    assert document["features"][0] == {
        "name": "parkinson", "rise": 0.065, "standard_error": 0.0034
    }  # fmt: skip
    panel = Reader(own_part(render_page(make_content("panel")))).text
    assert "among 708 samples of the test block, drawn from its 28,320." in panel
    assert "What is not a feature" not in panel


def test_an_older_night_has_no_permutation_importance() -> None:
    """Its report.json has no such field; the page says so and summary.json has nothing."""
    text = night_to_json(make_content())
    document = json.loads(text)
    del document["permutation"]
    older = night_from_json(json.dumps(document))
    assert older == replace(make_content(), permutation=None)
    page = Reader(own_part(render_page(older))).text
    assert "Permutation importance: not computed: this night is older than the measure" in page
    assert "Correlated features" not in page
    assert json.loads(summary_json(older))["permutation"] is None


def test_a_failed_check_cannot_be_overlooked() -> None:
    """The audit's sentence counts the failures, and their rows are marked in capitals."""
    text = Reader(own_part(render_page(make_content("nothing")))).text
    assert "1 of 3 checks FAIL" in text
    assert "✗ FAILS shuffled labels have no skill" in text


def test_the_trading_view_is_illustrative_only() -> None:
    """The sentence stands above the figure."""
    assert "This view is illustrative only" in Reader(own_part(render_page(make_content()))).text


def test_a_sparse_content_is_still_a_page() -> None:
    """There is a page even without losses, epochs, dates, findings and readings."""
    content = make_content("nothing")
    series = replace(
        content.evaluation.series,
        dates=(), truth=(), forecast=(), spread=(), low=(), high=(), squared_errors={},
    )  # fmt: skip
    sparse = replace(
        content,
        study=replace(
            content.study,
            trials=tuple(replace(t, state="FAIL", loss=None) for t in content.study.trials),
        ),
        evaluation=replace(content.evaluation, baselines=(), seeds=(), series=series),
        models=replace(content.models, winner=replace(content.winner, seeds=(), trainings=())),
        insight=replace(content.insight, readings=()),
        audit=(),
    )
    text = Reader(own_part(render_page(sparse))).text
    assert "History: not computed: no trial completed" in text
    assert "Learning curves: not computed: no epoch was recorded" in text


def test_the_page_s_parts_are_packaged() -> None:
    """Template, style and script are part of the installed package."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    for name in project["tool"]["setuptools"]["package-data"]["lstm_model.report.page"]:
        assert (ROOT / "lstm_model" / "report" / "page" / name).is_file(), name


def test_the_spread_over_seeds_is_told() -> None:
    """The page has the ensemble's mean and largest spread; a single seed has none."""
    evaluation = make_content().evaluation
    series = replace(evaluation.series, spread=(0.5, *(0.1,) * (len(evaluation.series.dates) - 1)))
    told = spread_sentence(replace(evaluation, series=series))
    assert f"0.5 at most, on {series.dates[0]}." in told
    assert (
        told
        in Reader(
            render_page(replace(make_content(), evaluation=replace(evaluation, series=series)))
        ).text
    )
    alone = replace(series, spread=(0.0,) * len(series.dates))
    assert "one seed" in spread_sentence(replace(evaluation, series=alone))


@pytest.mark.parametrize("kind", KINDS)
def test_content_survives_json(kind: Kind) -> None:
    """Dates, tuples, unions and spaces come back as they were; so do NaN and infinity."""
    content = make_content(kind)
    again = night_from_json(night_to_json(content))
    if kind != "nothing":  # which has NaN in it, and NaN equals nothing
        assert again == content
    assert repr(again) == repr(content)
    with pytest.raises(FrozenInstanceError):
        again.study_name = "other"  # type: ignore[misc]


def test_losses_that_are_not_finite_survive_json() -> None:
    """A refit's validation losses are NaN, a broken trial's may be infinite; the JSON is strict."""
    content = make_content()
    first = content.winner.trainings[0].epochs[0]
    odd = tuple(replace(first, validation_loss=v) for v in (math.nan, math.inf, -math.inf))
    winner = replace(content.winner, trainings=(LearningCurve(1, odd),))
    content = replace(content, models=replace(content.models, winner=winner))

    def refuse(name: str) -> None:
        raise AssertionError(name)

    text = night_to_json(content)
    json.loads(text, parse_constant=refuse)
    losses = [e.validation_loss for e in night_from_json(text).winner.trainings[0].epochs]
    assert math.isnan(losses[0])
    assert losses[1:] == [math.inf, -math.inf]


def test_json_of_something_else_is_refused() -> None:
    """JSON of anything else raises an error."""
    with pytest.raises(ValidationError):
        night_from_json('{"study_name": "x"}')


def test_numbers_of_a_column_are_aligned() -> None:
    """A column has one power of ten and one number of decimals; reasons are unchanged."""
    power, cells = column([1.22e-4, 1.5703e-4, NotComputed("n = 3 < 30")])
    assert power == ", in 10⁻⁴"
    assert [c.text for c in cells] == ["1.220", "1.570", "not computed: n = 3 < 30"]
    assert [c.text for c in column([0.85, 3.016])[1]] == ["0.8500", "3.0160"]
    assert column([])[1] == []


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (number(-0.25, ".2f"), "\N{MINUS SIGN}0.25"),
        (number(None, ".2f"), "\N{EN DASH}"),
        (number(math.nan, ".2f"), "not a number"),
        (number(-math.inf, ".2f"), "\N{MINUS SIGN}infinite"),
        (probability(3e-24), "< 0.001"),
        (probability(0.0541), "0.054"),
        (share(0.6213), "62.1\xa0%"),
        (share(NotComputed("one ticker")), "not computed: one ticker"),
    ],
)
def test_a_number_is_printed_for_a_reader(cell: Cell, text: str) -> None:
    """True minus signs, sensible digits, words where there is no number."""
    assert cell.text == text


def test_equal_bests_are_both_bold() -> None:
    """Values that print alike are both marked."""
    values = [0.50001, 0.50002, 0.6, NotComputed("n")]
    cells = best_of([number(v, ".3f") for v in values], values, highest=False)
    assert [c.best for c in cells] == [True, True, False, False]


def test_skill_by_ticker_is_shown_from_both_ends() -> None:
    """All tickers of a small panel, and the best and worst of a large one."""
    few = Reader(own_part(render_page(make_content("panel", tickers=40)))).text
    many = Reader(own_part(render_page(make_content("panel", tickers=50)))).text
    assert "Skill by ticker, best first" in few
    assert "The 20 of 50 tickers with the highest R²" in many
    assert "The 20 of 50 tickers with the lowest R²" in many
