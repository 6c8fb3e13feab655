"""NightSummary: what a night came to, as values, as JSON and as the lines a user reads."""

import json
import shlex
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lstm_model.config import PipelineConfig, hide_password
from lstm_model.evaluation import Evaluation, Metrics
from lstm_model.hyper_params import HyperParams
from tasks.insight import Insight, look_back
from tasks.registry import RegisteredModel
from tasks.retrain import Retrained
from tasks.study import StudyResult
from tasks.tracking import Night


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
    retrained: Retrained
    evaluation: Evaluation
    insight: Insight
    model: RegisteredModel
    tracking_uri: str
    experiment_id: str
    run_id: str
    seconds: dict[str, float]

    @property
    def best_params(self) -> HyperParams:
        """The parameters that the final model was trained with."""
        return self.retrained.params

    def to_json(self) -> str:
        """Return the summary in the documented form; a value that does not exist is null."""
        study, evaluation = self.study, self.evaluation
        document: dict[str, Any] = {
            "study_name": self.study_name,
            "snapshot_sha256": self.snapshot_sha256,
            "config_sha256": self.config_sha256,
            "n_parameters": self.retrained.parameters,
            "best": {
                "number": study.best.number,
                "value": study.best.value,
                "params": self.best_params.to_dict(),
            },
            "trials": [asdict(row) for row in study.trials],
            "front": list(study.front),
            **self.insight.to_json(),
            "retrain": {
                "best_epoch": self.retrained.best_epoch,
                "epochs": len(self.retrained.epochs),
            },
            "test": {
                "n": evaluation.n,
                "start": evaluation.start.isoformat(),
                "end": evaluation.end.isoformat(),
                "model": asdict(evaluation.model),
                "baselines": {name: asdict(m) for name, m in evaluation.baselines.items()},
                "dm": {
                    name: None if result is None else asdict(result)
                    for name, result in evaluation.dm.items()
                },
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
        """Return the model beside its baselines on the test block, as text."""
        evaluation = self.evaluation
        lines = [
            f"Test block {evaluation.start} .. {evaluation.end}, n = {evaluation.n}",
            f"{'':<12}{'MSE':>12}{'MAE':>12}{'R2 mean':>10}{'direction':>11}{'DM p':>10}",
            _table_row("model", evaluation.model, ""),
        ]
        for name, metrics in evaluation.baselines.items():
            test = evaluation.dm[name]
            p_value = "-" if test is None else f"{test.p_value:.2g}"
            lines.append(_table_row(name, metrics, p_value))
        lines.append(
            f"direction: share of right signs; always the commoner sign scores "
            f"{evaluation.model.majority_class:.3f}. DM p: model against that row, two-sided."
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
    return (
        f"{name:<12}{metrics.mse:>12.5g}{metrics.mae:>12.5g}{metrics.r2_train_mean:>10.4f}"
        f"{metrics.directional_accuracy:>11.3f}{p_value:>10}"
    )


def summarise(
    study_name: str,
    config: PipelineConfig,
    snapshot_sha256: str,
    study: StudyResult,
    retrained: Retrained,
    evaluation: Evaluation,
    model: RegisteredModel,
    night: Night,
    clock: StageClock,
) -> NightSummary:
    """Gather a night's results, and record them on its parent run."""
    assert study.best.value is not None  # noqa: S101 - the best trial is a completed one
    insight = look_back(config, study_name, study, retrained.parameters)
    summary = NightSummary(
        study_name=study_name,
        study=study,
        snapshot_sha256=snapshot_sha256,
        config_sha256=config.sha256(),
        retrained=retrained,
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
        retrained.params.to_dict(), study.best.value, clock.seconds, summary.to_json()
    )
    return summary
