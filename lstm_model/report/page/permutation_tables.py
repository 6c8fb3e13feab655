"""What the model's forecasts rest on, as tables and in words."""

from collections.abc import Sequence

from lstm_model.evaluation.measured import NotComputed
from lstm_model.explain.permutation import PermutationImportance, Rise
from lstm_model.report.page.numbers import Cell, number, share
from lstm_model.report.page.table import MOST_ROWS, Table, out_of, table_of


def permutation_tables(importance: PermutationImportance | None) -> tuple[Table, ...]:
    """Return a table of features, one of bars, and one of what a model has besides columns."""
    if importance is None:
        return ()
    features = importance.features
    shown = features[:MOST_ROWS]
    tables = [
        _table(f"A feature shuffled at all bars{out_of(len(shown), len(features))}",
               "feature", shown, importance),
        _table("All features shuffled at some bars", "bars", importance.lags, importance),
    ]  # fmt: skip
    if importance.others:
        tables.append(_table("What is not a feature", "input", importance.others, importance))
    return tuple(tables)


def permutation_sentence(importance: PermutationImportance | None) -> str:
    """Say what was shuffled."""
    if importance is None:
        return ""
    return (
        f"How much the MSE of the model's forecast rises if an input is shuffled among "
        f"{importance.samples:,} samples of the test block{_drawn(importance)}. Unshuffled it is "
        f"{number(importance.mse, '.4g').text}."
    )


def _drawn(importance: PermutationImportance) -> str:
    block = importance.block_samples
    return "" if importance.samples == block else f", drawn from its {block:,}"


def _table(
    caption: str, what: str, rises: Sequence[Rise], importance: PermutationImportance
) -> Table:
    errors = [rise.standard_error for rise in rises]
    return table_of(
        caption,
        (what, [Cell(rise.name) for rise in rises]),
        ("MSE rises by", [share(importance.share(rise), 2) for rise in rises]),
        ("standard error", [
            share(error if isinstance(error, NotComputed) else error / importance.mse, 2)
            for error in errors
        ]),
    )  # fmt: skip
