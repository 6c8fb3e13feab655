"""The page's figures: from the content to drawings as JSON, each with its title."""

import html
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lstm_model.evaluation.comparison import Comparison
from lstm_model.evaluation.evaluate import Evaluation
from lstm_model.evaluation.measured import NotComputed
from lstm_model.report.figures.forecast import (
    calibration_figure,
    cumulative_figure,
    forecast_figure,
    residual_histogram,
    residuals_figure,
)
from lstm_model.report.figures.market import ic_figure, wealth_figure
from lstm_model.report.figures.parallel import parallel_figure
from lstm_model.report.figures.permutation import permutation_figure
from lstm_model.report.figures.search import history_figure, importances_figure, slice_figures
from lstm_model.report.figures.training import learning_figure, seeds_figure
from lstm_model.report.night_result import NightResult

OTHERS = 4
"""Number of forecasts in the figure of cumulative differences, in addition to the benchmark."""

FAR = 2.0
"""Forecasts whose error exceeds the model's by this factor are named instead of drawn, because a
single one would compress all others."""

TRAIN_VARIANCE = ("variance of the train labels", 1.0)


@dataclass(frozen=True, slots=True)
class Drawing:
    """A figure for the page's script, or in `why` the reason why there is none.

    height: in pixels. spec: Plotly's JSON.
    """

    title: str
    height: int
    spec: str
    why: str = ""


def drawings(content: NightResult) -> Mapping[str, tuple[Drawing, ...]]:
    """Return the figures of the page by place; a place may hold several, side by side."""
    evaluation, permutation = content.evaluation, content.permutation
    series, unit = evaluation.series, evaluation.unit
    trials, best, space = content.study.trials, content.study.best.number, content.space
    curves = [training.epochs for training in content.winner.trainings]
    best_epochs = [training.best_epoch for training in content.winner.trainings]
    intervals, panel, trading = evaluation.intervals, evaluation.panel, evaluation.trading
    nominal = intervals[0].nominal if isinstance(intervals, tuple) and intervals else None
    comparisons = (*evaluation.baselines, *evaluation.references)
    near = [c for c in comparisons if c.metrics.mse <= FAR * evaluation.model.mse]
    scores = [("model", evaluation.model.mse), *((c.name, c.metrics.mse) for c in near)]
    beyond = [c.name for c in comparisons if c not in near]
    figures: dict[str, Sequence[Any]] = {
        "history": [history_figure(trials, best, TRAIN_VARIANCE)],
        "importances": [importances_figure(content.insight.importances)],
        "slices": slice_figures(trials, best, space) or [NotComputed("no trial completed")],
        "parallel": [parallel_figure(trials, best, space)],
        "learning": [learning_figure(curves, content.winner.seeds, best_epochs)],
        "forecast": [forecast_figure(series, unit, nominal)],
        "residuals": [residuals_figure(series, unit)],
        "cumulative": [cumulative_figure(series, _of_interest(evaluation, near), unit)],
        "histogram": [residual_histogram(series, unit)],
        "calibration": [calibration_figure(evaluation.calibration, unit)],
        "permutation": [
            NotComputed("this night is older than the measure")
            if permutation is None
            else permutation_figure(permutation)
        ],
        "seeds": [seeds_figure(evaluation.seeds, scores, unit, beyond)],
        "ic": [panel if isinstance(panel, NotComputed) else ic_figure(panel)],
        "wealth": [trading if isinstance(trading, NotComputed) else wealth_figure(trading)],
    }
    return {place: tuple(drawing(f) for f in several) for place, several in figures.items()}


def _of_interest(evaluation: Evaluation, comparisons: Sequence[Comparison]) -> list[str]:
    """Return the benchmark and the best baseline, then the forecasts with the lowest errors."""
    ranked = sorted(comparisons, key=lambda c: c.metrics.mse)
    first = dict.fromkeys((evaluation.benchmark, evaluation.rival))
    others = [c.name for c in ranked if c.name not in first]
    return [*first, *others[: OTHERS + 1 - len(first)]]


def drawing(figure: Any) -> Drawing:
    """Return a figure, or the reason why there is none, for the page's script."""
    if isinstance(figure, NotComputed):
        return Drawing("", 0, "", str(figure))
    spec = json.loads(figure.to_json())
    # The page sets the title, because Plotly does not wrap it on a phone.
    title = html.unescape(spec["layout"].pop("title")["text"])
    text = json.dumps(spec, separators=(",", ":"), allow_nan=False)
    # Escaped, so that a name cannot end the script element that holds it.
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Drawing(title, int(spec["layout"]["height"]), text)
