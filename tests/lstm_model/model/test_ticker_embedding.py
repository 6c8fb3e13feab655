"""Claims about the ticker embedding: it learns what tickers differ by, and off it costs nothing."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from lstm_model.config.loader import parse_config
from lstm_model.config.pipeline import FeaturesConfig
from lstm_model.data.scaling import Scaler
from lstm_model.data.windows import WindowSet
from lstm_model.errors import ConfigError
from lstm_model.model.bundle import Bundle, load_bundle, save_bundle
from lstm_model.model.network import LSTMRegressor, parameter_count
from lstm_model.model.ticker_embedding import UNKNOWN, TickerEmbedding
from lstm_model.model.training import TrainingSettings, build_network, forecast, train_epochs
from lstm_model.search.hyper_params import HyperParams

SMALL = HyperParams(hidden_size=8, num_layers=1, dropout=0.2, lr=1e-2, batch_size=16)
WIDE = dataclasses.replace(SMALL, dropout=0.0, ticker_embedding=2)
LEVELS = torch.tensor([-1.0, 0.0, 1.0])


def panel_task(first: int, count: int, tickers: int = 3) -> WindowSet:
    """Windows whose label is the level of their ticker, which no feature shows."""
    rows = torch.randn(900, 3, generator=torch.Generator().manual_seed(0))
    ends = torch.arange(first, first + count)
    codes = ends % tickers
    return WindowSet(rows, ends, LEVELS[codes], 4, codes)


TRAIN, VALIDATION = panel_task(10, 300), panel_task(400, 90)


def train(params: HyperParams, train: WindowSet, epochs: int = 3) -> tuple[LSTMRegressor, list]:
    network = build_network(3, params, seed=7, ticker_count=3)
    results = train_epochs(network, params, train, VALIDATION, TrainingSettings(7, 1.0), epochs)
    return network, [(result.train_loss, result.validation_loss) for result in results]


def equal(one: dict[str, Tensor], two: dict[str, Tensor]) -> bool:
    return one.keys() == two.keys() and all(torch.equal(one[name], two[name]) for name in one)


def test_without_it_the_network_is_the_plain_one() -> None:
    """Absent or 0: the weights are those of an LSTM and a head drawn from the seed, bit for bit."""
    with torch.random.fork_rng():
        torch.manual_seed(7)
        lstm, head = nn.LSTM(3, 8, batch_first=True), nn.Linear(8, 1)
    plain = {f"lstm.{name}": value for name, value in lstm.state_dict().items()}
    plain |= {f"head.{name}": value for name, value in head.state_dict().items()}
    for params in (SMALL, dataclasses.replace(SMALL, ticker_embedding=0)):
        network = build_network(3, params, seed=7, ticker_count=3)
        assert network.ticker_embedding is None
        assert equal(network.state_dict(), plain)


def test_without_it_losses_and_weights_do_not_depend_on_tickers() -> None:
    """Absent or 0: a training is bit-equal whether or not the samples name their tickers."""
    nameless = dataclasses.replace(TRAIN, tickers=None)
    absent, expected = train(SMALL, nameless)
    zero, found = train(dataclasses.replace(SMALL, ticker_embedding=0), TRAIN)
    assert found == expected
    assert equal(zero.state_dict(), absent.state_dict())


def test_zero_is_not_recorded() -> None:
    """A configuration without an embedding is recorded as before the parameter existed."""
    assert "ticker_embedding" not in HyperParams(ticker_embedding=0).to_dict()
    assert HyperParams(ticker_embedding=4).to_dict()["ticker_embedding"] == 4
    with pytest.raises(ValueError, match="ticker_embedding must be >= 0 and finite but is -1"):
        HyperParams(ticker_embedding=-1)


@pytest.mark.parametrize("layer_norm", [False, True])
def test_it_learns_what_the_features_do_not_show(layer_norm: bool) -> None:
    """Labels that depend on the ticker alone are learnt with an embedding, and not without."""
    params = dataclasses.replace(WIDE, layer_norm=layer_norm)
    _, with_it = train(params, TRAIN, 30)
    _, without = train(dataclasses.replace(params, ticker_embedding=0), TRAIN, 30)
    assert with_it[-1][1] < 0.05
    assert without[-1][1] > 0.5


def test_untrained_it_treats_tickers_alike() -> None:
    """All vectors start at zero."""
    network = build_network(3, WIDE, seed=7, ticker_count=3).eval()
    windows = torch.randn(1, 4, 3).expand(4, -1, -1)
    forecasts = network(windows, torch.tensor([0, 1, 2, UNKNOWN]))
    assert len(torch.unique(forecasts)) == 1


def test_a_ticker_that_was_not_seen_gets_the_mean_vector() -> None:
    """A ticker without train samples, or outside of the panel, has the mean of those seen."""
    embedding = TickerEmbedding(4, 2)
    with torch.no_grad():
        embedding.vectors.copy_(torch.tensor([[1.0, 0.0], [3.0, 4.0], [9.0, 9.0], [9.0, 9.0]]))
    embedding.see(torch.tensor([0, 1, 1]))
    found = embedding(torch.tensor([0, 1, 2, 3, UNKNOWN]))
    mean = [2.0, 2.0]
    assert found.tolist() == [[1.0, 0.0], [3.0, 4.0], mean, mean, mean]


def test_training_remembers_the_tickers_it_saw() -> None:
    """A ticker whose history begins after train is not taken for a trained one."""
    network, _ = train(WIDE, panel_task(10, 200, tickers=2))
    assert network.ticker_embedding is not None
    assert network.ticker_embedding.seen.tolist() == [True, True, False]
    assert torch.equal(network.ticker_embedding.vectors[2], torch.zeros(2))


def test_samples_without_tickers_are_refused() -> None:
    """A network with an embedding does not guess whose window it reads."""
    with pytest.raises(ValueError, match="needs the samples' tickers but has none"):
        train(WIDE, dataclasses.replace(TRAIN, tickers=None))


@pytest.mark.parametrize("kind", [{}, {"bidirectional": True}, {"layer_norm": True}])
def test_count_and_layers_are_the_networks(kind: dict[str, bool]) -> None:
    """The formula counts the vectors and the wider input; each weight is in one layer."""
    params = HyperParams(hidden_size=8, num_layers=2, ticker_embedding=4, **kind)
    network = LSTMRegressor(5, params, ticker_count=7)
    weights = list(network.parameters())
    assert parameter_count(5, params, 7) == sum(weight.numel() for weight in weights)
    layers = network.layers_from_head()
    assert sorted(map(id, weights)) == sorted(id(w) for layer in layers for w in layer)
    assert network.ticker_embedding is not None
    assert any(w is network.ticker_embedding.vectors for w in layers[-1])


def test_a_bundle_keeps_vectors_and_tickers(tmp_path: Path) -> None:
    """A bundle read back forecasts bit for bit; tickers are found by their names."""
    network, _ = train(WIDE, TRAIN, 5)
    bundle = Bundle(
        networks=(network,),
        params=WIDE,
        scaler=Scaler(np.zeros(3), np.ones(3), 0.0, 1.0),
        features=FeaturesConfig(),
        feature_names=("a", "b", "c"),
        window_length=4,
        target_kind="log_return",
        horizon=1,
        tickers=("A", "B", "C"),
    )
    again = load_bundle(save_bundle(bundle, tmp_path))
    assert again.tickers == ("A", "B", "C")
    codes = again.codes_of(("C", "NEW", "A"))
    assert codes.tolist() == [2, UNKNOWN, 0]
    features = TRAIN.rows.numpy()[[0, 1, 2, 3] * 3]
    ends, terms = np.array([3, 7, 11]), np.empty((3, 0))
    for one in (bundle, again):
        (found,) = one.forecast_windows(one.windows(features, ends, codes), terms)
        np.testing.assert_array_equal(
            found, forecast(network, WindowSet(torch.from_numpy(features), torch.from_numpy(ends),
                                               torch.zeros(3), 4, torch.from_numpy(codes)))
        )  # fmt: skip
        assert found[0] > found[1] > found[2]


SPACE = {
    "lr": {"type": "float", "low": 1e-4, "high": 1e-2, "log": True},
    "ticker_embedding": {"type": "categorical", "choices": [0, 2, 4, 8]},
}


@pytest.mark.parametrize(
    ("tickers", "searched"), [(["A"], ["lr"]), (["A", "B"], ["lr", "ticker_embedding"])]
)
def test_it_is_searched_only_in_a_panel(tickers: list[str], searched: list[str]) -> None:
    """With one ticker the space is that without the parameter, so studies keep their keys."""
    config = parse_config({"data": {"tickers": tickers}, "search": {"space": SPACE}})
    assert list(config.active_space) == searched


def test_a_space_of_nothing_else_needs_a_panel() -> None:
    """If nothing is left to search, the configuration is refused with the remedy."""
    only = {"ticker_embedding": SPACE["ticker_embedding"]}
    parse_config({"data": {"tickers": ["A", "B"]}, "search": {"space": only}})
    with pytest.raises(ConfigError, match=r"needs a panel of two tickers or more .* has 1; search"):
        parse_config({"data": {"tickers": ["A"]}, "search": {"space": only}})
