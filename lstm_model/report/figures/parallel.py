"""Parallel coordinates: each trial is a line through its values, on axes of equal length."""

import math
from collections.abc import Sequence

import plotly.graph_objects as go

from lstm_model.evaluation.measured import NotComputed
from lstm_model.report.figures.style import (
    BLUE,
    GREY,
    ORANGE,
    PINK,
    blank,
    finite,
    plain,
    rounded,
    short,
)
from lstm_model.search.distributions import Choice, FloatRange, IntRange
from lstm_model.search.hyper_params import Value
from lstm_model.search.space import Space, searched_part
from lstm_model.search.trial import Trial

ROW = 44
"""Pixels per parameter."""

MANY = 30
"""Above this number of lines, markers at their points would hide them."""

FAN = 0.08
"""Share of a range over which lines through the same discrete value are spread apart."""


def parallel_figure(
    trials: Sequence[Trial], best_number: int, space: Space
) -> go.Figure | NotComputed:
    """Draw each trial as a line through its values, one row per parameter, coloured by its loss.

    Rows instead of columns, because phones are narrow; scatter lines instead of Parcoords, which
    needs WebGL.
    """
    done = [t for t in trials if t.loss is not None and math.isfinite(t.loss)]
    if len(done) < 2:
        return NotComputed(f"{len(done)} completed trials")
    searched = {trial.number: searched_part(trial.params, space) for trial in done}
    names = [name for name in space if any(name in params for params in searched.values())]
    figure = blank(
        "Each line is a trial; where the lines of the best third converge, a value matters "
        "(equal values are spread out, lowest loss on the left).",
        "position within the search range",
        "",
        height=130 + ROW * len(names),
    )
    ranked = sorted(done, key=lambda t: (t.loss or 0.0, t.number))
    ranks = {t.number: place / (len(ranked) - 1) for place, t in enumerate(ranked)}
    parts = _thirds([t for t in ranked if t.number != best_number])
    winner = [t for t in ranked if t.number == best_number]
    for label, colour, width, part in (
        ("worst third", GREY, 0.8, parts[2]),
        ("middle third", PINK, 1.0, parts[1]),
        ("best third", BLUE, 1.4, parts[0]),
        ("best trial", ORANGE, 3.0, winner),
    ):
        if not part:
            continue
        losses = finite(t.loss for t in part)
        x: list[float | None] = []
        y: list[str | None] = []
        text: list[str] = []
        for trial in part:
            params, rank = searched[trial.number], ranks[trial.number]
            acting = [name for name in names if name in params]
            x += [
                *rounded((_apart(params[n], rank, space[n]) for n in acting), 3),
                None,
            ]
            y += [*(plain(name) for name in acting), None]
            text += [f"trial {trial.number}, loss {trial.loss:.4g}"] * len(acting) + [""]
        figure.add_scatter(
            x=x,
            y=y,
            text=text,
            mode="lines" if len(part) > MANY else "lines+markers",
            name=f"{label}, {min(losses):.3g} to {max(losses):.3g}"
            if len(part) > 1
            else f"{label}, {losses[0]:.3g}",
            line={"color": colour, "width": width},
            marker={"size": 7 if part is winner else 4, "color": colour},
            opacity=1.0 if part is winner else max(0.25, min(0.8, 20 / len(part))),
            hovertemplate="%{text}<extra></extra>",
        )
    for name in names:
        for place, end in zip((0, 1), _ends(space[name]), strict=True):
            figure.add_annotation(
                x=place,
                y=plain(name),
                text=end,
                showarrow=False,
                yshift=-12,
                xanchor="right" if place else "left",
                font={"size": 10},
            )
    figure.update_yaxes(
        type="category",
        categoryorder="array",
        categoryarray=[plain(name) for name in reversed(names)],
        range=[-0.7, len(names) - 0.6],
        ticks="",
    )
    return figure.update_xaxes(range=[-0.06, 1.06], tickformat=".0%", nticks=6)


def _thirds(ranked: list[Trial]) -> tuple[list[Trial], ...]:
    first, second = len(ranked) / 3, 2 * len(ranked) / 3
    return (
        [t for place, t in enumerate(ranked) if place < first],
        [t for place, t in enumerate(ranked) if first <= place < second],
        [t for place, t in enumerate(ranked) if place >= second],
    )


def _apart(value: Value, rank: float, domain: IntRange | FloatRange | Choice) -> float:
    """Return a position within a domain; equal discrete values are spread out, the best first."""
    place = _place(value, domain)
    if isinstance(domain, FloatRange) or domain.extremes()[0] == domain.extremes()[-1]:
        return place
    return place + FAN * (rank - 0.5)


def _place(value: Value, domain: IntRange | FloatRange | Choice) -> float:
    """Return the position of a value within its domain, from 0 to 1."""
    if isinstance(domain, Choice):
        at = next((i for i, choice in enumerate(domain.choices) if choice == value), 0)
        return at / (len(domain.choices) - 1) if len(domain.choices) > 1 else 0.5
    if domain.low == domain.high:
        return 0.5
    if isinstance(domain, FloatRange) and domain.log:
        return math.log(float(value) / domain.low) / math.log(domain.high / domain.low)
    return (float(value) - domain.low) / (domain.high - domain.low)


def _ends(domain: IntRange | FloatRange | Choice) -> tuple[str, str]:
    if isinstance(domain, Choice):
        return short(domain.choices[0]), short(domain.choices[-1])
    log = " (log)" if isinstance(domain, FloatRange) and domain.log else ""
    return f"{domain.low:g}{log}", f"{domain.high:g}"
