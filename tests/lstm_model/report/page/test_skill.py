"""Claims about what the page says of the test block: its tables and its sentences."""

from dataclasses import replace
from typing import Any

import pytest

from lstm_model.evaluation.backtest import Trading
from lstm_model.evaluation.evaluate import Evaluation, LossView
from lstm_model.evaluation.measured import NotComputed, Statistic
from lstm_model.model.final_model import FinalModel
from lstm_model.report.night_result import NightResult
from lstm_model.report.page import skill_tables
from lstm_model.report.page.market_tables import seeds_table
from lstm_model.report.page.sentences import left_out_sentences, loss_sentences, sharpe_sentence
from lstm_model.report.page.skill_tables import headline_table, scores_table
from lstm_model.report.page.table import Table
from tests.page_contents import Kind, make_content

EQUAL = NotComputed("the forecasts are equal")


@pytest.fixture(scope="module")
def content() -> NightResult:
    return make_content()


@pytest.fixture(scope="module")
def evaluation(content: NightResult) -> Evaluation:
    return content.evaluation


@pytest.fixture(scope="module")
def view(evaluation: Evaluation) -> LossView:
    return evaluation.by_loss[0]


@pytest.fixture(scope="module")
def trading(evaluation: Evaluation) -> Trading:
    assert isinstance(evaluation.trading, Trading)
    return evaluation.trading


def texts(table: Table, heading: str) -> dict[str, str]:
    """Return a column by the name of each row."""
    place = table.head.index(heading)
    return {row[0].text: row[place].text for row in table.rows}


def test_every_forecast_has_its_role(evaluation: Evaluation) -> None:
    """The benchmark and the best baseline on validation are told from other baselines."""
    roles = texts(headline_table(evaluation), "role")
    assert roles["HAR"] == "benchmark"
    assert roles["HAR linear"] == "best baseline on validation"
    assert roles["LHAR"] == "baseline"
    assert roles["minimal"] == "reference"
    roles = texts(headline_table(replace(evaluation, rival="har")), "role")
    assert roles["HAR"] == "benchmark, best on validation"
    assert roles["HAR linear"] == "baseline"


@pytest.mark.parametrize(
    ("kind", "headline", "scores"),
    [
        ("volatility", {"QLIKE", "DM p, QLIKE"}, {"smearing constant"}),
        ("panel", set(), {"majority class", "sign test p"}),
    ],
)
def test_a_target_has_its_own_scores(kind: Kind, headline: set[str], scores: set[str]) -> None:
    """QLIKE and smearing are for volatility, majority class and sign test are for returns."""
    evaluation = make_content(kind).evaluation
    own = {"QLIKE", "DM p, QLIKE", "smearing constant", "majority class", "sign test p"}
    assert own & set(headline_table(evaluation).head) == headline
    assert own & set(scores_table(evaluation).head) == scores


def test_the_best_qlike_is_bold(evaluation: Evaluation) -> None:
    """The lowest QLIKE is marked like the lowest MSE."""
    table = headline_table(evaluation)
    place = table.head.index("QLIKE")
    assert [row[0].text for row in table.rows if row[place].best] == ["balanced"]


def test_each_loss_has_its_table_of_tests(evaluation: Evaluation) -> None:
    """Ratio and p-values are the loss's own; direction and Clark-West stand beside MSE alone."""
    by_mse, by_qlike = (skill_tables.tests_table(evaluation, view) for view in evaluation.by_loss)
    har = next(c for c in evaluation.baselines if c.name == "har")
    for table, test in ((by_mse, har.mse), (by_qlike, har.qlike)):
        assert texts(table, "our loss over theirs")["HAR"] == f"{test.ratio:.3f}"
        assert isinstance(test.diebold_mariano, Statistic)
        shown = texts(table, "DM")["HAR"].replace("\N{MINUS SIGN}", "-")
        assert shown == f"{test.diebold_mariano.value:.2f}"
    assert [t.caption.split()[-1] for t in (by_mse, by_qlike)] == ["MSE", "QLIKE"]
    only_mse = ("Clark-West p", "direction, ours less theirs", "direction p, two-sided")
    assert set(by_mse.head) - set(by_qlike.head) == set(only_mse)
    assert texts(by_mse, "Clark-West p")["LHAR"] == "not computed: the model does not nest it"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            {"slope": 1.25, "intercept": -0.5, "wald": Statistic(4.0, 0.02)},
            "Mincer-Zarnowitz regression of truth on forecast: the intercept is "
            "\N{MINUS SIGN}0.5 and the slope is 1.250. Test that they are 0 and 1: p = 0.020.",
        ),
        (
            {"slope": NotComputed("the forecast is constant")},
            "Mincer-Zarnowitz regression: not computed: the forecast is constant.",
        ),
    ],
)
def test_efficiency_is_told(view: LossView, change: dict[str, Any], sentence: str) -> None:
    """Intercept and slope stand with the test of both, or with the reason for their absence."""
    regression = replace(view.mincer_zarnowitz, **change)
    assert sentence in loss_sentences(replace(view, mincer_zarnowitz=regression))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            {
                "weight": 0.8,
                "rival_suffices": Statistic(9.0, 1e-6),
                "model_suffices": Statistic(1.0, 0.3),
            },
            "The best mixture with HAR linear gives the model a weight of 0.80. Test that "
            "HAR linear alone suffices: p < 0.001. Test that the model alone suffices: p = 0.300.",
        ),
        (
            {"weight": EQUAL},
            "Weight of the model beside HAR linear: not computed: the forecasts are equal.",
        ),
        (
            {"weight": 0.8, "rival_suffices": EQUAL, "model_suffices": Statistic(1.0, 0.3)},
            "The best mixture with HAR linear gives the model a weight of 0.80. Test that "
            "HAR linear alone suffices: not computed: the forecasts are equal. Test that the model "
            "alone suffices: p = 0.300.",
        ),
    ],
)
def test_the_weight_beside_the_rival_is_told(
    view: LossView, change: dict[str, Any], sentence: str
) -> None:
    """The model's weight stands with both tests, or with the reason for its absence."""
    mixed = replace(view.encompassing, **change)
    assert sentence in loss_sentences(replace(view, encompassing=mixed))


def test_the_page_says_what_was_left_out_and_cut_short(content: NightResult) -> None:
    """A baseline is left out, a reference has one seed or none, each with its reason."""
    assert left_out_sentences(content) == (
        "Baselines are fitted on train, as the model is.",
        "The baseline GJR-GARCH is left out: its fit did not converge.",
        "The reference aggressive has one seed and is compared with one of the model: its first "
        "seed is worse than the winner's.",
        "The reference high-capacity was not trained: it needs 2.4 times the work of the "
        "search, and 0.3 is left of evaluation.reference_budget.",
    )


def test_a_refit_of_the_baselines_is_told(content: NightResult) -> None:
    """Baselines are fitted on validation too if the model is."""
    winner: FinalModel = replace(content.winner, refit=True)
    refitted = replace(content, models=replace(content.models, winner=winner))
    assert left_out_sentences(refitted)[0] == (
        "Baselines are fitted on train and validation, as the model is."
    )


@pytest.mark.parametrize(
    ("gain", "test", "sentence"),
    [
        (
            0.12,
            Statistic(1.0, 0.3),
            "The rule's Sharpe ratio is 0.12 higher than that of buy and hold. Test that they are "
            "equal (Ledoit and Wolf 2008): p = 0.300.",
        ),
        (
            -0.12,
            Statistic(-4.0, 1e-5),
            "The rule's Sharpe ratio is 0.12 lower than that of buy and hold. Test that they are "
            "equal (Ledoit and Wolf 2008): p < 0.001.",
        ),
        (
            NotComputed("returns are constant"),
            NotComputed("returns are constant"),
            "Sharpe ratio of the rule less that of buy and hold: not computed: returns are "
            "constant.",
        ),
    ],
)
def test_the_sharpe_ratio_is_compared_with_buy_and_hold(
    trading: Trading, gain: Any, test: Any, sentence: str
) -> None:
    """The difference stands with its sign in words and its test."""
    assert sharpe_sentence(replace(trading, sharpe_gain=gain, sharpe_test=test)) == sentence


def test_a_single_seed_has_no_spread(evaluation: Evaluation) -> None:
    """The standard deviation of one seed is not zero but absent."""
    spreads = texts(seeds_table(evaluation), "standard deviation")
    assert spreads["aggressive"] == "\N{EN DASH}"
    assert float(spreads["minimal"]) > 0
