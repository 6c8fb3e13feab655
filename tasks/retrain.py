"""Best parameters -> model with early stopping -> bundle on disk."""

from dataclasses import dataclass

import numpy as np
from prefect import task
from prefect.cache_policies import NO_CACHE

from lstm_model.bundle import Bundle, save_bundle
from lstm_model.config import PipelineConfig
from lstm_model.errors import TrainingDiverged
from lstm_model.hyper_params import HyperParams
from lstm_model.network import parameter_count
from lstm_model.samples import scale_blocks
from lstm_model.seeding import derive_seed
from lstm_model.training import (
    EarlyStopping,
    EpochResult,
    TrainingSettings,
    build_network,
    resolve_device,
    train_epochs,
)
from tasks.data_set import DataSet, load_search_view
from tasks.files import refuse_politely
from tasks.progress import notice


@dataclass(frozen=True, slots=True)
class Retrained:
    """The final model: where its bundle is, and how its training went."""

    bundle_path: str
    params: HyperParams
    parameters: int
    best_epoch: int
    epochs: tuple[EpochResult, ...]
    refit: bool


@task(name="retrain", cache_policy=NO_CACHE)
def retrain(
    config: PipelineConfig, data_set: DataSet, params: HyperParams, study_name: str, run_id: str
) -> Retrained:
    """Train the best parameters until validation stops improving, and keep the best epoch.

    With `training.retrain.refit` the epoch count found there is used once more on train and
    validation together. The scaler stays that of the train block either way.
    """
    view = load_search_view(data_set.search_path)
    both = np.concatenate([view.train, view.validation])
    scaler, (train, validation, everything) = scale_blocks(
        view.rows, view.train, params, view.train, view.validation, both
    )
    feature_count = len(view.rows.feature_names)
    settings = TrainingSettings(
        seed=derive_seed(config.seed, study_name, "retrain"),
        gradient_clip=config.training.gradient_clip,
        device=resolve_device(config.device),
        precision=config.training.precision,
    )
    network = build_network(feature_count, params, settings.seed)
    stopping = EarlyStopping(config.training.retrain.patience)
    epochs: list[EpochResult] = []
    limit, trial = config.training.retrain.max_epochs, config.training.epochs
    try:
        for result in train_epochs(network, params, train, validation, settings, limit, trial):
            epochs.append(result)
            if stopping.update(result, network):
                break
    except TrainingDiverged as error:
        if not epochs:
            raise
        notice(f"retraining ended after epoch {len(epochs)}, the best before it is kept: {error}")
    stopping.restore(network)
    if config.training.retrain.refit:
        network = build_network(feature_count, params, settings.seed)
        count = stopping.best_epoch
        for _ in train_epochs(network, params, everything, None, settings, count, trial):
            pass
    bundle = Bundle(
        network=network.eval(),
        params=params,
        scaler=scaler,
        feature_names=view.rows.feature_names,
        window_length=train.length,
        target_kind=config.target.kind,
        horizon=config.target.horizon,
    )
    folder = config.data.data_dir.parent / "models" / run_id
    with refuse_politely(f"the model in {folder}"):
        save_bundle(bundle, folder)
    return Retrained(
        bundle_path=str(folder),
        params=params,
        parameters=parameter_count(feature_count, params),
        best_epoch=stopping.best_epoch,
        epochs=tuple(epochs),
        refit=config.training.retrain.refit,
    )
