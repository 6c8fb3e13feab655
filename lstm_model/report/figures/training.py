"""Figures of the final training: learning curves, and test error by seed."""

import math
from collections.abc import Sequence

import plotly.graph_objects as go

from lstm_model.evaluation.comparison import SeedSpread
from lstm_model.evaluation.measured import NotComputed
from lstm_model.model.training import EpochResult
from lstm_model.report.figures.style import (
    BLUE,
    FEW,
    GREY,
    ORANGE,
    blank,
    named,
    plain,
    rounded,
    thinned,
)


def learning_figure(
    curves: Sequence[Sequence[EpochResult]], seeds: Sequence[int], best_epochs: Sequence[int]
) -> go.Figure | NotComputed:
    """Draw each seed's train and validation loss by epoch, with its best epoch marked."""
    if not any(curves):
        return NotComputed("no epoch was recorded")
    figure = blank(
        "Loss by epoch: the gap between train and validation loss is overfitting.",
        "epoch",
        "loss (MSE of the scaled label, no unit)",
    )
    for kind, colour, dash in (("train", GREY, "dash"), ("validation", BLUE, "solid")):
        shown = False
        for curve, seed in zip(curves, seeds, strict=False):
            epochs = thinned(curve)
            losses = [e.train_loss if kind == "train" else e.validation_loss for e in epochs]
            if not any(map(math.isfinite, losses)):
                continue
            figure.add_scatter(
                x=[e.epoch for e in epochs],
                y=rounded(losses),
                mode="lines+markers" if len(epochs) == 1 else "lines",
                name=f"{kind}, one line per seed",
                legendgroup=kind,
                showlegend=not shown,
                line={"color": colour, "width": 1.5, "dash": dash},
                hovertemplate=f"{kind}, seed {seed}, epoch %{{x}}: %{{y:.4g}}<extra></extra>",
            )
            shown = True
    if max(len(curve) for curve in curves) <= FEW:
        figure.update_xaxes(dtick=1)
    marks = [
        (best, e.validation_loss)
        for curve, best in zip(curves, best_epochs, strict=False)
        for e in curve
        if e.epoch == best and math.isfinite(e.validation_loss)
    ]
    if marks:
        figure.add_scatter(
            x=[epoch for epoch, _ in marks],
            y=rounded(loss for _, loss in marks),
            mode="markers",
            name="best epoch",
            marker={"color": ORANGE, "symbol": "diamond", "size": 9},
        )
    return figure


def seeds_figure(
    spreads: Sequence[SeedSpread],
    scores: Sequence[tuple[str, float]],
    unit: str,
    beyond: Sequence[str],
) -> go.Figure:
    """Draw the test MSE of every forecast as a diamond, and that of an ensemble's members as dots.

    scores: MSE by name, in the square of `unit`. beyond: forecasts whose error is too high to be
    drawn; they are named instead.
    """
    names = dict(scores)
    spreads = [spread for spread in spreads if spread.name not in beyond]
    order = sorted(names, key=lambda name: -names[name])
    members = [(m, plain(named(spread.name))) for spread in spreads for m in spread.members]
    power = _power([*names.values(), *(m for m, _ in members)])
    scale = f", in 10<sup>{power}</sup>".replace("-", "\N{MINUS SIGN}") if power else ""
    off = f"; off the scale: {', '.join(plain(named(name)) for name in beyond)}" if beyond else ""
    figure = blank(
        f"Test error by forecast, lowest first; dots are single seeds{off}.",
        f"MSE{scale} ({plain(unit)}, squared)",
        "",
        height=100 + 26 * len(order),
    )
    figure.add_scatter(
        x=rounded(names[name] / 10.0**power for name in order),
        y=[plain(named(name)) for name in order],
        mode="markers",
        name="forecast",
        marker={"color": BLUE, "symbol": "diamond", "size": 10},
    )
    if members:
        figure.add_scatter(
            x=rounded(m / 10.0**power for m, _ in members),
            y=[name for _, name in members],
            mode="markers",
            name="single seed",
            marker={"color": ORANGE, "symbol": "circle-open", "size": 7},
        )
    figure.update_yaxes(
        type="category",
        categoryorder="array",
        categoryarray=[plain(named(n)) for n in order],
        ticks="",
    )
    return figure.update_xaxes(nticks=6)


def _power(values: Sequence[float]) -> int:
    """Return the power of ten to factor out of long numbers; 0 if they are not long."""
    largest = max((abs(v) for v in values if math.isfinite(v) and v), default=1.0)
    power = math.floor(math.log10(largest))
    return 0 if -3 <= power < 4 else power
