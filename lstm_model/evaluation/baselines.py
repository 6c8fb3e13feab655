"""Baselines on the same test rows as the model: zero, train mean, persistence, ridge, HAR."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float, Int

from lstm_model.data.har import least_squares
from lstm_model.data.views import ChronoSplit, Rows, SearchView
from lstm_model.data.windows import WindowSet, scale_view, scaled_windows
from lstm_model.search.hyper_params import BALANCED

RIDGE_PENALTIES = tuple(10.0**power for power in range(-1, 7))
RIDGE_BATCH = 1024

Forecasts = dict[str, Float[np.ndarray, " sample"]]


def baseline_forecasts(split: ChronoSplit) -> Forecasts:
    """Forecast the test samples with every baseline, in the target's unit.

    All are fitted on train; ridge's penalty is selected on validation.
    """
    search, held_out = split.search, split.held_out
    labels = search.rows.labels[search.train]
    count = len(held_out.test)
    forecasts: Forecasts = {
        "zero": np.zeros(count),
        "train_mean": np.full(count, labels.mean()),
        "persistence": held_out.rows.last_values[held_out.test],
        "ridge": _ridge(split),
    }
    if search.rows.har_terms.shape[1]:
        forecasts["har"] = _har(search.rows, search.train, held_out.rows, held_out.test)
    return forecasts


def benchmark_on_validation(search: SearchView) -> Float[np.ndarray, " sample"]:
    """Forecast validation with HAR if the target has its terms, otherwise with the train mean."""
    if search.rows.har_terms.shape[1]:
        return _har(search.rows, search.train, search.rows, search.validation)
    return np.full(len(search.validation), search.rows.labels[search.train].mean())


def _har(
    fit_rows: Rows,
    fit: Int[np.ndarray, " train"],
    rows: Rows,
    samples: Int[np.ndarray, " sample"],
) -> Float[np.ndarray, " sample"]:
    """Regress the label on daily, weekly and monthly volatility by least squares.

    Corsi (2009), "A Simple Approximate Long-Memory Model of Realized Volatility", J. Financial
    Econometrics 7(2), 174-196.
    """
    intercept, weights = least_squares(fit_rows.har_terms[fit], fit_rows.labels[fit])
    forecasts: Float[np.ndarray, " sample"] = intercept + rows.har_terms[samples] @ weights
    return forecasts


def _ridge(split: ChronoSplit) -> Float[np.ndarray, " sample"]:
    """Regress the label on the flattened window; the moments are accumulated batch by batch."""
    search, held_out = split.search, split.held_out
    without_skip = replace(search, rows=replace(search.rows, har_skip=False))
    view = scale_view(without_skip, BALANCED)
    train, validation = view.train, view.validation
    test = scaled_windows(held_out.rows, held_out.test, view.scaler)

    size = train.length * train.rows.shape[1]
    gram, moment, mean = np.zeros((size, size)), np.zeros(size), np.zeros(size)
    for windows, labels in _flat_batches(train):
        gram += windows.T @ windows
        moment += windows.T @ labels
        mean += windows.sum(axis=0)
    mean /= len(train)
    centred = gram - len(train) * np.outer(mean, mean)
    # The scaled train labels have mean zero, so the intercept only offsets the windows' mean.
    candidates = [_solve_ridge(centred, moment, penalty) for penalty in RIDGE_PENALTIES]
    truth = validation.labels.double().numpy()
    errors = [np.mean((_apply(validation, w, mean) - truth) ** 2) for w in candidates]
    scaled = _apply(test, candidates[int(np.argmin(errors))], mean)
    return view.scaler.unscale_forecasts(scaled, held_out.rows.har_terms[held_out.test])


def _solve_ridge(
    gram: Float[np.ndarray, "input input"], moment: Float[np.ndarray, " input"], penalty: float
) -> Float[np.ndarray, " input"]:
    """Solve by Cholesky: an eigendecomposition of 8,000 inputs would take minutes."""
    factor = torch.linalg.cholesky(torch.from_numpy(gram + penalty * np.eye(len(gram))))
    weights: Float[np.ndarray, " input"] = torch.cholesky_solve(
        torch.from_numpy(moment)[:, None], factor
    )[:, 0].numpy()
    return weights


def _apply(
    windows: WindowSet, weights: Float[np.ndarray, " input"], mean: Float[np.ndarray, " input"]
) -> Float[np.ndarray, " sample"]:
    return np.concatenate([(flat - mean) @ weights for flat, _ in _flat_batches(windows)])


def _flat_batches(
    windows: WindowSet,
) -> Iterator[tuple[Float[np.ndarray, "window input"], Float[np.ndarray, " window"]]]:
    for samples in torch.split(torch.arange(len(windows)), RIDGE_BATCH):
        values, labels = windows.batch(samples)
        yield values.flatten(1).double().numpy(), labels.double().numpy()
