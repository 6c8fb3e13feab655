"""The night's page: one self-contained HTML file that works offline."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from plotly.offline import get_plotlyjs

from lstm_model.evaluation.backtest import Trading
from lstm_model.evaluation.evaluate import Evaluation
from lstm_model.evaluation.learning_curves import overfitting_note
from lstm_model.evaluation.measured import NotComputed
from lstm_model.evaluation.panel import PanelSkill
from lstm_model.report.data_warnings import data_warnings
from lstm_model.report.drift_lines import drift_sentence
from lstm_model.report.figures.style import MOST_POINTS
from lstm_model.report.night_result import NightResult
from lstm_model.report.page.figures import drawings
from lstm_model.report.page.market_tables import (
    drift_table,
    intervals_table,
    panel_table,
    seeds_table,
    tickers_tables,
    trading_table,
)
from lstm_model.report.page.numbers import number, setting, share
from lstm_model.report.page.permutation_tables import permutation_sentence, permutation_tables
from lstm_model.report.page.search_tables import (
    changes_table,
    findings_by_rule,
    findings_table,
    importances_table,
    trials_table,
)
from lstm_model.report.page.sentences import (
    audit_sentence,
    facts,
    left_out_sentences,
    loss_sentences,
    panel_sentence,
    search_sentence,
    selection_sentences,
    sharpe_sentence,
    spread_sentence,
    training_sentence,
    verdict_lines,
)
from lstm_model.report.page.skill_tables import headline_table, scores_table, tests_table
from lstm_model.report.page.table import pairs_table
from lstm_model.report.serving import serving_sentences

SECTIONS = {
    "verdict": "Verdict",
    "data": "Data",
    "audit": "Leak audit",
    "search": "Search",
    "training": "Training",
    "forecast": "Forecast and truth",
    "features": "What the forecast rests on",
    "intervals": "Intervals",
    "seeds": "Forecasts and seeds",
    "tests": "Tests",
    "panel": "Across tickers",
    "trading": "Trading view",
    "changes": "Since last night",
    "again": "How to reproduce it",
    "seconds": "Run time",
}
"""Headings of the sections, in the order of the page."""

FIGURES = {
    "history": "History",
    "importances": "Importances",
    "slices": "Loss by parameter",
    "parallel": "Parallel coordinates",
    "learning": "Learning curves",
    "forecast": "Forecast and truth",
    "residuals": "Errors",
    "cumulative": "Cumulative difference",
    "histogram": "Distribution of errors",
    "calibration": "Calibration",
    "permutation": "Permutation importance",
    "seeds": "Error by forecast",
    "ic": "Information coefficient",
    "wealth": "Wealth",
}
"""Names of the figures, shown with the reason if there is no figure."""


def render_page(content: NightResult) -> str:
    """Return the page; it makes no requests, and its text and tables need no JavaScript."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    evaluation = content.evaluation
    template = environment.get_template("page.html.jinja")
    return template.render(
        content=content,
        sections=SECTIONS,
        names=FIGURES,
        drawings=drawings(content),
        tables=_tables(content),
        plotly=get_plotlyjs(),
        verdict=verdict_lines(evaluation.verdict),
        serving=serving_sentences(content),
        majority=share(evaluation.model.majority_class),
        left_out=left_out_sentences(content),
        warnings=data_warnings(content.data),
        facts=facts(content.data),
        drift_lines=tuple(map(drift_sentence, content.drift)),
        audit_line=audit_sentence(content.audit),
        search_line=search_sentence(content),
        selection=selection_sentences(evaluation.selection),
        training_line=training_sentence(content.winner),
        permutation_line=permutation_sentence(content.permutation),
        spread_line=spread_sentence(evaluation),
        overfitting=overfitting_note([training.epochs for training in content.winner.trainings]),
        many=tuple(map(loss_sentences, evaluation.by_loss)),
        panel_line=panel_sentence(evaluation.panel),
        tickers=len(content.data.tickers),
        sharpe_line=sharpe_sentence(evaluation.trading)
        if isinstance(evaluation.trading, Trading)
        else "",
        thinned=len(evaluation.series.dates) > MOST_POINTS,
        most_points=MOST_POINTS,
    )


def _tables(content: NightResult) -> dict[str, Any]:
    evaluation = content.evaluation
    return {
        "headline": headline_table(evaluation),
        "by_rule": findings_by_rule(content),
        "findings": findings_table(content),
        "drift": tuple(map(drift_table, content.drift)),
        "importances": importances_table(content),
        "trials": trials_table(content),
        "params": pairs_table(
            "The final model's configuration",
            ("parameter", "value"),
            ((name, setting(value)) for name, value in content.winner.params.to_dict().items()),
        ),
        "permutation": permutation_tables(content.permutation),
        "scores": scores_table(evaluation),
        "tests": tuple(tests_table(evaluation, view) for view in evaluation.by_loss),
        "seeds": seeds_table(evaluation),
        "changes": changes_table(content),
        "seconds": pairs_table(
            "Run time by stage",
            ("stage", "seconds"),
            ((name, number(value, ".1f").text) for name, value in content.seconds.items()),
        ),
        **_where_computed(evaluation),
    }


def _where_computed(evaluation: Evaluation) -> dict[str, Any]:
    """Return the tables that not every night has."""
    intervals, panel, trading = evaluation.intervals, evaluation.panel, evaluation.trading
    return {
        "intervals": None
        if isinstance(intervals, NotComputed)
        else intervals_table(intervals, evaluation.unit),
        "panel": panel_table(panel) if isinstance(panel, PanelSkill) else None,
        "tickers": tickers_tables(panel) if isinstance(panel, PanelSkill) else (),
        "trading": trading_table(trading) if isinstance(trading, Trading) else None,
    }
