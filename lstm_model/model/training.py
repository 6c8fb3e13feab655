"""The training loop: yields one fact an epoch; the caller decides what to do with it."""

import copy
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from lstm_model.config.pipeline import PipelineConfig
from lstm_model.data.windows import WindowSet
from lstm_model.errors import ConfigError, TrainingDiverged
from lstm_model.model.network import LSTMRegressor
from lstm_model.model.optimizer import Update, warmup_steps
from lstm_model.search.hyper_params import HyperParams

EVALUATION_BATCH = 128
"""Windows a forward pass without gradients; larger batches leave the cache and are slower."""

Precision = Literal["fp32", "bf16"]


@dataclass(frozen=True, slots=True)
class EpochResult:
    """What one epoch came to; losses are MSE of the scaled label (1: train labels' variance)."""

    epoch: int
    train_loss: float
    validation_loss: float
    seconds: float


@dataclass(frozen=True, slots=True)
class TrainingSettings:
    """What a training needs beside parameters and data.

    With bf16 the products of a training step are taken in bfloat16; weights, their updates and
    every evaluation stay in fp32. Micikevicius et al. (2018), "Mixed Precision Training".
    """

    seed: int
    gradient_clip: float
    device: str = "cpu"
    precision: Precision = "fp32"

    @classmethod
    def of(cls, config: PipelineConfig, seed: int) -> "TrainingSettings":
        """Return the configuration's settings for one training from `seed`."""
        return cls(
            seed=seed,
            gradient_clip=config.training.gradient_clip,
            device=resolve_device(config.device),
            precision=config.training.precision,
        )


def resolve_device(device: str) -> str:
    """Return cuda for auto where there is one, else cpu; ConfigError where cuda is missing."""
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda" and not torch.cuda.is_available():
        raise ConfigError(
            f"device cuda needs a GPU that torch {torch.__version__} can use but there is none; "
            f"set device to auto or cpu"
        )
    return device


def build_network(
    feature_count: int, params: HyperParams, seed: int, *, zero_head: bool = False
) -> LSTMRegressor:
    """Build a network whose initial weights depend on the seed alone.

    With a head of zeros a network that corrects another forecast starts from that forecast. Zhang,
    Dauphin & Ma (2019), "Fixup Initialization", start residual branches the same way.
    """
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = LSTMRegressor(feature_count, params)
    if zero_head:
        nn.init.zeros_(network.head.weight)
        nn.init.zeros_(network.head.bias)
    return network


def train_epochs(
    network: LSTMRegressor,
    params: HyperParams,
    train: WindowSet,
    validation: WindowSet | None,
    settings: TrainingSettings,
    max_epochs: int,
    schedule_epochs: int | None = None,
) -> Iterator[EpochResult]:
    """Train on MSE, yielding each epoch's losses; without `validation` its loss is NaN.

    Warm-up is a share of the steps of `schedule_epochs`, by default `max_epochs`: the retraining of
    a trial's parameters passes the trial's epochs, and so starts as the trial did.
    Raises TrainingDiverged as soon as a loss is not finite. Order of samples, dropout and noise
    draw from the seed alone; the caller's random state is left as it was.
    """
    device = torch.device(settings.device)
    network.to(device)
    train = train.to(device)
    validation = None if validation is None else validation.to(device)
    rising = warmup_steps(params, len(train), schedule_epochs or max_epochs)
    update = Update(network, params, settings.gradient_clip, rising)
    half = settings.precision == "bf16"
    order = torch.Generator().manual_seed(settings.seed)
    with torch.random.fork_rng():
        torch.manual_seed(settings.seed)
        dropout_draws = _random_state()
    for epoch in range(1, max_epochs + 1):
        started = time.perf_counter()
        # Left before each yield: what the caller draws meanwhile is the caller's.
        with torch.random.fork_rng():
            _set_random_state(dropout_draws)
            network.train()
            total = torch.zeros((), device=device, dtype=torch.float64)
            batches = torch.randperm(len(train), generator=order).to(device)
            for samples in torch.split(batches, params.batch_size):
                windows, labels = train.batch(samples)
                if params.jitter:
                    windows = windows + params.jitter * torch.randn_like(windows)
                update.zero_grad()
                with torch.autocast(device.type, torch.bfloat16, enabled=half):
                    forecasts = network(windows)
                loss = nn.functional.mse_loss(forecasts.float(), labels)
                loss.backward()
                update.step()
                total += loss.detach() * len(samples)
            dropout_draws = _random_state()
        train_loss = total.item() / len(train)
        _require_finite("training", train_loss, epoch, params)
        validation_loss = math.nan
        if validation is not None:
            validation_loss = mean_squared_error(network, validation)
            _require_finite("validation", validation_loss, epoch, params)
        seconds = time.perf_counter() - started
        yield EpochResult(epoch, train_loss, validation_loss, seconds)


def _random_state() -> tuple[Tensor, list[Tensor]]:
    return torch.get_rng_state(), torch.cuda.get_rng_state_all()


def _set_random_state(state: tuple[Tensor, list[Tensor]]) -> None:
    torch.set_rng_state(state[0])
    torch.cuda.set_rng_state_all(state[1])


def _require_finite(name: str, loss: float, epoch: int, params: HyperParams) -> None:
    if not math.isfinite(loss):
        raise TrainingDiverged(
            f"{name} loss must be finite but is {loss} in epoch {epoch} at lr {params.lr:g}; "
            f"lower the upper end of search.space.lr"
        )


def forecast(network: LSTMRegressor, windows: WindowSet) -> Float[np.ndarray, " sample"]:
    """Return the scaled forecast of every sample, in order, with dropout off."""
    was_training = network.training
    network.eval()
    with torch.no_grad():
        order = torch.arange(len(windows), device=windows.ends.device)
        batches = torch.split(order, EVALUATION_BATCH)
        parts = [network(windows.batch(samples)[0]).cpu() for samples in batches]
    network.train(was_training)
    return torch.cat(parts).double().numpy()


def mean_squared_error(network: LSTMRegressor, windows: WindowSet) -> float:
    """Return the MSE of the scaled label."""
    errors = forecast(network, windows) - windows.labels.double().cpu().numpy()
    return float(np.mean(errors**2))


@dataclass(frozen=True, slots=True)
class LearningCurve:
    """How an early-stopped training went; `reason` says why it ended before its time, if it did."""

    best_epoch: int
    epochs: tuple[EpochResult, ...]
    reason: str = ""

    @property
    def best_loss(self) -> float:
        """The validation loss of the best epoch."""
        return self.epochs[self.best_epoch - 1].validation_loss


@dataclass(frozen=True, slots=True)
class Fit:
    """A network with the weights of its best epoch, and how it got there."""

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
) -> Fit:
    """Train until `patience` epochs have not improved on the best validation loss.

    network: trained in place, and left with the weights of its best epoch.
    params: learning rate, batch size and whatever else acts in training.
    train: windows and labels that gradients are taken on.
    validation: windows and labels that decide when to stop.
    settings: seed, gradient clip, device and precision.
    patience: epochs without improvement before training stops.
    max_epochs: epochs at most.
    schedule_epochs: epochs that warm-up is a share of; by default `max_epochs`.

    Raises TrainingDiverged where not even one epoch ends well.
    """
    results = train_epochs(
        network, params, train, validation, settings, max_epochs, schedule_epochs
    )
    return Fit(network, stop_early(results, network, patience))


def stop_early(
    results: Iterator[EpochResult], network: LSTMRegressor, patience: int
) -> LearningCurve:
    """Follow a training until `patience` epochs have not improved, and restore the best weights.

    A divergence after a good epoch ends it with a reason; before one it is raised. Prechelt (1998),
    "Early Stopping - But When?".
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
        reason = f"ended after epoch {len(epochs)}, the best before it is kept: {error}"
    network.load_state_dict(best_weights)
    return LearningCurve(best_epoch, tuple(epochs), reason)
