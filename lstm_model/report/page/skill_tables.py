"""Tables of the test block: headline, further scores, and tests."""

from collections.abc import Sequence

from lstm_model.evaluation.comparison import Comparison
from lstm_model.evaluation.evaluate import Evaluation
from lstm_model.evaluation.measured import Measured, NotComputed
from lstm_model.evaluation.metrics import Metrics
from lstm_model.report.figures.style import named
from lstm_model.report.page.numbers import (
    NO_VALUE,
    Cell,
    best_of,
    column,
    number,
    probability,
    share,
    statistic,
)
from lstm_model.report.page.table import Table, table_of


def headline_table(evaluation: Evaluation) -> Table:
    """Return the main scores of the model, its benchmark, the baselines and the references."""
    comparisons = _benchmark_first(evaluation)
    metrics = [evaluation.model, *(c.metrics for c in comparisons)]
    roles = ["ours", *(_role(c, evaluation) for c in comparisons)]
    power, mses = _best_column([m.mse for m in metrics], highest=False)
    p_values = [Cell(NO_VALUE), *(statistic(c.diebold_mariano)[1] for c in comparisons)]
    reasons = [Cell(NO_VALUE), *(statistic(c.diebold_mariano)[0] for c in comparisons)]
    return table_of(
        "Test block, every forecast on the same samples; best value of each column in bold",
        ("forecast", [Cell(named(n)) for n in ("model", *(c.name for c in comparisons))]),
        ("role", [Cell(role) for role in roles]),
        (f"MSE{power}", mses),
        ("R² vs train mean", _skill([m.r2_train_mean for m in metrics])),
        (f"R² vs {named(evaluation.benchmark)}", _skill([m.r2_benchmark for m in metrics])),
        ("correct direction", _directions(metrics)),
        ("DM p", [r if r.why else p for p, r in zip(p_values, reasons, strict=True)]),
        text=frozenset({0, 1}),
        strong=frozenset({0}),
    )


def scores_table(evaluation: Evaluation) -> Table:
    """Return the scores that the headline table leaves out."""
    comparisons = _benchmark_first(evaluation)
    metrics = [evaluation.model, *(c.metrics for c in comparisons)]
    rmse_power, rmses = _best_column([m.rmse for m in metrics], highest=False)
    mae_power, maes = _best_column([m.mae for m in metrics], highest=False)
    return table_of(
        f"Further scores; RMSE and MAE in {evaluation.unit}",
        ("forecast", [Cell(named(n)) for n in ("model", *(c.name for c in comparisons))]),
        (f"RMSE{rmse_power}", rmses),
        (f"MAE{mae_power}", maes),
        ("R² vs zero", _skill([m.r2_zero for m in metrics])),
        ("Theil's U", [number(m.theil_u, ".3f") for m in metrics]),
        ("QLIKE", [number(m.qlike, ".3f") for m in metrics]),
        ("majority class", [share(m.majority_class) for m in metrics]),
        ("sign test p", [_sign_test(m) for m in metrics]),
        strong=frozenset({0}),
    )


def tests_table(evaluation: Evaluation) -> Table:
    """Return every test of the model against another forecast."""
    comparisons = _benchmark_first(evaluation)
    dm = [statistic(c.diebold_mariano) for c in comparisons]
    cw = [statistic(c.clark_west) for c in comparisons]
    p_values = evaluation.confidence_set.p_values
    kept = evaluation.confidence_set.members
    mcs = [
        number(p_values, "") if isinstance(p_values, NotComputed)
        else probability(p_values.get(c.name))
        for c in comparisons
    ]  # fmt: skip
    return table_of(
        "Tests of the model against each forecast",
        ("forecast", [Cell(named(c.name)) for c in comparisons]),
        ("DM", [cell for cell, _ in dm]),
        ("DM p, two-sided", [cell for _, cell in dm]),
        ("DM p, one-sided", [probability(c.better_p) for c in comparisons]),
        ("Clark-West", [cell for cell, _ in cw]),
        ("Clark-West p", [cell for _, cell in cw]),
        ("MCS p", mcs),
        ("in MCS", [Cell("yes" if c.name in kept else "no") for c in comparisons]
         if not isinstance(p_values, NotComputed) else [Cell(NO_VALUE)] * len(comparisons)),
    )  # fmt: skip


def _benchmark_first(evaluation: Evaluation) -> list[Comparison]:
    """Return the benchmark, then baselines, then references, each group by error."""
    both = (evaluation.baselines, evaluation.references)
    rows = [c for part in both for c in sorted(part, key=lambda c: c.metrics.mse)]
    return sorted(rows, key=lambda c: c.name != evaluation.benchmark)


def _role(comparison: Comparison, evaluation: Evaluation) -> str:
    if comparison.name == evaluation.benchmark:
        return "benchmark"
    return "baseline" if comparison in evaluation.baselines else "reference"


def _best_column(values: Sequence[Measured], highest: bool) -> tuple[str, list[Cell]]:
    power, cells = column(values)
    return power, best_of(cells, values, highest)


def _skill(values: Sequence[Measured]) -> list[Cell]:
    known = [abs(v) for v in values if not isinstance(v, NotComputed)]
    # R² of returns needs four decimals, that of volatility three.
    spec = ".4f" if not known or sorted(known)[len(known) // 2] < 0.1 else ".3f"
    return best_of([number(v, spec) for v in values], values, highest=True)


def _directions(metrics: Sequence[Metrics]) -> list[Cell]:
    values = [m.directional_accuracy for m in metrics]
    return best_of([share(v) for v in values], values, highest=True)


def _sign_test(metrics: Metrics) -> Cell:
    value, p_value = statistic(metrics.pesaran_timmermann)
    return value if value.why else p_value
