"""Figures of a search: its history, parameter importances, and loss by parameter."""

import math
from collections.abc import Sequence
from itertools import accumulate

import plotly.graph_objects as go

from lstm_model.evaluation.measured import NotComputed
from lstm_model.report.figures.style import (
    BLUE,
    FEW,
    GREY,
    ORANGE,
    blank,
    finite,
    level,
    plain,
    rounded,
    short,
)
from lstm_model.search.distributions import Choice, FloatRange, IntRange
from lstm_model.search.hyper_params import Value
from lstm_model.search.importance import Importances
from lstm_model.search.space import Space, searched_part
from lstm_model.search.trial import Trial

LOSS = "validation loss (MSE of the scaled label, no unit)"
SLICE = 210
"""Height of the figure of one parameter, in pixels."""

LEVEL = 14
"""Letters that fit on one line below a small figure."""

FAR = 4.0
"""Losses whose ratio exceeds this are drawn on a log scale."""


def history_figure(
    trials: Sequence[Trial], best_number: int, reference: tuple[str, float]
) -> go.Figure | NotComputed:
    """Draw each trial's loss, the best so far and a reference level.

    reference: name and loss. Trials without a loss are drawn at the top.
    """
    done = [(t.number, t.loss) for t in trials if t.loss is not None and math.isfinite(t.loss)]
    if not done:
        return NotComputed("no trial completed")
    numbers, losses = zip(*done, strict=True)
    figure = blank(
        f"Trial {best_number} has the lowest loss of {len(done)} completed trials.", "trial", LOSS
    )
    figure.add_scatter(
        x=numbers, y=rounded(losses), mode="markers", name="trial", marker={"color": BLUE}
    )
    figure.add_scatter(
        x=numbers,
        y=rounded(accumulate(losses, min)),
        mode="lines",
        name="best so far",
        line={"color": ORANGE, "shape": "hv", "width": 2},
    )
    lost = [t.number for t in trials if t.loss is None or not math.isfinite(t.loss)]
    if lost:
        figure.add_scatter(
            x=lost,
            y=rounded([max(losses)] * len(lost)),
            mode="markers",
            name="pruned or failed (no loss, drawn at the top)",
            marker={"color": GREY, "symbol": "x-thin-open", "size": 8},
        )
    if len(trials) <= FEW:
        figure.update_xaxes(dtick=1)
    winner = dict(done).get(best_number)
    if winner is not None:
        figure.add_scatter(
            x=[best_number],
            y=rounded([winner]),
            mode="markers",
            name="best trial",
            marker={"color": ORANGE, "symbol": "diamond", "size": 11},
        )
    # A level far above all losses would flatten them; the page gives it in words.
    if reference[1] <= 1.25 * max(losses):
        level(figure, reference[1], reference[0])
    if max(losses) > FAR * min(losses) > 0:
        figure.update_yaxes(type="log")
    return figure


def importances_figure(importances: Importances) -> go.Figure | NotComputed:
    """Draw each parameter's share of the total importance; solid bars are rare by chance."""
    rows = [row for row in importances.rows if row.share is not None]
    if not rows:
        return NotComputed(importances.note.removeprefix("not computed: "))
    figure = blank(
        f"{rows[0].parameter} has {rows[0].share:.0%} of the total importance; {importances.note}.",
        "share of total importance",
        "",
        height=90 + 30 * len(rows),
    )
    for name, colour, rare in (
        ("as high by chance in at most 1 case in 20", BLUE, True),
        ("as high by chance more often", GREY, False),
    ):
        part = [row for row in rows if ((row.p_value or 0.0) <= 0.05) is rare]
        if part:
            figure.add_bar(
                y=[plain(row.parameter) for row in part],
                x=rounded([row.share for row in part], 3),
                text=[f"p {row.p_value:.2f}" for row in part],
                textposition="outside",
                cliponaxis=False,
                orientation="h",
                name=name,
                marker={"color": colour, "pattern": {"shape": "" if rare else "/"}},
            )
    order = [plain(row.parameter) for row in reversed(rows)]
    figure.update_yaxes(
        categoryorder="array", categoryarray=order, showgrid=False, ticks="", type="category"
    )
    most = max(finite(row.share for row in rows))
    return figure.update_xaxes(tickformat=".0%", range=[0, 1.15 * most or 1])


def slice_figures(trials: Sequence[Trial], best_number: int, space: Space) -> tuple[go.Figure, ...]:
    """Draw loss against each parameter, one figure each, with the best trial marked."""
    drawn = []
    searched = {trial.number: searched_part(trial.params, space) for trial in trials}
    for name, domain in space.items():
        part = [t for t in trials if name in searched[t.number] and t.loss is not None]
        part = [t for t in part if t.loss is not None and math.isfinite(t.loss)]
        if not part:
            continue
        figure = blank(f"Loss against {name}.", plain(name), "validation loss", height=SLICE)
        for best in (False, True):
            chosen = [t for t in part if (t.number == best_number) is best]
            if not chosen:
                continue
            figure.add_scatter(
                x=[_shown(searched[t.number][name]) for t in chosen],
                y=rounded([t.loss for t in chosen]),
                text=[f"trial {t.number}" for t in chosen],
                mode="markers",
                name="best trial" if best else "trial",
                marker={
                    "color": ORANGE if best else BLUE,
                    "symbol": "diamond" if best else "circle",
                    "size": 11 if best else 7,
                    "opacity": 1 if best else 0.75,
                },
                showlegend=False,
            )
        losses = finite(t.loss for t in part)
        if max(losses) > FAR * min(losses) > 0:
            figure.update_yaxes(type="log")
        figure.update_yaxes(nticks=5)
        drawn.append(figure.update_xaxes(_axis(domain)))
    return tuple(drawn)


def _axis(domain: IntRange | FloatRange | Choice) -> dict[str, object]:
    """Return an axis over the whole search range, so that values at its edge stand out."""
    if isinstance(domain, Choice):
        names = [str(_shown(choice)) for choice in domain.choices]
        labels = [short(choice) for choice in domain.choices]
        return {
            "type": "category",
            "categoryorder": "array",
            "categoryarray": names,
            "range": [-0.5, len(names) - 0.5],
            "tickvals": list(range(len(names))),
            "ticktext": labels,
            "tickangle": 25 if sum(map(len, labels)) > LEVEL else 0,
        }
    if isinstance(domain, FloatRange) and domain.log:
        low, high = math.log10(domain.low), math.log10(domain.high)
        decades = range(math.ceil(low - 1e-9), math.floor(high + 1e-9) + 1)
        ticks = [10.0**n for n in decades[:: -(-len(decades) // 3) or 1]]
        ticks = ticks if len(ticks) > 1 else [domain.low, domain.high]
    else:
        low, high = float(domain.low), float(domain.high)
        ticks = [low + (high - low) * n / 2 for n in range(3)]
        if isinstance(domain, IntRange):
            steps = range(domain.low, domain.high + 1, domain.step)
            ticks = [float(n) for n in steps[:: -(-len(steps) // 4)]]
    margin = 0.06 * (high - low) or 0.5
    return {
        "type": "log" if isinstance(domain, FloatRange) and domain.log else "linear",
        "range": [low - margin, high + margin],
        "tickvals": ticks,
        "ticktext": [f"{tick:.3g}" for tick in ticks],
    }


def _shown(value: Value) -> int | float | str:
    """Return numbers as they are, and names and booleans as category labels."""
    if isinstance(value, bool):
        return str(value).lower()
    return plain(value) if isinstance(value, str) else value
