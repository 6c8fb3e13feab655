"""The nightly flow: bars -> data set -> search -> retrain -> one look at the test block."""

from pathlib import Path
from typing import Any

from prefect import flow

from lstm_model.config import PipelineConfig, check_study_name
from lstm_model.config_file import load_config
from lstm_model.training import resolve_device
from tasks.bar_store import Snapshot, fetch_bars, find_snapshot, store_snapshot
from tasks.evaluate import evaluate_on_test
from tasks.prepare import prepare_data_set
from tasks.registry import register_model
from tasks.retrain import retrain
from tasks.study import search_hyperparameters
from tasks.summary import NightSummary, StageClock, summarise
from tasks.tracking import open_night


@flow(name="lstm-hpo", validate_parameters=False)
def lstm_hpo(
    config: str = "configs/quickstart.yaml",
    study_name: str | None = None,
    overrides: dict[str, Any] | None = None,
) -> NightSummary:
    """Run one night.

    `config` is a YAML file, `study_name` defaults to that file's name, `overrides` maps dotted keys
    of the configuration to values.
    """
    settings = load_config(config, overrides)
    name = check_study_name(study_name or Path(config).stem)
    resolve_device(settings.device)  # refuses a device that is not there before bars are fetched
    clock = StageClock()
    with clock.stage("download"):
        snapshot = take_snapshot(settings)
    with clock.stage("prepare"):
        data_set = prepare_data_set(snapshot, settings)
    with open_night(settings, name) as night:
        night.log_data(snapshot, data_set)
        with clock.stage("search"):
            study = search_hyperparameters(settings, data_set, name, night)
        with clock.stage("retrain"):
            retrained = retrain(settings, data_set, study.best_params, name, night.run_id)
        with clock.stage("evaluate"):
            evaluation = evaluate_on_test(settings, data_set, retrained.bundle_path)
        with clock.stage("record"):
            run_id = night.log_retraining(retrained)
            night.log_evaluation(evaluation)
            model = register_model(
                night.tracking_uri, run_id, settings.tracking.model_name, retrained, snapshot
            )
            night.finish(run_id)
        return summarise(
            name, settings, snapshot.sha256, study, retrained, evaluation, model, night,
            clock,
        )  # fmt: skip


def take_snapshot(settings: PipelineConfig) -> Snapshot:
    """Fetch and store today's bars, or find the stored snapshot that the configuration names."""
    if settings.data.snapshot is not None:
        return find_snapshot(settings.data, settings.data.snapshot)
    parts = [fetch_bars(settings.data, ticker) for ticker in settings.data.tickers]
    return store_snapshot(settings.data, parts)
