"""Forecasts in MLflow: a run for each call, made from the ledger, whose last hash it anchors."""

import datetime as dt
import time
from collections.abc import Sequence
from pathlib import Path

from mlflow.entities import Metric

from lstm_model.champion.ledger_entry import Break, Entry, Forecast, last_call
from lstm_model.champion.live import live_record
from lstm_model.config.pipeline import PipelineConfig
from lstm_model.evaluation.measured import NotComputed
from tasks.tracking.champion import Registry
from tasks.tracking.client import PatientClient, refusals_named, resolve_uri
from tasks.tracking.runs import experiment_of

TABLE = "forecasts.json"
MOST_ANCHORS = 1000
"""Hashes that are compared, the newest; each covers all entries before it."""


def record_last_forecasts(
    config: PipelineConfig, registry: Registry, entries: Sequence[Entry]
) -> str | None:
    """Record the ledger's last call in MLflow unless it is there; return its run.

    The run has the forecasts as a table, the version's live error, and the hash of the ledger's
    last entry: whoever cuts the ledger afterwards cannot change that. Raises StorageError if the
    store fails.
    """
    last = last_call(entries)
    if not last:
        return None
    first = last[0]
    assert isinstance(first.content, Forecast)  # noqa: S101 - for mypy
    with refusals_named(config.tracking.uri):
        client = registry.client
        experiment = experiment_of(client, registry.uri, config.tracking.experiment)
        known = client.search_runs(
            [experiment], f"tags.ledger_sha256 = '{last[-1].sha256}'", max_results=1
        )
        if known and known[0].info.status == "FINISHED":
            return str(known[0].info.run_id)
        one = first.content
        if known:
            run = known[0]  # one that was cut off
        else:
            run = client.create_run(
                experiment,
                run_name=f"forecast-{first.written_at[:16].replace('T', '-').replace(':', '')}",
                tags={
                    "role": "forecast",
                    "model_name": one.model_name,
                    "model_version": str(one.model_version),
                    "snapshot_sha256": one.snapshot_sha256,
                    "ledger_entry": str(last[-1].number),
                    "ledger_sha256": last[-1].sha256,
                },
            )
        run_id = str(run.info.run_id)
        client.log_dict(run_id, _table(last), TABLE)
        live = live_record(entries, one.model_name, one.model_version)
        now = int(time.time() * 1000)
        found = {
            "live.mse": live.mse,
            "live.coverage": live.coverage,
            "live.information_coefficient": live.information_coefficient,
            "live.forecasts": float(len(live.days)),
        }
        metrics = [
            Metric(name, value, now, 0)
            for name, value in found.items()
            if not isinstance(value, NotComputed)
        ]
        client.log_batch(run_id, metrics=metrics)
        client.set_terminated(run_id, "FINISHED")
    return run_id


def broken_anchor(config: PipelineConfig, entries: Sequence[Entry]) -> Break | None:
    """Return the entry that MLflow knows by another hash, or that was cut off; None if all hold.

    A chain that was cut at its end, or written anew as a whole, holds in itself; the hashes that
    MLflow was given say so. Raises StorageError if the store fails.
    """
    uri = resolve_uri(config.tracking.uri)
    if uri.startswith("sqlite:///") and not Path(uri.removeprefix("sqlite:///")).exists():
        return None
    with refusals_named(config.tracking.uri):
        client = PatientClient(uri)
        experiment = client.get_experiment_by_name(config.tracking.experiment)
        if experiment is None:
            return None
        runs = client.search_runs(
            [experiment.experiment_id],
            f"tags.role = 'forecast' and tags.model_name = '{config.tracking.model_name}'",
            max_results=MOST_ANCHORS,
            order_by=["attributes.start_time DESC"],
        )
    known = {int(run.data.tags["ledger_entry"]): run.data.tags["ledger_sha256"] for run in runs}
    for number, sha256 in sorted(known.items()):
        if number > len(entries):
            return Break(number, "it was cut off: MLflow knows it")
        if entries[number - 1].sha256 != sha256:
            return Break(number, "MLflow knows it by another hash: the ledger was written anew")
    return None


def _table(entries: Sequence[Entry]) -> dict[str, list[object]]:
    columns: dict[str, list[object]] = {}
    for entry in entries:
        if isinstance(entry.content, Forecast):
            one = entry.content
            made = dt.datetime.fromisoformat(entry.written_at).isoformat(timespec="seconds")
            row = {
                "ticker": one.ticker, "session": one.session, "made_at": made,
                "model_version": one.model_version, "forecast": one.forecast, "lower": one.lower,
                "upper": one.upper, "annualised_volatility": one.annualised_volatility,
            }  # fmt: skip
            for name, value in row.items():
                columns.setdefault(name, []).append(value)
    return columns
