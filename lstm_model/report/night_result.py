"""NightResult: all results of a night in one typed value; MLflow stores it as JSON.

Terminal, summary.json, page and MLflow's metrics are views of it.
"""

import json
import math
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from pydantic import TypeAdapter

from lstm_model.champion.ruling import Ruling
from lstm_model.data.bars import Finding
from lstm_model.data.leakage import AuditRow
from lstm_model.evaluation.drift import Drift
from lstm_model.evaluation.evaluate import Evaluation
from lstm_model.explain.permutation import PermutationImportance
from lstm_model.model.final_model import FinalModel, FinalModels
from lstm_model.report.insight import Insight
from lstm_model.search.hyper_params import HyperParams
from lstm_model.search.space import Space
from lstm_model.search.study_result import StudyResult


@dataclass(frozen=True, slots=True)
class Change:
    """One difference from last night."""

    what: str
    before: str
    now: str


@dataclass(frozen=True, slots=True)
class DataFacts:
    """The input of a night.

    source: where bars come from.
    tickers: in the order of the configuration.
    bars: number of bars over all tickers.
    first, last: dates of the first and the last bar.
    snapshot_sha256: hash of the stored bars.
    train_samples, validation_samples, test_samples: number of samples of the block.
    validation_start, test_start: first date of the block.
    features: column names.
    findings: defects found in the bars.
    exogenous: tickers whose bars are only joined to the features.
    """

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
    exogenous: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RegisteredModel:
    """A version in the model registry."""

    name: str
    version: int


@dataclass(frozen=True, slots=True)
class RecordedRun:
    """Where MLflow stores the night: its parent run, when that started (UTC), and its page."""

    tracking_uri: str
    experiment_id: str
    run_id: str
    started: str
    page: str


@dataclass(frozen=True, slots=True)
class NightResult:
    """All results of one night.

    study_name: the user's name of the study.
    config_sha256: hash of the configuration.
    run: where MLflow stores the night.
    data: what the night was given.
    study: the search.
    insight: what the search taught.
    models: winner and references.
    audit: every check of the leak audit.
    evaluation: of the test block.
    registered: the winner's version in the model registry.
    seconds: of each stage.
    changes: differences from last night, or the reason why there is no comparison.
    again: the commands that reproduce the night.
    drift: of newer features from train's; older nights have none.
    gate: the verdict on the challenger; older nights have none.
    served: whether the registered model is the judged one, or was fitted again on all bars.
    permutation: what the final model's forecasts rest on; older nights have none.
    """

    study_name: str
    config_sha256: str
    run: RecordedRun
    data: DataFacts
    study: StudyResult
    insight: Insight
    models: FinalModels
    audit: tuple[AuditRow, ...]
    evaluation: Evaluation
    registered: RegisteredModel
    seconds: dict[str, float]
    changes: tuple[Change, ...] | str
    again: tuple[str, ...]
    drift: tuple[Drift, ...] = ()
    gate: Ruling | None = None
    served: Literal["judged", "refit"] = "judged"
    permutation: PermutationImportance | None = None

    @property
    def winner(self) -> FinalModel:
        """The final model of the search's best parameters."""
        return self.models.winner

    @property
    def best_params(self) -> HyperParams:
        """The parameters that the final model was trained with."""
        return self.models.winner.params

    @property
    def space(self) -> Space:
        """The search space."""
        return self.study.settings.space


def night_to_json(night: NightResult) -> str:
    """Return the night as strict JSON; NaN and infinities are written as strings."""
    return json.dumps(_without_nan(_adapter().dump_python(night, mode="json")), allow_nan=False)


def night_from_json(text: str) -> NightResult:
    """Parse the output of `night_to_json`; raises ValidationError for anything else."""
    night: NightResult = _adapter().validate_json(text)
    return night


@cache
def _adapter() -> TypeAdapter:
    # Built on first use: it takes a fraction of a second, and most imports do not need it.
    return TypeAdapter(NightResult)


def _without_nan(value: Any) -> Any:
    """Write NaN and infinities as strings; pydantic reads them back where it expects a float."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else f"{'-' if value < 0 else ''}Infinity"
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    return [_without_nan(item) for item in value] if isinstance(value, list) else value
