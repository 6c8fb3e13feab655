"""Tables of the test block: headline, further scores, and tests."""

from collections.abc import Sequence

from lstm_model.evaluation.comparison import Comparison
from lstm_model.evaluation.evaluate import Evaluation, LossView
from lstm_model.evaluation.losses import MSE, losses_of
from lstm_model.evaluation.measured import Measured, NotComputed, Tested
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
    p_values = [[Cell(NO_VALUE), *(_p_of(c.test(loss).diebold_mariano) for c in comparisons)]
                for loss in losses_of(evaluation.target)]  # fmt: skip
    by_qlike = [] if len(p_values) == 1 else [
        ("QLIKE", best_of([number(m.qlike, ".3f") for m in metrics],
                          [m.qlike for m in metrics], highest=False)),
    ]  # fmt: skip
    return table_of(
        "Test block, every forecast on the same samples; best value of each column in bold",
        ("forecast", [Cell(named(n)) for n in ("model", *(c.name for c in comparisons))]),
        ("role", [Cell(role) for role in roles]),
        (f"MSE{power}", mses),
        *by_qlike,
        ("R² vs train mean", _skill([m.r2_train_mean for m in metrics])),
        (f"R² vs {named(evaluation.benchmark)}", _skill([m.r2_benchmark for m in metrics])),
        ("correct direction", _directions(metrics)),
        ("DM p", p_values[0]),
        *([("DM p, QLIKE", p_values[1])] if by_qlike else []),
        text=frozenset({0, 1}),
        strong=frozenset({0}),
    )


def scores_table(evaluation: Evaluation) -> Table:
    """Return the scores that the headline table leaves out."""
    comparisons = _benchmark_first(evaluation)
    metrics = [evaluation.model, *(c.metrics for c in comparisons)]
    rmse_power, rmses = _best_column([m.rmse for m in metrics], highest=False)
    mae_power, maes = _best_column([m.mae for m in metrics], highest=False)
    own = [
        ("smearing constant", [number(m.smearing, ".3f") for m in metrics]),
    ] if evaluation.target == "log_volatility" else [
        ("majority class", [share(m.majority_class) for m in metrics]),
        ("sign test p", [_sign_test(m) for m in metrics]),
    ]  # fmt: skip
    return table_of(
        f"Further scores; RMSE and MAE in {evaluation.unit}",
        ("forecast", [Cell(named(n)) for n in ("model", *(c.name for c in comparisons))]),
        (f"RMSE{rmse_power}", rmses),
        (f"MAE{mae_power}", maes),
        ("R² vs zero", _skill([m.r2_zero for m in metrics])),
        ("Theil's U", [number(m.theil_u, ".3f") for m in metrics]),
        *own,
        strong=frozenset({0}),
    )


def tests_table(evaluation: Evaluation, view: LossView) -> Table:
    """Return the tests of the model against each forecast by one loss; direction beside MSE."""
    comparisons = _benchmark_first(evaluation)
    (loss,) = (loss for loss in losses_of(evaluation.target) if loss.name == view.loss)
    tests = [c.test(loss) for c in comparisons]
    dm = [statistic(test.diebold_mariano) for test in tests]
    p_values, kept = view.confidence_set.p_values, view.confidence_set.members
    mcs = [
        number(p_values, "") if isinstance(p_values, NotComputed)
        else probability(p_values.get(c.name))
        for c in comparisons
    ]  # fmt: skip
    only_mse = [
        ("Clark-West p", [_p_of(c.clark_west) for c in comparisons]),
        ("direction, ours less theirs", [share(c.hit_rate_gain) for c in comparisons]),
        ("direction p, two-sided", [_p_of(c.hit_rate) for c in comparisons]),
    ]
    return table_of(
        f"Tests of the model against each forecast, by {loss.title}",
        ("forecast", [Cell(named(c.name)) for c in comparisons]),
        ("our loss over theirs", [number(test.ratio, ".3f") for test in tests]),
        ("DM", [cell for cell, _ in dm]),
        ("DM p, two-sided", [cell for _, cell in dm]),
        ("DM p, one-sided", [probability(test.better_p) for test in tests]),
        ("MCS p", mcs),
        ("in MCS", [Cell("yes" if c.name in kept else "no") for c in comparisons]
         if not isinstance(p_values, NotComputed) else [Cell(NO_VALUE)] * len(comparisons)),
        *(only_mse if loss is MSE else []),
    )  # fmt: skip


def _benchmark_first(evaluation: Evaluation) -> list[Comparison]:
    """Return the benchmark, then baselines, then references, each group by error."""
    both = (evaluation.baselines, evaluation.references)
    rows = [c for part in both for c in sorted(part, key=lambda c: c.metrics.mse)]
    return sorted(rows, key=lambda c: c.name != evaluation.benchmark)


def _role(comparison: Comparison, evaluation: Evaluation) -> str:
    if comparison.name == evaluation.benchmark:
        is_rival = comparison.name == evaluation.rival
        return "benchmark, best on validation" if is_rival else "benchmark"
    if comparison.name == evaluation.rival:
        return "best baseline on validation"
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
    return _p_of(metrics.pesaran_timmermann)


def _p_of(test: Tested) -> Cell:
    """Return a test's p-value, or the reason for its absence."""
    value, p_value = statistic(test)
    return value if value.why else p_value
