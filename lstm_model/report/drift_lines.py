"""What a night says of drift: a sentence for each part, and the metrics of the furthest columns."""

import re

from lstm_model.evaluation.drift import ColumnDrift, Drift
from lstm_model.evaluation.measured import NotComputed

MOST_NAMED = 3
"""Columns that a sentence names."""

MOST_RECORDED = 5
"""Columns whose numbers MLflow keeps; summary.json has all."""


def drift_sentence(drift: Drift) -> str:
    """Say how many columns differ more than train's own blocks do, and how the furthest differ."""
    beyond, total = drift.beyond, len(drift.columns)
    count = f"{len(beyond)} of {total} columns" if beyond else f"none of {total} columns"
    text = (
        f"On {drift.name} ({drift.dates:,} dates, {drift.first} to {drift.last}) {count} "
        f"{'differs' if len(beyond) == 1 else 'differ'} from train by more than any of train's own "
        f"{drift.own_blocks} blocks of {drift.own_block_dates:,} dates does; by chance it would be "
        f"{drift.expected_beyond:.1f}."
    )
    if beyond:
        named = "; ".join(_how(column) for column in beyond[:MOST_NAMED])
        text += f" {'It is' if len(beyond) == 1 else 'The furthest'}: {named}."
    return text


def _how(column: ColumnDrift) -> str:
    """Describe how a column differs from train."""
    index = f"{column.name} (PSI {column.psi:.2f} beside {column.own_largest:.2f}"
    if isinstance(column.shift, NotComputed) or isinstance(column.spread, NotComputed):
        return f"{index}, constant in train)"
    side = "higher" if column.shift > 0 else "lower"
    return (
        f"{index}, {abs(column.shift):.2g} standard deviations {side}, {column.spread:.2g} times "
        f"as wide)"
    )


def drift_metrics(drifts: tuple[Drift, ...]) -> dict[str, float]:
    """Return how many columns are beyond train's own blocks, and the index of the furthest."""
    values: dict[str, float] = {}
    for drift in drifts:
        prefix = f"drift.{drift.name.removeprefix('the ').replace(' ', '_')}"
        values[f"{prefix}.columns_beyond"] = float(len(drift.beyond))
        values[f"{prefix}.expected_beyond"] = drift.expected_beyond
        for column in drift.columns[:MOST_RECORDED]:
            if isinstance(column.psi, NotComputed) or isinstance(column.own_largest, NotComputed):
                continue
            # MLflow takes letters, digits and a few signs.
            name = re.sub(r"[^\w\-. :/]", "", column.name)
            values[f"{prefix}.{name}.psi"] = column.psi
            values[f"{prefix}.{name}.own_largest"] = column.own_largest
    return values
