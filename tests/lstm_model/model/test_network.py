"""Claims about the network: its size, its shape, and where dropout acts."""

import dataclasses

import pytest
import torch

from lstm_model.model.network import LSTMRegressor, parameter_count
from lstm_model.model.training import build_network
from lstm_model.search.hyper_params import HyperParams


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
@pytest.mark.parametrize("kind", [{}, {"bidirectional": True}, {"layer_norm": True}])
def test_count_is_the_networks(
    inputs: int, hidden: int, layers: int, kind: dict[str, bool]
) -> None:
    """The formula counts what the network holds."""
    params = HyperParams(hidden_size=hidden, num_layers=layers, **kind)
    network = LSTMRegressor(inputs, params)
    assert parameter_count(inputs, params) == sum(p.numel() for p in network.parameters())
    assert all(p.requires_grad for p in network.parameters())


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize(("dropout", "differs"), [(0.5, True), (0.0, False)])
def test_dropout_acts_at_every_depth(layers: int, dropout: float, differs: bool) -> None:
    """Two passes differ only in training with dropout above zero, also with a single layer."""
    params = HyperParams(hidden_size=16, num_layers=layers, dropout=dropout)
    network = build_network(3, params, seed=1)
    windows = torch.randn(5, 4, 3, generator=torch.Generator().manual_seed(1))
    network.train()
    assert torch.equal(network(windows), network(windows)) is not differs
    network.eval()
    assert torch.equal(network(windows), network(windows))


@pytest.mark.parametrize("count", [1, 5])
def test_one_forecast_a_window(count: int) -> None:
    """A batch of windows gives one number per window, even if there is only one."""
    network = build_network(3, HyperParams(hidden_size=4), seed=1)
    assert network(torch.zeros(count, 7, 3)).shape == (count,)


def test_weights_depend_on_the_seed_alone() -> None:
    """The same seed always gives the same weights, also after other draws; another seed differs."""
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


def windows_of(length: int, count: int = 5) -> torch.Tensor:
    return torch.randn(count, length, 3, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("layers", [1, 2])
def test_defaults_are_one_plain_lstm(layers: int) -> None:
    """Without extensions the network is `nn.LSTM` and a head on its last state, bit for bit."""
    params = HyperParams(hidden_size=8, num_layers=layers, dropout=0.0)
    network = build_network(3, params, seed=1)
    with torch.random.fork_rng():
        torch.manual_seed(1)
        lstm, head = torch.nn.LSTM(3, 8, layers, batch_first=True), torch.nn.Linear(8, 1)
    expected = head(lstm(windows_of(6))[0][:, -1])[:, 0]
    assert torch.equal(network(windows_of(6)), expected)
    assert list(network.state_dict()) == [
        *(f"lstm.{name}" for name in lstm.state_dict()),
        "head.weight",
        "head.bias",
    ]


@pytest.mark.parametrize("layer_norm", [False, True])
def test_bidirectional_reads_both_last_states(layer_norm: bool) -> None:
    """The head reads the forward state at the newest bar and the backward one at the oldest."""
    params = HyperParams(
        hidden_size=4, num_layers=1, dropout=0.0, bidirectional=True, layer_norm=layer_norm
    )
    network = build_network(3, params, seed=1).eval()
    lstm = network.lstm[0] if layer_norm else network.lstm
    states, (last, _) = lstm(windows_of(6))
    if layer_norm:
        states = torch.nn.functional.layer_norm(states, (8,))
        both = torch.cat([states[:, -1, :4], states[:, 0, 4:]], dim=1)
    else:
        both = torch.cat([last[0], last[1]], dim=1)
    torch.testing.assert_close(network(windows_of(6)), network.head(both)[:, 0])


@pytest.mark.parametrize("layers", [1, 3])
def test_layer_norm_evens_out_every_layer(layers: int) -> None:
    """Each layer hands on states of mean 0 and variance 1 over its units."""
    params = HyperParams(hidden_size=64, num_layers=layers, dropout=0.0, layer_norm=True)
    network = build_network(3, params, seed=1)
    handed_on: list[torch.Tensor] = []
    for norm in network.norms:
        norm.register_forward_hook(lambda _module, _inputs, output: handed_on.append(output))
    network(windows_of(6))
    assert len(handed_on) == layers
    for states in handed_on:
        assert states.mean(dim=-1).abs().max() < 1e-5
        assert (states.var(dim=-1, correction=0) - 1).abs().max() < 0.05


def test_layer_norm_keeps_dropout_between_layers() -> None:
    """With layer norm, too, dropout acts between layers: a head that ignores it still varies."""
    params = HyperParams(hidden_size=16, num_layers=2, dropout=0.5, layer_norm=True)
    network = build_network(3, params, seed=1)
    upper = network.lstm[1]
    seen: list[torch.Tensor] = []
    upper.register_forward_pre_hook(lambda _module, inputs: seen.append(inputs[0]))
    network(windows_of(6))
    assert 0.3 < (seen[0] == 0).float().mean() < 0.7


@pytest.mark.parametrize("kind", [{}, {"bidirectional": True}, {"layer_norm": True}])
def test_recurrent_dropout_drops_hidden_to_hidden_weights(kind: dict[str, bool]) -> None:
    """It acts from the second bar on, where there is a state to hand over, and only in training."""
    params = HyperParams(hidden_size=16, num_layers=2, dropout=0.0, recurrent_dropout=0.5, **kind)
    network = build_network(3, params, seed=1)
    plain = build_network(3, dataclasses.replace(params, recurrent_dropout=0.0), seed=1)
    assert torch.equal(network(windows_of(1)), plain(windows_of(1)))
    assert not torch.equal(network(windows_of(6)), network(windows_of(6)))
    network.eval()
    assert torch.equal(network(windows_of(6)), plain(windows_of(6)))


def test_dropped_weights_learn_nothing() -> None:
    """A hidden-to-hidden weight that was dropped gets no gradient; every other weight gets one."""
    params = HyperParams(hidden_size=16, num_layers=1, dropout=0.0, recurrent_dropout=0.5)
    network = build_network(3, params, seed=1)
    network(windows_of(6)).sum().backward()
    gradients = {name: p.grad for name, p in network.named_parameters()}
    zeros = {name: float((grad == 0).float().mean()) for name, grad in gradients.items()}
    assert 0.4 < zeros.pop("lstm.weight_hh_l0") < 0.6
    assert max(zeros.values()) == 0.0


@pytest.mark.parametrize("kind", [{}, {"bidirectional": True}, {"layer_norm": True}])
@pytest.mark.parametrize("layers", [1, 3])
def test_layers_from_head_hold_every_parameter_once(layers: int, kind: dict[str, bool]) -> None:
    """The head comes first, the layer that reads the features last, and nothing is missing."""
    network = build_network(3, HyperParams(hidden_size=4, num_layers=layers, **kind), seed=1)
    found = network.layers_from_head()
    assert len(found) == layers + 1
    assert found[0][0] is network.head.weight
    assert found[-1][0].shape == (16, 3)
    assert {id(p) for layer in found for p in layer} == {id(p) for p in network.parameters()}
    assert sum(map(len, found)) == len(list(network.parameters()))
