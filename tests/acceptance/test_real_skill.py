"""Real bars: the volatility model has the skill that is promised, and returns show none.

S&P 500, train before 2009, validation 2009-11, test 2012-18, five seeds, the network of the
promise's figures (32 states, one layer) in the setting of configs/volatility.yaml. What is no skill
beyond chance, and what is more than an honest model can have, both fail.
"""

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from lstm_model.config.loader import load_config
from lstm_model.config.pipeline import PipelineConfig
from lstm_model.data.assemble import split_chronologically
from lstm_model.data.bars import Bars
from lstm_model.data.features import compute_features
from lstm_model.data.leakage import audit_features, audit_labels
from lstm_model.data.targets import compute_targets
from lstm_model.data.views import ChronoSplit
from lstm_model.data.windows import scale_view, scaled_windows
from lstm_model.evaluation.accuracy_tests import better_p, diebold_mariano
from lstm_model.evaluation.baselines.forecasts import baseline_forecasts
from lstm_model.evaluation.losses import MSE, losses_by_date
from lstm_model.model.early_stopping import fit
from lstm_model.model.training import TrainingSettings, build_network, forecast
from lstm_model.search.hyper_params import HyperParams

pytestmark = pytest.mark.acceptance

VOLATILITY = Path(__file__).resolve().parents[2] / "configs" / "volatility.yaml"
BLOCKS = {"split.validation_start": "2009-01-01", "split.test_start": "2012-01-01"}
BUNDLED = {"data.source": "bundled", "data.start": None}
PARAMS = HyperParams(hidden_size=32, num_layers=1, dropout=0.2, lr=1e-3, batch_size=64)
SEEDS = range(5)
MAX_EPOCHS, PATIENCE = 40, 6


@dataclass(frozen=True)
class Judged:
    """The test block: truth, and every forecast of it; `members` holds one row a seed."""

    split: ChronoSplit
    truth: np.ndarray
    dates: np.ndarray
    members: np.ndarray
    baselines: dict[str, np.ndarray]

    def ratio(self, name: str) -> float:
        """Return the mean over seeds of MSE / MSE of a baseline."""
        errors = np.mean((self.members - self.truth) ** 2, axis=1)
        return float(np.mean(errors) / np.mean((self.baselines[name] - self.truth) ** 2))


def judge(bars: Bars, config: PipelineConfig) -> Judged:
    """Train on train, stop by validation, and forecast the test block with each seed."""
    features = compute_features(bars, config.features)
    targets = compute_targets(bars, config.target.kind, config.target.horizon)
    split = split_chronologically(features, targets, config)
    view, rows, test = split.search, split.held_out.rows, split.held_out.test
    scaled = scale_view(view, PARAMS)
    windows = scaled_windows(rows, test, scaled.scaler)
    members = []
    for seed in SEEDS:
        settings = TrainingSettings(seed=seed, gradient_clip=1.0)
        network = build_network(len(features.names), PARAMS, seed, zero_head=scaled.zero_head)
        fit(network, PARAMS, scaled.train, scaled.validation, settings, PATIENCE, MAX_EPOCHS)
        forecasts = forecast(network, windows)
        members.append(scaled.scaler.unscale_forecasts(forecasts, rows.har_terms[test]))
    return Judged(
        split=split,
        truth=rows.labels[test],
        dates=rows.dates[test],
        members=np.stack(members),
        baselines=dict(baseline_forecasts(split).test),
    )


@pytest.fixture(scope="module")
def volatility(sp500: Bars) -> Judged:
    return judge(sp500, load_config(VOLATILITY, BLOCKS | BUNDLED))


@pytest.fixture(scope="module")
def volatility_alone(sp500: Bars) -> Judged:
    """Forecast volatility from the indicators alone, without HAR's forecast to lean on."""
    return judge(sp500, load_config(VOLATILITY, BLOCKS | BUNDLED | {"target.skip": "none"}))


@pytest.fixture(scope="module")
def returns(sp500: Bars) -> Judged:
    changes = {"target.kind": "log_return", "target.skip": "none"}
    return judge(sp500, load_config(VOLATILITY, BLOCKS | BUNDLED | changes))


@pytest.mark.timeout(600)
@pytest.mark.parametrize("setting", ["volatility", "volatility_alone"])
def test_volatility_is_forecast_with_skill_and_without_a_leak(
    setting: str, request: pytest.FixtureRequest
) -> None:
    """Against train mean, persistence and HAR the mean over seeds keeps to the promised bounds."""
    judged: Judged = request.getfixturevalue(setting)
    assert (dt.date(1970, 1, 1) + dt.timedelta(days=int(judged.dates[0]))).year == 2012
    assert 0.55 <= 1 - judged.ratio("train_mean") <= 0.80
    assert 1 - judged.ratio("persistence") >= 0.20
    assert judged.ratio("har") <= 1.10
    own, other = (
        losses_by_date(MSE, judged.truth - values, judged.dates)
        for values in (judged.members.mean(axis=0), judged.baselines["persistence"])
    )
    test = diebold_mariano(own, other, horizon=1)
    p_value = better_p(test)
    assert isinstance(p_value, float)
    assert p_value < 0.01


@pytest.mark.timeout(600)
def test_the_skip_is_more_than_har(volatility: Judged) -> None:
    """A network that learnt nothing would be HAR itself; ours has the lower error."""
    assert volatility.ratio("har") < 1.0


@pytest.mark.timeout(600)
def test_returns_are_forecast_without_skill(returns: Judged) -> None:
    """An honest model of daily returns is no better and hardly worse than their mean."""
    assert -0.02 <= 1 - returns.ratio("train_mean") <= 0.01
    correlations = [np.corrcoef(member, returns.truth)[0, 1] for member in returns.members]
    assert abs(float(np.mean(correlations))) <= 0.10


def test_the_audit_passes_on_real_bars(sp500: Bars, volatility: Judged) -> None:
    """What was trained on passes the leak audit."""
    split = volatility.split
    rows = audit_features(
        compute_features, sp500, (split.validation_start, split.test_start)
    ) + audit_labels(split)
    assert all(row.passed for row in rows), rows
