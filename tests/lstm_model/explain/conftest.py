"""A model that has learnt a planted rule: the label is one feature at one bar."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch

from lstm_model.config.pipeline import FeaturesConfig
from lstm_model.data.views import Rows, SearchView
from lstm_model.data.windows import WindowSet, scale_view
from lstm_model.model.bundle import Bundle
from lstm_model.model.network import LSTMRegressor
from lstm_model.model.training import TrainingSettings, build_network, train_epochs
from lstm_model.search.hyper_params import HyperParams

NAMES = ("calm", "loud", "ignored", "rule")
LENGTH, LAG = 6, 3
"""Bars of a window, and the bar, counted from the last one, on which the label depends."""

Samples = tuple[WindowSet, np.ndarray]


@dataclass(frozen=True)
class Planted:
    """A model, rows that it was not trained on, and the samples among them."""

    bundle: Bundle
    rows: Rows
    ends: np.ndarray

    def samples(self, count: int) -> Samples:
        """Return the windows and HAR's terms of the last samples."""
        ends = self.ends[-count:]
        codes = self.bundle.codes_of(self.rows.tickers)[self.rows.ticker_of_row[ends]]
        return self.bundle.windows(self.rows.features, ends, codes), self.rows.har_terms[ends]


def planted_rows(seed: int, tickers: int, har: bool) -> Rows:
    """Rows of a panel whose label is `rule` at bar 3, with a level per ticker, in odd units."""
    draws = np.random.default_rng(seed)
    count = 1200 * tickers
    features = draws.normal((5, -3, 0, 40), (2, 900, 1, 0.5), (count, 4)).astype(np.float32)
    terms = draws.normal(-9, 1, (count, 3))
    rule = np.roll((features[:, 3].astype(float) - 40) / 0.5, LAG - 1)
    ticker_of_row = np.repeat(np.arange(tickers), 1200)
    labels = -9 + 0.3 * rule + 0.6 * ticker_of_row + 0.03 * draws.normal(size=count)
    if har:
        labels = labels + 0.5 * terms[:, 0] + 0.2 * terms[:, 2]
    return Rows(
        tickers=tuple(f"T{code}" for code in range(tickers)),
        feature_names=NAMES,
        window_length=LENGTH,
        ticker_of_row=ticker_of_row,
        dates=np.tile(np.arange(1200), tickers),
        features=features,
        labels=labels,
        label_ends=np.tile(np.arange(1200) + 1, tickers),
        last_values=draws.normal(size=count),
        har_terms=terms,
        log_returns=draws.normal(0, 0.01, count),
        har_skip=har,
    )


def without_column(network: LSTMRegressor, column: int) -> None:
    """Cut a column off, so that nothing depends on it."""
    with torch.no_grad():
        for name, weight in network.named_parameters():
            if "weight_ih_l0" in name:
                weight[:, column] = 0


def learn(har: bool, tickers: int) -> Planted:
    """Train two networks on the rule, and cut one column off."""
    rows = planted_rows(1, tickers, har)
    place = np.arange(len(rows.dates)) % 1200
    inside = place >= LENGTH - 1
    train = np.flatnonzero(inside & (place < 1000))
    validation = np.flatnonzero(place >= 1000)
    embedding = 2 if tickers > 1 else 0
    params = HyperParams(
        hidden_size=12, num_layers=1, dropout=0.0, lr=2e-2, batch_size=64,
        ticker_embedding=embedding,
    )  # fmt: skip
    view = scale_view(SearchView(rows, train, validation), params)
    networks = []
    for seed in (1, 2):
        network = build_network(4, params, seed, ticker_count=tickers, zero_head=view.zero_head)
        for _ in train_epochs(network, params, view.train, None, TrainingSettings(seed, 1.0), 8):
            pass
        without_column(network, NAMES.index("ignored"))
        networks.append(network.eval())
    bundle = Bundle(
        networks=tuple(networks), params=params, scaler=view.scaler, features=FeaturesConfig(),
        feature_names=NAMES, window_length=LENGTH, target_kind="log_volatility", horizon=1,
        tickers=rows.tickers,
    )  # fmt: skip
    held_out = planted_rows(2, tickers, har)
    return Planted(bundle, held_out, np.flatnonzero(inside))


@pytest.fixture(scope="session")
def planted() -> Planted:
    """Return a model of one ticker that forecasts the whole label."""
    return learn(har=False, tickers=1)


@pytest.fixture(scope="session")
def planted_panel() -> Planted:
    """Return a model of two tickers, with an embedding, that corrects HAR."""
    return learn(har=True, tickers=2)


@pytest.fixture
def untrained() -> Callable[..., Planted]:
    """Return a model with draws for weights, of any kind, on the planted rows."""

    def model(scaling: str = "standard", har: bool = False, **kind: int | float | bool) -> Planted:
        rows = planted_rows(3, 2, har)
        ends = np.flatnonzero(np.arange(len(rows.dates)) % 1200 >= LENGTH - 1)
        params = replace(HyperParams(hidden_size=8, feature_scaling=scaling), **kind)
        scaler = scale_view(SearchView(rows, ends[:1000], ends[1000:]), params).scaler
        networks = []
        for seed in (1, 2, 3):
            network = build_network(4, params, seed, ticker_count=2)
            with torch.no_grad():  # far from linear
                for name, weight in network.named_parameters():
                    weight.mul_(1 if "norm" in name else 4)
                if network.ticker_embedding is not None:
                    vectors = network.ticker_embedding.vectors
                    vectors.copy_(torch.tensor([[1.0, -1.0], [0.5, 2.0]]))
                    network.ticker_embedding.see(torch.tensor([0, 1]))
            networks.append(network)
        bundle = Bundle(
            networks=tuple(networks), params=params, scaler=scaler, features=FeaturesConfig(),
            feature_names=NAMES, window_length=LENGTH, target_kind="log_volatility", horizon=1,
            tickers=rows.tickers,
        )  # fmt: skip
        return Planted(bundle, rows, ends)

    return model
