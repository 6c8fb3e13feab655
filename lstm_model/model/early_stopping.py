"""Early stopping: train until validation no longer improves, and keep the best epoch's weights."""

import copy
import math
from collections.abc import Iterator
from dataclasses import dataclass

from torch import Tensor

from lstm_model.data.windows import WindowSet
from lstm_model.errors import TrainingDiverged
from lstm_model.model.network import LSTMRegressor
from lstm_model.model.training import EpochResult, TrainingSettings, Watch, train_epochs
from lstm_model.search.hyper_params import HyperParams


@dataclass(frozen=True, slots=True)
class LearningCurve:
    """Epochs of an early-stopped training; `reason` says why it ended early, if it diverged."""

    best_epoch: int
    epochs: tuple[EpochResult, ...]
    reason: str = ""

    @property
    def best_loss(self) -> float:
        """The validation loss of the best epoch."""
        return self.epochs[self.best_epoch - 1].validation_loss


@dataclass(frozen=True, slots=True)
class Fit:
    """A network with the weights of its best epoch, and its learning curve."""

    network: LSTMRegressor
    curve: LearningCurve


def fit(
    network: LSTMRegressor,
    params: HyperParams,
    train: WindowSet,
    validation: WindowSet,
    settings: TrainingSettings,
    patience: int,
    max_epochs: int,
    schedule_epochs: int | None = None,
    watch: Watch | None = None,
) -> Fit:
    """Train until `patience` epochs have not improved on the best validation loss.

    network: trained in place; it ends with the weights of its best epoch.
    params: learning rate, batch size and all else that matters in training.
    train: windows and labels on which gradients are taken.
    validation: windows and labels that decide when to stop.
    settings: seed, gradient clip, device and precision.
    patience: epochs without improvement before training stops.
    max_epochs: most epochs.
    schedule_epochs: epochs of which warm-up is a share; by default `max_epochs`.
    watch: is shown every epoch's forecasts of validation.

    Raises TrainingDiverged if the first epoch diverges.
    """
    results = train_epochs(
        network, params, train, validation, settings, max_epochs, schedule_epochs, watch
    )
    return Fit(network, stop_early(results, network, patience))


def stop_early(
    results: Iterator[EpochResult], network: LSTMRegressor, patience: int
) -> LearningCurve:
    """Run a training until `patience` epochs have not improved, and restore the best weights.

    A divergence after the first epoch ends the training, with a reason; in the first one it is
    raised. Prechelt (1998), "Early Stopping - But When?".
    """
    epochs: list[EpochResult] = []
    best_epoch, best_loss, reason = 0, math.inf, ""
    best_weights: dict[str, Tensor] = {}
    try:
        for result in results:
            epochs.append(result)
            if result.validation_loss < best_loss:
                best_epoch, best_loss = result.epoch, result.validation_loss
                best_weights = copy.deepcopy(network.state_dict())
            if result.epoch - best_epoch >= patience:
                break
    except TrainingDiverged as error:
        if not epochs:
            raise
        reason = f"ended after epoch {len(epochs)} with the best weights so far: {error}"
    network.load_state_dict(best_weights)
    return LearningCurve(best_epoch, tuple(epochs), reason)
