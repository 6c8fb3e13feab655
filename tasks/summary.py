"""NightSummary: what a night came to, as values, as JSON and as the lines a user reads."""

import json
import shlex
import sys
import textwrap
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lstm_model.config.pipeline import PipelineConfig
from lstm_model.config.section import hide_password
from lstm_model.data.leakage import AuditRow
from lstm_model.evaluation.evaluate import Evaluation
from lstm_model.evaluation.measured import NotComputed, plain, show
from lstm_model.evaluation.metrics import Metrics
from lstm_model.search.hyper_params import HyperParams
from tasks.insight import Insight, look_back
from tasks.search.study import StudyResult
from tasks.tracking.registry import RegisteredModel
from tasks.tracking.runs import Night
from tasks.training.retrain import FinalModels


class StageClock:
    """Seconds spent in each stage of a night."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time a block under a name."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = round(time.perf_counter() - started, 3)


@dataclass(frozen=True, slots=True)
class NightSummary:
    """Everything a night reports."""

    study_name: str
    study: StudyResult
    snapshot_sha256: str
    config_sha256: str
    audit: tuple[AuditRow, ...]
    models: FinalModels
    evaluation: Evaluation
    insight: Insight
    model: RegisteredModel
    tracking_uri: str
    experiment_id: str
    run_id: str
    seconds: dict[str, float]
    report_path: str = ""

    def with_report(self, path: str) -> "NightSummary":
        """Return the same night with the place of its page."""
        return replace(self, report_path=path)

    @property
    def best_params(self) -> HyperParams:
        """The parameters that the final model was trained with."""
        return self.models.winner.params

    def to_json(self) -> str:
        """Return the summary in the documented form; in a missing number's place stands why."""
        study, evaluation, winner = self.study, self.evaluation, self.models.winner
        document: dict[str, Any] = {
            "study_name": self.study_name,
            "snapshot_sha256": self.snapshot_sha256,
            "config_sha256": self.config_sha256,
            "n_parameters": winner.parameters,
            "best": {
                "number": study.best.number,
                "value": study.best.value,
                "params": self.best_params.to_dict(),
            },
            "trials": [plain(replace(row, stretch_losses=())) for row in study.trials],
            "front": list(study.front),
            **self.insight.to_json(),
            "leak_audit": plain(self.audit),
            "retrain": {
                "seeds": len(winner.seeds),
                "best_epochs": [training.best_epoch for training in winner.trainings],
                "epochs": [len(training.epochs) for training in winner.trainings],
            },
            "test": {
                "n": evaluation.n,
                "start": evaluation.start.isoformat(),
                "end": evaluation.end.isoformat(),
                "benchmark": evaluation.benchmark,
                "verdict": plain(evaluation.verdict),
                "model": plain(evaluation.model),
                "baselines": {other.name: plain(other.metrics) for other in evaluation.baselines},
                "references": {other.name: plain(other.metrics) for other in evaluation.references},
                "dm": {
                    other.name: plain(other.diebold_mariano)
                    for other in (*evaluation.baselines, *evaluation.references)
                },
                "seeds": plain(evaluation.seeds),
                "selection": plain(evaluation.selection),
                "superior_ability": plain(evaluation.superior),
                "confidence_set": plain(evaluation.confidence_set),
                "intervals": plain(evaluation.intervals),
            },
            "mlflow": {
                "tracking_uri": hide_password(self.tracking_uri),
                "experiment_id": self.experiment_id,
                "run_id": self.run_id,
                "model_name": self.model.name,
                "model_version": self.model.version,
            },
            "seconds": self.seconds,
        }
        return json.dumps(document, indent=2)

    def test_table(self) -> str:
        """Return verdict and model beside all other forecasts of the test block, as text."""
        evaluation = self.evaluation
        verdict = evaluation.verdict
        lines = [
            *textwrap.wrap(verdict.skill, 98, break_on_hyphens=False),
            *textwrap.wrap(verdict.search, 98, break_on_hyphens=False),
            "",
            f"Test block {evaluation.start} .. {evaluation.end}, n = {evaluation.n}, "
            f"benchmark {evaluation.benchmark}",
            f"{'':<14}{'MSE':>12}{'MAE':>12}{'R2 mean':>10}{'R2 bench':>10}{'direction':>11}"
            f"{'DM p':>10}",
            _table_row("model", evaluation.model, ""),
        ]
        for other in (*evaluation.baselines, *evaluation.references):
            test = other.diebold_mariano
            p_value = "-" if isinstance(test, NotComputed) else f"{test.p_value:.2g}"
            lines.append(_table_row(other.name, other.metrics, p_value))
        majority = evaluation.model.majority_class
        lines.append(
            f"direction: share of right signs; always the commoner sign scores "
            f"{show(majority, '.3f')}. DM p: model against that row, two-sided."
        )
        return "\n".join(lines)

    def ui_command(self) -> str:
        """Return the command and the address that show this night in the MLflow UI."""
        page = f"#/experiments/{self.experiment_id}/runs"
        if self.tracking_uri.startswith("http"):
            return f"{self.tracking_uri.rstrip('/')}/{page}"
        store = shlex.quote(self.tracking_uri)
        # The one beside this Python: in a fresh shell the environment is not active.
        program = Path(sys.executable).with_name("mlflow")
        if program.is_relative_to(Path.cwd()):
            program = program.relative_to(Path.cwd())
        return (
            f"{program} ui --workers 1 --port 5000 --backend-store-uri {store}\n"
            f"  then open http://127.0.0.1:5000/{page}"
        )


def _table_row(name: str, metrics: Metrics, p_value: str) -> str:
    shown = [
        "-" if isinstance(value, NotComputed) else format(value, digits)
        for value, digits in (
            (metrics.r2_train_mean, ".4f"),
            (metrics.r2_benchmark, ".4f"),
            (metrics.directional_accuracy, ".3f"),
        )
    ]
    return (
        f"{name:<14}{metrics.mse:>12.5g}{metrics.mae:>12.5g}{shown[0]:>10}{shown[1]:>10}"
        f"{shown[2]:>11}{p_value:>10}"
    )


def summarise(
    study_name: str,
    config: PipelineConfig,
    snapshot_sha256: str,
    study: StudyResult,
    audit: tuple[AuditRow, ...],
    models: FinalModels,
    evaluation: Evaluation,
    model: RegisteredModel,
    night: Night,
    clock: StageClock,
) -> NightSummary:
    """Gather a night's results, and record them on its parent run."""
    assert study.best.value is not None  # noqa: S101 - the best trial is a completed one
    insight = look_back(config, study_name, study, models.winner.parameters)
    summary = NightSummary(
        study_name=study_name,
        study=study,
        snapshot_sha256=snapshot_sha256,
        config_sha256=config.sha256(),
        audit=audit,
        models=models,
        evaluation=evaluation,
        insight=insight,
        model=model,
        tracking_uri=night.tracking_uri,
        experiment_id=night.experiment_id,
        run_id=night.run_id,
        seconds=dict(clock.seconds),
    )
    night.tag({"resumed_trials": study.resumed_trials})
    night.log_insight(insight.metrics(), insight.markdown())
    night.log_outcome(
        models.winner.params.to_dict(), study.best.value, clock.seconds, summary.to_json()
    )
    return summary
