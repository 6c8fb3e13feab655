"""The style of every figure: one palette, no background, and a sentence as its title."""

import html
import math
from collections.abc import Iterable, Sequence
from typing import TypeVar

import plotly.graph_objects as go

from lstm_model.search.hyper_params import Value

BLUE, ORANGE, GREEN, PINK, GREY = "#2b83c6", "#cf6a1c", "#0f9573", "#bf6a9f", "#808080"
"""Distinct for colour-blind readers (after Okabe & Ito), with 3:1 contrast on white and dark."""

PALETTE = (ORANGE, GREEN, PINK, BLUE, GREY)
DASHES = ("solid", "dash", "dot", "dashdot", "longdash")
"""Lines also differ in dash, so that colour is never the only difference."""

MOST_POINTS = 1000
"""Most points of a line: a page cannot show more and has to stay small."""

FEW = 12
"""Up to this many integers get one tick each; Plotly would add ticks at halves."""

LEGEND_LETTERS = 28
"""Most letters of a forecast's name in a legend, which Plotly does not wrap on a phone."""

LETTERS = 12
"""Most letters of a choice's name below a small figure."""

HEIGHT = 330

NAMES = {
    "model": "model (LSTM)",
    "har": "HAR",
    "lhar": "LHAR",
    "har_linear": "HAR linear",
    "lhar_linear": "LHAR linear",
    "ewma": "EWMA",
    "gjr_garch": "GJR-GARCH",
}
"""Forecasts whose names are abbreviations."""

Item = TypeVar("Item")


def named(name: str) -> str:
    """Return a forecast's name as it is displayed."""
    return NAMES.get(name, name.replace("_", " "))


def plain(text: str) -> str:
    """Escape a name, because Plotly reads labels as a kind of HTML."""
    return html.escape(text, quote=False)


def short(value: Value) -> str:
    """Shorten a choice so that it fits below a small figure."""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return _cut(text, LETTERS)


def in_legend(name: str) -> str:
    """Return a forecast's name as a legend shows it."""
    return _cut(named(name), LEGEND_LETTERS)


def _cut(text: str, letters: int) -> str:
    return plain(text if len(text) <= letters else f"{text[: letters - 1]}…")


def blank(title: str, x: str, y: str, height: int = HEIGHT) -> go.Figure:
    """Return an empty figure; `title` is a sentence, `x` and `y` name the axes with their units.

    height: in pixels. The name of the vertical axis is placed above it, because a rotated one would
    not fit a phone's small figures.
    """
    # Labels that rotate when they do not fit make margins oscillate on a phone.
    axis = {"tickangle": 0, "automargin": True, "zeroline": False, "ticks": "outside", "ticklen": 4}
    figure = go.Figure(
        layout={
            "template": "none",
            "title": {"text": plain(title)},
            "height": height,
            "margin": {"l": 4, "r": 8, "t": 28 if y else 8, "b": 12},
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "font": {"size": 12, "family": "system-ui, sans-serif", "color": GREY},
            "xaxis": {**axis, "title": {"text": x, "standoff": 8}, "showgrid": False},
            "yaxis": {**axis, "gridcolor": GREY},
            "legend": {
                "orientation": "h",
                "yref": "container",
                "y": 0,
                "yanchor": "bottom",
                "xref": "container",
                "x": 0,
                "xanchor": "left",
                "font": {"size": 11},
            },
            "hoverlabel": {"font": {"size": 12}},
            "hovermode": "closest",
        }
    )
    if y:
        figure.add_annotation(
            name="y axis",
            text=y,
            showarrow=False,
            xref="paper",
            yref="paper",
            x=0,
            y=1,
            xanchor="left",
            yanchor="bottom",
            yshift=6,
            font={"size": 11},
        )
    return figure


def level(figure: go.Figure, y: float, text: str) -> None:
    """Draw a labelled horizontal reference line."""
    figure.add_hline(
        y=y,
        line={"color": GREY, "width": 1, "dash": "dot"},
        annotation={"text": plain(text), "font": {"size": 11}, "xanchor": "right", "x": 1},
        annotation_position="top right",
    )


def rounded(values: Iterable[float | None], digits: int = 5) -> list[float | None]:
    """Round values to `digits` significant digits; values that are not finite become gaps."""
    return [None if v is None or not math.isfinite(v) else float(f"{v:.{digits}g}") for v in values]


def thinned(values: Sequence[Item]) -> Sequence[Item]:
    """Return every k-th value, always including the last, so that at most 1,000 are left."""
    step = -(-len(values) // MOST_POINTS) or 1
    return values[(len(values) - 1) % step :: step] if values else values


def finite(values: Iterable[float | None]) -> list[float]:
    """Return the values that are finite numbers."""
    return [v for v in values if v is not None and math.isfinite(v)]
