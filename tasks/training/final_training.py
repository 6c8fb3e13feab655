"""One training to the end, in a worker: best parameters and a seed in, weights on disk out.

It knows no storage of studies, no tracker and no Prefect, and importing it imports none of them.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors.torch import save_file

from lstm_model.data.windows import scale_blocks
from lstm_model.errors import TrainingDiverged
from lstm_model.model.training import (
    EarlyStopping,
    EpochResult,
    TrainingSettings,
    build_network,
    train_epochs,
)
from lstm_model.search.hyper_params import HyperParams, Params
from tasks.data.data_set import load_search_view


@dataclass(frozen=True, slots=True)
class FinalOrder:
    """All that a final training depends on; learning rates warm up over `trial_epochs`."""

    params: Params
    search_path: str
    settings: TrainingSettings
    max_epochs: int
    trial_epochs: int
    patience: int
    refit: bool
    weights_path: str


@dataclass(frozen=True, slots=True)
class FinalOutcome:
    """How a final training went; `reason` says why it ended before its time, if it did."""

    best_epoch: int
    epochs: tuple[EpochResult, ...]
    reason: str = ""


def train_to_the_end(order: FinalOrder) -> FinalOutcome:
    """Train until validation stops improving, and write the best epoch's weights.

    With `refit` the epoch count found there is used once more on train and validation together. The
    scaler stays that of the train block either way. Raises TrainingDiverged where not even one
    epoch ends well.
    """
    view = load_search_view(order.search_path)
    params = HyperParams.from_mapping(order.params)
    both = np.concatenate([view.train, view.validation])
    _, (train, validation, everything) = scale_blocks(
        view.rows, view.train, params, view.train, view.validation, both
    )
    feature_count, settings = len(view.rows.feature_names), order.settings
    silent = view.rows.har_skip
    network = build_network(feature_count, params, settings.seed, silent=silent)
    stopping = EarlyStopping(order.patience)
    epochs: list[EpochResult] = []
    reason = ""
    try:
        for result in train_epochs(
            network, params, train, validation, settings, order.max_epochs, order.trial_epochs
        ):
            epochs.append(result)
            if stopping.update(result, network):
                break
    except TrainingDiverged as error:
        if not epochs:
            raise
        reason = f"ended after epoch {len(epochs)}, the best before it is kept: {error}"
    stopping.restore(network)
    if order.refit:
        again = build_network(feature_count, params, settings.seed, silent=silent)
        count = stopping.best_epoch
        try:
            for _ in train_epochs(
                again, params, everything, None, settings, count, order.trial_epochs
            ):
                pass
            network = again
        except TrainingDiverged as error:
            reason = f"the refit diverged, what was stopped by validation is kept: {error}"
    save_file(network.cpu().state_dict(), Path(order.weights_path))
    return FinalOutcome(stopping.best_epoch, tuple(epochs), reason)
