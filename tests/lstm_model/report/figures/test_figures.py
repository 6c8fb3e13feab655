"""Claims about figures: readable on any page, and honest about missing values."""

import datetime as dt
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import plotly.graph_objects as go
import pytest

from lstm_model.evaluation.backtest import Trading
from lstm_model.evaluation.comparison import SeedSpread
from lstm_model.evaluation.learning_curves import overfitting_note
from lstm_model.evaluation.measured import NotComputed
from lstm_model.evaluation.panel import PanelSkill
from lstm_model.evaluation.series import Series
from lstm_model.model.training import EpochResult
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
from lstm_model.report.figures.style import MOST_POINTS, PALETTE, thinned
from lstm_model.report.figures.training import learning_figure, seeds_figure
from lstm_model.report.night_result import NightResult
from lstm_model.search.distributions import Choice, FloatRange
from lstm_model.search.hyper_params import HyperParams
from lstm_model.search.importance import Importances
from lstm_model.search.trial import Trial
from tests.page_contents import make_content

LIGHT, DARK = "#ffffff", "#15181c"
"""The page's two backgrounds."""

VARIANCE = ("variance", 1.0)


@pytest.fixture(scope="module")
def content() -> NightResult:
    return make_content("panel")


@pytest.fixture(scope="module")
def trials(content: NightResult) -> tuple[Trial, ...]:
    return content.study.trials


@pytest.fixture(scope="module")
def figures(content: NightResult, trials: tuple[Trial, ...]) -> dict[str, Any]:
    """Every figure of a night, by name."""
    evaluation, winner = content.evaluation, content.winner
    series, best, space = evaluation.series, content.study.best.number, content.space
    curves = [training.epochs for training in winner.trainings]
    best_epochs = [training.best_epoch for training in winner.trainings]
    assert isinstance(evaluation.panel, PanelSkill)
    assert isinstance(evaluation.trading, Trading)
    slices = slice_figures(trials, best, space)
    assert content.permutation is not None
    return {
        "permutation": permutation_figure(content.permutation),
        "history": history_figure(trials, best, VARIANCE),
        "importances": importances_figure(content.insight.importances),
        **{f"slice {place}": figure for place, figure in enumerate(slices)},
        "parallel": parallel_figure(trials, best, space),
        "learning": learning_figure(curves, winner.seeds, best_epochs),
        "seeds": seeds_figure(evaluation.seeds, [("model", 0.4), ("har", 0.5)], "log return", []),
        "forecast": forecast_figure(series, "log return", 0.9),
        "residuals": residuals_figure(series, "log return"),
        "histogram": residual_histogram(series, "log return"),
        "cumulative": cumulative_figure(series, ["har", "ridge"], "log return"),
        "calibration": calibration_figure(evaluation.calibration, "log return"),
        "ic": ic_figure(evaluation.panel),
        "wealth": wealth_figure(evaluation.trading),
    }


def made_series(model: list[float], other: list[float]) -> Series:
    """Return a series with given squared errors."""
    zeros = (0.0,) * len(model)
    days = tuple(dt.date(2020, 1, 1) + dt.timedelta(days=n) for n in range(len(model)))
    errors = {"model": tuple(model), "har": tuple(other)}
    return Series(days, zeros, zeros, zeros, zeros, zeros, errors)


def curve(*losses: tuple[float, float]) -> tuple[EpochResult, ...]:
    """Return an epoch for each pair of train and validation loss."""
    return tuple(EpochResult(n, t, v, 0.1) for n, (t, v) in enumerate(losses, start=1))


def luminance(colour: str) -> float:
    """Return WCAG's relative luminance of a #rrggbb colour."""
    parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("colour", PALETTE)
@pytest.mark.parametrize("page", [LIGHT, DARK])
def test_each_colour_is_seen_on_a_light_and_on_a_dark_page(colour: str, page: str) -> None:
    """Contrast is at least 3:1, which WCAG asks of graphics."""
    high, low = sorted((luminance(colour), luminance(page)), reverse=True)
    assert (high + 0.05) / (low + 0.05) >= 3


def test_every_figure_names_its_axes_and_says_a_sentence(figures: dict[str, Any]) -> None:
    """The title ends like a sentence, and each axis with numbers has a name."""
    for name, figure in figures.items():
        assert isinstance(figure, go.Figure), name
        assert figure.layout.title.text.endswith("."), name
        assert figure.layout.xaxis.title.text, name
        above = [a.text for a in figure.layout.annotations if a.name == "y axis"]
        assert above or figure.layout.yaxis.type == "category", name


def test_every_figure_leaves_the_page_its_background(figures: dict[str, Any]) -> None:
    """Backgrounds are transparent, legends are below, and everything is drawn as SVG."""
    for name, figure in figures.items():
        assert figure.layout.paper_bgcolor == figure.layout.plot_bgcolor == "rgba(0,0,0,0)", name
        assert (figure.layout.legend.orientation, figure.layout.legend.y) == ("h", 0), name
        assert {trace.type for trace in figure.data} <= {"scatter", "bar"}, name


def test_the_best_so_far_never_rises(trials: tuple[Trial, ...]) -> None:
    """History's line is the running minimum; pruned trials are drawn apart from losses."""
    figure = history_figure(trials, 0, VARIANCE)
    assert isinstance(figure, go.Figure)
    line = next(trace for trace in figure.data if trace.name == "best so far")
    assert list(line.y) == sorted(line.y, reverse=True)
    assert line.y[-1] == pytest.approx(min(t.loss for t in trials if t.loss is not None), rel=1e-4)
    apart = next(trace for trace in figure.data if trace.name.startswith("pruned"))
    assert list(apart.x) == [t.number for t in trials if t.loss is None]


def test_a_rising_line_means_that_the_model_is_better() -> None:
    """Cumulative errors are theirs minus ours, as Goyal and Welch draw them."""
    figure = cumulative_figure(made_series([1.0, 1.0, 1.0], [2.0, 3.0, 0.5]), ["har"], "u")
    assert isinstance(figure, go.Figure)
    assert list(figure.data[0].y) == [1.0, 3.0, 2.5]


def test_the_histogram_counts_every_error() -> None:
    """Bins count all dates, including those that a line would not show."""
    series = make_content("volatility", dates=2500).evaluation.series
    figure = residual_histogram(series, "u")
    assert isinstance(figure, go.Figure)
    assert sum(figure.data[0].y) == 2500


def test_a_long_block_is_thinned_and_keeps_its_last_date() -> None:
    """No line has more points than a page can show."""
    assert list(thinned(range(2500))) == list(range(0, 2500, 3))
    assert list(thinned(range(2501)))[-1] == 2500
    assert thinned([]) == []
    series = make_content("volatility", dates=5000).evaluation.series
    figure = forecast_figure(series, "u", 0.9)
    assert isinstance(figure, go.Figure)
    assert all(len(trace.x) <= MOST_POINTS for trace in figure.data)
    assert figure.data[-1].x[-1] == series.dates[-1].isoformat()


def test_names_are_shown_to_the_letter(content: NightResult, trials: tuple[Trial, ...]) -> None:
    """Plotly reads labels as a kind of HTML; names are escaped."""
    evil = "<b>har</b>"
    figure = seeds_figure([], [(evil, 0.5)], evil, [])
    assert isinstance(figure, go.Figure)
    assert list(figure.data[0].y) == ["&lt;b&gt;har&lt;/b&gt;"]
    assert "<b>" not in figure.to_json()


def test_the_band_is_left_out_where_there_is_none() -> None:
    """Without intervals, low and high are empty and nothing is filled."""
    series = make_content("nothing").evaluation.series
    figure = forecast_figure(series, "u", None)
    assert isinstance(figure, go.Figure)
    assert [trace.name for trace in figure.data] == ["truth", "forecast"]


EMPTY = Series((), (), (), (), (), (), {})


@pytest.mark.parametrize(
    "draw",
    [
        lambda: history_figure([Trial(0, "PRUNED", HyperParams(), None)], 0, VARIANCE),
        lambda: parallel_figure([Trial(0, "COMPLETE", HyperParams(), 0.4)], 0, {}),
        lambda: importances_figure(Importances(3, (), "not computed: n = 3 < 7")),
        lambda: learning_figure((), (), ()),
        lambda: forecast_figure(EMPTY, "u", None),
        lambda: residuals_figure(EMPTY, "u"),
        lambda: residual_histogram(EMPTY, "u"),
        lambda: cumulative_figure(EMPTY, ["har"], "u"),
        lambda: calibration_figure((), "u"),
    ],
)
def test_nothing_to_draw_says_so(draw: Callable[[], Any]) -> None:
    """Without values there is a reason instead of the figure, never an empty frame."""
    nothing = draw()
    assert isinstance(nothing, NotComputed)
    assert not nothing.reason.startswith("not computed")


def test_an_importance_of_none_has_no_bar(content: NightResult) -> None:
    """A parameter that acted too seldom is left out of the figure."""
    importances = content.insight.importances
    rows = (*importances.rows[:2], replace(importances.rows[2], share=None, p_value=None))
    figure = importances_figure(replace(importances, rows=rows))
    assert isinstance(figure, go.Figure)
    assert sum(len(trace.y) for trace in figure.data) == 2


def test_every_input_has_a_bar_with_its_error(content: NightResult) -> None:
    """Shares of the MSE with two standard errors: features above, the newest bars first below."""
    assert content.permutation is not None
    figure = permutation_figure(content.permutation)
    assert isinstance(figure, go.Figure)
    features, lags = figure.data
    assert list(features.y) == ["parkinson", "volume_z", "rsi_14"]
    assert list(features.x) == pytest.approx([0.08, 0.001477, -0.0009846], rel=1e-3)
    assert features.error_x.array[0] == pytest.approx(2 * 0.0034 / 0.8125, rel=1e-2)
    assert lags.y[0] == "last bar"
    order = list(figure.layout.yaxis.categoryarray)[::-1]
    assert order == [*features.y, *lags.y]


def test_a_perfect_model_has_no_importance_to_draw(content: NightResult) -> None:
    """Without an error there is nothing that could rise by a share of it."""
    assert content.permutation is not None
    nothing = permutation_figure(replace(content.permutation, mse=0.0))
    assert isinstance(nothing, NotComputed)


def test_the_note_describes_the_gap_and_the_rise() -> None:
    """It says how far train loss is below validation loss at the best epoch, and what followed."""
    note = overfitting_note([curve((0.8, 0.9), (0.4, 0.5), (0.3, 0.6))])
    assert (
        "At the best epoch (2 of 3), train loss is 0.4, 20\xa0% below the validation loss" in note
    )
    assert "rose, by 20\xa0% at the last epoch" in note


def test_the_note_counts_the_seeds_that_rose() -> None:
    """One of two seeds rose after its minimum."""
    note = overfitting_note([curve((0.5, 0.5), (0.4, 0.6)), curve((0.5, 0.5), (0.4, 0.45))])
    assert "rose in 1 of 2 seeds" in note


def test_the_note_sees_no_sign_without_a_rise() -> None:
    """A falling validation loss is not overfitting; a train loss above it is described as such."""
    note = overfitting_note([curve((0.9, 0.8), (0.8, 0.7))])
    assert "14\xa0% above" in note
    assert "no sign of overfitting" in note


@pytest.mark.parametrize("curves", [(), ((),), (curve((0.5, math.nan)),)])
def test_the_note_says_when_overfitting_cannot_be_assessed(
    curves: tuple[tuple[EpochResult, ...], ...],
) -> None:
    """A refit has no validation loss to compare with."""
    assert overfitting_note(curves).startswith("Overfitting cannot be assessed")


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (1e-6, 1e-1, ["1e-06", "0.0001", "0.01"]),
        (1e-4, 5e-3, ["0.0001", "0.001"]),
        (2e-4, 5e-4, ["0.0002", "0.0005"]),
        (1e-3, 1e-3, ["0.001", "0.001"]),
    ],
)
def test_a_log_axis_has_two_or_three_ticks(low: float, high: float, ticks: list[str]) -> None:
    """Powers of ten if the range has two, otherwise its ends; more would overlap on a phone."""
    space = {"lr": FloatRange(type="float", low=low, high=high, log=True)}
    (figure,) = slice_figures([Trial(0, "COMPLETE", HyperParams(lr=low), 0.4)], 0, space)
    assert list(figure.layout.xaxis.ticktext) == ticks


def test_a_parameter_that_acts_in_some_trials_is_drawn_in_those() -> None:
    """With a condition, a trial's line passes over the parameters that did not act in it."""
    space = {
        "optimiser": Choice(type="categorical", choices=("adam", "sgd")),
        "momentum": FloatRange(type="float", low=0.0, high=0.9, when={"optimiser": ("sgd",)}),
        "dropout": FloatRange(type="float", low=0.0, high=0.0),
    }
    done = [
        Trial(0, "COMPLETE", HyperParams(optimiser="adam", dropout=0.0), 0.5),
        Trial(1, "COMPLETE", HyperParams(optimiser="sgd", momentum=0.9, dropout=0.0), 0.4),
    ]
    figure = parallel_figure(done, 1, space)
    assert isinstance(figure, go.Figure)
    rows = {trace.name.split(",")[0]: trace for trace in figure.data}
    assert list(rows["best third"].y) == ["optimiser", "dropout", None]
    assert list(rows["best trial"].x) == pytest.approx([0.96, 1.0, 0.5, None])
    slices = slice_figures(done, 1, space)
    assert [len(s.data[0].x) + len(s.data[1:]) for s in slices] == [2, 1, 2]


def test_forecasts_off_the_scale_are_named_instead_of_drawn() -> None:
    """One absurd forecast does not compress the others; its name is in the title."""
    spreads = [
        SeedSpread("model", (0.9, 1.1), 1.0, 0.1, 0.95),
        SeedSpread("wild", (80.0,), 80.0, 0.0, 80.0),
    ]
    figure = seeds_figure(spreads, [("model", 0.95), ("har", 1.0)], "log return", ["zero", "wild"])
    assert isinstance(figure, go.Figure)
    drawn = [x for trace in figure.data for x in trace.x]
    assert max(drawn) == 1.1
    assert "off the scale: zero, wild" in figure.layout.title.text
