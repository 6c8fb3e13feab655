"""A night's page: gathered, drawn, kept in MLflow, linked from a Prefect artifact."""

import datetime as dt
import json
import shlex
from pathlib import Path
from urllib.parse import urlsplit

from prefect import task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE
from pydantic import ValidationError

from lstm_model.config.pipeline import PipelineConfig, TrackingConfig
from lstm_model.config.search import SearchConfig
from lstm_model.config.section import hide_password
from lstm_model.data.bars import Finding
from lstm_model.errors import ConfigError
from lstm_model.evaluation.measured import show
from tasks.data.data_set import DataSet, load_search_view
from tasks.data.snapshots import Snapshot
from tasks.files import write_atomically
from tasks.page.content import (
    DataFacts,
    FinalTraining,
    ReportContent,
    content_from_json,
    content_to_json,
)
from tasks.page.render import render_page
from tasks.search.environment import describe_environment
from tasks.summary import NightSummary
from tasks.tracking.changes import changes_since_last_night
from tasks.tracking.client import (
    PatientClient,
    quiet_mlflow,
    refusals_named,
    require_store,
    resolve_uri,
)
from tasks.tracking.runs import Night

PAGE_FILE, CONTENT_FILE = "report.html", "report.json"


@task(name="report", cache_policy=NO_CACHE)
def report(
    config: PipelineConfig,
    snapshot: Snapshot,
    data_set: DataSet,
    summary: NightSummary,
    night: Night,
) -> str:
    """Draw the night's page, keep it on the parent run and return where it is."""
    content = gather(config, snapshot, data_set, summary, night)
    night.log_text(content_to_json(content), CONTENT_FILE)
    night.log_text(render_page(content), PAGE_FILE)
    where = night.link_to(PAGE_FILE)
    create_markdown_artifact(
        key="lstm-hpo-night",
        description=f"{summary.study_name}: {content.evaluation.verdict.skill}"[:500],
        markdown=headline(summary, where),
    )
    return where


def gather(
    config: PipelineConfig,
    snapshot: Snapshot,
    data_set: DataSet,
    summary: NightSummary,
    night: Night,
) -> ReportContent:
    """Bring together all that the page shows."""
    winner = summary.models.winner
    return ReportContent(
        study_name=summary.study_name,
        run_id=summary.run_id,
        started=_started(night),
        seconds=summary.seconds,
        data=_data_facts(snapshot, data_set),
        evaluation=summary.evaluation,
        trials=summary.study.trials,
        best_number=summary.study.best.number,
        resumed_trials=summary.study.resumed_trials,
        space=config.search.space,
        insight=summary.insight,
        training=FinalTraining(
            params=winner.params.to_dict(),
            parameters=winner.parameters,
            seeds=winner.seeds,
            best_epochs=tuple(training.best_epoch for training in winner.trainings),
            curves=tuple(training.epochs for training in winner.trainings),
            refit=winner.refit,
        ),
        audit=summary.audit,
        changes=changes_since_last_night(night.client, night.experiment_id, night.run_id),
        again=_again(config, summary),
    )


def _data_facts(snapshot: Snapshot, data_set: DataSet) -> DataFacts:
    manifest = json.loads(Path(snapshot.path).with_suffix(".json").read_text(encoding="utf-8"))
    return DataFacts(
        source=snapshot.source,
        tickers=snapshot.tickers,
        bars=snapshot.rows,
        first=snapshot.first,
        last=snapshot.last,
        snapshot_sha256=snapshot.sha256,
        train_samples=data_set.train_samples,
        validation_samples=data_set.validation_samples,
        test_samples=data_set.test_samples,
        validation_start=data_set.validation_start.isoformat(),
        test_start=data_set.test_start.isoformat(),
        features=load_search_view(data_set.search_path).rows.feature_names,
        findings=tuple(Finding(**finding) for finding in manifest["findings"]),
    )


def _started(night: Night) -> str:
    run = night.client.get_run(night.run_id)
    began = dt.datetime.fromtimestamp(run.info.start_time / 1000, dt.UTC)
    return began.isoformat(sep=" ", timespec="minutes")


def _again(config: PipelineConfig, summary: NightSummary) -> tuple[str, ...]:
    """Spell the commands that make the night, its best trial and this page again."""
    environment = ", ".join(f"{name} {value}" for name, value in describe_environment().items())
    storage, uri = hide_password(config.search.storage), hide_password(config.tracking.uri)
    defaults = SearchConfig().storage, TrackingConfig().uri
    elsewhere = "" if storage == defaults[0] else f" --storage {shlex.quote(storage)}"
    recorded = "" if uri == defaults[1] else f" --uri {shlex.quote(uri)}"
    return (
        f"export MLFLOW_TRACKING_URI={shlex.quote(uri)}",
        f"mlflow artifacts download --run-id {summary.run_id} --artifact-path config.yaml "
        f"--dst-path .",
        f"lstm-hpo run --config config.yaml --study-name {summary.study_name} "
        f"--set data.snapshot={summary.snapshot_sha256[:16]} --set data.start=null "
        f"--set data.end=null",
        f"lstm-hpo replay-trial {summary.study.study_key} {summary.study.best.number}{elsewhere}",
        f"lstm-hpo report {summary.run_id}{recorded}",
        f"# made with {environment}",
    )


def headline(summary: NightSummary, where: str) -> str:
    """Return verdict, headline table and link as Markdown."""
    evaluation = summary.evaluation
    rows = [("model", evaluation.model)]
    rows += [
        (other.name, other.metrics) for other in (*evaluation.baselines, *evaluation.references)
    ]
    table = [
        f"| {name} | {metrics.mse:.4g} | {show(metrics.r2_train_mean, '.3f')} | "
        f"{show(metrics.r2_benchmark, '.3f')} |"
        for name, metrics in rows
    ]
    return "\n".join(
        [
            f"**{evaluation.verdict.skill}** {evaluation.verdict.search}",
            "",
            f"| forecast | MSE | R2, train mean | R2, {evaluation.benchmark} |",
            "|---|---|---|---|",
            *table,
            "",
            f"Whole page: [{PAGE_FILE}]({_clickable(summary)}), `{where}`",
        ]
    )


def _clickable(summary: NightSummary) -> str:
    """Return the page in the MLflow UI; of a local store, where `mlflow ui` shows it by default."""
    parts = urlsplit(summary.tracking_uri)
    server = "http://127.0.0.1:5000"
    if parts.scheme in {"http", "https"}:
        # Whoever may read a link is not whoever may read a password.
        server = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path.rstrip('/')}"
    run = f"#/experiments/{summary.experiment_id}/runs/{summary.run_id}"
    return f"{server}/{run}/artifacts/{PAGE_FILE}"


def remake_report(tracking_uri: str, run: str, output: Path) -> Path:
    """Draw a recorded night's page again, from MLflow alone.

    `run` is the parent run's id or name. Raises ConfigError where the address is none, there is no
    such night, or it holds no page's content; StorageError where a store or a disk refuses.
    """
    quiet_mlflow()
    shown = hide_password(tracking_uri)
    require_store(tracking_uri)
    with refusals_named(tracking_uri):
        client = PatientClient(resolve_uri(tracking_uri))
        found = client.find_night(run)
        if found is None:
            raise ConfigError(
                f"a night is named by its MLflow run's id or name but {shown} has no {run!r}; "
                f"copy one from the MLflow page"
            )
        text = client.read_text(found, CONTENT_FILE)
    if text is None:
        raise ConfigError(
            f"a page is made from {CONTENT_FILE} but run {found} has none: the night did not end, "
            f"or is older than the page; choose another"
        )
    try:
        content = content_from_json(text)
    except ValidationError as error:
        raise ConfigError(
            f"{CONTENT_FILE} of run {found} was written by another version "
            f"(places that differ: {error.error_count()}); take its {PAGE_FILE}, or that version"
        ) from error
    page = render_page(content)
    return write_atomically(output, lambda part: part.write_text(page, encoding="utf-8"))
