"""MLflow: one parent run per night, and one nested run per trial and per final model.

Runs are addressed by their ids, because MLflow's active run belongs to a thread. Metrics are
written in one batch per run, which costs as much as two single calls.
"""

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, Run, RunTag
from mlflow.exceptions import MlflowException
from prefect import runtime
from sqlalchemy.exc import SQLAlchemyError

from lstm_model.champion.ruling import Ruling
from lstm_model.config.pipeline import PipelineConfig
from lstm_model.config.section import hide_password
from lstm_model.data.leakage import AuditRow
from lstm_model.evaluation.drift import Drift
from lstm_model.evaluation.evaluate import Evaluation
from lstm_model.evaluation.measured import numbers
from lstm_model.model.final_model import FinalModel, FinalModels
from lstm_model.model.training import EpochResult
from lstm_model.report.drift_lines import drift_metrics, drift_sentence
from lstm_model.report.insight import Insight
from lstm_model.search.hyper_params import Params
from lstm_model.search.study_result import StudyResult
from tasks.data.data_set import DataSet
from tasks.data.snapshots import Snapshot
from tasks.evaluate import Judged
from tasks.search.trial import TrialResult
from tasks.tracking.client import PatientClient, quiet_mlflow, refusal, refusals_named, resolve_uri

RUN_STATUS = {"COMPLETE": "FINISHED", "PRUNED": "KILLED", "FAIL": "FAILED"}


class RunLogger:
    """Writes one night to MLflow: the parent run and its nested runs."""

    def __init__(self, client: PatientClient, uri: str, experiment_id: str, run_id: str) -> None:
        self.client = client
        self.tracking_uri = uri
        self.experiment_id = experiment_id
        self.run_id = run_id
        self._study_key = ""

    def log_data(self, snapshot: Snapshot, data_set: DataSet) -> None:
        """Record which bars the night used and how they were split."""
        dataset = Dataset(
            name=",".join(snapshot.tickers)[:400],
            digest=snapshot.sha256[:16],
            source_type="local",
            source=snapshot.path,
        )
        context = [InputTag("mlflow.data.context", "search, retraining and test")]
        self.client.log_inputs(self.run_id, [DatasetInput(dataset, context)])
        self._tag(
            self.run_id,
            {
                "snapshot_sha256": snapshot.sha256,
                "search_view_sha256": data_set.search_sha256,
                "data_findings": snapshot.findings,
                "validation_start": data_set.validation_start,
                "test_start": data_set.test_start,
            },
        )
        self.client.log_artifact(self.run_id, snapshot.path, "data")

    def adopt_study(self, study_key: str) -> None:
        """Tag the night with its study, and close the study's runs that a dead owner left RUNNING.

        The caller holds the study's lock, so nobody else would close such a run.
        """
        self._study_key = study_key
        self._tag(self.run_id, {"study_key": study_key})
        for run in self._running_runs(f"tags.study_key = '{study_key}'"):
            if run.info.run_id != self.run_id:
                self._tag(run.info.run_id, {"error": "cut off: its process exited unexpectedly"})
                self.client.set_terminated(run.info.run_id, "FAILED")

    def start_trial(self, number: int, optuna_number: int, params: Params) -> str:
        """Open a nested run for a trial and return its id."""
        tags = {"optuna.trial": number, "optuna.stored_number": optuna_number, "role": "trial"}
        return self._start_child(f"trial-{number}", tags, params)

    def finish_trial(self, run_id: str, result: TrialResult, task_run_id: str) -> None:
        """Write a trial's curve and close its run with its final state."""
        trial = result.trial
        tags: dict[str, object] = {
            "prefect.task_run_id": task_run_id,
            "optuna.state": trial.state,
        }
        if trial.reason:
            tags["reason"] = trial.reason
        totals = {"seconds": trial.seconds}
        if trial.loss is not None:
            totals["final_val_loss"] = trial.loss
        if trial.standard_error is not None:
            totals["standard_error"] = trial.standard_error
        if len(result.part_losses) > 1:
            totals |= {f"part_{i}.loss": v for i, v in enumerate(result.part_losses, start=1)}
        self._log_curve(run_id, result.parts, totals, tags)
        self.client.set_terminated(run_id, RUN_STATUS[trial.state])

    def log_models(self, models: FinalModels) -> str:
        """Record each final model as a nested run, and return the id of the winner's run."""
        for reference in models.references:
            self.finish(self._log_model(f"reference-{reference.name}", "reference", reference))
        return self._log_model("retrain", "retrain", models.winner)

    def _log_model(self, run_name: str, role: str, model: FinalModel) -> str:
        tags = {"role": role, "refit": model.refit, "seeds": len(model.seeds)}
        run_id = self._start_child(run_name, tags, model.params.to_dict())
        totals: dict[str, float] = {"parameters": model.parameters}
        for member, training in enumerate(model.trainings, start=1):
            totals[f"seed_{member}.best_epoch"] = training.best_epoch
        curves = tuple(training.epochs for training in model.trainings)
        self._log_curve(run_id, curves, totals, {}, "seed")
        return run_id

    def finish(self, run_id: str) -> None:
        """Close a nested run as finished."""
        self.client.set_terminated(run_id, "FINISHED")

    def abandon_children(self) -> None:
        """Close the nested runs that an error or an interrupt cut off."""
        for run in self._running_runs(f"tags.`mlflow.parentRunId` = '{self.run_id}'"):
            self.client.set_terminated(run.info.run_id, "FAILED")

    def log_judged(self, judged: Judged) -> None:
        """Write everything that the test block has shown on the parent run."""
        self.log_evaluation(judged.evaluation)
        self.log_drift(judged.drift)
        self.log_file(Path(judged.forecasts_path))

    def log_evaluation(self, evaluation: Evaluation) -> None:
        """Write metrics of model and baselines, and the tests, on the parent run."""
        values = numbers(evaluation.model, "test") | numbers(evaluation.selection, "selection")
        for other in (*evaluation.baselines, *evaluation.references):
            values |= numbers(other.metrics, other.name)
            values |= numbers(other, f"against.{other.name}")
            values |= numbers(other.mse, f"against.{other.name}")
            values |= numbers(other.qlike, f"against.{other.name}.qlike")
        for view in evaluation.by_loss:
            values |= numbers(view.mincer_zarnowitz, f"mincer_zarnowitz.{view.loss}")
            values |= numbers(view.encompassing, f"encompassing.{view.loss}")
        for spread in evaluation.seeds:
            values |= numbers(spread, f"seeds.{spread.name}")
        self._log_values(values)
        verdict = evaluation.verdict
        self._tag(
            self.run_id,
            {
                "verdict": f"{verdict.skill} {verdict.search}",
                "has_skill": verdict.has_skill,
                "looks": verdict.looks,
                "test_end": evaluation.end,
            },
        )

    def log_ruling(self, ruling: Ruling) -> None:
        """Write the gate's verdict and its numbers on the parent run."""
        found = {
            "gate.p_better": ruling.p_better,
            "gate.p_worse": ruling.p_worse,
            "gate.ratio": ruling.ratio,
            "gate.dates": float(ruling.dates),
            "gate.live_dates": float(ruling.live_dates),
        }
        self._log_values({k: v for k, v in found.items() if not isinstance(v, str)})
        self._tag(
            self.run_id,
            {
                "gate_outcome": ruling.outcome,
                "gate_verdict": ruling.text,
                "champion": ruling.forecaster or "none",
            },
        )

    def log_drift(self, drifts: tuple[Drift, ...]) -> None:
        """Write how far newer features are from train's, and say it in words."""
        self._log_values(drift_metrics(drifts))
        self._tag(self.run_id, {"drift": " ".join(map(drift_sentence, drifts))})

    def log_audit(self, rows: Sequence[AuditRow]) -> None:
        """Tag the parent run with the verdict of the leak audit, and the checks that failed."""
        failed = [f"{row.check}: {row.found}" for row in rows if not row.passed]
        self._tag(self.run_id, {"leak_audit": "; ".join(failed) or f"passed, {len(rows)} checks"})

    def log_file(self, path: Path) -> None:
        """Store a file on the parent run."""
        self.client.log_artifact(self.run_id, str(path))

    def log_text(self, text: str, name: str) -> None:
        """Store a text on the parent run, under a name."""
        self.client.log_text(self.run_id, text, name)

    def link_to(self, name: str) -> str:
        """Return where a file of the parent run is: a local path, or else an address."""
        uri = str(self.client.get_run(self.run_id).info.artifact_uri)
        if uri.startswith("file://"):
            return f"{url2pathname(urlsplit(uri).path)}/{name}"
        return f"{uri}/{name}"

    def log_search(self, study: StudyResult, insight: Insight) -> None:
        """Write the best trial and the importances; the insight is the run's description."""
        best = study.best
        params = [Param(f"best.{name}", str(v)) for name, v in best.params.to_dict().items()]
        values = insight.metrics()
        if best.loss is not None:
            values["best_val_loss"] = best.loss
        self.client.log_batch(self.run_id, metrics=_metrics(values), params=params)
        self._tag(
            self.run_id,
            {"resumed_trials": study.resumed_trials, "mlflow.note.content": insight.markdown()},
        )

    def log_seconds(self, seconds: Mapping[str, float]) -> None:
        """Write how long each stage took."""
        self._log_values({f"seconds.{stage}": value for stage, value in seconds.items()})

    def tag(self, values: Mapping[str, object]) -> None:
        """Set tags on the parent run."""
        self._tag(self.run_id, values)

    def _running_runs(self, condition: str) -> list[Run]:
        condition += " and attributes.status = 'RUNNING'"
        return list(self.client.search_runs([self.experiment_id], condition, max_results=1000))

    def _start_child(self, name: str, tags: Mapping[str, object], params: Params) -> str:
        run = self.client.create_run(
            self.experiment_id,
            run_name=name,
            tags={"mlflow.parentRunId": self.run_id, "study_key": self._study_key}
            | {k: str(v) for k, v in tags.items()},
        )
        run_id: str = run.info.run_id
        self.client.log_batch(run_id, params=[Param(k, str(v)) for k, v in params.items()])
        return run_id

    def _log_curve(
        self,
        run_id: str,
        parts: tuple[tuple[EpochResult, ...], ...],
        totals: Mapping[str, float],
        tags: Mapping[str, object],
        part_name: str = "part",
    ) -> None:
        metrics = _metrics(totals)
        for part, epochs in enumerate(parts, start=1):
            prefix = f"{part_name}_{part}." if len(parts) > 1 else ""
            for epoch in epochs:
                values = {
                    f"{prefix}train_loss": epoch.train_loss,
                    f"{prefix}val_loss": epoch.validation_loss,
                    f"{prefix}epoch_seconds": epoch.seconds,
                }
                metrics += _metrics(values, epoch.epoch)
        self._log_metrics(run_id, metrics)
        self._tag(run_id, tags)

    def _log_values(self, values: Mapping[str, float]) -> None:
        self._log_metrics(self.run_id, _metrics(values))

    def _log_metrics(self, run_id: str, metrics: list[Metric]) -> None:
        # MLflow takes up to 1,000 metrics per batch.
        for first in range(0, len(metrics), 1000):
            self.client.log_batch(run_id, metrics=metrics[first : first + 1000])

    def _tag(self, run_id: str, values: Mapping[str, object]) -> None:
        tags = [RunTag(name, str(value)[:5000]) for name, value in values.items()]
        self.client.log_batch(run_id, tags=tags)


@contextmanager
def open_night(config: PipelineConfig, study_name: str) -> Iterator[RunLogger]:
    """Open the parent run; it ends FINISHED, or FAILED if the block raises.

    Raises StorageError if the store cannot be opened or written.
    """
    quiet_mlflow()
    uri = resolve_uri(config.tracking.uri)
    with refusals_named(config.tracking.uri):
        client = PatientClient(uri)
        experiment_id = experiment_of(client, uri, config.tracking.experiment)
        tags = {
            "role": "night",
            "study_name": study_name,
            "config_sha256": config.sha256(),
            "prefect.flow_run_id": str(runtime.flow_run.id),
        }
        run = client.create_run(
            experiment_id, run_name=f"{study_name}-{time.strftime('%Y-%m-%d-%H%M')}", tags=tags
        )
        night = RunLogger(client, uri, experiment_id, run.info.run_id)
        client.log_batch(night.run_id, params=_config_params(config))
        client.log_dict(night.run_id, config.model_dump(mode="json"), "config.yaml")
    try:
        yield night
    except BaseException as error:
        message = " ".join(str(error).split()) or type(error).__name__
        with suppress(MlflowException, OSError, SQLAlchemyError):  # the store may be what failed
            night.abandon_children()
            night.tag({"error": hide_password(message)})
            client.set_terminated(night.run_id, "FAILED")
        if isinstance(error, MlflowException | OSError | SQLAlchemyError):
            raise refusal(config.tracking.uri, error) from error
        raise
    client.set_terminated(night.run_id, "FINISHED")


def experiment_of(client: PatientClient, uri: str, name: str) -> str:
    """Return an experiment's id; it is created if it is missing, with artifacts beside a file."""
    found = client.get_experiment_by_name(name)
    if found is not None:
        return str(found.experiment_id)
    location = None
    if uri.startswith("sqlite:///"):
        # Without it artifacts would go to the current folder.
        location = (Path(uri.removeprefix("sqlite:///")).parent / "artifacts").as_uri()
    return str(client.create_experiment(name, artifact_location=location))


def _config_params(config: PipelineConfig) -> list[Param]:
    sections = config.model_dump(mode="json")
    flat: dict[str, object] = {}

    def flatten(prefix: str, value: object) -> None:
        if isinstance(value, dict) and prefix != "search.space":
            for name, inner in value.items():
                flatten(f"{prefix}.{name}" if prefix else name, inner)
        else:
            flat[prefix] = value

    flatten("", sections)
    return [Param(name, str(value)[:6000]) for name, value in flat.items()]


def _metrics(values: Mapping[str, float], step: int = 0) -> list[Metric]:
    # MLflow stores infinities as the largest float, which looks like a result.
    now = int(time.time() * 1000)
    return [Metric(k, float(v), now, step) for k, v in values.items() if math.isfinite(v)]
