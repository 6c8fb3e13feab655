"""The training loop: it yields a result per epoch, and the caller decides what to do."""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from lstm_model.config.pipeline import PipelineConfig
from lstm_model.data.windows import WindowSet
from lstm_model.errors import ConfigError, TrainingDiverged
from lstm_model.model.network import LSTMRegressor
from lstm_model.model.optimizer import Update, warmup_steps
from lstm_model.search.hyper_params import HyperParams

EVALUATION_BATCH = 128
"""Windows per forward pass without gradients; larger batches leave the cache and are slower."""

Precision = Literal["fp32", "bf16"]

Watch = Callable[[Float[np.ndarray, " sample"]], None]
"""Is shown scaled forecasts of validation."""


@dataclass(frozen=True, slots=True)
class EpochResult:
    """Losses of one epoch: MSE of the scaled label, where 1 is the variance of train labels."""

    epoch: int
    train_loss: float
    validation_loss: float
    seconds: float


@dataclass(frozen=True, slots=True)
class TrainingSettings:
    """What training needs besides parameters and data.

    With bf16 the matrix products of a training step use bfloat16; weights, their updates and every
    evaluation stay in fp32. Micikevicius et al. (2018), "Mixed Precision Training".
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
    """Resolve auto to cuda if available, else cpu; raises ConfigError if cuda is missing."""
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda" and not torch.cuda.is_available():
        raise ConfigError(
            f"device cuda needs a GPU that torch {torch.__version__} can use but finds none; "
            f"set device to auto or cpu"
        )
    return device


def build_network(
    feature_count: int,
    params: HyperParams,
    seed: int,
    *,
    ticker_count: int = 1,
    zero_head: bool = False,
) -> LSTMRegressor:
    """Build a network whose initial weights depend only on the seed.

    ticker_count: tickers of the panel, for each of which an embedding has a vector.

    With a zero head, a network that corrects another forecast starts from that forecast. Zhang,
    Dauphin & Ma (2019), "Fixup Initialization", start residual branches the same way.
    """
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = LSTMRegressor(feature_count, params, ticker_count)
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
    watch: Watch | None = None,
) -> Iterator[EpochResult]:
    """Train on MSE, and yield each epoch's losses.

    network: trained in place.
    params: learning rate, batch size and all else that matters in training.
    train: windows and labels on which gradients are taken.
    validation: windows and labels of the validation loss; without them it is NaN.
    settings: seed, gradient clip, device and precision.
    max_epochs: number of epochs.
    schedule_epochs: epochs of which warm-up is a share, by default `max_epochs`. Retraining passes
        the epochs of the trial, so it starts as the trial did.
    watch: is shown every epoch's forecasts of validation.

    Raises TrainingDiverged as soon as a loss is not finite. Sample order, dropout and noise depend
    only on the seed; the caller's random state does not change.
    """
    device = torch.device(settings.device)
    network.to(device)
    train = train.to(device)
    validation = None if validation is None else validation.to(device)
    codes = _tickers(network, train)
    if network.ticker_embedding is not None and codes is not None:
        network.ticker_embedding.see(codes)
    rising = warmup_steps(params, len(train), schedule_epochs or max_epochs)
    update = Update(network, params, settings.gradient_clip, rising)
    half = settings.precision == "bf16"
    order = torch.Generator().manual_seed(settings.seed)
    with torch.random.fork_rng():
        torch.manual_seed(settings.seed)
        dropout_draws = _random_state()
    for epoch in range(1, max_epochs + 1):
        started = time.perf_counter()
        # Left before each yield, so that the caller draws from its own random state.
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
                    outputs = network(windows, _tickers(network, train, samples))
                loss = nn.functional.mse_loss(outputs.float(), labels)
                loss.backward()
                update.step()
                total += loss.detach() * len(samples)
            dropout_draws = _random_state()
        train_loss = total.item() / len(train)
        _require_finite("training", train_loss, epoch, params)
        validation_loss = math.nan
        if validation is not None:
            forecasts = forecast(network, validation)
            validation_loss = mean_squared_error(forecasts, validation)
            _require_finite("validation", validation_loss, epoch, params)
            if watch is not None:
                watch(forecasts)
        seconds = time.perf_counter() - started
        yield EpochResult(epoch, train_loss, validation_loss, seconds)


def _tickers(
    network: LSTMRegressor, windows: WindowSet, samples: Int64[Tensor, " window"] | None = None
) -> Int64[Tensor, " window"] | None:
    """Return the codes of samples, of all by default, if the network has an embedding."""
    if network.ticker_embedding is None:
        return None
    if windows.tickers is None:
        raise ValueError("a network with ticker_embedding needs the samples' tickers but has none")
    return windows.tickers if samples is None else windows.tickers[samples]


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
        parts = [
            network(windows.batch(samples)[0], _tickers(network, windows, samples)).cpu()
            for samples in batches
        ]
    network.train(was_training)
    return torch.cat(parts).double().numpy()


def mean_squared_error(forecasts: Float[np.ndarray, " sample"], windows: WindowSet) -> float:
    """Return the MSE of scaled forecasts."""
    errors = forecasts - windows.labels.double().cpu().numpy()
    return float(np.mean(errors**2))
