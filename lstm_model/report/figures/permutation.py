"""The figure of permutation importance: how much worse the model is without each input."""

from collections.abc import Sequence

import plotly.graph_objects as go

from lstm_model.evaluation.measured import NotComputed
from lstm_model.explain.permutation import PermutationImportance, Rise
from lstm_model.report.figures.style import BLUE, ORANGE, blank, plain, rounded

MOST_BARS = 20
"""Features that are drawn; the table has as many, summary.json has all."""


def permutation_figure(importance: PermutationImportance) -> go.Figure | NotComputed:
    """Draw the rise of the MSE for each feature and each group of bars, with two standard errors.

    HAR's forecast is in the table alone: beside it all others would be too short to compare.
    """
    if not importance.features or not importance.mse > 0:
        return NotComputed("the model has no error that could rise")
    features, lags = importance.features[:MOST_BARS], importance.lags
    first = features[0]
    figure = blank(
        f"Without what {first.name} says, the MSE on the test block is "
        f"{importance.share(first):.1%} higher.",
        "rise of the MSE ± 2 standard errors",
        "",
        height=110 + 24 * (len(features) + len(lags)),
    )
    for name, rises, colour, pattern in (
        ("a feature, at all bars", features, BLUE, ""),
        ("all features, at some bars", lags, ORANGE, "/"),
    ):
        figure.add_bar(
            y=_names(rises),
            x=rounded([importance.share(rise) for rise in rises], 4),
            error_x={"array": rounded(_errors(rises, importance), 3), "thickness": 1, "width": 3},
            orientation="h",
            name=name,
            marker={"color": colour, "pattern": {"shape": pattern}},
        )
    order = [*reversed(_names(lags)), *reversed(_names(features))]
    figure.update_yaxes(
        categoryorder="array", categoryarray=order, showgrid=False, ticks="", type="category"
    )
    most = max(abs(importance.share(rise)) for rise in (*features, *lags))
    return figure.update_xaxes(
        tickformat=".0%" if most > 0.05 else ".1%", nticks=6, zeroline=True, zerolinewidth=1
    )


def _names(rises: Sequence[Rise]) -> list[str]:
    return [plain(rise.name) for rise in rises]


def _errors(rises: Sequence[Rise], importance: PermutationImportance) -> list[float | None]:
    return [
        None if isinstance(rise.standard_error, NotComputed)
        else 2 * rise.standard_error / importance.mse
        for rise in rises
    ]  # fmt: skip
