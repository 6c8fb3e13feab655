"""The tickers that a night went on without; terminal and page say so above everything else."""

from lstm_model.data.columns import cut
from lstm_model.report.night_result import DataFacts

MOST_NAMED = 5
"""Tickers whose reason is given; the others are only named."""


def left_out_sentence(data: DataFacts) -> str:
    """Name the tickers whose bars could not be used, and why; empty if there is none."""
    missing = [finding for finding in data.findings if finding.rule == "left_out"]
    if not missing:
        return ""
    reasons = [f"{f.ticker} ({cut(f.value, 120)})" for f in missing[:MOST_NAMED]]
    names = [*reasons, *(f.ticker for f in missing[MOST_NAMED:])]
    configured = len(missing) + len(data.tickers)
    return f"Without {len(missing)} of {configured} tickers: {', '.join(names)}."
