"""What a reader must know of the bars before the verdict; terminal and page say it first."""

from collections.abc import Sequence

from lstm_model.data.bars import Finding
from lstm_model.data.columns import cut
from lstm_model.report.night_result import DataFacts

MOST_NAMED = 5
"""Findings that are told in full; the others are only named or counted."""


def data_warnings(data: DataFacts) -> tuple[str, ...]:
    """Return a sentence for each kind of finding that may change what the verdict is worth."""
    told = (
        _left_out(data), _unexplained(data), _newest_missing(data),
        _of_store(data, "short_answer", "The source's answer lacks bars that it once gave"),
        _of_store(data, "cross_check", "A second source disagrees"),
    )  # fmt: skip
    return (*(sentence for sentence in told if sentence), *panel_warnings(data.findings))


def panel_warnings(findings: Sequence[Finding]) -> tuple[str, ...]:
    """Return a sentence for each way in which the histories of a panel are unequal."""
    short = [finding for finding in findings if finding.rule == "short_history"]
    named = [
        finding.value if finding.count > 1 else f"{finding.ticker} has {finding.value}"
        for finding in short[:MOST_NAMED]
    ]
    more = f"; and {len(short) - MOST_NAMED} more" if len(short) > MOST_NAMED else ""
    sentences = [f"Used where they exist: {'; '.join(named)}{more}."] if short else []
    sentences += [
        f"Of the panel, {finding.value} ({finding.ticker})."
        for finding in findings
        if finding.rule == "one_ticker_dates"
    ]
    return tuple(sentences)


def _left_out(data: DataFacts) -> str:
    """Name the tickers whose bars could not be used, and why."""
    missing = _of_rule(data, "left_out")
    if not missing:
        return ""
    reasons = [f"{f.ticker} ({cut(f.value, 120)})" for f in missing[:MOST_NAMED]]
    names = [*reasons, *(f.ticker for f in missing[MOST_NAMED:])]
    configured = len(missing) + len(data.tickers)
    return f"Without {len(missing)} of {configured} tickers: {', '.join(names)}."


def _unexplained(data: DataFacts) -> str:
    """Name the bars that move by more than a factor of 2 without a listed action."""
    moves = _of_rule(data, "unexplained_move")
    if not moves:
        return ""
    named = [f"{f.ticker} {f.date} ({cut(f.value, 90)})" for f in moves[:MOST_NAMED]]
    more = f" and {len(moves) - MOST_NAMED} more" if len(moves) > MOST_NAMED else ""
    return f"No split or dividend explains these moves; check them: {'; '.join(named)}{more}."


def _newest_missing(data: DataFacts) -> str:
    """Name the tickers whose newest session has no prices yet."""
    missing = _of_rule(data, "newest_prices_missing")
    if not missing:
        return ""
    named = ", ".join(f"{f.ticker} {f.date}" for f in missing[:MOST_NAMED])
    more = f" and {len(missing) - MOST_NAMED} more" if len(missing) > MOST_NAMED else ""
    return (
        f"The newest sessions have no prices yet: {named}{more}. Forecasts follow the last bar "
        f"with prices."
    )


def _of_store(data: DataFacts, rule: str, claim: str) -> str:
    found = _of_rule(data, rule)
    if not found:
        return ""
    named = "; ".join(f"{f.ticker} {f.date} ({cut(f.value, 120)})" for f in found[:MOST_NAMED])
    more = f" and {len(found) - MOST_NAMED} more" if len(found) > MOST_NAMED else ""
    return f"{claim}: {named}{more}."


def _of_rule(data: DataFacts, rule: str) -> list[Finding]:
    return [finding for finding in data.findings if finding.rule == rule]
