"""A final training in a worker: parameters and a seed in, the best epoch's weights on disk out.

This module imports neither Optuna's storage nor MLflow nor Prefect.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float
from safetensors.torch import load_file, save_file

from lstm_model.data.windows import ScaledView
from lstm_model.errors import TrainingDiverged
from lstm_model.model.cross_stopping import CrossStopping
from lstm_model.model.early_stopping import LearningCurve, fit
from lstm_model.model.network import LSTMRegressor
from lstm_model.model.training import TrainingSettings, build_network, train_epochs
from lstm_model.search.hyper_params import HyperParams
from tasks.data.data_set import load_scaled_view, load_search_view


@dataclass(frozen=True, slots=True)
class FinalSpec:
    """Everything a final training depends on.

    params: of network and training.
    search_path: folder of the search view.
    settings: seed, gradient clip, device and precision.
    max_epochs: most epochs.
    trial_epochs: epochs of a trial, of which warm-up is a share.
    patience: epochs without improvement before training stops.
    refit: whether to train once more on train and validation together.
    weights_path: file for the weights.
    start_path: file of the weights to begin with, of a network of the same shape; random if None.
    """

    params: HyperParams
    search_path: str
    settings: TrainingSettings
    max_epochs: int
    trial_epochs: int
    patience: int
    refit: bool
    weights_path: str
    start_path: str | None = None


@dataclass(frozen=True, slots=True)
class FinalTraining:
    """An early-stopped training, and its cross-stopped forecasts of validation (scaled)."""

    curve: LearningCurve
    validation: Float[np.ndarray, " sample"]


def train_final(spec: FinalSpec) -> FinalTraining:
    """Train until the validation loss stops improving, and write the best epoch's weights.

    With `refit` the network is trained once more, for the best number of epochs, on train and
    validation together; the forecasts of validation are those from before. The scaler is always
    that of the train block. Raises TrainingDiverged if the first epoch diverges.
    """
    params, settings = spec.params, spec.settings
    view = load_scaled_view(spec.search_path, params.feature_scaling, params.sequence_length)
    network = _untrained(spec, view)
    cross = _cross_stopping(spec.search_path, view)
    best = fit(
        network,
        params,
        view.train,
        view.validation,
        settings,
        spec.patience,
        spec.max_epochs,
        spec.trial_epochs,
        cross.see,
    )
    network, curve = best.network, best.curve
    if spec.refit:
        again = _untrained(spec, view)
        try:
            for _ in train_epochs(
                again, params, view.both, None, settings, curve.best_epoch, spec.trial_epochs
            ):
                pass
            network = again
        except TrainingDiverged as error:
            reason = f"the refit diverged, so the early-stopped weights are kept: {error}"
            curve = replace(curve, reason=reason)
    save_file(network.cpu().state_dict(), Path(spec.weights_path))
    return FinalTraining(curve, cross.forecasts)


def _untrained(spec: FinalSpec, view: ScaledView) -> LSTMRegressor:
    network = build_network(
        view.train.rows.shape[1],
        spec.params,
        spec.settings.seed,
        ticker_count=view.ticker_count,
        zero_head=view.zero_head,
    )
    if spec.start_path is not None:
        network.load_state_dict(load_file(spec.start_path))
    return network


def _cross_stopping(search_path: str, view: ScaledView) -> CrossStopping:
    search = load_search_view(search_path)
    rows, ends = search.rows, search.validation
    labels = view.validation.labels.double().numpy()
    return CrossStopping(rows.dates[ends], rows.label_ends[ends], labels)
