"""The nightly flow: bars, data set, audit, search, retraining, one evaluation on the test block."""

from pathlib import Path
from typing import Any

from prefect import flow

from lstm_model.config.loader import load_config
from lstm_model.config.pipeline import check_study_name
from lstm_model.model.onnx_export import require_onnx
from lstm_model.report.insight import look_back
from lstm_model.report.night_result import NightResult
from tasks.champion.gate import Tonight, pass_gate
from tasks.champion.tonight import settings_of_tonight
from tasks.data.audit import audit_after_training, audit_before_search, require_no_leak
from tasks.data.download import download_bars
from tasks.data.prepare import prepare_data_set
from tasks.data.sources import require_sources
from tasks.evaluate import evaluate_on_test
from tasks.precision import require_hardware
from tasks.progress import StageClock
from tasks.report import report
from tasks.search.study import search_hyperparameters
from tasks.search.workers import open_workers
from tasks.server_watchdog import end_server_with_night
from tasks.summary import summarise
from tasks.tracking.looks import count_looks
from tasks.tracking.registry import describe_model, register_model
from tasks.tracking.runs import open_night
from tasks.training.deploy import deploy
from tasks.training.ensemble import FinalTrainings
from tasks.training.references import final_models, train_references
from tasks.training.retrain import retrain

end_server_with_night()  # here, because the engine starts a server before the flow's first line


@flow(name="lstm-hpo", validate_parameters=False)
def lstm_hpo(
    config: str = "configs/quickstart.yaml",
    study_name: str | None = None,
    overrides: dict[str, Any] | None = None,
) -> NightResult:
    """Run one night.

    `config` is a YAML file, `study_name` defaults to that file's name, `overrides` maps dotted keys
    of the configuration to values. Raises LeakFound before the search if the audit fails.
    """
    settings = settings_of_tonight(load_config(config, overrides))
    name = check_study_name(study_name or Path(config).stem)
    require_sources(settings.data)
    require_hardware(settings.training.precision, settings.device)
    require_onnx(settings.training.export)
    clock = StageClock()
    with open_workers(settings) as workers:
        with clock.stage("download"):
            snapshot = download_bars(settings.data_to_fetch)
        with clock.stage("prepare"):
            data_set = prepare_data_set(snapshot, settings)
        with open_night(settings, name) as logger:
            logger.log_data(snapshot, data_set)
            with clock.stage("audit"):
                audit = audit_before_search(settings, snapshot, data_set)
                logger.log_audit(audit)
                require_no_leak(audit)
            with clock.stage("search"):
                study = search_hyperparameters(settings, data_set, name, logger, workers)
            with clock.stage("retrain"):
                trainings = FinalTrainings(settings, data_set, name, logger.run_id, workers)
                winner = retrain(trainings, study.best_params)
            with clock.stage("references"):
                references = train_references(trainings, winner, study)
                models = final_models(winner, references)
                bundles = {e.model.name: e.bundle for e in (winner, *references.ensembles)}
                audit += audit_after_training(data_set, bundles)
                logger.log_audit(audit)
                require_no_leak(audit)
            with clock.stage("evaluate"):
                looks = count_looks(logger, data_set, snapshot.last)
                judged = evaluate_on_test(settings, data_set, study, winner, references, looks)
                insight = look_back(study, models.winner.parameters)
            with clock.stage("deploy"):
                deployed = deploy(trainings, winner, judged)
            with clock.stage("record"):
                run_id = logger.log_models(models)
                logger.log_search(study, insight)
                logger.log_judged(judged)
                registered = register_model(
                    logger.tracking_uri,
                    run_id,
                    settings.tracking.model_name,
                    deployed,
                    snapshot,
                )
                logger.finish(run_id)
            with clock.stage("gate"):
                ruling = pass_gate(settings, Tonight(snapshot, judged, deployed, registered))
                logger.log_ruling(ruling)
            logger.log_seconds(clock.seconds)
            night = summarise(
                name, settings, snapshot, data_set, study, insight, models, audit,
                judged.evaluation, judged.drift, registered, logger, dict(clock.seconds),
                ruling, deployed, judged.permutation,
            )  # fmt: skip
            describe_model(night, logger.tracking_uri)
            report(night, logger)
            return night
