"""Figures of the panel and of trading: rank correlation by date, and wealth."""

import plotly.graph_objects as go

from lstm_model.evaluation.backtest import Trading
from lstm_model.evaluation.panel import PanelSkill
from lstm_model.report.figures.style import BLUE, GREY, ORANGE, blank, level, rounded, thinned

WINDOW = 21
"""Trading days in a month, over which the daily correlation is averaged."""


def ic_figure(panel: PanelSkill) -> go.Figure:
    """Draw the rank IC by date and its moving average over a month."""
    by_date = panel.rank_ic.by_date
    figure = blank(
        f"Rank correlation of forecast and truth across tickers, with a mean of "
        f"{panel.rank_ic.mean:.3f}.",
        "date",
        "rank IC (Spearman, no unit)",
    )
    values = [value for _, value in by_date]
    figure.add_scatter(
        x=[day.isoformat() for day, _ in thinned(by_date)],
        y=rounded((v for _, v in thinned(by_date)), 3),
        mode="markers",
        name="one date",
        marker={"color": GREY, "size": 4, "opacity": 0.6},
    )
    means = [
        (day, sum(values[end - WINDOW : end]) / WINDOW)
        for end, (day, _) in enumerate(by_date, start=1)
        if end >= WINDOW
    ]
    if means:
        figure.add_scatter(
            x=[day.isoformat() for day, _ in thinned(means)],
            y=rounded((v for _, v in thinned(means)), 3),
            mode="lines",
            name=f"moving average of {WINDOW} dates",
            line={"color": BLUE, "width": 2},
        )
    level(figure, 0.0, "")
    return figure


def wealth_figure(trading: Trading) -> go.Figure:
    """Draw the growth of 1 under the rule and under buy and hold, after costs, on a log scale."""
    figure = blank(
        f"Growth of 1 after costs of {trading.costs_bps:g} basis points, compared with buy and "
        f"hold.",
        "date",
        "wealth (start = 1, log scale)",
    )
    for values, name, colour, dash in (
        (trading.strategy_wealth, "the rule", BLUE, "solid"),
        (trading.buy_and_hold_wealth, "buy and hold", ORANGE, "dash"),
    ):
        figure.add_scatter(
            x=[day.isoformat() for day in thinned(trading.dates)],
            y=rounded(thinned(values), 4),
            mode="lines",
            name=name,
            line={"color": colour, "dash": dash, "width": 1.6},
        )
    if min(*trading.strategy_wealth, *trading.buy_and_hold_wealth) > 0:
        figure.update_yaxes(type="log", nticks=6)
    return figure.update_layout(hovermode="x unified")
