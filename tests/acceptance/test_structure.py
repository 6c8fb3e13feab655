"""What lies ahead of a bar must reach nothing that is known at it, from the bars to the forecast.

Metrics alone do not show every leak, so these claims are about structure: bit for bit, on real bars
and on a made panel, on rows that lie on and beside the boundaries of the blocks.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from lstm_model.config.loader import parse_config
from lstm_model.config.pipeline import FeaturesConfig, PipelineConfig
from lstm_model.data.assemble import sample_table, select_rows, split_chronologically
from lstm_model.data.bars import PRICES, Bars, adjust_all
from lstm_model.data.features import compute_features, days_since_epoch, tabulate_features
from lstm_model.data.scaling import Scaler
from lstm_model.data.split import Blocks, divide, positions
from lstm_model.data.targets import TargetTable, compute_targets, tabulate_targets
from lstm_model.data.views import ChronoSplit, Rows, SearchView, TestView
from lstm_model.data.windows import scale_view
from lstm_model.model.bundle import Bundle
from lstm_model.model.training import TrainingSettings, build_network, train_epochs
from lstm_model.search.hyper_params import CHOICES, HyperParams
from tasks.search.trial import TrialSpec, run_trial
from tests.views import store_view

pytestmark = pytest.mark.acceptance

BarMaker = Callable[..., Bars]

COLUMNS = [*PRICES, "volume"]
SMALL = HyperParams(hidden_size=8, num_layers=2, dropout=0.2, batch_size=128)
FUTURES = pytest.mark.parametrize("factor", [10.0, np.nan], ids=["times ten", "gone"])

BEFORE_TRAIN = ("amid warm-up",)
IN_TRAIN = ("first sample", "amid train", "last train sample")
AFTER_TRAIN = (
    "bar before validation",
    "first validation sample",
    "last validation sample",
    "bar before test",
    "first test sample",
    "amid test",
)
"""The last train sample's label stands on the bar before validation."""


def configure(horizon: int = 1) -> PipelineConfig:
    return parse_config(
        {
            "data": {"tickers": ["X"]},
            "target": {"kind": "log_volatility", "horizon": horizon},
            "windows": {"length": 20},
        }
    )


def split_bars(bars: Bars, config: PipelineConfig) -> ChronoSplit:
    targets = compute_targets(bars, config.target.kind, config.target.horizon)
    return split_chronologically(compute_features(bars), targets, config)


@dataclass(frozen=True)
class Divided:
    """Adjusted real bars, their blocks, and the rows to try, by what is special about them."""

    frame: pd.DataFrame
    blocks: Blocks
    moments: dict[str, int]

    def targets(self, frame: pd.DataFrame) -> TargetTable:
        """Tabulate what bars of the same days are asked for."""
        return tabulate_targets({"^GSPC": frame}, "log_volatility", 1)

    def split(self, frame: pd.DataFrame) -> ChronoSplit:
        """Put other bars of the same days into the same blocks, whether they have labels or not."""
        features, targets = tabulate_features({"^GSPC": frame}), self.targets(frame)
        samples = sample_table(features, targets, 20)
        ((search, held_out),) = select_rows(
            [(features, targets)], samples, self.blocks, configure()
        )
        blocks = self.blocks
        return ChronoSplit(
            search=SearchView(
                search,
                train=positions(blocks.train, blocks.seen),
                validation=positions(blocks.validation, blocks.seen),
            ),
            held_out=TestView(held_out, test=positions(blocks.test, blocks.held_out)),
            validation_start=blocks.validation_start,
            test_start=blocks.test_start,
        )

    def with_other_future(self, t: int, factor: float) -> pd.DataFrame:
        """Multiply all that follows row t."""
        changed = self.frame.copy()
        changed.loc[t + 1 :, COLUMNS] *= factor
        return changed


@pytest.fixture(scope="module")
def divided(sp500: Bars) -> Divided:
    (frame,) = adjust_all(sp500).values()
    features = tabulate_features({"^GSPC": frame})
    targets = tabulate_targets({"^GSPC": frame}, "log_volatility", 1)
    blocks = divide(sample_table(features, targets, 20), configure())
    train = np.flatnonzero(blocks.train)
    validation = np.flatnonzero(blocks.validation)
    test = np.flatnonzero(blocks.test)
    moments = {
        "amid warm-up": 20,
        "first sample": train[0],
        "amid train": train[len(train) // 2],
        "last train sample": train[-1],
        "bar before validation": validation[0] - 1,
        "first validation sample": validation[0],
        "last validation sample": validation[-1],
        "bar before test": test[0] - 1,
        "first test sample": test[0],
        "amid test": test[len(test) // 2],
    }
    return Divided(frame, blocks, {name: int(row) for name, row in moments.items()})


@FUTURES
@pytest.mark.parametrize("moment", BEFORE_TRAIN + IN_TRAIN + AFTER_TRAIN)
def test_the_future_reaches_no_input(divided: Divided, moment: str, factor: float) -> None:
    """Features, and what the baselines know at a bar, do not depend on later bars by a bit."""
    t = divided.moments[moment]
    changed = divided.with_other_future(t, factor)
    values = tabulate_features({"^GSPC": divided.frame}).values
    others = tabulate_features({"^GSPC": changed}).values
    np.testing.assert_array_equal(others[: t + 1], values[: t + 1])
    assert not np.array_equal(others[t + 1 :], values[t + 1 :])
    targets, other_targets = divided.targets(divided.frame), divided.targets(changed)
    for name in ("last_value", "har_terms"):
        known, other = getattr(targets, name), getattr(other_targets, name)
        np.testing.assert_array_equal(other[: t + 1], known[: t + 1])


@FUTURES
@pytest.mark.parametrize("moment", AFTER_TRAIN)
@pytest.mark.parametrize("kind", CHOICES["feature_scaling"])
def test_the_future_reaches_no_scaler(
    divided: Divided, kind: str, moment: str, factor: float
) -> None:
    """The train scaler does not depend on bars after the last train label by a bit."""
    changed = divided.with_other_future(divided.moments[moment], factor)
    scaler, other = (
        Scaler.fit(split.search.rows, split.search.train, kind)
        for split in (divided.split(divided.frame), divided.split(changed))
    )
    np.testing.assert_array_equal(other.feature_means, scaler.feature_means)
    np.testing.assert_array_equal(other.feature_sds, scaler.feature_sds)
    assert (other.label_mean, other.label_sd) == (scaler.label_mean, scaler.label_sd)
    assert (other.knots is None) == (scaler.knots is None) == (kind != "rank")
    if scaler.knots is not None and other.knots is not None:
        np.testing.assert_array_equal(other.knots, scaler.knots)


@FUTURES
@pytest.mark.parametrize("moment", IN_TRAIN + AFTER_TRAIN)
def test_the_future_reaches_no_forecast(divided: Divided, moment: str, factor: float) -> None:
    """With weights and scaler fixed, no forecast of a bar depends on later bars by a bit."""
    t = divided.moments[moment]
    before = divided.split(divided.frame)
    after = divided.split(divided.with_other_future(t, factor))
    scaler = Scaler.fit(before.search.rows, before.search.train)
    names = before.search.rows.feature_names
    network = build_network(len(names), SMALL, seed=0)
    bundle = Bundle((network,), SMALL, scaler, FeaturesConfig(), names, 20, "log_volatility", 1)
    dates, values = _forecast_all(bundle, before)
    other_dates, others = _forecast_all(bundle, after)
    np.testing.assert_array_equal(other_dates, dates)
    today = days_since_epoch(divided.frame["date"])[t]
    np.testing.assert_array_equal(others[dates <= today], values[dates <= today])
    assert (dates <= today).any()
    assert not np.array_equal(others[dates > today], values[dates > today])


def forecast_samples(bundle: Bundle, rows: Rows, ends: np.ndarray) -> np.ndarray:
    return bundle.forecast_windows(bundle.windows(rows.features, ends), rows.har_terms[ends])


def _forecast_all(bundle: Bundle, split: ChronoSplit) -> tuple[np.ndarray, np.ndarray]:
    """Return days and forecasts of the samples of all three blocks."""
    search, held_out = split.search, split.held_out
    learnt = np.concatenate([search.train, search.validation])
    days = [search.rows.dates[learnt], held_out.rows.dates[held_out.test]]
    forecasts = [
        forecast_samples(bundle, search.rows, learnt)[0],
        forecast_samples(bundle, held_out.rows, held_out.test)[0],
    ]
    return np.concatenate(days), np.concatenate(forecasts)


@pytest.mark.parametrize("moment", BEFORE_TRAIN + IN_TRAIN + AFTER_TRAIN)
def test_features_of_the_last_bar_are_final(sp500: Bars, divided: Divided, moment: str) -> None:
    """On the day a bar arrives its features are those that it has twenty years later."""
    t = divided.moments[moment]
    today = compute_features(Bars(sp500.frame[: t + 1]))
    whole = compute_features(sp500)
    np.testing.assert_allclose(today.values[t], whole.values[t], rtol=0, atol=1e-9)


@pytest.fixture(scope="module")
def panel(make_bars: BarMaker) -> Bars:
    """Three tickers that start apart, miss sessions, and have splits and dividends."""
    frame = make_bars(900, 800, 700, offsets=(0, 40, 90), missing=0.15, seed=1).frame
    draws = np.random.default_rng(1)
    split = draws.random(len(frame)) < 0.01
    frame["split_factor"] = np.where(split, draws.choice([0.5, 2.0, 3.0], len(frame)), 1.0)
    paid = draws.random(len(frame)) < 0.05
    frame["dividend_factor"] = np.where(paid, 1 + 0.05 * draws.random(len(frame)), 1.0)
    return Bars(frame)


@pytest.mark.parametrize("sessions", [-20, -1, 0, 1, 20])
@pytest.mark.parametrize("boundary", ["validation_start", "test_start"])
def test_a_panel_grows_without_changing(panel: Bars, boundary: str, sessions: int) -> None:
    """Cut on or beside a boundary, a panel gives each ticker's last bar its final features."""
    split = split_bars(panel, configure())
    dates = panel.frame["date"]
    calendar = np.unique(dates)
    start = np.searchsorted(calendar, np.datetime64(getattr(split, boundary)))
    seen = (dates <= calendar[start + sessions]).to_numpy()
    today, whole = compute_features(Bars(panel.frame[seen])), compute_features(panel)
    assert today.tickers == whole.tickers
    last = np.flatnonzero(np.diff(today.ticker_of_row, append=len(today.tickers)))
    final = np.flatnonzero(seen)[last]
    assert np.isfinite(whole.values[final]).all()
    np.testing.assert_allclose(today.values[last], whole.values[final], rtol=0, atol=1e-9)


@pytest.fixture(scope="module")
def halted(panel: Bars) -> Bars:
    """Halt one ticker of the panel for twelve sessions about either boundary.

    Its last labels before the halt end well inside the next block.
    """
    split = split_bars(panel, configure())
    frame = panel.frame
    calendar = np.unique(frame["date"])
    for boundary in (split.validation_start, split.test_start):
        first = np.searchsorted(calendar, np.datetime64(boundary)) - 3
        halt = frame["date"].between(calendar[first], calendar[first + 11])
        frame = frame[~(halt & (frame["ticker"] == "T1"))]
    return Bars(frame.reset_index(drop=True))


@pytest.mark.parametrize("horizon", [1, 5])
@pytest.mark.parametrize("name", ["sp500", "panel", "halted"])
def test_labels_do_not_reach_into_the_next_block(
    request: pytest.FixtureRequest, name: str, horizon: int
) -> None:
    """The last bar of any label of a block is before the first bar of any label of the next.

    Read off the bars themselves: a label begins on its ticker's next bar, whatever it missed.
    """
    bars: Bars = request.getfixturevalue(name)
    split = split_bars(bars, configure(horizon))
    days = {ticker: days_since_epoch(frame["date"]) for ticker, frame in bars.by_ticker()}

    def label_days(rows: Rows, samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        bar = [
            (days[rows.tickers[rows.ticker_of_row[sample]]], rows.dates[sample])
            for sample in samples
        ]
        at = [(own, int(np.searchsorted(own, day))) for own, day in bar]
        return np.array([own[t + 1] for own, t in at]), np.array(
            [own[t + horizon] for own, t in at]
        )

    search, held_out = split.search, split.held_out
    _, train_ends = label_days(search.rows, search.train)
    validation_starts, validation_ends = label_days(search.rows, search.validation)
    test_starts, _ = label_days(held_out.rows, held_out.test)
    assert train_ends.max() < validation_starts.min()
    assert validation_ends.max() < test_starts.min()


def test_garbage_in_the_test_rows_changes_no_trial_and_no_weight(
    sp500: Bars, tmp_path: Path
) -> None:
    """Nonsense from the test block on leaves every trial's losses and the weights bit for bit."""
    config = configure()
    bars = Bars(sp500.frame.tail(1200).reset_index(drop=True))
    clean = split_bars(bars, config)
    frame = bars.frame.copy()
    late = (frame["date"].dt.date >= clean.test_start).to_numpy()
    wave = 10 + 9 * np.sin(np.arange(late.sum()))
    frame.loc[late, list(PRICES)] = frame.loc[late, list(PRICES)].mul(wave, axis=0)
    frame.loc[late, "volume"] *= wave
    garbage = split_bars(Bars(frame), config)
    assert garbage.search.sha256() == clean.search.sha256()
    test = clean.held_out.test
    assert not np.array_equal(
        garbage.held_out.rows.features[test], clean.held_out.rows.features[test]
    )

    found = []
    for name, split in (("clean", clean), ("garbage", garbage)):
        view = split.search
        path = store_view(tmp_path / name, view)
        settings = TrainingSettings(seed=3, gradient_clip=1.0)
        tried = [replace(SMALL, lr=lr) for lr in (1e-3, 1e-2)]
        trials = [
            run_trial(TrialSpec(number, params, path, 2, settings)).trial
            for number, params in enumerate(tried)
        ]
        curves = [trial.curve for trial in trials]
        losses = [curve[2] for curve in curves]
        best = tried[int(np.argmin(losses))]
        scaled = scale_view(view, best)
        scaler = scaled.scaler
        network = build_network(len(view.rows.feature_names), best, seed=3)
        for _ in train_epochs(
            network, best, scaled.train, scaled.validation, settings, max_epochs=2
        ):
            pass
        weights = torch.nn.utils.parameters_to_vector(network.parameters()).detach().numpy()
        found.append((curves, losses, best, scaler.label_mean, scaler.label_sd, weights.tobytes()))
    assert len(set(found[0][1])) == len(tried)
    assert found[0] == found[1]
