"""A night's page: rendered, stored in MLflow, linked from a Prefect artifact, rendered again."""

from pathlib import Path
from urllib.parse import urlsplit

from prefect import task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE
from pydantic import ValidationError

from lstm_model.config.section import hide_password
from lstm_model.errors import ConfigError
from lstm_model.evaluation.measured import show
from lstm_model.report.night_result import NightResult, night_from_json, night_to_json
from lstm_model.report.page.render import render_page
from lstm_model.report.summary_json import summary_json
from tasks.files import write_atomically
from tasks.tracking.client import (
    PatientClient,
    quiet_mlflow,
    refusals_named,
    require_store,
    resolve_uri,
)
from tasks.tracking.runs import RunLogger

PAGE_FILE, CONTENT_FILE, SUMMARY_FILE = "report.html", "report.json", "summary.json"


@task(name="report", cache_policy=NO_CACHE)
def report(night: NightResult, logger: RunLogger) -> None:
    """Render the night's page and store it on the parent run, with its summary and its content."""
    logger.log_text(summary_json(night), SUMMARY_FILE)
    logger.log_text(night_to_json(night), CONTENT_FILE)
    logger.log_text(render_page(night), PAGE_FILE)
    create_markdown_artifact(
        key="lstm-hpo-night",
        description=f"{night.study_name}: {night.evaluation.verdict.skill}"[:500],
        markdown=headline(night),
    )


def headline(night: NightResult) -> str:
    """Return the verdict, the main table and a link as Markdown."""
    evaluation = night.evaluation
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
            f"The whole page: [{PAGE_FILE}]({_clickable(night)}), `{night.run.page}`",
        ]
    )


def _clickable(night: NightResult) -> str:
    """Return the page's address in the MLflow UI; a local store has that of a plain `mlflow ui`."""
    parts = urlsplit(night.run.tracking_uri)
    server = "http://127.0.0.1:5000"
    if parts.scheme in {"http", "https"}:
        # Not everyone who can read the link may know the password.
        server = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path.rstrip('/')}"
    run = f"#/experiments/{night.run.experiment_id}/runs/{night.run.run_id}"
    return f"{server}/{run}/artifacts/{PAGE_FILE}"


def remake_report(tracking_uri: str, run: str, output: Path) -> Path:
    """Render the page of a recorded night again, from MLflow only.

    `run` is the parent run's id or name. Raises ConfigError if the address is not valid, if there
    is no such night, or if it has no content for a page; StorageError if a store or a disk fails.
    """
    quiet_mlflow()
    shown = hide_password(tracking_uri)
    require_store(tracking_uri)
    with refusals_named(tracking_uri):
        client = PatientClient(resolve_uri(tracking_uri))
        found = client.find_night(run)
        if found is None:
            raise ConfigError(
                f"RUN must be the id or name of a night's MLflow run but {shown} has no {run!r}; "
                f"copy one from the MLflow UI"
            )
        text = client.read_text(found, CONTENT_FILE)
    if text is None:
        raise ConfigError(
            f"a page needs {CONTENT_FILE} but run {found} has none: the night did not finish, is "
            f"older than the page, or lstm-hpo gc deleted its files; choose another run"
        )
    try:
        content = night_from_json(text)
    except ValidationError as error:
        raise ConfigError(
            f"{CONTENT_FILE} must be of this version but that of run {found} differs in "
            f"{error.error_count()} places; open its {PAGE_FILE}, or use its version"
        ) from error
    page = render_page(content)
    return write_atomically(output, lambda part: part.write_text(page, encoding="utf-8"))
