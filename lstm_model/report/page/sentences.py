"""The page's sentences, which explain its numbers."""

import math
from collections.abc import Sequence

from lstm_model.data.leakage import AuditRow
from lstm_model.evaluation.backtest import Trading
from lstm_model.evaluation.evaluate import Evaluation, LossView
from lstm_model.evaluation.measured import NotComputed, Tested
from lstm_model.evaluation.panel import PanelSkill
from lstm_model.evaluation.selection import SelectionBias
from lstm_model.evaluation.verdict import Verdict
from lstm_model.model.final_model import FinalModel
from lstm_model.report.figures.style import named
from lstm_model.report.night_result import DataFacts, NightResult
from lstm_model.report.page.numbers import number, probability, share, statistic

MOST_NAMES = 12
"""Most tickers or features that are listed by name."""

MARKS = {True: "✓ yes", False: "✗ no", None: "? unknown"}


def verdict_lines(verdict: Verdict) -> tuple[tuple[str, str], ...]:
    """Return the two verdicts, each after a mark that does not depend on colour."""
    return (
        (f"Skill: {MARKS[verdict.has_skill]}.", verdict.skill),
        (f"Search paid off: {MARKS[verdict.search_paid]}.", verdict.search),
    )


def facts(data: DataFacts) -> tuple[tuple[str, str], ...]:
    """Return the facts about the night's data, as names and values."""
    return (
        ("source", data.source),
        ("tickers", _names(data.tickers)),
        *((("exogenous series", _names(data.exogenous)),) if data.exogenous else ()),
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
    """Say how many checks pass."""
    failed = sum(not row.passed for row in rows)
    if failed:
        return f"{failed} of {len(rows)} checks FAIL: fix these before trusting the results."
    return f"All {len(rows)} checks pass."


def search_sentence(content: NightResult) -> str:
    """Say how many trials completed, were pruned or failed, and which is the best."""
    trials, best = content.study.trials, content.study.best
    completed = sum(trial.state == "COMPLETE" for trial in trials)
    pruned = sum(trial.state == "PRUNED" for trial in trials)
    text = (
        f"{len(trials)} trials: {completed} completed, {pruned} pruned, "
        f"{len(trials) - completed - pruned} failed; {content.study.resumed_trials} of them are "
        f"from an earlier run."
    )
    error = "" if best.standard_error is None else f" ± {number(best.standard_error, '.2g').text}"
    loss = number(best.loss, ".4g").text
    return f"{text} The best is trial {best.number}, with a validation loss of {loss}{error}."


def selection_sentences(bias: SelectionBias) -> tuple[str, ...]:
    """Explain selection bias and the probability of backtest overfitting, one item each."""
    against = named(bias.benchmark)
    over = f"{bias.trials} trials in {bias.studies} {'study' if bias.studies == 1 else 'studies'}"
    return (
        f"Selection bias: the winner's validation R² against {against} is "
        f"{number(bias.r2, '.4f').text}. The best R² expected of {over} without any skill is "
        f"{number(bias.expected_best, '.4f').text}; the difference is "
        f"{number(bias.deflated, '.4f').text}. Each half of validation is forecast by the "
        f"epoch that the other half chose.",
        f"Probability of backtest overfitting (PBO), the share of splits in which the best trial "
        f"on one half of the validation dates is below the median on the other half: "
        f"{share(bias.pbo, 0).text}, over {bias.pbo_trials} trials. Above 50\N{NO-BREAK SPACE}%, "
        f"the search selects noise.",
    )


def spread_sentence(evaluation: Evaluation) -> str:
    """Describe the spread of the final model over its seeds, on average and at its maximum."""
    series = evaluation.series
    if not any(series.spread):
        return "The model has one seed, so there is no spread over seeds."
    widest = max(range(len(series.spread)), key=lambda place: series.spread[place])
    mean = math.fsum(series.spread) / len(series.spread)
    return (
        f"The forecast is the mean over seeds. Their standard deviation, in {evaluation.unit}, is "
        f"{number(mean, '.3g').text} on average and "
        f"{number(series.spread[widest], '.3g').text} at most, on {series.dates[widest]}."
    )


def training_sentence(training: FinalModel) -> str:
    """Say what was trained, on which blocks, and with how many seeds."""
    count = len(training.seeds)
    blocks = "the train block"
    if training.refit:
        blocks = "train and validation, for the number of epochs found before"
    seeds = "1 seed" if count == 1 else f"{count} seeds, whose mean is the forecast"
    return f"{training.parameters:,} weights, trained on {blocks}, with {seeds}."


def loss_sentences(view: LossView) -> tuple[str, ...]:
    """Describe a loss's tests of many forecasts at once, and of the model's efficiency."""
    return *_superior(view), *_efficiency(view)


def _superior(view: LossView) -> tuple[str, ...]:
    superior, kept = view.superior, view.confidence_set
    against = named(superior.benchmark)
    lines = [
        f"SPA test (Hansen 2005) that no forecast beats {against}: "
        f"{_p(probability(superior.p_value).text)}."
    ]
    if isinstance(superior.superior, NotComputed):
        lines.append(f"StepM (Romano and Wolf 2005): {superior.superior}.")
    else:
        which = ", ".join(map(named, superior.superior)) or "none"
        lines.append(
            f"StepM (Romano and Wolf 2005), forecasts that beat {against} at "
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


def _efficiency(view: LossView) -> tuple[str, ...]:
    """Say whether the forecast is efficient, and what it weighs beside the best baseline."""
    rival = named(view.encompassing.rival)
    line, mixed = view.mincer_zarnowitz, view.encompassing
    if isinstance(line.slope, NotComputed):
        first = f"Mincer-Zarnowitz regression: {line.slope}."
    else:
        first = (
            f"Mincer-Zarnowitz regression of truth on forecast: the intercept is "
            f"{number(line.intercept, '.3g').text} and the slope is "
            f"{number(line.slope, '.3f').text}. Test that they are 0 and 1: {_tested(line.wald)}."
        )
    if isinstance(mixed.weight, NotComputed):
        return first, f"Weight of the model beside {rival}: {mixed.weight}."
    return first, (
        f"The best mixture with {rival} gives the model a weight of "
        f"{number(mixed.weight, '.2f').text}. Test that {rival} alone suffices: "
        f"{_tested(mixed.rival_suffices)}. Test that the model alone suffices: "
        f"{_tested(mixed.model_suffices)}."
    )


def _tested(test: Tested) -> str:
    value, p_value = statistic(test)
    return value.text if value.why else _p(p_value.text)


def left_out_sentences(night: NightResult) -> tuple[str, ...]:
    """Say what the baselines were fitted on, and which baselines and references were cut short."""
    blocks = (
        "train and validation, as the model is" if night.winner.refit else "train, as the model is"
    )
    lines = [f"Baselines are fitted on {blocks}."]
    lines += [
        f"The baseline {named(name)} is left out: {why}."
        for name, why in night.evaluation.left_out.items()
    ]
    trained = {model.name for model in night.models.references}
    for name, why in night.models.cut_short.items():
        if name in trained:
            which = f"has one seed and is compared with one of the model: {why}"
        else:
            which = f"was not trained: {why}"
        lines.append(f"The reference {named(name)} {which}.")
    return tuple(lines)


def sharpe_sentence(trading: Trading) -> str:
    """Compare the rule's Sharpe ratio with that of buy and hold."""
    gain = trading.sharpe_gain
    if isinstance(gain, NotComputed):
        return f"Sharpe ratio of the rule less that of buy and hold: {gain}."
    return (
        f"The rule's Sharpe ratio is {number(abs(gain), '.2f').text} "
        f"{'lower' if gain < 0 else 'higher'} than that of buy and hold. Test that they are equal "
        f"(Ledoit and Wolf 2008): {_tested(trading.sharpe_test)}."
    )


def panel_sentence(panel: PanelSkill | NotComputed) -> str:
    """Describe average skill over tickers."""
    if isinstance(panel, NotComputed):
        return str(panel)
    return (
        f"R² against the benchmark: {number(panel.macro_r2, '.4f').text} on average over "
        f"{len(panel.tickers):,} tickers, {number(panel.pooled_r2, '.4f').text} over all samples."
    )


def _names(names: Sequence[str]) -> str:
    if len(names) <= MOST_NAMES:
        return ", ".join(names)
    return f"{len(names):,}: {', '.join(names[:MOST_NAMES])} and others"


def _p(text: str) -> str:
    return text if text.startswith("not") else f"p {text}" if "<" in text else f"p = {text}"
