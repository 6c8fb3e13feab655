"""The newest forecast of each ticker in parts, from raw bars: panels, embeddings and series."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from lstm_model.config.loader import parse_config
from lstm_model.config.pipeline import FeaturesConfig
from lstm_model.data.bars import Bars, join_panel
from lstm_model.data.cleaning import clean_bars
from lstm_model.data.scaling import Scaler
from lstm_model.model.bundle import Bundle
from lstm_model.model.training import build_network
from lstm_model.search.hyper_params import HyperParams
from tasks.champion.why import explain_bars
from tasks.data.sources.bundled import BundledSource


@pytest.fixture(scope="module")
def panel() -> Bars:
    """Three stretches of real bars as three tickers that end on the same days."""
    raw = BundledSource().fetch("^GSPC", None, None)
    days = raw["date"].tail(330).to_numpy()
    parts = [
        clean_bars(raw.iloc[start : start + 330].assign(date=days), ticker)
        for ticker, start in (("B", 900), ("A", 2200), ("V", 3000))
    ]
    return join_panel(parts)


def model(features: FeaturesConfig, names: tuple[str, ...], embedding: int = 0) -> Bundle:
    params = HyperParams(hidden_size=6, num_layers=1, ticker_embedding=embedding)
    networks = tuple(build_network(len(names), params, seed, ticker_count=2) for seed in (1, 2))
    if embedding:
        for network in networks:
            assert network.ticker_embedding is not None
            with torch.no_grad():
                network.ticker_embedding.vectors.copy_(torch.tensor([[2.0, -1.0], [-1.0, 3.0]]))
            network.ticker_embedding.see(torch.tensor([0, 1]))
    count = len(names)
    return Bundle(
        networks=networks, params=params,
        scaler=Scaler(np.full(count, -9.5), np.full(count, 2.0), -1.0, 1.1, None, (0.4, 0.3, 0.2)),
        features=features, feature_names=names, window_length=30, target_kind="log_volatility",
        horizon=1, tickers=("A", "B"),
    )  # fmt: skip


HAR = ("log_variance", "log_variance5", "log_variance22")


@pytest.mark.parametrize("embedding", [0, 2])
def test_each_ticker_has_the_parts_of_its_newest_forecast(panel: Bars, embedding: int) -> None:
    """For every ticker of a panel, known to the embedding or not, the parts are its last row."""
    bundle = model(FeaturesConfig(sets=("har",)), HAR, embedding)
    table = bundle.forecast_bars(panel.frame).groupby("ticker", sort=False).tail(1)
    found = explain_bars(bundle, panel.frame)
    assert list(found) == ["B", "A", "V"]
    for ticker, forecast in zip(table["ticker"], table["forecast"], strict=True):
        why = found[ticker]
        assert why.forecast == pytest.approx(forecast, abs=1e-5)
        parts = (why.har or 0.0) + why.baseline + why.contributions.sum()
        assert parts == pytest.approx(forecast, abs=1e-4)
        alone = explain_bars(bundle, panel.frame[panel.frame["ticker"] == ticker])
        np.testing.assert_allclose(
            alone[ticker].contributions, why.contributions, rtol=0, atol=1e-9
        )
    assert len({round(why.baseline, 9) for why in found.values()}) == (3 if embedding else 1)


def test_columns_of_a_series_have_parts_and_the_series_none(panel: Bars) -> None:
    """An exogenous ticker is used and not forecast, so it has columns and no forecast to split."""
    features = parse_config({
        "data": {"tickers": ["A", "B"], "market": "XNYS"},
        "features": {"sets": ["har"], "exogenous": [{"ticker": "V", "columns": ["log_change"],
                                                     "market": "XNYS"}]},
    }).features  # fmt: skip
    bundle = replace(model(features, (*HAR, "V_log_change")), market="XNYS")
    found = explain_bars(bundle, panel.frame)
    assert set(found) == {"A", "B"}
    names = [name for name, _ in found["A"].by_feature()]
    assert sorted(names) == sorted(bundle.feature_names)
    assert dict(found["A"].by_feature())["V_log_change"] != 0


def test_the_bars_behind_a_forecast_are_those_that_are_explained(panel: Bars) -> None:
    """A change of the newest bar moves its part, and a change before the window moves nothing."""
    bundle = model(FeaturesConfig(sets=("har",)), HAR)
    only = panel.where((panel.frame["ticker"] == "A").to_numpy())
    before = explain_bars(bundle, only.frame)["A"]
    frame = only.frame.copy()
    frame.loc[frame.index[-1], "high"] *= 1.02
    after = explain_bars(bundle, frame)["A"]
    moved = np.abs(after.contributions - before.contributions)
    assert moved[0].max() == moved.max() > 1e-3
    frame = only.frame.copy()
    frame.loc[frame.index[:200], "high"] *= 1.02
    same = explain_bars(bundle, frame)["A"]
    np.testing.assert_allclose(same.contributions, before.contributions, rtol=0, atol=1e-6)
