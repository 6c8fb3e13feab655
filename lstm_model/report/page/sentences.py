"""The page's sentences: what a number means, beside the number."""

import math
from collections.abc import Sequence

from lstm_model.data.leakage import AuditRow
from lstm_model.evaluation.evaluate import Evaluation
from lstm_model.evaluation.measured import NotComputed
from lstm_model.evaluation.panel import PanelSkill
from lstm_model.evaluation.selection import SelectionBias
from lstm_model.evaluation.verdict import Verdict
from lstm_model.model.final_model import FinalModel
from lstm_model.report.figures.style import named
from lstm_model.report.night_result import DataFacts, NightResult
from lstm_model.report.page.numbers import number, probability, share

MOST_NAMES = 12
"""Tickers or features that are named; of more, their number says more."""

MARKS = {True: "✓ yes", False: "✗ no", None: "? not known"}


def verdict_lines(verdict: Verdict) -> tuple[tuple[str, str], ...]:
    """Return the two verdicts, each after a mark that needs no colour."""
    return (
        (f"Skill: {MARKS[verdict.has_skill]}.", verdict.skill),
        (f"Search paid: {MARKS[verdict.search_paid]}.", verdict.search),
    )


def facts(data: DataFacts) -> tuple[tuple[str, str], ...]:
    """Return what the night was fed, as names and values."""
    return (
        ("source", data.source),
        ("tickers", _names(data.tickers)),
        ("bars", f"{data.bars:,}, {data.first} to {data.last}"),
        (
            "samples",
            f"{data.train_samples:,} train, {data.validation_samples:,} validation from "
            f"{data.validation_start}, {data.test_samples:,} test from {data.test_start}",
        ),
        ("features", _names(data.features)),
        ("snapshot", data.snapshot_sha256[:12]),
        ("findings", f"{len(data.findings):,}"),
    )


def audit_sentence(rows: Sequence[AuditRow]) -> str:
    """Say how many checks hold."""
    failed = sum(not row.passed for row in rows)
    if failed:
        return f"{failed} of {len(rows)} checks FAIL: read nothing below before they are mended."
    return f"All {len(rows)} checks hold."


def search_sentence(content: NightResult) -> str:
    """Say how many trials ended how, and which is the best."""
    trials, best = content.study.trials, content.study.best
    completed = sum(trial.state == "COMPLETE" for trial in trials)
    pruned = sum(trial.state == "PRUNED" for trial in trials)
    text = (
        f"{len(trials)} trials: {completed} completed, {pruned} pruned, "
        f"{len(trials) - completed - pruned} failed; {content.study.resumed_trials} of them are "
        f"from an earlier run."
    )
    error = "" if best.standard_error is None else f" ± {number(best.standard_error, '.2g').text}"
    return f"{text} The best is trial {best.number}, {number(best.loss, '.4g').text}{error}."


def selection_sentences(bias: SelectionBias) -> tuple[str, ...]:
    """Explain selection bias and the probability of back-test overfitting, a sentence each."""
    against = named(bias.benchmark)
    over = f"{bias.trials} trials of {bias.studies} {'study' if bias.studies == 1 else 'studies'}"
    return (
        f"Selection bias: the winner's validation R² against {against} is "
        f"{number(bias.r2, '.4f').text}, and the best of {over} without any skill would be "
        f"expected to show {number(bias.expected_best, '.4f').text}; what is left is "
        f"{number(bias.deflated, '.4f').text}. The winner was stopped on this block, which "
        f"flatters it.",
        f"PBO, how often the best trial of one half of the validation dates is below the median "
        f"in the other half: {share(bias.pbo, 0).text}, over {bias.pbo_trials} trials; "
        f"above 50\N{NO-BREAK SPACE}% the search picks noise.",
    )


def spread_sentence(evaluation: Evaluation) -> str:
    """Say how far the members of the final model are apart, and on which date the furthest."""
    series = evaluation.series
    if not any(series.spread):
        return "The model has one seed, so there is no spread over seeds."
    widest = max(range(len(series.spread)), key=lambda place: series.spread[place])
    mean = math.fsum(series.spread) / len(series.spread)
    return (
        f"The forecast is the mean over seeds, which are {number(mean, '.3g').text} "
        f"{evaluation.unit} apart in the mean (standard deviation) and "
        f"{number(series.spread[widest], '.3g').text} at most, on {series.dates[widest]}."
    )


def training_sentence(training: FinalModel) -> str:
    """Say what was trained, how often, and on what."""
    count = len(training.seeds)
    on = "train and validation, for the epochs found before" if training.refit else "train"
    seeds = "1 seed" if count == 1 else f"{count} seeds, whose mean is the forecast"
    return f"{training.parameters:,} weights, trained on {on}, with {seeds}."


def superior_sentences(evaluation: Evaluation) -> tuple[str, ...]:
    """Say what the tests of many forecasts at once come to."""
    superior, kept = evaluation.superior, evaluation.confidence_set
    against = named(superior.benchmark)
    lines = [
        f"SPA (Hansen 2005), that no forecast beats {against}: "
        f"{_p(probability(superior.p_value).text)}."
    ]
    if isinstance(superior.superior, NotComputed):
        lines.append(f"StepM (Romano and Wolf 2005): {superior.superior}.")
    else:
        which = ", ".join(map(named, superior.superior)) or "none"
        lines.append(
            f"StepM (Romano and Wolf 2005), those that beat {against} at "
            f"5\N{NO-BREAK SPACE}%: {which}."
        )
    if isinstance(kept.p_values, NotComputed):
        lines.append(f"Model confidence set: {kept.p_values}.")
    else:
        which = ", ".join(map(named, kept.members)) or "none"
        model = kept.p_values.get("model")
        own = "" if model is None else f"; the model's p is {probability(model).text}"
        lines.append(f"Model confidence set at {share(1 - kept.size, 0).text}: {which}{own}.")
    return tuple(lines)


def panel_sentence(panel: PanelSkill | NotComputed) -> str:
    """Say how skill averages over tickers."""
    if isinstance(panel, NotComputed):
        return str(panel)
    return (
        f"R² against the benchmark: {number(panel.macro_r2, '.4f').text} as the mean over "
        f"{len(panel.tickers):,} tickers, {number(panel.pooled_r2, '.4f').text} over all samples "
        f"at once."
    )


def _names(names: Sequence[str]) -> str:
    if len(names) <= MOST_NAMES:
        return ", ".join(names)
    return f"{len(names):,}: {', '.join(names[:MOST_NAMES])} and others"


def _p(text: str) -> str:
    return text if text.startswith("not") else f"p {text}" if "<" in text else f"p = {text}"
