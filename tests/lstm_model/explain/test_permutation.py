"""Claims about permutation importance: what a model uses is named, what it ignores is not."""

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
import torch

from lstm_model.data.windows import WindowSet
from lstm_model.evaluation.measured import NotComputed
from lstm_model.explain import permutation
from lstm_model.explain.permutation import (
    HAR,
    TICKER,
    PermutationImportance,
    ShuffledWindows,
    permutation_importance,
)
from tests.lstm_model.explain.conftest import Planted


def measure(model: Planted, seed: int = 1, block: slice = slice(None)) -> PermutationImportance:
    return permutation_importance(model.bundle, model.rows, model.ends[block], seed)


@pytest.mark.parametrize("kind", ["planted", "planted_panel"])
def test_a_planted_rule_is_named_first(kind: str, request: pytest.FixtureRequest) -> None:
    """The feature and the bar on which the label depends raise the error by far the most."""
    found = measure(request.getfixturevalue(kind))
    first, second = found.features[:2]
    assert first.name == "rule"
    # Values that are shuffled differ from the true ones by twice the variance of 0.3 x rule.
    assert first.rise == pytest.approx(2 * 0.3**2, rel=0.15)
    assert abs(second.rise) < 0.05 * first.rise
    by_bar = sorted(found.lags, key=lambda lag: -lag.rise)
    assert by_bar[0].name == "bar 3"
    assert by_bar[0].rise == pytest.approx(first.rise, rel=0.15)
    assert abs(by_bar[1].rise) < 0.05 * first.rise
    assert [lag.name for lag in found.lags][:2] == ["last bar", "bar 2"]
    assert not isinstance(first.standard_error, NotComputed)
    assert 0 < first.standard_error < 0.1 * first.rise


def test_what_the_network_ignores_has_none(planted: Planted) -> None:
    """A column without weights changes no forecast, so its rise and error are exactly zero."""
    (ignored,) = (f for f in measure(planted).features if f.name == "ignored")
    assert (ignored.rise, ignored.standard_error) == (0.0, 0.0)


def test_har_and_the_ticker_are_shuffled_by_themselves(planted_panel: Planted) -> None:
    """A model that corrects HAR and knows the ticker rests on both, beside its columns."""
    found = measure(planted_panel)
    assert [other.name for other in found.others] == [HAR, TICKER]
    har, ticker = found.others
    assert har.rise == pytest.approx(2 * (0.5**2 + 0.2**2), rel=0.15)
    # Half of the samples get the other ticker's level, which is 0.6 away.
    assert ticker.rise == pytest.approx(0.6**2 / 2, rel=0.2)
    alone = permutation_importance(
        replace(planted_panel.bundle, tickers=("T0",)), planted_panel.rows, planted_panel.ends, 1
    )
    assert alone.mse > 2 * found.mse  # T1 has no vector of its own there


def test_a_model_without_either_has_columns_alone(planted: Planted) -> None:
    """Nothing is told of HAR or of a ticker where the model has neither."""
    assert measure(planted).others == ()


def test_it_is_the_means_error(planted: Planted) -> None:
    """The error is that of the mean over all networks, and the rise is of that error."""
    found = measure(planted, block=slice(0, 400))
    windows, terms = planted.samples(len(planted.ends))
    members = planted.bundle.forecast_windows(windows, terms)[:, :400]
    truth = planted.rows.labels[planted.ends[:400]]
    assert found.mse == pytest.approx(((members.mean(axis=0) - truth) ** 2).mean(), rel=1e-5)
    one = replace(planted.bundle, networks=planted.bundle.networks[:1])
    alone = permutation_importance(one, planted.rows, planted.ends[:400], 1)
    assert alone.features[0].rise != found.features[0].rise


def test_the_seed_says_everything(planted: Planted) -> None:
    """The same seed gives the same numbers to the last bit; another gives others, but near ones."""
    first, again, other = measure(planted), measure(planted), measure(planted, seed=2)
    assert first == again
    assert first != other
    assert other.features[0].rise == pytest.approx(first.features[0].rise, rel=0.15)
    state = torch.get_rng_state()
    measure(planted, block=slice(0, 50))
    assert torch.equal(torch.get_rng_state(), state)


def test_the_order_of_the_columns_does_not_matter(planted: Planted) -> None:
    """Each input has a permutation of its own: another order of columns gives the same rises."""
    order = [2, 0, 3, 1]
    bundle, rows = planted.bundle, planted.rows
    turned = []
    for network in bundle.networks:
        state = {name: weight.clone() for name, weight in network.state_dict().items()}
        state["lstm.weight_ih_l0"] = state["lstm.weight_ih_l0"][:, order]
        copy = type(network)(4, bundle.params)
        copy.load_state_dict(state)
        turned.append(copy.eval())
    scaler = replace(
        bundle.scaler,
        feature_means=bundle.scaler.feature_means[order],
        feature_sds=bundle.scaler.feature_sds[order],
    )
    names = tuple(bundle.feature_names[place] for place in order)
    other = replace(bundle, networks=tuple(turned), scaler=scaler, feature_names=names)
    moved = replace(rows, features=rows.features[:, order], feature_names=names)
    found = permutation_importance(other, moved, planted.ends, 1)
    expected = {feature.name: feature.rise for feature in measure(planted).features}
    for feature in found.features:
        assert feature.rise == pytest.approx(expected[feature.name], rel=1e-3, abs=1e-6)


@pytest.mark.parametrize("batch", [1, 7, 4000])
def test_the_batch_changes_nothing(
    planted_panel: Planted, batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """How many windows are forecast at once does not matter."""
    block = slice(0, 60)
    expected = measure(planted_panel, block=block)
    monkeypatch.setattr("lstm_model.model.training.EVALUATION_BATCH", batch)
    found = measure(planted_panel, block=block)
    for part in ("features", "lags", "others"):
        for one, two in zip(getattr(found, part), getattr(expected, part), strict=True):
            assert one.name == two.name
            assert one.rise == pytest.approx(two.rise, rel=1e-4, abs=1e-6)


def test_it_computes_on_one_thread(planted: Planted) -> None:
    """Two threads that wait for each other are ten times slower; afterwards there are two again."""
    before, seen = torch.get_num_threads(), []
    network = planted.bundle.networks[0]
    handle = network.register_forward_hook(lambda *_: seen.append(torch.get_num_threads()))
    try:
        torch.set_num_threads(2)
        measure(planted, block=slice(0, 40))
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
        handle.remove()
    assert set(seen) == {1}


def test_a_large_block_is_drawn_from(planted_panel: Planted) -> None:
    """A thousand samples at most, from all over the block, and both counts are told."""
    found = measure(planted_panel)
    assert (found.samples, found.block_samples) == (1000, 2 * 1195)
    assert measure(planted_panel, block=slice(0, 80)).samples == 80


@pytest.mark.parametrize(("work", "samples"), [(80e9, 1000), (5e8, 200), (3e9, 690)])
def test_large_networks_are_asked_less(
    planted_panel: Planted, work: float, samples: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Work is counted in weights, bars, networks and forecasts, and has a limit."""
    monkeypatch.setattr(permutation, "MOST_WORK", work)
    bundle = planted_panel.bundle
    weights = permutation.parameter_count(4, bundle.params)
    drawn = permutation._drawn(bundle, 2390, int(1e9 / 230 / (weights * 6 * 2)), 1)
    assert len(drawn) == pytest.approx(samples, rel=0.02)
    assert (np.diff(drawn) > 0).all()


def test_few_dates_have_no_standard_error(planted: Planted) -> None:
    """Below thirty dates the reason stands in its place."""
    found = measure(planted, block=slice(0, 20))
    assert {f.standard_error for f in found.features} == {NotComputed("n = 20 < 30")}


def test_the_standard_error_is_that_of_repeated_shuffles(planted: Planted) -> None:
    """Independent samples: over many seeds the rise spreads no more than the error says."""
    block = slice(0, 300)
    found = [measure(planted, seed, block).features[0] for seed in range(12)]
    errors = [one.standard_error for one in found if isinstance(one.standard_error, float)]
    assert np.std([one.rise for one in found], ddof=1) < 1.5 * np.mean(errors)


def test_tickers_of_a_date_count_together() -> None:
    """Two tickers with the same changes are no more evidence than one."""
    draws = np.random.default_rng(0).normal(1, 1, 200)
    one = permutation._standard_error(draws, np.arange(200))
    two = permutation._standard_error(np.repeat(draws, 2), np.repeat(np.arange(200), 2))
    assert isinstance(one, float)
    assert one == pytest.approx(1 / np.sqrt(200), rel=0.3)
    assert two == pytest.approx(one)


def test_a_shuffled_window_is_anothers_where_it_is_taken(untrained: Callable[..., Any]) -> None:
    """Only the marked values come from the donor; labels and all else stay."""
    windows, _ = untrained().samples(5)
    taken = torch.zeros(6, 4, dtype=torch.bool)
    taken[2, 1] = True
    own = {field.name: getattr(windows, field.name) for field in fields(WindowSet)}
    donors = torch.tensor([4, 3, 2, 1, 0])
    mixed = ShuffledWindows(**own, donors=donors, taken=taken)
    every = torch.arange(5)
    found, labels = mixed.batch(every)
    plain, expected = windows.batch(every)
    assert torch.equal(labels, expected)
    assert torch.equal(found[:, taken], plain[donors][:, taken])
    assert torch.equal(found[:, ~taken], plain[:, ~taken])
