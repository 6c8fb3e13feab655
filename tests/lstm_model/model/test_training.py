"""Claims about training: seeded, contained, honest about divergence, and able to learn."""

import dataclasses
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch

from lstm_model.data.windows import WindowSet
from lstm_model.errors import ConfigError, TrainingDiverged
from lstm_model.model.early_stopping import LearningCurve, fit, stop_early
from lstm_model.model.network import LSTMRegressor
from lstm_model.model.training import (
    EpochResult,
    TrainingSettings,
    build_network,
    forecast,
    mean_squared_error,
    resolve_device,
    train_epochs,
)
from lstm_model.search.hyper_params import HyperParams
from tasks.precision import probe_bf16

SETTINGS = TrainingSettings(seed=7, gradient_clip=1.0)
SMALL = HyperParams(hidden_size=8, num_layers=2, dropout=0.3, lr=5e-3, batch_size=16)


def linear_task(first: int, count: int, length: int = 4) -> WindowSet:
    """Windows whose label is a linear function of their last row."""
    rows = torch.randn(600, 3, generator=torch.Generator().manual_seed(0))
    ends = torch.arange(first, first + count)
    return WindowSet(rows, ends, rows[ends] @ torch.tensor([0.8, -0.5, 0.2]), length)


TRAIN, VALIDATION = linear_task(10, 100), linear_task(300, 40)


def epochs(
    params: HyperParams = SMALL,
    train: WindowSet = TRAIN,
    validation: WindowSet | None = VALIDATION,
    count: int = 3,
    seed: int = 7,
) -> Iterator[EpochResult]:
    network = build_network(3, params, seed)
    return train_epochs(network, params, train, validation, TrainingSettings(seed, 1.0), count)


def losses(results: Iterator[EpochResult]) -> list[tuple[float, float]]:
    return [(result.train_loss, result.validation_loss) for result in results]


@pytest.fixture
def bf16() -> None:
    """Skip what the processor cannot train."""
    ability = probe_bf16("cpu")
    if not ability.possible:
        pytest.skip(f"bf16 needs {ability.needs} but there is {ability.found}")


def test_seed_fixes_every_loss() -> None:
    """Two trainings from one seed have bit-equal losses; another seed has others."""
    assert losses(epochs()) == losses(epochs())
    assert losses(epochs()) != losses(epochs(seed=8))


def test_caller_keeps_its_random_state() -> None:
    """During and after training the caller's random state is as it was left."""
    state = torch.get_rng_state()
    for _ in epochs():
        assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(torch.get_rng_state(), state)


def test_caller_may_draw_between_epochs() -> None:
    """Draws and other trainings between two epochs change no loss."""
    expected = losses(epochs())
    found = []
    for result in epochs():
        found.append((result.train_loss, result.validation_loss))
        torch.rand(5)
        next(epochs(seed=9))
    assert found == expected


def test_learns_a_linear_task() -> None:
    """On a task without noise the loss falls well below the label's variance."""
    params = HyperParams(hidden_size=16, num_layers=1, dropout=0.0, lr=1e-2, batch_size=32)
    train = linear_task(10, 280)
    *_, last = epochs(params, train, VALIDATION, count=25)
    assert last.epoch == 25
    assert last.train_loss < 0.1 * float(train.labels.var())
    assert last.validation_loss < 0.2 * float(VALIDATION.labels.var())


def test_every_sample_counts_once() -> None:
    """The train loss is the mean over samples, the last, smaller batch included."""
    params = HyperParams(hidden_size=4, num_layers=1, dropout=0.0, lr=1e-12, batch_size=32)
    train = linear_task(10, 70)
    expected = mean_squared_error(forecast(build_network(3, params, 7), train), train)
    (only,) = epochs(params, train, None, count=1)
    assert only.train_loss == pytest.approx(expected, rel=1e-5)
    assert math.isnan(only.validation_loss)


@pytest.mark.parametrize("block", ["training", "validation"])
def test_non_finite_loss_is_divergence(block: str) -> None:
    """Data that makes a loss NaN raises at once, and the message names the loss and a remedy."""
    broken = linear_task(300, 40)
    broken.labels[3] = float("nan")
    train, validation = (broken, VALIDATION) if block == "training" else (TRAIN, broken)
    with pytest.raises(TrainingDiverged, match=rf"{block} loss .* nan in epoch 1 .*; lower"):
        list(epochs(SMALL, train, validation))


def test_absurd_learning_rate_is_divergence() -> None:
    """A learning rate that makes the weights explode raises TrainingDiverged, in one line."""
    params = HyperParams(hidden_size=4, num_layers=1, dropout=0.0, lr=1e30, batch_size=16)
    with pytest.raises(TrainingDiverged, match=r"at lr 1e\+30") as caught:
        list(epochs(params))
    assert "\n" not in str(caught.value)


def test_forecast_is_in_order_and_leaves_the_mode() -> None:
    """Forecasts come in the order of samples, whatever the batch, and the mode is kept."""
    network = build_network(3, SMALL, 7)
    block = linear_task(10, 300)
    network.train()
    whole = forecast(network, block)
    assert network.training
    assert whole.dtype == np.float64
    network.eval()
    with torch.no_grad():
        one = [float(network(block.batch(torch.tensor([i]))[0])) for i in (0, 127, 128, 299)]
    np.testing.assert_allclose(whole[[0, 127, 128, 299]], one, rtol=0, atol=1e-6)


def stopped_on(
    validation_losses: list[float], patience: int
) -> tuple[LearningCurve, LSTMRegressor]:
    """Follow epochs with these losses; the head's bias is set to each epoch's number."""
    network = build_network(1, HyperParams(hidden_size=1, num_layers=1, dropout=0.0), 1)

    def results() -> Iterator[EpochResult]:
        for epoch, loss in enumerate(validation_losses, start=1):
            torch.nn.init.constant_(network.head.bias, epoch)
            if math.isnan(loss):
                raise TrainingDiverged("the loss is not finite")
            yield EpochResult(epoch, 0.0, loss, 0.0)

    return stop_early(results(), network, patience), network


@pytest.mark.parametrize(
    ("validation_losses", "patience", "best", "stopped"),
    [
        ([3.0, 2.0, 1.0], 2, 3, 3),
        ([3.0, 1.0, 2.0, 2.0, 0.5], 2, 2, 4),
        ([1.0, 1.0, 1.0], 2, 1, 3),
        ([3.0, 4.0, 2.0, 4.0, 1.0], 2, 5, 5),
        ([1.0, 2.0], 1, 1, 2),
    ],
)
def test_early_stopping_restores_the_best(
    validation_losses: list[float], patience: int, best: int, stopped: int
) -> None:
    """Training stops `patience` epochs after the best one, whose weights come back."""
    curve, network = stopped_on(validation_losses, patience)
    assert (curve.best_epoch, len(curve.epochs)) == (best, stopped)
    assert curve.best_loss == min(validation_losses[:stopped])
    assert network.head.bias.item() == best
    assert curve.reason == ""


def test_a_training_that_diverges_keeps_its_best_epoch() -> None:
    """A good epoch before a divergence is kept, with the reason; without one it is an error."""
    curve, network = stopped_on([2.0, 1.0, 3.0, math.nan], 5)
    assert curve.best_epoch == network.head.bias.item() == 2
    assert curve.reason.startswith("ended after epoch 3 with the best weights so far: the loss")
    with pytest.raises(TrainingDiverged):
        stopped_on([math.nan], 5)


def test_a_fit_is_the_plain_loop_stopped_early() -> None:
    """`fit` trains as the loop does, and its network scores what its best epoch scored."""
    params = dataclasses.replace(SMALL, lr=0.05)
    network = build_network(3, params, 7)
    found = fit(network, params, TRAIN, VALIDATION, SETTINGS, patience=2, max_epochs=30)
    same = losses(epochs(params, count=30))[: len(found.curve.epochs)]
    assert losses(iter(found.curve.epochs)) == same
    assert len(found.curve.epochs) in {30, found.curve.best_epoch + 2}
    assert (
        mean_squared_error(forecast(found.network, VALIDATION), VALIDATION) == found.curve.best_loss
    )


def test_device_is_resolved() -> None:
    """A named device is taken as it is; auto is cuda only where there is one."""
    assert resolve_device("cpu") == "cpu"
    assert resolve_device("auto") == ("cuda" if torch.cuda.is_available() else "cpu")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_missing_gpu_is_refused() -> None:
    """A missing GPU is a configuration error."""
    with pytest.raises(ConfigError, match=r"device cuda needs a GPU.*set device to auto"):
        resolve_device("cuda")


def test_defaults_train_as_a_plain_adam_loop() -> None:
    """Without extensions every loss is that of the textbook loop, bit for bit."""
    network = build_network(3, SMALL, 7)
    adam = torch.optim.Adam(network.parameters(), lr=SMALL.lr)
    order, expected = torch.Generator().manual_seed(7), []
    with torch.random.fork_rng():
        torch.manual_seed(7)
        for _ in range(3):
            network.train()
            total = torch.zeros((), dtype=torch.float64)
            for samples in torch.randperm(len(TRAIN), generator=order).split(SMALL.batch_size):
                windows, labels = TRAIN.batch(samples)
                adam.zero_grad()
                loss = torch.nn.functional.mse_loss(network(windows), labels)
                loss.backward()
                torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
                adam.step()
                total += loss.detach() * len(samples)
            train_loss = total.item() / len(TRAIN)
            expected.append(
                (train_loss, mean_squared_error(forecast(network, VALIDATION), VALIDATION))
            )
    assert losses(epochs()) == expected


@pytest.mark.parametrize(
    "change",
    [
        {"bidirectional": True},
        {"layer_norm": True},
        {"recurrent_dropout": 0.3},
        {"optimiser": "sgd"},
        {"optimiser": "adamw", "weight_decay": 0.1},
        {"weight_decay": 0.1},
        {"gradient_noise": 0.1},
        {"layer_lr_decay": 0.5},
        {"warmup_share": 0.2},
        {"jitter": 0.1},
    ],
)
def test_every_extension_changes_the_training_and_keeps_it_seeded(change: dict[str, Any]) -> None:
    """Each extension gives other losses than the defaults, and the same ones every time."""
    params = dataclasses.replace(SMALL, **change)
    found = losses(epochs(params))
    assert found == losses(epochs(params))
    assert found != losses(epochs())


@pytest.mark.parametrize(
    "change", [{}, {"bidirectional": True}, {"layer_norm": True}, {"recurrent_dropout": 0.3}]
)
def test_bf16_trains_nearly_as_fp32_does(change: dict[str, Any], bf16: None) -> None:
    """In bfloat16 every kind of network learns, near the fp32 losses, and keeps fp32 weights."""
    params = dataclasses.replace(SMALL, dropout=0.0, **change)
    network = build_network(3, params, seed=7)
    settings = TrainingSettings(7, 1.0, precision="bf16")
    half = losses(train_epochs(network, params, TRAIN, VALIDATION, settings, 3))
    full = losses(epochs(params))
    assert half != full
    assert np.array(half) == pytest.approx(np.array(full), rel=0.02)
    assert {weight.dtype for weight in network.parameters()} == {torch.float32}
    assert mean_squared_error(forecast(network, VALIDATION), VALIDATION) == half[-1][1]


def test_jitter_affects_only_training() -> None:
    """With a learning rate of next to nothing, jitter changes the train loss and no evaluation."""
    still = dataclasses.replace(SMALL, dropout=0.0, lr=1e-30)
    (plain,) = losses(epochs(still, count=1))
    (jittered,) = losses(epochs(dataclasses.replace(still, jitter=0.5), count=1))
    assert jittered[0] != plain[0]
    assert jittered[1] == plain[1]


def test_jitter_leaves_the_data_alone() -> None:
    """The noise is on a batch's windows, drawn anew each time; the rows stay what they were."""
    before = TRAIN.rows.clone()
    list(epochs(dataclasses.replace(SMALL, jitter=0.5)))
    assert torch.equal(TRAIN.rows, before)


def test_warm_up_is_the_trials_however_long_the_training() -> None:
    """A longer training that names the trial's epochs starts as the trial did."""
    params = dataclasses.replace(SMALL, warmup_share=0.5)
    trial = losses(epochs(params, count=2))

    def long(schedule: int | None) -> list[tuple[float, float]]:
        network, settings = build_network(3, params, 7), TrainingSettings(7, 1.0)
        results = train_epochs(network, params, TRAIN, VALIDATION, settings, 6, schedule)
        return losses(results)[:2]

    assert long(2) == trial
    assert long(None) != trial
