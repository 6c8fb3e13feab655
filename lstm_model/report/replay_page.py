"""The page of a replay: one HTML file that makes no request."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from plotly.offline import get_plotlyjs

from lstm_model.data.calendar import date_of
from lstm_model.evaluation.measured import NotComputed, show
from lstm_model.replay.scores import PROCEDURE
from lstm_model.replay.summary import Replay
from lstm_model.report.figures.replay import (
    replay_cumulative_figure,
    replay_search_figure,
    replay_seconds_figure,
)
from lstm_model.report.figures.style import named
from lstm_model.report.page.figures import drawing
from lstm_model.report.page.numbers import Cell
from lstm_model.report.page.table import Table, table_of
from lstm_model.report.replay_text import p_value, promotions_sentence

FIGURES = {
    "cumulative": "Cumulative difference",
    "search": "What the search brought",
    "seconds": "Seconds",
}


def replay_page(replay: Replay) -> str:
    """Return the page; its text and tables need no JavaScript."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    figures = {
        "cumulative": replay_cumulative_figure(replay),
        "search": replay_search_figure(replay),
        "seconds": replay_seconds_figure(replay),
    }
    return environment.get_template("replay.html.jinja").render(
        replay=replay,
        intro=_intro(replay),
        sentences=(*_gains(replay), promotions_sentence(replay)),
        tables={"scores": _scores(replay), "nights": _nights(replay)},
        ways=[(named(name), replay.arm_text(name)) for name in replay.scores.by_arm],
        verdicts=_verdicts(replay),
        drawings={name: (drawing(figure),) for name, figure in figures.items()},
        names=FIGURES,
        plotly=get_plotlyjs(),
    )


def _intro(replay: Replay) -> str:
    first, last = (date_of(replay.nights[place].day) for place in (0, -1))
    bars = "bar" if replay.horizon == 1 else f"{replay.horizon} bars"
    return (
        f"{len(replay.nights)} nights from {first} to {last}, on bars as they were known each "
        f"night. {replay.target.replace('_', ' ').capitalize()} over the next {bars}, in "
        f"{replay.unit}; {len(replay.scores.days):,} mornings scored, each by the model in charge."
    )


def _gains(replay: Replay) -> list[str]:
    """Compare the procedure with each other way, in words."""
    by_arm = replay.scores.by_arm
    ours = by_arm[PROCEDURE].mse
    lines = []
    for name, score in by_arm.items():
        if name == PROCEDURE or not len(replay.scores.days):
            continue
        change = ours / score.mse - 1
        p = "" if isinstance(score.against, NotComputed) else f" (p = {p_value(name, score)})"
        if change == 0:
            lines.append(f"The procedure's MSE is that of {named(name)}.")
            continue
        which = "lower" if change < 0 else "higher"
        lines.append(
            f"The procedure's MSE is {abs(change):.1%} {which} than that of {named(name)}{p}."
        )
    return lines


def _scores(replay: Replay) -> Table:
    by_arm = replay.scores.by_arm
    return table_of(
        "Losses by way to forecast",
        ("way", [Cell(named(name)) for name in by_arm]),
        ("MSE", [Cell(f"{score.mse:.5g}") for score in by_arm.values()]),
        ("QLIKE", [Cell(_shown(score.qlike)) for score in by_arm.values()]),
        ("DM p", [Cell(p_value(name, score)) for name, score in by_arm.items()]),
        strong=frozenset({0}),
    )


def _shown(value: float | NotComputed) -> str:
    return "-" if isinstance(value, NotComputed) else show(value, ".5g")


def _nights(replay: Replay) -> Table:
    pairs = list(zip(replay.nights, replay.steps, strict=True))
    champions = [
        "-" if step.champion is None else str(date_of(replay.nights[step.champion].day))
        for _, step in pairs
    ]
    return table_of(
        "Nights",
        ("night", [Cell(str(date_of(night.day))) for night, _ in pairs]),
        ("gate", [Cell(_outcome(step.promoted, step.verdict is None)) for _, step in pairs]),
        ("champion of", [Cell(text) for text in champions]),
        ("best loss", [Cell(_loss(night.trials[night.best].loss)) for night, _ in pairs]),
        ("epochs", [Cell(", ".join(map(str, night.epochs))) for night, _ in pairs]),
        ("seconds", [Cell(f"{sum(night.seconds):.1f}") for night, _ in pairs]),
        text=frozenset({0, 1, 2, 4}),
    )


def _outcome(promoted: bool, has_no_model: bool) -> str:
    return "no model" if has_no_model else "promoted" if promoted else "stays"


def _loss(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


def _verdicts(replay: Replay) -> list[str]:
    """Return the verdicts of promotions, and why a night has no model."""
    lines = []
    for night, step in zip(replay.nights, replay.steps, strict=True):
        if step.verdict is None:
            lines.append(f"{date_of(night.day)}: no model, because {night.failure}")
        elif step.promoted:
            lines.append(f"{date_of(night.day)}: {step.verdict.text}")
    return lines
