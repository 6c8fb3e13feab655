"""Claims about the network: its size, its shape, and where dropout acts."""

import pytest
import torch

from lstm_model.network import LSTMRegressor, parameter_count
from lstm_model.search_space import HyperParams
from lstm_model.training import build_network


@pytest.mark.parametrize(
    ("hidden", "layers", "lstm_only"),
    [(64, 1, 20_992), (128, 2, 206_848), (256, 3, 1_333_248), (256, 2, 806_912)],
)
def test_counts_of_table_5(hidden: int, layers: int, lstm_only: int) -> None:
    """At sixteen inputs the seed document's Table 5 rows have these parameters, plus the head's."""
    params = HyperParams(hidden_size=hidden, num_layers=layers)
    assert parameter_count(16, params) == lstm_only + hidden + 1


@pytest.mark.parametrize("inputs", [1, 16])
@pytest.mark.parametrize("hidden", [1, 64, 192])
@pytest.mark.parametrize("layers", [1, 2, 3])
def test_count_is_the_networks(inputs: int, hidden: int, layers: int) -> None:
    """The formula counts what the network holds."""
    params = HyperParams(hidden_size=hidden, num_layers=layers)
    network = LSTMRegressor(inputs, params)
    assert parameter_count(inputs, params) == sum(p.numel() for p in network.parameters())
    assert all(p.requires_grad for p in network.parameters())


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize(("dropout", "differs"), [(0.5, True), (0.0, False)])
def test_dropout_acts_at_every_depth(layers: int, dropout: float, differs: bool) -> None:
    """In training two passes differ, at one layer too, unless dropout is zero; else never."""
    params = HyperParams(hidden_size=16, num_layers=layers, dropout=dropout)
    network = build_network(3, params, seed=1)
    windows = torch.randn(5, 4, 3, generator=torch.Generator().manual_seed(1))
    network.train()
    assert torch.equal(network(windows), network(windows)) is not differs
    network.eval()
    assert torch.equal(network(windows), network(windows))


@pytest.mark.parametrize("count", [1, 5])
def test_one_forecast_a_window(count: int) -> None:
    """A batch of windows gives as many numbers, one window too."""
    network = build_network(3, HyperParams(hidden_size=4), seed=1)
    assert network(torch.zeros(count, 7, 3)).shape == (count,)


def test_weights_depend_on_the_seed_alone() -> None:
    """The same seed gives the same weights whatever was drawn before; another gives others."""
    params = HyperParams(hidden_size=4)
    first = build_network(3, params, seed=1)
    state = torch.get_rng_state()
    torch.rand(3)
    again, other = build_network(3, params, seed=1), build_network(3, params, seed=2)
    assert torch.equal(first.head.weight, again.head.weight)
    assert not torch.equal(first.head.weight, other.head.weight)
    torch.set_rng_state(state)
    build_network(3, params, seed=1)
    assert torch.equal(torch.get_rng_state(), state)
