"""The nightly flow: bars, data set, audit, search, retraining, one look at the test block."""

from pathlib import Path
from typing import Any

from prefect import flow

from lstm_model.config.loader import load_config
from lstm_model.config.pipeline import PipelineConfig, check_study_name
from lstm_model.model.training import resolve_device
from tasks.data.audit import audit_after_training, audit_before_search, require_no_leak
from tasks.data.prepare import prepare_data_set
from tasks.data.snapshots import Snapshot, fetch_bars, find_snapshot, store_snapshot
from tasks.evaluate import evaluate_on_test
from tasks.report import report
from tasks.search.study import search_hyperparameters
from tasks.search.workers import open_workers
from tasks.summary import NightSummary, StageClock, summarise
from tasks.tracking.registry import register_model
from tasks.tracking.runs import open_night
from tasks.training.retrain import retrain


@flow(name="lstm-hpo", validate_parameters=False)
def lstm_hpo(
    config: str = "configs/quickstart.yaml",
    study_name: str | None = None,
    overrides: dict[str, Any] | None = None,
) -> NightSummary:
    """Run one night.

    `config` is a YAML file, `study_name` defaults to that file's name, `overrides` maps dotted keys
    of the configuration to values. Raises LeakFound before the search where the audit fails.
    """
    settings = load_config(config, overrides)
    name = check_study_name(study_name or Path(config).stem)
    resolve_device(settings.device)  # refuses a device that is not there before bars are fetched
    clock = StageClock()
    with open_workers(settings) as workers:
        with clock.stage("download"):
            snapshot = take_snapshot(settings)
        with clock.stage("prepare"):
            data_set = prepare_data_set(snapshot, settings)
        with open_night(settings, name) as night:
            night.log_data(snapshot, data_set)
            with clock.stage("audit"):
                audit = audit_before_search(settings, snapshot, data_set)
                night.log_audit(audit)
                require_no_leak(audit)
            with clock.stage("search"):
                study = search_hyperparameters(settings, data_set, name, night, workers)
            with clock.stage("retrain"):
                models = retrain(settings, data_set, study.best_params, name, night.run_id, workers)
                audit += audit_after_training(data_set, models)
                night.log_audit(audit)
                require_no_leak(audit)
            with clock.stage("evaluate"):
                judged = evaluate_on_test(settings, data_set, study, models)
            with clock.stage("record"):
                run_id = night.log_models(models)
                night.log_evaluation(judged.evaluation)
                night.log_file(Path(judged.forecasts_path))
                model = register_model(
                    night.tracking_uri,
                    run_id,
                    settings.tracking.model_name,
                    models.winner,
                    snapshot,
                )
                night.finish(run_id)
                summary = summarise(
                    name, settings, snapshot.sha256, study, audit, models, judged.evaluation, model,
                    night, clock,
                )  # fmt: skip
            return summary.with_report(report(settings, snapshot, data_set, summary, night))


def take_snapshot(settings: PipelineConfig) -> Snapshot:
    """Fetch and store today's bars, or find the stored snapshot that the configuration names."""
    if settings.data.snapshot is not None:
        return find_snapshot(settings.data, settings.data.snapshot)
    parts = [fetch_bars(settings.data, ticker) for ticker in settings.data.tickers]
    return store_snapshot(settings.data, parts)
