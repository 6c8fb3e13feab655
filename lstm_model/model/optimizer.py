"""Update: from gradients to weights, with clipping, noise, warm-up and layer-wise rates."""

import torch
from torch import nn

from lstm_model.model.network import LSTMRegressor
from lstm_model.search.hyper_params import HyperParams
from lstm_model.shares import exact

NOISE_DECAY = 0.55
"""Exponent with which gradient noise decays, as in the paper."""


class Update:
    """Apply the gradients of one batch after another."""

    def __init__(
        self, network: LSTMRegressor, params: HyperParams, gradient_clip: float, warmup_steps: int
    ) -> None:
        self.optimiser = build_optimiser(network, params)
        self._weights = list(network.parameters())
        self._clip = gradient_clip
        self._noise = params.gradient_noise
        self._warmup_steps = warmup_steps
        self._rates = [group["lr"] for group in self.optimiser.param_groups]
        self._step = 0

    def zero_grad(self) -> None:
        """Clear the last batch's gradients."""
        self.optimiser.zero_grad(set_to_none=True)

    def step(self) -> None:
        """Update the weights from their gradients; noise uses torch's global random state."""
        nn.utils.clip_grad_norm_(self._weights, self._clip)
        if self._noise:
            add_noise(self._weights, noise_sd(self._noise, self._step))
        if self._step <= self._warmup_steps:
            share = warmup_factor(self._step, self._warmup_steps)
            for group, rate in zip(self.optimiser.param_groups, self._rates, strict=True):
                group["lr"] = rate * share
        self.optimiser.step()
        self._step += 1


def build_optimiser(network: LSTMRegressor, params: HyperParams) -> torch.optim.Optimizer:
    """Build the optimiser of all weights; the k-th layer below the head has rate lr * decay**k.

    Kingma & Ba (2015), "Adam"; Loshchilov & Hutter (2019), "Decoupled Weight Decay
    Regularization"; layer-wise rates: Howard & Ruder (2018), "Universal Language Model
    Fine-tuning".
    """
    groups: list[dict[str, object]] = [{"params": list(network.parameters())}]
    if params.layer_lr_decay != 1.0:
        groups = [
            {"params": layer, "lr": params.lr * params.layer_lr_decay**below}
            for below, layer in enumerate(network.layers_from_head())
        ]
    decay = params.weight_decay
    if params.optimiser == "sgd":
        return torch.optim.SGD(groups, lr=params.lr, momentum=params.momentum, weight_decay=decay)
    kind = torch.optim.AdamW if params.optimiser == "adamw" else torch.optim.Adam
    return kind(groups, lr=params.lr, weight_decay=decay)


def warmup_steps(params: HyperParams, sample_count: int, epochs: int) -> int:
    """Return the steps over which the learning rate rises: a share of those of `epochs` epochs."""
    batches = -(-sample_count // params.batch_size)
    return round(exact(params.warmup_share) * epochs * batches)


def warmup_factor(step: int, steps: int) -> float:
    """Return the share of the learning rate at a step, counted from 0: 1/steps, 2/steps, ... 1.

    Goyal et al. (2017), "Accurate, Large Minibatch SGD".
    """
    return min(1.0, (step + 1) / steps) if steps else 1.0


def noise_sd(first: float, step: int) -> float:
    """Return the noise's standard deviation at a step; its square decays as 1/(1 + step)**0.55.

    Neelakantan et al. (2015), "Adding Gradient Noise Improves Learning for Very Deep Networks",
    where eta is `first` squared.
    """
    return float(first * (1 + step) ** (-NOISE_DECAY / 2))


def add_noise(weights: list[nn.Parameter], sd: float) -> None:
    """Add independent Gaussian noise to every gradient, in place."""
    for weight in weights:
        if weight.grad is not None:
            weight.grad.add_(torch.randn_like(weight.grad), alpha=sd)
