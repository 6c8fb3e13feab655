"""The judged winner -> the served model: fitted again on every bar, or the same networks."""

from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.futures import PrefectFuture
from safetensors.torch import load_file

from lstm_model.model.bundle import Bundle, save_bundle
from lstm_model.model.judged_errors import JudgedErrors
from lstm_model.model.network import LSTMRegressor
from lstm_model.model.onnx_export import export_networks
from lstm_model.model.training import TrainingSettings, build_network
from tasks.data.data_set import DataSet
from tasks.data.whole_view import load_whole_windows, write_whole_view
from tasks.evaluate import Judged
from tasks.files import refuse_politely
from tasks.progress import print_note
from tasks.search.workers import TrialExecutor, WorkerFailed
from tasks.training.ensemble import Ensemble, FinalTrainings
from tasks.training.refit_training import RefitSpec, refit_epochs, train_refit
from tasks.training.warm_path import warm_path

SERVED = "served"
"""Folder of the bundle that forecasts; the judged one keeps the name of its model."""


@dataclass(frozen=True, slots=True)
class Deployed:
    """The bundle that is served, and the judged one, whose forecasts of the past count.

    bundle_path, judged_path: their folders; the same where nothing was refitted.
    """

    bundle: Bundle
    bundle_path: str
    judged_path: str


@task(name="deploy", cache_policy=NO_CACHE)
def deploy(trainings: FinalTrainings, winner: Ensemble, judged: Judged) -> Deployed:
    """Fit the winner again on every bar, as `training.deploy` asks, and save what is served.

    Takes the evaluation, so nothing learns from the test block before it has been judged there.
    Parameters, seeds and each seed's number of steps are the judged ones; the smearing constant
    and the errors are those of the judged networks, which is all that is known of the served ones.
    A seed whose refit fails is left out; if all fail, the judged networks are served, with a note.
    """
    training = trainings.config.training
    served = replace(winner.bundle, judged_errors=judged.errors)
    if training.deploy == "refit":
        served = refit(trainings, winner, trainings.data_set, judged.errors) or served
    folder = trainings.root / SERVED
    with refuse_politely(f"models in {trainings.root}"):
        save_bundle(served, folder)
        if training.export == "onnx":
            export_networks(served, folder)
    judged_path = winner.model.bundle_path if served.is_refit else str(folder)
    return Deployed(served, str(folder), judged_path)


def refit(
    trainings: FinalTrainings, winner: Ensemble, data_set: DataSet, errors: JudgedErrors
) -> Bundle | None:
    """Return the winner trained again on every sample; None if no seed could be."""
    view_path = write_whole_view(data_set)
    with TemporaryDirectory(prefix=".weights-", dir=trainings.root) as scratch:
        specs = [
            RefitSpec(
                params=winner.model.params,
                view_path=view_path,
                settings=TrainingSettings.of(trainings.config, seed),
                epochs=refit_epochs(
                    curve.best_epoch, data_set, validation_was_learnt=winner.model.refit
                ),
                trial_epochs=trainings.config.training.epochs,
                weights_path=f"{scratch}/{member}",
                start_path=warm_path(trainings.root, trainings.seeds.index(seed)),
            )
            for member, (seed, curve) in enumerate(
                zip(winner.model.seeds, winner.model.trainings, strict=True)
            )
        ]
        futures: list[PrefectFuture[str]] = [
            refit_in_worker.with_options(task_run_name=f"refit-{member + 1}").submit(
                trainings.executor, spec
            )
            for member, spec in enumerate(specs)
        ]
        failures = [future.result() for future in futures]
        networks = [
            _network(spec, winner) for spec, why in zip(specs, failures, strict=True) if not why
        ]
    for member, reason in enumerate(failures):
        if reason:
            print_note(f"the refit of seed {member + 1}: {reason}")
    if not networks:
        print_note("no refit succeeded, so the judged networks are served")
        return None
    params = winner.model.params
    scaler, *_ = load_whole_windows(view_path, params.feature_scaling, params.sequence_length)
    return replace(
        winner.bundle,
        networks=tuple(networks),
        scaler=scaler,
        is_refit=True,
        judged_errors=errors,
    )


def _network(spec: RefitSpec, winner: Ensemble) -> LSTMRegressor:
    bundle = winner.bundle
    network = build_network(
        len(bundle.feature_names), spec.params, seed=0, ticker_count=len(bundle.tickers)
    )
    network.load_state_dict(load_file(Path(spec.weights_path)))
    return network.eval()


@task(name="refit", cache_policy=NO_CACHE)
def refit_in_worker(executor: TrialExecutor, spec: RefitSpec) -> str:
    """Refit one network in a worker process and wait; return why it failed, or nothing."""
    try:
        executor.call(train_refit, spec)
    except WorkerFailed as error:
        return str(error)
    return ""
