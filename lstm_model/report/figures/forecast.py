"""Figures of the test block: forecast and truth, errors, and cumulative gains."""

import math
from collections.abc import Sequence
from itertools import accumulate

import plotly.graph_objects as go

from lstm_model.evaluation.inputs import MODEL
from lstm_model.evaluation.measured import NotComputed
from lstm_model.evaluation.series import Series
from lstm_model.report.figures.style import (
    BLUE,
    DASHES,
    FEW,
    GREY,
    ORANGE,
    PALETTE,
    blank,
    finite,
    in_legend,
    level,
    plain,
    rounded,
    thinned,
)

NO_DATES = NotComputed("n = 0 test dates")
BINS = 40


def forecast_figure(series: Series, unit: str, nominal: float | None) -> go.Figure | NotComputed:
    """Draw forecast and truth by date, with the conformal interval if there is one.

    nominal: coverage of the interval, None if there is none.
    """
    if not series.dates:
        return NO_DATES
    figure = blank(
        "Forecast and truth by date: how closely the forecast follows the truth.",
        "date",
        plain(unit),
        height=380,
    )
    dates = _days(series)
    low, high = rounded(thinned(series.low), 4), rounded(thinned(series.high), 4)
    if nominal is not None and any(v is not None for v in low):
        figure.add_scatter(
            x=dates, y=low, mode="lines", line={"width": 0}, showlegend=False, hoverinfo="skip"
        )
        figure.add_scatter(
            x=dates,
            y=high,
            mode="lines",
            line={"width": 0},
            fill="tonexty",
            fillcolor="rgba(43,131,198,0.18)",
            name=f"{nominal:.0%} conformal interval",
            hoverinfo="skip",
        )
    for values, name, colour, width in (
        (series.truth, "truth", GREY, 1.0),
        (series.forecast, "forecast", BLUE, 1.6),
    ):
        figure.add_scatter(
            x=dates,
            y=rounded(thinned(values), 4),
            mode="lines",
            name=name,
            line={"color": colour, "width": width},
        )
    return figure.update_layout(hovermode="x unified")


def residuals_figure(series: Series, unit: str) -> go.Figure | NotComputed:
    """Draw forecast errors by date."""
    if not series.dates:
        return NO_DATES
    figure = blank(
        "Truth minus forecast by date: a drift or a change in spread means the model missed it.",
        "date",
        f"error ({plain(unit)})",
    )
    figure.add_scatter(
        x=_days(series),
        y=rounded(thinned(_errors(series)), 4),
        mode="markers",
        marker={"color": BLUE, "size": 4, "opacity": 0.7},
        showlegend=False,
    )
    level(figure, 0.0, "")
    return figure


def residual_histogram(series: Series, unit: str) -> go.Figure | NotComputed:
    """Draw the distribution of forecast errors."""
    errors = finite(_errors(series))
    if not errors:
        return NO_DATES
    mean = math.fsum(errors) / len(errors)
    shown = f"{mean:.3g}".replace("-", "\N{MINUS SIGN}")
    figure = blank(
        f"Distribution of errors, with a mean of {shown}: a shift from zero is a bias.",
        f"truth minus forecast ({plain(unit)})",
        "dates",
    )
    # Binned here, over all dates, so that the page carries a few bars instead of every error.
    low, high = min(errors), max(errors)
    bins = min(round(2 * math.sqrt(len(errors))) + 1, BINS)
    width = (high - low) / bins or 1.0
    counts = [0] * bins
    for error in errors:
        counts[min(int((error - low) / width), bins - 1)] += 1
    figure.add_bar(
        x=rounded(low + (place + 0.5) * width for place in range(bins)),
        y=counts,
        width=float(f"{width:.4g}"),
        marker={"color": BLUE, "opacity": 0.8},
        showlegend=False,
    )
    if max(counts) <= FEW:
        figure.update_yaxes(dtick=max(max(counts) // 4, 1))
    figure.add_vline(x=0, line={"color": GREY, "width": 1, "dash": "dot"})
    return figure


def cumulative_figure(series: Series, against: Sequence[str], unit: str) -> go.Figure | NotComputed:
    """Draw the cumulative difference in squared error, theirs minus ours; a rise favours ours.

    Goyal & Welch (2008), "A Comprehensive Look at the Empirical Performance of Equity Premium
    Prediction", figure 1.
    """
    errors = series.squared_errors
    others = [name for name in against if name in errors and name != MODEL]
    if not series.dates or MODEL not in errors or not others:
        return NotComputed("there are no squared errors to compare")
    figure = blank(
        "Cumulative squared error of each forecast minus the model's: a rise favours the model.",
        "date",
        f"cumulative difference ({plain(unit)}, squared)",
        height=380,
    )
    dates = _days(series)
    for place, name in enumerate(others):
        gained = accumulate(b - m for b, m in zip(errors[name], errors[MODEL], strict=True))
        figure.add_scatter(
            x=dates,
            y=rounded(thinned(list(gained)), 4),
            mode="lines",
            name=f"against {in_legend(name)}",
            line={
                "color": PALETTE[place % len(PALETTE)],
                "dash": DASHES[place % len(DASHES)],
                "width": 2.2 if place == 0 else 1.4,
            },
        )
    level(figure, 0.0, "")
    return figure.update_layout(hovermode="x unified")


def calibration_figure(
    bins: Sequence[tuple[float, float, int]], unit: str
) -> go.Figure | NotComputed:
    """Draw mean truth against mean forecast by bin of the forecast, with the diagonal."""
    if not bins:
        return NotComputed("no bins")
    figure = blank(
        "Mean truth by mean forecast: on the diagonal, the forecast is calibrated.",
        f"mean forecast ({plain(unit)})",
        f"mean truth ({plain(unit)})",
    )
    ends = [min(f for f, _, _ in bins), max(f for f, _, _ in bins)]
    figure.add_scatter(
        x=rounded(ends),
        y=rounded(ends),
        mode="lines",
        name="diagonal",
        line={"color": GREY, "dash": "dot", "width": 1},
        hoverinfo="skip",
    )
    figure.add_scatter(
        x=rounded(f for f, _, _ in bins),
        y=rounded(t for _, t, _ in bins),
        text=[f"n = {n}" for _, _, n in bins],
        mode="lines+markers",
        name="forecast bin",
        line={"color": BLUE},
        marker={"size": 7, "color": ORANGE},
    )
    return figure


def _days(series: Series) -> list[str]:
    return [day.isoformat() for day in thinned(series.dates)]


def _errors(series: Series) -> list[float]:
    return [truth - made for truth, made in zip(series.truth, series.forecast, strict=True)]
