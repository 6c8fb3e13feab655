"""The model card: what a registered version is, what it was tried on, and what it cannot do.

After Mitchell et al. 2019, "Model Cards for Model Reporting".
"""

from collections.abc import Iterable, Iterator, Sequence

from lstm_model.evaluation.comparison import Comparison
from lstm_model.evaluation.evaluate import Evaluation
from lstm_model.evaluation.losses import losses_of
from lstm_model.evaluation.measured import NotComputed, show
from lstm_model.evaluation.metrics import Metrics
from lstm_model.report.data_warnings import data_warnings
from lstm_model.report.drift_lines import drift_sentence
from lstm_model.report.night_result import DataFacts, NightResult
from lstm_model.report.serving import serving_sentences

MOST_TICKERS = 20
"""Tickers that are named; the snapshot has all."""

TARGETS = {
    "log_return": "the log return",
    "log_volatility": "the log variance of a session's range (Parkinson)",
}


def model_card(night: NightResult) -> str:
    """Return the card of a night's registered version as Markdown, the same for the same night."""
    evaluation, verdict = night.evaluation, night.evaluation.verdict
    sections: tuple[tuple[str, tuple[str, ...]], ...] = (
        (f"# {night.registered.name}, version {night.registered.version}", (
            f"**{verdict.skill}** {verdict.search}",
        )),
        ("## Model", (_model(night), "", *serving_sentences(night))),
        ("## Data", _data(night.data)),
        ("## Parameters", _table(("parameter", "value"), night.best_params.to_dict().items())),
        ("## Test block", _scores(evaluation)),
        ("## Limits", tuple(f"- {text}" for text in _limits(night))),
        ("## Make it again", ("```bash", *night.again, "```")),
    )  # fmt: skip
    return "\n\n".join("\n".join((title, "", *lines)) for title, lines in sections) + "\n"


def _model(night: NightResult) -> str:
    winner, evaluation = night.winner, night.evaluation
    count = len(winner.seeds)
    learnt = (
        "train and validation, for the epochs at which training stopped on validation"
        if winner.refit
        else "train, and stopped on validation"
    )
    networks = "one LSTM" if count == 1 else f"{count} LSTMs that differ by their seed alone"
    bars = "bar" if evaluation.horizon == 1 else f"{evaluation.horizon} bars"
    return (
        f"The mean forecast of {networks}, {winner.parameters:,} weights"
        f"{'' if count == 1 else ' each'}. It forecasts {TARGETS[evaluation.target]} over the next "
        f"{bars}, from raw daily bars. It learnt from {learnt}; the search tried "
        f"{len(night.study.trials)} configurations."
    )


def _data(data: DataFacts) -> tuple[str, ...]:
    more = len(data.tickers) - MOST_TICKERS
    named = ", ".join(data.tickers[:MOST_TICKERS]) + (f" and {more} more" if more > 0 else "")
    beside = f", beside them {', '.join(data.exogenous)}" if data.exogenous else ""
    rows = (
        ("tickers", f"{named}{beside}"),
        ("bars", f"{data.bars:,} from {data.source}, {data.first} to {data.last}"),
        ("snapshot", data.snapshot_sha256),
        ("train", f"{data.train_samples:,} samples"),
        ("validation", f"{data.validation_samples:,} samples from {data.validation_start}"),
        ("test", f"{data.test_samples:,} samples from {data.test_start}"),
        ("columns", str(len(data.features))),
    )
    return _table(("data", ""), rows)


def _scores(evaluation: Evaluation) -> tuple[str, ...]:
    """Compare with the benchmark, HAR and the baseline that is best on validation."""
    shown = {evaluation.benchmark, evaluation.rival, "har"}
    losses = losses_of(evaluation.target)
    rows = [_row("this model", evaluation.model, ["" for _ in losses])]
    rows += [
        _row(_named(rival, evaluation), rival.metrics, _p_values(rival, evaluation))
        for rival in evaluation.baselines
        if rival.name in shown
    ]
    second = "QLIKE" if len(losses) == 2 else "MAE"
    tested = [f"p, {loss.title}" for loss in losses]
    header = ("forecast", "MSE", second, f"R2 against {evaluation.benchmark}", *tested)
    return (
        f"{evaluation.start} to {evaluation.end}, {evaluation.n:,} samples. p: that "
        f"the two are equally good (Diebold-Mariano, two-sided).",
        "",
        *_table(header, rows),
    )


def _named(rival: Comparison, evaluation: Evaluation) -> str:
    roles = [
        role
        for role, name in (("benchmark", evaluation.benchmark), ("best baseline", evaluation.rival))
        if name == rival.name
    ]
    return f"{rival.name} ({', '.join(roles)})" if roles else rival.name


def _row(name: str, metrics: Metrics, p_values: Sequence[str]) -> tuple[str, ...]:
    second = metrics.mae if len(p_values) == 1 else metrics.qlike
    numbers = (show(second), show(metrics.r2_benchmark, ".3f"))
    return name, f"{metrics.mse:.4g}", *numbers, *p_values


def _p_values(rival: Comparison, evaluation: Evaluation) -> list[str]:
    tests = [rival.test(loss).diebold_mariano for loss in losses_of(evaluation.target)]
    return [str(t) if isinstance(t, NotComputed) else f"{t.p_value:.2g}" for t in tests]


def _limits(night: NightResult) -> Iterator[str]:
    evaluation = night.evaluation
    if evaluation.target == "log_return":
        yield "Skill in daily returns is not to be expected; no trade should rest on this forecast."
    else:
        yield "A session's range leaves out the night: its variance is not that of a whole day."
    looks = evaluation.verdict.looks
    seen = f", on which {looks} nights have looked" if looks > 1 else ""
    yield f"The scores are of one block{seen}; the market after {night.data.last} may differ."
    yield "It is meant for the tickers above; of others nothing was measured."
    yield from data_warnings(night.data)
    yield from (drift_sentence(drift) for drift in night.drift)
    yield from (f"{name} is no rival: {why}." for name, why in evaluation.left_out.items())


def _table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> tuple[str, ...]:
    return (_line(header), "|" + "---|" * len(header), *map(_line, rows))


def _line(cells: Sequence[object]) -> str:
    return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"
