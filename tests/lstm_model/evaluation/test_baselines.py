"""Claims about baselines: each equals its formula."""

import dataclasses
import datetime as dt
from collections.abc import Callable

import numpy as np
import pytest

from lstm_model.data.scaling import Scaler
from lstm_model.data.views import ChronoSplit, Rows, SearchView, TestView
from lstm_model.evaluation.baselines import RIDGE_PENALTIES, baseline_forecasts

TRAIN, VALIDATION, TEST = np.arange(2, 60), np.arange(64, 90), np.arange(2, 40)


def split_of(search: Rows, held_out: Rows) -> ChronoSplit:
    day = dt.date(2020, 1, 1)
    return ChronoSplit(SearchView(search, TRAIN, VALIDATION), TestView(held_out, TEST), day, day)


@pytest.fixture
def tiny(make_rows: Callable[..., Rows]) -> ChronoSplit:
    search, held_out = make_rows(90, har=3, seed=1), make_rows(40, har=3, seed=2)
    search.labels[:] += search.features @ np.array([0.5, -0.3])
    return split_of(search, held_out)


def test_simple_baselines_are_exact(tiny: ChronoSplit) -> None:
    """Zero, the train labels' mean, and the last known value."""
    forecasts = baseline_forecasts(tiny)
    assert set(forecasts) == {"zero", "train_mean", "persistence", "ridge", "har"}
    assert (forecasts["zero"] == 0.0).all()
    assert (forecasts["train_mean"] == tiny.search.rows.labels[TRAIN].mean()).all()
    np.testing.assert_array_equal(forecasts["persistence"], tiny.held_out.rows.last_values[TEST])
    assert {len(values) for values in forecasts.values()} == {len(TEST)}


def flat(rows: Rows, ends: np.ndarray, scaler: Scaler) -> np.ndarray:
    scaled = scaler.scale_features(rows.features).astype(np.float64)
    return np.stack([scaled[end - 2 : end + 1].ravel() for end in ends])


def test_ridge_is_penalised_least_squares(tiny: ChronoSplit) -> None:
    """Ridge solves least squares on the windows with the penalty that is best on validation."""
    search = tiny.search
    scaler = Scaler.fit(search.rows, TRAIN)
    inputs = [flat(search.rows, ends, scaler) for ends in (TRAIN, VALIDATION)]
    test = flat(tiny.held_out.rows, TEST, scaler)
    labels = [scaler.scale_labels(search.rows, ends) for ends in (TRAIN, VALIDATION)]
    mean = inputs[0].mean(axis=0)
    errors, weights = [], []
    for penalty in RIDGE_PENALTIES:
        design = np.vstack([inputs[0] - mean, np.sqrt(penalty) * np.eye(len(mean))])
        target = np.concatenate([labels[0], np.zeros(len(mean))])
        weights.append(np.linalg.lstsq(design, target, rcond=None)[0])
        errors.append(np.mean(((inputs[1] - mean) @ weights[-1] - labels[1]) ** 2))
    best = weights[int(np.argmin(errors))]
    expected = (test - mean) @ best * scaler.label_sd + scaler.label_mean
    np.testing.assert_allclose(baseline_forecasts(tiny)["ridge"], expected, atol=1e-4)


def test_ridge_does_not_look_at_test_labels(tiny: ChronoSplit) -> None:
    """Other labels in the test block change no forecast."""
    held_out = dataclasses.replace(tiny.held_out.rows, labels=tiny.held_out.rows.labels * 1e3)
    changed = baseline_forecasts(split_of(tiny.search.rows, held_out))
    for name, values in baseline_forecasts(tiny).items():
        np.testing.assert_array_equal(changed[name], values)


def test_har_recovers_its_coefficients(make_rows: Callable[..., Rows]) -> None:
    """If the label is an exact combination of the three terms, HAR forecasts it exactly."""
    search, held_out = make_rows(90, har=3, seed=1), make_rows(40, har=3, seed=2)
    weights = np.array([0.5, 0.3, 0.1])
    search.labels[:] = -2.0 + search.har_terms @ weights
    forecasts = baseline_forecasts(split_of(search, held_out))
    np.testing.assert_allclose(forecasts["har"], -2.0 + held_out.har_terms[TEST] @ weights)


def test_returns_have_no_har(make_rows: Callable[..., Rows]) -> None:
    """A target without HAR terms has no HAR baseline."""
    split = split_of(make_rows(90), make_rows(40))
    assert "har" not in baseline_forecasts(split)


def test_har_beats_the_mean_on_real_volatility(sp500_split: ChronoSplit) -> None:
    """On the S&P 500 HAR and ridge forecast next-day volatility better than the train mean."""
    held_out = sp500_split.held_out
    truth = held_out.rows.labels[held_out.test]
    errors = {
        name: float(np.mean((values - truth) ** 2))
        for name, values in baseline_forecasts(sp500_split).items()
    }
    assert max(errors["har"], errors["ridge"]) < 0.8 * errors["train_mean"]
    assert errors["har"] < errors["persistence"]
