"""Baselines without a fit, or with the mean alone."""

import numpy as np

from lstm_model.data.views import Rows, SearchView
from lstm_model.evaluation.baselines.fitted import Ends, Fitter, Forecaster, Values


def zero(_: SearchView) -> Fitter:
    """Forecast zero."""
    return lambda _rows, _samples: lambda _others, ends: np.zeros(len(ends))


def train_mean(_: SearchView) -> Fitter:
    """Forecast the mean of the labels that it is fitted on."""

    def fit(rows: Rows, samples: Ends) -> Forecaster:
        mean = rows.labels[samples].mean()
        return lambda _, ends: np.full(len(ends), mean)

    return fit


def persistence(_: SearchView) -> Fitter:
    """Forecast the last known value."""

    def forecast(rows: Rows, ends: Ends) -> Values:
        return np.array(rows.last_values[ends])

    return lambda _rows, _samples: forecast
