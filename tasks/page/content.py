"""ReportContent: all that a night's page shows, as one typed value that MLflow keeps as JSON."""

import json
import math
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import TypeAdapter

from lstm_model.data.bars import Finding
from lstm_model.data.leakage import AuditRow
from lstm_model.evaluation.evaluate import Evaluation
from lstm_model.model.training import EpochResult
from lstm_model.search.space import Space
from tasks.insight import Insight
from tasks.search.study_store import TrialRow


@dataclass(frozen=True, slots=True)
class Change:
    """Something that is not as it was last night."""

    what: str
    before: str
    now: str


@dataclass(frozen=True, slots=True)
class FinalTraining:
    """The final model's trainings: one curve a seed."""

    params: dict[str, int | float | str | bool]
    parameters: int
    seeds: tuple[int, ...]
    best_epochs: tuple[int, ...]
    curves: tuple[tuple[EpochResult, ...], ...]
    refit: bool


@dataclass(frozen=True, slots=True)
class DataFacts:
    """What the night was fed."""

    source: str
    tickers: tuple[str, ...]
    bars: int
    first: str
    last: str
    snapshot_sha256: str
    train_samples: int
    validation_samples: int
    test_samples: int
    validation_start: str
    test_start: str
    features: tuple[str, ...]
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class ReportContent:
    """A night's page before it is drawn."""

    study_name: str
    run_id: str
    started: str
    seconds: dict[str, float]
    data: DataFacts
    evaluation: Evaluation
    trials: tuple[TrialRow, ...]
    best_number: int
    resumed_trials: int
    space: Space
    insight: Insight
    training: FinalTraining
    audit: tuple[AuditRow, ...]
    changes: tuple[Change, ...] | str
    again: tuple[str, ...]


def content_to_json(content: ReportContent) -> str:
    """Return the content as strict JSON; a NaN or an infinity is the text of its name."""
    return json.dumps(_spelt(_adapter().dump_python(content, mode="json")), allow_nan=False)


def content_from_json(text: str) -> ReportContent:
    """Return the content that `content_to_json` wrote; ValidationError for anything else."""
    return _adapter().validate_json(text)


@cache
def _adapter() -> TypeAdapter[ReportContent]:
    # Built when first needed: it takes a part of a second, and most imports never need it.
    return TypeAdapter(ReportContent)


def _spelt(value: Any) -> Any:
    """Spell what JSON has no number for; pydantic reads it back wherever a float is expected."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else f"{'-' if value < 0 else ''}Infinity"
    if isinstance(value, dict):
        return {key: _spelt(item) for key, item in value.items()}
    return [_spelt(item) for item in value] if isinstance(value, list) else value
