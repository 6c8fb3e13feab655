"""A planted look-ahead: the guard fires on it, and without the guard it would have paid."""

import dataclasses
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from lstm_model.config.loader import parse_config
from lstm_model.data.assemble import split_chronologically
from lstm_model.data.bars import Bars, adjust
from lstm_model.data.features import FeatureTable, compute_features
from lstm_model.data.leakage import audit_features
from lstm_model.data.targets import compute_targets
from lstm_model.data.views import ChronoSplit
from lstm_model.evaluation.baselines.forecasts import baseline_forecasts

pytestmark = pytest.mark.acceptance

Compute = Callable[[Bars], FeatureTable]


def with_shifted_return(bars_ahead: int) -> Compute:
    """Compute our features and the return of the bar that is `bars_ahead` later."""

    def compute(bars: Bars) -> FeatureTable:
        table = compute_features(bars)
        close = adjust(bars, bars.tickers[0])["close"]
        planted = pd.Series(np.log(close)).diff().shift(-bars_ahead).to_numpy()
        return dataclasses.replace(
            table,
            names=(*table.names, "planted"),
            values=np.column_stack([table.values, planted]),
            ready=table.ready & np.isfinite(planted),
        )

    return compute


def divide(bars: Bars, compute: Compute) -> ChronoSplit:
    config = parse_config({"data": {"tickers": ["^GSPC"]}, "windows": {"length": 5}})
    return split_chronologically(compute(bars), compute_targets(bars, "log_return", 1), config)


def r2_of_ridge(split: ChronoSplit) -> float:
    truth = split.held_out.rows.labels[split.held_out.test]
    forecasts = baseline_forecasts(split).test
    errors = [np.mean((forecasts[name] - truth) ** 2) for name in ("ridge", "train_mean")]
    return float(1 - errors[0] / errors[1])


def test_the_guard_fires_on_tomorrow(sp500: Bars) -> None:
    """The next bar's return among the features is found and named; yesterday's passes."""
    split = divide(sp500, with_shifted_return(1))
    boundaries = (split.validation_start, split.test_start)
    failed = [
        row for row in audit_features(with_shifted_return(1), sp500, boundaries) if not row.passed
    ]
    assert len(failed) == 2
    assert all(row.found.startswith("planted changes at") for row in failed)
    rows = audit_features(with_shifted_return(-1), sp500, boundaries)
    assert all(row.passed for row in rows), rows


def test_without_the_guard_it_would_pay(sp500: Bars) -> None:
    """With tomorrow's return among the features R2 is over 0.9, with yesterday's it is nothing."""
    assert r2_of_ridge(divide(sp500, with_shifted_return(1))) > 0.9
    assert r2_of_ridge(divide(sp500, with_shifted_return(-1))) < 0.01
