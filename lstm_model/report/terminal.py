"""What a night prints: verdict, test table, importances, and where to find the rest."""

import io
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from lstm_model.evaluation.evaluate import Evaluation
from lstm_model.evaluation.losses import Loss, losses_of
from lstm_model.evaluation.measured import NotComputed, Tested, show
from lstm_model.evaluation.metrics import Metrics
from lstm_model.report.data_warnings import data_warnings
from lstm_model.report.insight import HEADER, Insight
from lstm_model.report.night_result import NightResult
from lstm_model.report.serving import serving_sentences
from lstm_model.search.importance import SHUFFLES

WIDTH = 98
PRINTED_ROWS, PRINTED_EDGES = 5, 2

Line = str | Table


def terminal_text(night: NightResult) -> str:
    """Return the text that a night prints."""
    lines: list[Line] = [
        f"Best trial: {night.best_params.to_dict()}",
        *(line for text in data_warnings(night.data) for line in _wrapped(text, "  ")),
        "",
        *_test_block(night.evaluation),
        "",
        *_insight(night.insight),
        "",
        *(line for text in serving_sentences(night) for line in _wrapped(text)),
        "",
        f"The whole page: {night.run.page}",
        f"Model {night.registered.name} version {night.registered.version} is in MLflow:",
        *(f"  {line}" for line in ui_command(night)),
    ]
    return _render(lines)


def _render(lines: Sequence[Line]) -> str:
    """Lay out tables and wrap prose; commands and addresses stay on one line."""
    parts = []
    for line in lines:
        if isinstance(line, str):
            parts.append(line)
            continue
        console = Console(file=io.StringIO(), width=WIDTH, color_system=None)
        with console.capture() as capture:
            console.print(line)
        parts.append("\n".join(row.rstrip() for row in capture.get().splitlines()))
    return "\n".join(parts)


def _wrapped(text: str, indent: str = "") -> list[str]:
    console = Console(file=io.StringIO(), width=WIDTH, color_system=None)
    first, *rest = Text(text).wrap(console, WIDTH - len(indent))
    return [str(first).rstrip(), *(indent + str(line).rstrip() for line in rest)]


def _table(header: Sequence[str], rows: Sequence[Sequence[str]], left: Sequence[int]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for place, name in enumerate(header):
        table.add_column(name, justify="left" if place in left else "right", no_wrap=True)
    for row in rows:
        table.add_row(*map(Text, row))
    return table


def _test_block(evaluation: Evaluation) -> list[Line]:
    """Return the verdict, and a table of the model and all other forecasts of the test block."""
    losses = losses_of(evaluation.target)
    rows = [_scores("model", evaluation.model, [""] * len(losses))]
    for other in (*evaluation.baselines, *evaluation.references):
        tests = [other.test(loss).diebold_mariano for loss in losses]
        rows.append(_scores(other.name, other.metrics, [_p_value(test) for test in tests]))
    second = "QLIKE" if len(losses) == 2 else "MAE"
    header = ("", "MSE", second, "R2 mean", "R2 bench", "direction", *_p_headings(losses))
    note = "direction: share of forecasts with the correct sign"
    if evaluation.target == "log_return":
        majority = show(evaluation.model.majority_class, ".3f")
        note += f"; the majority class scores {majority}"
    else:
        note += " of the change; only differences between forecasts count"
    return [
        *_wrapped(evaluation.verdict.skill),
        *_wrapped(evaluation.verdict.search),
        "",
        *_wrapped(
            f"Test block {evaluation.start} .. {evaluation.end}, n = {evaluation.n}, "
            f"benchmark {evaluation.benchmark}, best baseline on validation {evaluation.rival}"
        ),
        _table(header, rows, left=[0]),
        *_wrapped(f"{note}. DM p: Diebold-Mariano test of the model against that row, two-sided."),
        *(
            line
            for name, reason in evaluation.left_out.items()
            for line in _wrapped(f"{name} is left out: {reason}.")
        ),
    ]


def _p_headings(losses: Sequence[Loss]) -> tuple[str, ...]:
    if len(losses) == 1:
        return ("DM p",)
    return tuple(f"DM p, {loss.title}" for loss in losses)


def _p_value(test: Tested) -> str:
    return "-" if isinstance(test, NotComputed) else f"{test.p_value:.2g}"


def _scores(name: str, metrics: Metrics, p_values: Sequence[str]) -> tuple[str, ...]:
    second = metrics.mae if len(p_values) == 1 else metrics.qlike
    shown = [
        "-" if isinstance(value, NotComputed) else format(value, digits)
        for value, digits in (
            (second, ".5g"),
            (metrics.r2_train_mean, ".4f"),
            (metrics.r2_benchmark, ".4f"),
            (metrics.directional_accuracy, ".3f"),
        )
    ]
    return name, f"{metrics.mse:.5g}", *shown, *p_values


def _insight(insight: Insight) -> list[Line]:
    """Return the most important parameters, how the search went, and values at an edge."""
    rows = insight.rows()
    importances = insight.importances
    lines: list[Line] = [
        f"Importance of each parameter ({importances.note})",
        _table(HEADER, rows[:PRINTED_ROWS], left=[0, 4]),
    ]
    if len(rows) > PRINTED_ROWS:
        lines.append(f"and {len(rows) - PRINTED_ROWS} more, in MLflow")
    if importances.rows[0].share is not None:
        lines.append(
            f"chance p: share of {SHUFFLES} shuffles of the losses with at least this importance"
        )
    lines += [r.text for r in insight.readings if r.parameter == "trials"][:1]
    rank = {row.parameter: rank for rank, row in enumerate(importances.rows)}
    edges = sorted((r for r in insight.readings if r.at_edge), key=lambda r: rank[r.parameter])
    for reading in edges[:PRINTED_EDGES]:
        lines += _wrapped(reading.text, indent="  ")
    return lines


def ui_command(night: NightResult) -> list[str]:
    """Return the command and the address to see this night in the MLflow UI."""
    uri, page = night.run.tracking_uri, f"#/experiments/{night.run.experiment_id}/runs"
    if uri.startswith("http"):
        return [f"{uri.rstrip('/')}/{page}"]
    # The mlflow next to this Python: in a new shell the environment is not active.
    program = Path(sys.executable).with_name("mlflow")
    if program.is_relative_to(Path.cwd()):
        program = program.relative_to(Path.cwd())
    return [
        f"{program} ui --workers 1 --port 5000 --backend-store-uri {shlex.quote(uri)}",
        f"then open http://127.0.0.1:5000/{page}",
    ]
