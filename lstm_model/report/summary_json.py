"""summary.json: a night in a documented form, for other programs."""

import json
from dataclasses import asdict
from typing import Any

from lstm_model.config.section import hide_password
from lstm_model.evaluation.comparison import Comparison
from lstm_model.evaluation.drift import Drift
from lstm_model.evaluation.evaluate import Evaluation
from lstm_model.evaluation.measured import plain
from lstm_model.report.drift_lines import drift_sentence
from lstm_model.report.night_result import NightResult
from lstm_model.search.space import searched_part
from lstm_model.search.trial import Trial


def summary_json(night: NightResult) -> str:
    """Return the summary; in place of a number that was not computed stands the reason."""
    study, winner = night.study, night.winner
    document: dict[str, Any] = {
        "study_name": night.study_name,
        "snapshot_sha256": night.data.snapshot_sha256,
        "config_sha256": night.config_sha256,
        "n_parameters": winner.parameters,
        "best": {
            "number": study.best.number,
            "value": study.best.loss,
            "params": winner.params.to_dict(),
        },
        "trials": [_trial(trial, night) for trial in study.trials],
        "front": list(study.front),
        "importances": asdict(night.insight.importances),
        "readings": [asdict(reading) for reading in night.insight.readings],
        "leak_audit": plain(night.audit),
        "retrain": {
            "seeds": len(winner.seeds),
            "best_epochs": [training.best_epoch for training in winner.trainings],
            "epochs": [len(training.epochs) for training in winner.trainings],
        },
        "test": _test(night.evaluation),
        "drift": [_drift(drift) for drift in night.drift],
        "permutation": plain(night.permutation),
        "mlflow": {
            "tracking_uri": hide_password(night.run.tracking_uri),
            "experiment_id": night.run.experiment_id,
            "run_id": night.run.run_id,
            "model_name": night.registered.name,
            "model_version": night.registered.version,
        },
        "served": night.served,
        "gate": None if night.gate is None else plain(night.gate),
        "seconds": night.seconds,
    }
    return json.dumps(document, indent=2)


def _trial(trial: Trial, night: NightResult) -> dict[str, object]:
    return {
        "number": trial.number,
        "state": trial.state,
        "value": trial.loss,
        "params": searched_part(trial.params, night.space),
        "epochs": trial.epochs,
        "seconds": trial.seconds,
        "standard_error": trial.standard_error,
    }


def _drift(drift: Drift) -> dict[str, object]:
    """Return the columns, the furthest first, and the sentence that the page shows."""
    return {
        **plain(drift),
        "columns_beyond": len(drift.beyond),
        "expected_beyond": drift.expected_beyond,
        "sentence": drift_sentence(drift),
    }


def _test(evaluation: Evaluation) -> dict[str, object]:
    others = (*evaluation.baselines, *evaluation.references)
    return {
        "n": evaluation.n,
        "start": evaluation.start.isoformat(),
        "end": evaluation.end.isoformat(),
        "benchmark": evaluation.benchmark,
        "verdict": plain(evaluation.verdict),
        "model": plain(evaluation.model),
        "baselines": {other.name: plain(other.metrics) for other in evaluation.baselines},
        "references": {other.name: plain(other.metrics) for other in evaluation.references},
        "rival": evaluation.rival,
        "left_out": evaluation.left_out,
        "dm": {other.name: plain(other.mse.diebold_mariano) for other in others},
        "against": {other.name: _against(other) for other in others},
        "seeds": plain(evaluation.seeds),
        "selection": plain(evaluation.selection),
        "superior_ability": plain(evaluation.by_loss[0].superior),
        "confidence_set": plain(evaluation.by_loss[0].confidence_set),
        "by_loss": {view.loss: plain(view) for view in evaluation.by_loss},
        "intervals": plain(evaluation.intervals),
    }


def _against(other: Comparison) -> dict[str, object]:
    """Return every test of the model against another forecast."""
    tests = plain(other)
    return {key: value for key, value in tests.items() if key not in ("name", "metrics")}
