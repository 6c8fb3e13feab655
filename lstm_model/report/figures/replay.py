"""Figures of a replay: what was gained over time, what the search brought, what a night took."""

from itertools import accumulate

import plotly.graph_objects as go

from lstm_model.data.calendar import date_of
from lstm_model.evaluation.measured import NotComputed
from lstm_model.replay.scores import PROCEDURE
from lstm_model.replay.summary import Replay
from lstm_model.report.figures.style import (
    BLUE,
    DASHES,
    GREY,
    ORANGE,
    PALETTE,
    blank,
    in_legend,
    level,
    plain,
    rounded,
    thinned,
)


def replay_cumulative_figure(replay: Replay) -> go.Figure | NotComputed:
    """Draw the cumulative squared error of each way minus the procedure's; lines at promotions."""
    errors = replay.scores.squared_errors
    if not len(replay.scores.days):
        return NotComputed("no morning is scored")
    figure = blank(
        "Cumulative squared error of each way minus the procedure's: a rise favours the procedure. "
        "Vertical lines are promotions.",
        "date",
        f"cumulative difference ({plain(replay.unit)}, squared)",
        height=420,
    )
    days = [date_of(day).isoformat() for day in replay.scores.days.tolist()]
    for place, name in enumerate(name for name in errors if name != PROCEDURE):
        gained = list(accumulate((errors[name] - errors[PROCEDURE]).tolist()))
        figure.add_scatter(
            x=list(thinned(days)),
            y=rounded(thinned(gained), 4),
            mode="lines",
            name=f"against {in_legend(name)}",
            line={"color": PALETTE[place % len(PALETTE)], "dash": DASHES[place % len(DASHES)]},
        )
    for day in replay.promotions:
        figure.add_vline(
            x=date_of(day).isoformat(), line={"color": GREY, "width": 1, "dash": "dot"}
        )
    level(figure, 0.0, "")
    return figure.update_layout(hovermode="x unified")


def replay_search_figure(replay: Replay) -> go.Figure | NotComputed:
    """Draw each night's best validation loss beside that of its first trial."""
    first = [night.trials[0].loss for night in replay.nights]
    best = [night.trials[night.best].loss for night in replay.nights]
    figure = blank(
        "What the search brought each night: validation loss of the first trial, which is last "
        "night's best where searches start warm, and of the best one.",
        "night",
        "validation loss (scaled)",
    )
    days = [date_of(night.day).isoformat() for night in replay.nights]
    for name, values, colour in (("first trial", first, ORANGE), ("best trial", best, BLUE)):
        figure.add_scatter(
            x=days, y=rounded(values), mode="lines+markers", name=name,
            line={"color": colour}, marker={"size": 4},
        )  # fmt: skip
    return figure


def replay_seconds_figure(replay: Replay) -> go.Figure:
    """Draw how long a worker was busy with each night."""
    figure = blank("Seconds of work a night.", "night", "seconds", height=260)
    days = [date_of(night.day).isoformat() for night in replay.nights]
    for name, place, colour in (("search", 0, ORANGE), ("final trainings", 1, BLUE)):
        figure.add_bar(
            x=days,
            y=rounded(night.seconds[place] for night in replay.nights),
            name=name,
            marker={"color": colour},
        )
    return figure.update_layout(barmode="stack")
