"""Collect the results of all stages into one NightResult."""

import datetime as dt
import shlex

from lstm_model.champion.ruling import Ruling
from lstm_model.config.pipeline import PipelineConfig, TrackingConfig
from lstm_model.config.search import SearchConfig
from lstm_model.config.section import hide_password
from lstm_model.data.leakage import AuditRow
from lstm_model.data.panel_findings import panel_findings
from lstm_model.evaluation.drift import Drift
from lstm_model.evaluation.evaluate import Evaluation
from lstm_model.explain.permutation import PermutationImportance
from lstm_model.model.final_model import FinalModels
from lstm_model.report.insight import Insight
from lstm_model.report.night_result import (
    DataFacts,
    NightResult,
    RecordedRun,
    RegisteredModel,
)
from lstm_model.search.study_result import StudyResult
from tasks.data.data_set import DataSet, load_search_view, load_split
from tasks.data.snapshots import Snapshot, open_bars
from tasks.report import PAGE_FILE
from tasks.search.environment import describe_environment
from tasks.tracking.changes import changes_since_last_night
from tasks.tracking.runs import RunLogger
from tasks.training.deploy import Deployed


def summarise(
    study_name: str,
    config: PipelineConfig,
    snapshot: Snapshot,
    data_set: DataSet,
    study: StudyResult,
    insight: Insight,
    models: FinalModels,
    audit: tuple[AuditRow, ...],
    evaluation: Evaluation,
    drift: tuple[Drift, ...],
    registered: RegisteredModel,
    logger: RunLogger,
    seconds: dict[str, float],
    gate: Ruling,
    deployed: Deployed,
    permutation: PermutationImportance | None = None,
) -> NightResult:
    """Collect all results of a night; nothing is written.

    study_name: as the user gave it.
    config: of the night.
    snapshot: the stored bars.
    data_set: the prepared blocks.
    study: the search.
    insight: what the search taught.
    models: winner and references.
    audit: all rows of the leak audit.
    evaluation: of the test block.
    drift: of the newer features from train's.
    registered: the winner's version in the model registry.
    logger: the night's MLflow run, whose metrics are compared with last night's.
    seconds: of each stage.
    gate: the verdict on the challenger.
    deployed: what is served.
    permutation: what the final model's forecasts rest on.
    """
    run = RecordedRun(
        tracking_uri=logger.tracking_uri,
        experiment_id=logger.experiment_id,
        run_id=logger.run_id,
        started=_started(logger),
        page=logger.link_to(PAGE_FILE),
    )
    return NightResult(
        study_name=study_name,
        config_sha256=config.sha256(),
        run=run,
        data=_data_facts(snapshot, data_set),
        study=study,
        insight=insight,
        models=models,
        audit=audit,
        evaluation=evaluation,
        registered=registered,
        seconds=seconds,
        changes=changes_since_last_night(logger.client, run.experiment_id, run.run_id),
        again=_again(config, study_name, study, snapshot, run.run_id),
        drift=drift,
        gate=gate,
        served="refit" if deployed.bundle.is_refit else "judged",
        permutation=permutation,
    )


def _data_facts(snapshot: Snapshot, data_set: DataSet) -> DataFacts:
    rows = load_search_view(data_set.search_path).rows
    return DataFacts(
        source=snapshot.source,
        tickers=rows.tickers,
        bars=snapshot.rows,
        first=snapshot.first,
        last=snapshot.last,
        snapshot_sha256=snapshot.sha256,
        train_samples=data_set.train_samples,
        validation_samples=data_set.validation_samples,
        test_samples=data_set.test_samples,
        validation_start=data_set.validation_start.isoformat(),
        test_start=data_set.test_start.isoformat(),
        features=rows.feature_names,
        exogenous=tuple(t for t in snapshot.tickers if t not in set(rows.tickers)),
        findings=(*open_bars(snapshot).findings, *panel_findings(load_split(data_set))),
    )


def _started(logger: RunLogger) -> str:
    run = logger.client.get_run(logger.run_id)
    began = dt.datetime.fromtimestamp(run.info.start_time / 1000, dt.UTC)
    return began.isoformat(sep=" ", timespec="minutes")


def _again(
    config: PipelineConfig, study_name: str, study: StudyResult, snapshot: Snapshot, run_id: str
) -> tuple[str, ...]:
    """Return the commands that reproduce the night, its best trial and its page."""
    environment = ", ".join(f"{name} {value}" for name, value in describe_environment().items())
    storage, uri = hide_password(config.search.storage), hide_password(config.tracking.uri)
    defaults = SearchConfig().storage, TrackingConfig().uri
    elsewhere = "" if storage == defaults[0] else f" --storage {shlex.quote(storage)}"
    recorded = "" if uri == defaults[1] else f" --uri {shlex.quote(uri)}"
    return (
        f"export MLFLOW_TRACKING_URI={shlex.quote(uri)}",
        f"mlflow artifacts download --run-id {run_id} --artifact-path config.yaml --dst-path .",
        f"lstm-hpo run --config config.yaml --study-name {study_name} "
        f"--set data.snapshot={snapshot.sha256[:16]} --set data.start=null --set data.end=null",
        f"lstm-hpo replay-trial {study.study_key} {study.best.number}{elsewhere}",
        f"lstm-hpo report {run_id}{recorded}",
        f"# made with {environment}",
    )
