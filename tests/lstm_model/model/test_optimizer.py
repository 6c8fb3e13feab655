"""Claims about updates: each parameter of the optimiser does what its name says, by hand."""

import dataclasses
import math

import pytest
import torch

from lstm_model.model.network import LSTMRegressor
from lstm_model.model.optimizer import Update, noise_sd, warmup_factor, warmup_steps
from lstm_model.model.training import build_network
from lstm_model.search.hyper_params import HyperParams

SGD = HyperParams(hidden_size=4, num_layers=2, dropout=0.0, lr=0.1, optimiser="sgd", momentum=0.0)
FAR = 1e9
"""A gradient clip that nothing reaches."""

Moves = list[torch.Tensor]


def moves(
    params: HyperParams, steps: int = 1, gradient: float = 1.0, clip: float = FAR, warmup: int = 0
) -> tuple[LSTMRegressor, list[Moves]]:
    """Apply the same gradient to every weight a few times; return each weight's moves."""
    network = build_network(3, params, seed=1)
    update = Update(network, params, clip, warmup)
    found = []
    for _ in range(steps):
        before = [p.detach().clone() for p in network.parameters()]
        update.zero_grad()
        for weight in network.parameters():
            weight.grad = torch.full_like(weight, gradient)
        update.step()
        after = list(network.parameters())
        found.append([(a.detach() - b) for a, b in zip(after, before, strict=True)])
    return network, found


def assert_moved(found: Moves, expected: float) -> None:
    for moved in found:
        torch.testing.assert_close(moved, torch.full_like(moved, expected), rtol=1e-4, atol=1e-6)


def changed(**values: object) -> HyperParams:
    return dataclasses.replace(SGD, **values)


def test_sgd_without_momentum_steps_along_the_gradient() -> None:
    """A step is the gradient times the learning rate and does not depend on earlier steps."""
    _, steps = moves(SGD, steps=3, gradient=0.5)
    for found in steps:
        assert_moved(found, -0.05)


def test_momentum_carries_earlier_steps_on() -> None:
    """The k-th step under a steady gradient is 1 + m + ... + m**k times the first."""
    _, steps = moves(changed(momentum=0.5), steps=3)
    for found, expected in zip(steps, (-0.1, -0.15, -0.175), strict=True):
        assert_moved(found, expected)


def test_momentum_acts_with_sgd_alone() -> None:
    """Adam's steps are the same whatever the momentum."""
    one = moves(changed(optimiser="adam", momentum=0.0), steps=3)[1]
    other = moves(changed(optimiser="adam", momentum=0.9), steps=3)[1]
    for found, expected in zip(one, other, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))


@pytest.mark.parametrize("optimiser", ["adam", "adamw"])
def test_adam_steps_by_the_learning_rate(optimiser: str) -> None:
    """Adam's first step has the length of the learning rate, for any gradient."""
    for gradient in (1e-3, 10.0):
        _, (found,) = moves(changed(optimiser=optimiser), gradient=gradient)
        assert_moved(found, -0.1)


@pytest.mark.parametrize("optimiser", ["sgd", "adamw"])
def test_weight_decay_pulls_towards_zero(optimiser: str) -> None:
    """Without a gradient, weights shrink by lr times the decay in each step."""
    params = changed(optimiser=optimiser, weight_decay=0.5)
    network, (found,) = moves(params, gradient=0.0)
    for weight, moved in zip(network.parameters(), found, strict=True):
        torch.testing.assert_close(weight.detach(), (weight.detach() - moved) * 0.95)


def test_adams_decay_goes_through_the_gradient() -> None:
    """With adam the decay is a gradient like any, so weights step by the learning rate."""
    network, (found,) = moves(changed(optimiser="adam", weight_decay=0.5), gradient=0.0)
    for weight, moved in zip(network.parameters(), found, strict=True):
        far = (weight.detach() - moved).abs() > 1e-3
        torch.testing.assert_close(
            moved[far], -0.1 * (weight.detach() - moved)[far].sign(), rtol=1e-3, atol=1e-6
        )


@pytest.mark.parametrize("kind", [{}, {"layer_norm": True}, {"bidirectional": True}])
def test_layers_learn_at_their_own_rates(kind: dict[str, bool]) -> None:
    """The k-th layer below the head moves by decay**k of what the head moves."""
    network, (found,) = moves(changed(layer_lr_decay=0.5, num_layers=3, **kind))
    moved = dict(zip(network.parameters(), found, strict=True))
    for below, layer in enumerate(network.layers_from_head()):
        assert_moved([moved[weight] for weight in layer], -0.1 * 0.5**below)


def test_warm_up_rises_to_the_learning_rate() -> None:
    """Over n steps the rate rises from lr / n to lr, and stays there."""
    _, steps = moves(SGD, steps=6, warmup=4)
    for found, share in zip(steps, (0.25, 0.5, 0.75, 1.0, 1.0, 1.0), strict=True):
        assert_moved(found, -0.1 * share)


def test_warm_up_keeps_the_layers_apart() -> None:
    """While the rate rises, a layer's is still `layer_lr_decay` of the one's above it."""
    network, (found,) = moves(changed(layer_lr_decay=0.5), warmup=4)
    moved = dict(zip(network.parameters(), found, strict=True))
    for below, layer in enumerate(network.layers_from_head()):
        assert_moved([moved[weight] for weight in layer], -0.025 * 0.5**below)


@pytest.mark.parametrize(
    ("share", "samples", "epochs", "steps"),
    [(0.0, 100, 5, 0), (0.1, 640, 5, 5), (0.1, 641, 10, 11), (1.0, 64, 3, 3)],
)
def test_warm_up_is_a_share_of_the_steps(
    share: float, samples: int, epochs: int, steps: int
) -> None:
    """Its length is the share of all batches, the last, smaller one of an epoch included."""
    assert warmup_steps(HyperParams(warmup_share=share, batch_size=64), samples, epochs) == steps
    assert warmup_factor(steps, steps) == 1.0


def test_gradient_noise_is_gaussian_of_its_sd() -> None:
    """Where the gradient is zero, the first step is noise of the given sd, times the rate."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        _, (found,) = moves(changed(gradient_noise=0.2, hidden_size=64), gradient=0.0)
    noise = torch.cat([moved.flatten() for moved in found]) / 0.1
    assert float(noise.mean()) == pytest.approx(0.0, abs=0.005)
    assert float(noise.std()) == pytest.approx(0.2, rel=0.02)


def test_gradient_noise_comes_after_clipping() -> None:
    """A gradient that is clipped to nothing leaves the noise as large as it was."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        _, (found,) = moves(changed(gradient_noise=0.2, hidden_size=64), clip=1e-9)
    noise = torch.cat([moved.flatten() for moved in found]) / 0.1
    assert float(noise.std()) == pytest.approx(0.2, rel=0.02)


def test_gradient_noise_fades() -> None:
    """The noise's variance falls as 1 / (1 + t)**0.55, in the formula and in the steps taken."""
    for step in (0, 1, 9, 999):
        assert noise_sd(0.2, step) ** 2 == pytest.approx(0.04 / (1 + step) ** 0.55)
    with torch.random.fork_rng():
        torch.manual_seed(3)
        _, steps = moves(changed(gradient_noise=0.2, hidden_size=64), steps=10, gradient=0.0)
    first, tenth = (float(torch.cat([m.flatten() for m in steps[k]]).std()) for k in (0, 9))
    assert tenth / first == pytest.approx(math.sqrt(10**-0.55), rel=0.03)


def test_no_noise_draws_nothing() -> None:
    """Without gradient noise an update leaves the random state as it is."""
    state = torch.get_rng_state()
    moves(SGD)
    assert torch.equal(torch.get_rng_state(), state)
