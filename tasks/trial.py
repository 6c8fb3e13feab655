"""The function that runs in a worker: parameters and a data reference in, epochs and outcome out.

It knows no storage, no tracker and no Prefect, and importing this module imports none of them.
"""

import time
from dataclasses import dataclass
from typing import Literal

from lstm_model.errors import TrainingDiverged
from lstm_model.search_space import HyperParams
from lstm_model.training import EpochResult, TrainingSettings, build_network, train_epochs
from lstm_model.windows import Scaler, scaled_tensor, window_set
from tasks.data_set import load_search_view


@dataclass(frozen=True, slots=True)
class TrialOrder:
    """All that a trial depends on."""

    number: int
    params: dict[str, int | float]
    search_path: str
    epochs: int
    settings: TrainingSettings


@dataclass(frozen=True, slots=True)
class TrialOutcome:
    """What came of a trial; `validation_loss` is that of the last epoch, None unless complete."""

    number: int
    state: Literal["COMPLETE", "PRUNED", "FAIL"]
    params: dict[str, int | float]
    epochs: tuple[EpochResult, ...]
    validation_loss: float | None
    reason: str
    seconds: float


def run_trial(order: TrialOrder) -> TrialOutcome:
    """Train one configuration for its epochs; a loss that is not finite prunes the trial."""
    started = time.perf_counter()
    view = load_search_view(order.search_path)
    params = HyperParams.from_mapping(order.params)
    scaler = Scaler.fit(view.rows, view.train)
    tensor = scaled_tensor(view.rows, scaler)
    train = window_set(tensor, view.rows, view.train, scaler)
    validation = window_set(tensor, view.rows, view.validation, scaler)
    network = build_network(tensor.shape[1], params, order.settings.seed)
    epochs: list[EpochResult] = []
    state: Literal["COMPLETE", "PRUNED"] = "COMPLETE"
    reason = ""
    try:
        epochs.extend(
            train_epochs(network, params, train, validation, order.settings, order.epochs)
        )
    except TrainingDiverged as error:
        state, reason = "PRUNED", str(error)
    return TrialOutcome(
        number=order.number,
        state=state,
        params=order.params,
        epochs=tuple(epochs),
        validation_loss=epochs[-1].validation_loss if state == "COMPLETE" else None,
        reason=reason,
        seconds=time.perf_counter() - started,
    )
