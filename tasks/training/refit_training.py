"""A refit in a worker: a judged network's parameters, seed and epochs, on every sample.

This module imports neither Optuna's storage nor MLflow nor Prefect.
"""

from dataclasses import dataclass
from pathlib import Path

from safetensors.torch import load_file, save_file

from lstm_model.model.training import TrainingSettings, build_network, train_epochs
from lstm_model.search.hyper_params import HyperParams
from tasks.data.data_set import DataSet
from tasks.data.whole_view import load_whole_windows


@dataclass(frozen=True, slots=True)
class RefitSpec:
    """Everything a refit depends on.

    params: of network and training. view_path: folder of every sample. settings: seed, gradient
    clip, device and precision. epochs: as early stopping found them. trial_epochs: epochs of a
    trial, of which warm-up is a share. weights_path: file for the weights. start_path: file of the
    weights to begin with, as the judged network began; random if None.
    """

    params: HyperParams
    view_path: str
    settings: TrainingSettings
    epochs: int
    trial_epochs: int
    weights_path: str
    start_path: str | None = None


def refit_epochs(best_epoch: int, data_set: DataSet, *, validation_was_learnt: bool) -> int:
    """Return the epochs on all samples that take as many steps as the best epoch took.

    More samples make an epoch longer. With as many epochs as before, 60 replayed nights had an MSE
    0.6 % and a QLIKE 2.2 % higher (p = 0.44 and 0.12), for more work (docs/champion.md).
    """
    learnt = data_set.train_samples
    if validation_was_learnt:
        learnt += data_set.validation_samples
    every = data_set.train_samples + data_set.validation_samples + data_set.test_samples
    return max(1, round(best_epoch * learnt / every))


def train_refit(spec: RefitSpec) -> float:
    """Train for the given epochs on every sample, and write the weights; return the last loss.

    There is nothing to stop on: every sample is learnt. Raises TrainingDiverged as the loop does.
    """
    params = spec.params
    scaler, windows, tickers = load_whole_windows(
        spec.view_path, params.feature_scaling, params.sequence_length
    )
    network = build_network(
        windows.rows.shape[1],
        params,
        spec.settings.seed,
        ticker_count=tickers,
        zero_head=bool(scaler.skip_weights),
    )
    if spec.start_path is not None:
        network.load_state_dict(load_file(spec.start_path))
    loss = 0.0
    for result in train_epochs(
        network, params, windows, None, spec.settings, spec.epochs, spec.trial_epochs
    ):
        loss = result.train_loss
    save_file(network.cpu().state_dict(), Path(spec.weights_path))
    return loss
