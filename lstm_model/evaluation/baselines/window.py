"""Ridge on the same flattened window that the network sees."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float

from lstm_model.data.linear import PENALTIES
from lstm_model.data.scaling import Scaler
from lstm_model.data.views import Rows, SearchView
from lstm_model.data.windows import WindowSet, scaled_windows
from lstm_model.evaluation.baselines.fitted import Ends, Fitter, Forecaster

BATCH = 1024


def ridge(view: SearchView) -> Fitter:
    """Regress the label on the flattened window; validation chooses the penalty."""
    on_train = _moments(view.rows, view.train)
    candidates = np.column_stack([on_train.solve(penalty) for penalty in PENALTIES])
    forecasts = on_train.forecast(candidates, view.rows, view.validation)
    gaps = forecasts - view.rows.labels[view.validation][:, None]
    penalty = PENALTIES[int(np.argmin(np.mean(gaps**2, axis=0)))]

    def fit(rows: Rows, samples: Ends) -> Forecaster:
        # The moments of long windows take seconds, and those of train are known.
        moments = on_train if samples is view.train else _moments(rows, samples)
        weights = moments.solve(penalty)[:, None]
        return lambda others, ends: moments.forecast(weights, others, ends)[:, 0]

    return fit


@dataclass(frozen=True, slots=True)
class _Moments:
    """Moments of scaled, flattened windows and of their labels, whose mean is zero."""

    scaler: Scaler
    mean: Float[np.ndarray, " input"]
    gram: Float[np.ndarray, "input input"]
    moment: Float[np.ndarray, " input"]

    def solve(self, penalty: float) -> Float[np.ndarray, " input"]:
        """Solve by Cholesky: an eigendecomposition of 8,000 inputs would take minutes."""
        penalised = torch.from_numpy(self.gram + penalty * np.eye(len(self.gram)))
        factor = torch.linalg.cholesky(penalised)
        solved: Float[np.ndarray, " input"] = torch.cholesky_solve(
            torch.from_numpy(self.moment)[:, None], factor
        )[:, 0].numpy()
        return solved

    def forecast(
        self, weights: Float[np.ndarray, "input k"], rows: Rows, ends: Ends
    ) -> Float[np.ndarray, "sample k"]:
        """Forecast samples by several weights at once."""
        windows = scaled_windows(replace(rows, har_skip=False), ends, self.scaler)
        parts = [(flat - self.mean) @ weights for flat, _ in _flat_batches(windows)]
        scaled = np.concatenate(parts)
        forecasts: Float[np.ndarray, "sample k"] = (
            self.scaler.label_mean + self.scaler.label_sd * scaled
        )
        return forecasts


def _moments(rows: Rows, samples: Ends) -> _Moments:
    """Accumulate the moments batch by batch."""
    rows = replace(rows, har_skip=False)
    scaler = Scaler.fit(rows, samples)
    windows = scaled_windows(rows, samples, scaler)
    size = windows.length * windows.rows.shape[1]
    gram, moment, mean = np.zeros((size, size)), np.zeros(size), np.zeros(size)
    for flat, labels in _flat_batches(windows):
        gram += flat.T @ flat
        moment += flat.T @ labels
        mean += flat.sum(axis=0)
    mean /= len(windows)
    return _Moments(scaler, mean, gram - len(windows) * np.outer(mean, mean), moment)


def _flat_batches(
    windows: WindowSet,
) -> Iterator[tuple[Float[np.ndarray, "sample input"], Float[np.ndarray, " sample"]]]:
    for samples in torch.split(torch.arange(len(windows)), BATCH):
        inputs, labels = windows.batch(samples)
        yield inputs.flatten(1).double().numpy(), labels.double().numpy()
