"""Claims about linear baselines: coefficients, and penalties chosen on validation."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from lstm_model.data.linear import PENALTIES, fit_linear
from lstm_model.data.scaling import Scaler
from lstm_model.data.views import ChronoSplit, Rows
from lstm_model.evaluation.baselines.linear import har, har_linear, last_bar, lhar, lhar_linear
from lstm_model.evaluation.baselines.window import ridge
from tests.lstm_model.evaluation.baselines.conftest import split_rows


def forecasts(baseline: Callable, split: ChronoSplit) -> np.ndarray:
    fitted = baseline(split.search)(split.search.rows, split.search.train)
    return fitted(split.held_out.rows, split.held_out.test)


@pytest.mark.parametrize(("baseline", "terms"), [(har, 3), (lhar, 6)])
def test_a_linear_label_is_forecast_exactly(
    make_rows: Callable[..., Rows], baseline: Callable, terms: int
) -> None:
    """A label that is a combination of the terms is recovered: three for HAR, six for LHAR."""
    rows = make_rows(400, har=6, seed=1)
    rows.labels[:] = -2.0 + rows.har_terms[:, :terms] @ np.arange(1.0, terms + 1)
    split = split_rows(rows)
    truth = split.held_out.rows.labels[split.held_out.test]
    np.testing.assert_allclose(forecasts(baseline, split), truth)


@pytest.mark.parametrize(("baseline", "terms"), [(har_linear, 3), (lhar_linear, 6), (last_bar, 0)])
def test_the_penalty_is_the_best_on_validation(
    tiny: ChronoSplit, baseline: Callable, terms: int
) -> None:
    """Of all penalties, fitted on train, the one with the lowest error on validation is taken."""
    rows, train, validation = tiny.search.rows, tiny.search.train, tiny.search.validation
    candidates = [
        fit_linear(rows.har_terms[train, :terms], rows.features[train], rows.labels[train], penalty)
        for penalty in PENALTIES
    ]
    errors = [
        np.mean(
            (c.forecast(rows.har_terms[validation], rows.features[validation])
             - rows.labels[validation]) ** 2
        )
        for c in candidates
    ]  # fmt: skip
    best, held_out = candidates[int(np.argmin(errors))], tiny.held_out
    expected = best.forecast(
        held_out.rows.har_terms[held_out.test], held_out.rows.features[held_out.test]
    )
    np.testing.assert_array_equal(forecasts(baseline, tiny), expected)


def flat(rows: Rows, ends: np.ndarray, scaler: Scaler) -> np.ndarray:
    scaled = scaler.scale_features(rows.features).astype(np.float64)
    return np.stack([scaled[end - 2 : end + 1].ravel() for end in ends])


@pytest.mark.parametrize("har_skip", [False, True])
def test_ridge_is_penalised_least_squares(tiny: ChronoSplit, har_skip: bool) -> None:
    """Ridge solves least squares on the windows, skip or not, with validation's best penalty."""
    search, held_out = tiny.search, tiny.held_out
    scaler = Scaler.fit(search.rows, search.train)
    inputs = [flat(search.rows, ends, scaler) for ends in (search.train, search.validation)]
    test = flat(held_out.rows, held_out.test, scaler)
    labels = [scaler.scale_labels(search.rows, ends) for ends in (search.train, search.validation)]
    mean = inputs[0].mean(axis=0)
    errors, weights = [], []
    for penalty in PENALTIES:
        design = np.vstack([inputs[0] - mean, np.sqrt(penalty) * np.eye(len(mean))])
        target = np.concatenate([labels[0], np.zeros(len(mean))])
        weights.append(np.linalg.lstsq(design, target, rcond=None)[0])
        errors.append(np.mean(((inputs[1] - mean) @ weights[-1] - labels[1]) ** 2))
    best = weights[int(np.argmin(errors))]
    expected = (test - mean) @ best * scaler.label_sd + scaler.label_mean
    skipping = replace(tiny, search=replace(search, rows=replace(search.rows, har_skip=har_skip)))
    np.testing.assert_allclose(forecasts(ridge, skipping), expected, atol=1e-4)
