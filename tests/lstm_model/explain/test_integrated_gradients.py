"""Claims about integrated gradients: the parts add up, and the rule is in the right place."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from lstm_model.explain import integrated_gradients as module
from lstm_model.explain.integrated_gradients import Attribution, integrated_gradients
from tests.lstm_model.explain.conftest import LAG, NAMES, Planted

KINDS: tuple[dict[str, Any], ...] = (
    {},
    {"har": True},
    {"scaling": "rank"},
    {"scaling": "robust", "har": True},
    {"num_layers": 2, "dropout": 0.3, "recurrent_dropout": 0.2},
    {"bidirectional": True, "layer_norm": True},
    {"ticker_embedding": 2, "har": True},
)


def attribute(model: Planted, count: int = 6, **options: int) -> tuple[Attribution, ...]:
    return integrated_gradients(model.bundle, *model.samples(count), **options)


@pytest.mark.parametrize("kind", ["planted", "planted_panel"])
def test_a_planted_rule_is_named_first(kind: str, request: pytest.FixtureRequest) -> None:
    """In a mean over samples the planted feature and bar have nearly all of the contributions."""
    model = request.getfixturevalue(kind)
    found = attribute(model, 50)
    sizes = np.mean([np.abs(one.contributions) for one in found], axis=0)
    lag, feature = np.unravel_index(sizes.argmax(), sizes.shape)
    assert (lag + 1, NAMES[feature]) == (LAG, "rule")
    assert sizes[lag, feature] > 0.7 * sizes.sum()
    # It is what the rule says of this window, in the target's unit.
    _, terms = model.samples(50)
    assert len(terms) == 50
    values = model.rows.features[model.ends[-50:] - LAG + 1, 3]
    expected = 0.3 * (values.astype(float) - 40) / 0.5
    given = np.array([one.contributions[LAG - 1, 3] for one in found])
    assert np.abs(given - expected).max() < 0.12
    assert np.corrcoef(given, expected)[0, 1] > 0.99


def test_what_the_network_ignores_adds_nothing(planted: Planted) -> None:
    """A column without weights has no gradient, so its part is exactly zero."""
    for one in attribute(planted):
        assert not one.contributions[:, NAMES.index("ignored")].any()


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_the_parts_add_up(untrained: Callable[..., Planted], kind: dict[str, Any]) -> None:
    """Completeness: HAR's forecast, the baseline and the contributions are the forecast, to 1 %."""
    model = untrained(**kind)
    windows, terms = model.samples(6)
    expected = model.bundle.forecast_windows(windows, terms).mean(axis=0)
    for one, forecast in zip(attribute(model), expected, strict=True):
        assert one.forecast == pytest.approx(forecast, abs=1e-4)
        away = one.network - one.baseline
        assert one.contributions.sum() == pytest.approx(away, rel=0.01)
        assert abs(one.gap) <= 0.001 * abs(away)
        parts = (one.har or 0.0) + one.baseline + sum(value for _, value in one.by_feature())
        assert parts + one.gap == pytest.approx(one.forecast, abs=1e-9)
    assert max(abs(one.network - one.baseline) for one in attribute(model)) > 0.03


def test_a_steep_network_gets_more_points(
    untrained: Callable[..., Planted], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Few points miss its forecast, so their number doubles until the parts add up."""
    model = untrained(layer_norm=True)
    monkeypatch.setattr(module, "NODES", (4,))
    few = attribute(model)
    assert max(abs(one.gap) / abs(one.network - one.baseline) for one in few) > 0.01
    monkeypatch.setattr(module, "NODES", (4, 8, 16, 32, 64, 128))
    for one in attribute(model):
        assert abs(one.gap) <= 0.001 * abs(one.network - one.baseline)


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_the_baseline_is_the_train_mean(
    untrained: Callable[..., Planted], kind: dict[str, Any]
) -> None:
    """It is the forecast of a window of zeros in scaled units, by the same ticker and HAR."""
    model = untrained(**kind)
    windows, terms = model.samples(3)
    zeros = replace(windows, rows=torch.zeros_like(windows.rows))
    expected = model.bundle.forecast_windows(zeros, terms).mean(axis=0)
    for one, forecast in zip(attribute(model, 3), expected, strict=True):
        assert (one.har or 0.0) + one.baseline == pytest.approx(forecast, abs=1e-4)


def test_a_window_at_the_train_mean_has_no_parts(untrained: Callable[..., Planted]) -> None:
    """Where the forecast is the baseline's, nothing is added, and shares are zero."""
    model = untrained()
    windows, terms = model.samples(1)
    zeros = replace(windows, rows=torch.zeros_like(windows.rows))
    (found,) = integrated_gradients(model.bundle, zeros, terms)
    assert not found.contributions.any()
    assert found.forecast == found.baseline
    assert {share for _, share in found.lag_shares()} == {0.0}


def test_har_has_its_own_part(planted_panel: Planted, planted: Planted) -> None:
    """HAR's part is the regression on its terms, and a model without the skip has none."""
    _, terms = planted_panel.samples(4)
    scaler = planted_panel.bundle.scaler
    expected = scaler.label_mean + terms @ np.array(scaler.skip_weights)
    np.testing.assert_allclose([one.har for one in attribute(planted_panel, 4)], expected)
    assert all(one.har is None for one in attribute(planted, 2))


@pytest.mark.parametrize("batch", [1, 3, 1000])
@pytest.mark.parametrize("kind", [KINDS[0], KINDS[-1]], ids=str)
def test_the_batch_and_the_company_change_nothing(
    untrained: Callable[..., Planted], kind: dict[str, Any], batch: int
) -> None:
    """A sample has the same parts for any batch size and beside any others, call after call."""
    model = untrained(**kind)
    expected = attribute(model, 3)
    for found in (attribute(model, 3, batch=batch), attribute(model, 2, batch=batch)):
        for one, two in zip(found[::-1], expected[::-1], strict=False):
            np.testing.assert_allclose(one.contributions, two.contributions, rtol=0, atol=1e-12)
            assert one.forecast == pytest.approx(two.forecast, abs=1e-12)
    for one, two in zip(attribute(model, 3), expected, strict=True):
        np.testing.assert_array_equal(one.contributions, two.contributions)


def test_a_ticker_keeps_its_vector(untrained: Callable[..., Planted]) -> None:
    """The embedding is part of the baseline: two tickers with the same window differ there too."""
    model = untrained(ticker_embedding=2)
    windows, terms = model.samples(1)
    assert windows.tickers is not None
    (one,) = integrated_gradients(model.bundle, windows, terms)
    (other,) = integrated_gradients(
        model.bundle, replace(windows, tickers=1 - windows.tickers), terms
    )
    assert one.baseline != other.baseline


def test_the_model_is_left_as_it_was(untrained: Callable[..., Planted]) -> None:
    """The networks keep their precision and their gradients, and no random number is drawn."""
    model = untrained()
    network = model.bundle.networks[0].train()
    state = torch.get_rng_state()
    attribute(model, 1)
    assert torch.equal(torch.get_rng_state(), state)
    assert network.training
    assert {weight.dtype for weight in network.parameters()} == {torch.float32}
    assert all(weight.requires_grad and weight.grad is None for weight in network.parameters())


def test_features_and_bars_are_sums() -> None:
    """Features are sums over bars, the largest in size first; bars are shares of all sizes."""
    contributions = np.array([[1.0, -4.0], [0.0, 1.0], [2.0, 0.0]])
    one = Attribution(("a", "b"), 10.0, 6.0, 4.0, contributions)
    assert one.by_feature() == (("a", 3.0), ("b", -3.0))
    assert one.lag_shares() == (("last bar", 0.625), ("bars 2-3", 0.375))
    assert (one.network, one.gap) == (4.0, 0.0)
