"""Tables of the night's input and search: findings, trials, importances."""

from collections import Counter

from lstm_model.report.night_result import NightResult
from lstm_model.report.page.numbers import NO_VALUE, Cell, column, number, probability, setting
from lstm_model.report.page.table import MOST_ROWS, Table, out_of, table_of
from lstm_model.search.space import searched_part


def findings_table(content: NightResult) -> Table:
    """Return the first findings in the bars."""
    rows = content.data.findings[:MOST_ROWS]
    return table_of(
        f"Findings in the bars{out_of(len(rows), len(content.data.findings))}",
        ("ticker", [Cell(f.ticker) for f in rows]),
        ("date", [Cell(f.date) for f in rows]),
        ("rule", [Cell(f.rule) for f in rows]),
        ("value", [Cell(f.value) for f in rows]),
        ("action", [Cell(f.action) for f in rows]),
        text=frozenset(range(5)),
    )


def findings_by_rule(content: NightResult) -> Table:
    """Return the number of findings by rule."""
    bars: Counter[tuple[str, str]] = Counter()
    for finding in content.data.findings:
        bars[finding.rule, finding.action] += finding.count
    counts = bars.most_common(MOST_ROWS)
    return table_of(
        "Findings by rule",
        ("rule", [Cell(rule) for (rule, _), _ in counts]),
        ("action", [Cell(action) for (_, action), _ in counts]),
        ("bars", [number(n, ",") for _, n in counts]),
        text=frozenset({0, 1}),
    )


def trials_table(content: NightResult) -> Table:
    """Return the best trials and their parameters."""
    done = [trial for trial in content.study.trials if trial.loss is not None]
    rows = sorted(done, key=lambda trial: (trial.loss, trial.number))[:MOST_ROWS]
    searched = [searched_part(trial.params, content.space) for trial in rows]
    power, losses = column([row.loss for row in rows])
    _, errors = column([row.standard_error for row in rows])
    return table_of(
        f"Completed trials, lowest loss first{out_of(len(rows), len(done))}",
        ("trial", [Cell(str(row.number)) for row in rows]),
        (f"validation loss{power}", losses),
        ("standard error", errors),
        *(
            (name, [Cell(setting(params.get(name, NO_VALUE))) for params in searched])
            for name in content.space
        ),
        ("epochs", [number(row.epochs, "d") for row in rows]),
        ("seconds", [number(row.seconds, ".1f") for row in rows]),
        text=frozenset(),
        strong=frozenset(
            i for i, row in enumerate(rows) if row.number == content.study.best.number
        ),
    )


def importances_table(content: NightResult) -> Table:
    """Return importances with their p-values and the seed's claims."""
    rows = content.insight.importances.rows
    claims = [row.claim for row in rows]
    return table_of(
        "Importance of each parameter, with the seed's claim",
        ("parameter", [Cell(row.parameter) for row in rows]),
        ("best", [Cell(setting(content.insight.best.get(r.parameter, NO_VALUE))) for r in rows]),
        ("importance", [number(row.share, ".2f") for row in rows]),
        ("chance p", [probability(row.p_value) for row in rows]),
        ("seed's rank", [Cell(str(c.rank) if c else NO_VALUE) for c in claims]),
        ("impact", [Cell(c.impact if c else NO_VALUE) for c in claims]),
        ("typical", [Cell(c.typical if c else NO_VALUE) for c in claims]),
    )


def changes_table(content: NightResult) -> Table:
    """Return the changes since last night; empty if there is no night to compare with."""
    rows = () if isinstance(content.changes, str) else content.changes
    return table_of(
        "Changes since last night",
        ("", [Cell(row.what) for row in rows]),
        ("last night", [Cell(row.before) for row in rows]),
        ("now", [Cell(row.now) for row in rows]),
        text=frozenset({0}),
    )
