"""Series and bars that the pipeline as a whole is judged on."""

import datetime as dt
from collections.abc import Callable

import numpy as np
import pytest

from lstm_model.config.loader import parse_config
from lstm_model.config.pipeline import PipelineConfig
from lstm_model.data.assemble import split_chronologically
from lstm_model.data.features import FeatureTable
from lstm_model.data.targets import NO_DATE, TargetTable
from lstm_model.data.views import ChronoSplit
from tests.lstm_model.conftest import make_bars, sp500, sp500_raw

__all__ = ["make_bars", "sp500", "sp500_raw", "split_series"]

EPOCH = dt.date(1970, 1, 1)
TRAIN_ROWS, VALIDATION_ROWS = 5000, 1400
WINDOW = 20


def series_config() -> PipelineConfig:
    """Divide a series of one value a day, whose first day is 1970-01-01."""
    return parse_config(
        {
            "data": {"tickers": ["X"]},
            "windows": {"length": WINDOW},
            "split": {
                "validation_start": EPOCH + dt.timedelta(days=TRAIN_ROWS),
                "test_start": EPOCH + dt.timedelta(days=TRAIN_ROWS + VALIDATION_ROWS),
            },
        }
    )


@pytest.fixture(scope="session")
def split_series() -> Callable[..., ChronoSplit]:
    """Divide a series as bars are divided: the feature is the value, the label the next one.

    With `labels` each row but the last is asked for another number than the next value.
    """

    def split(series: np.ndarray, labels: np.ndarray | None = None) -> ChronoSplit:
        days = np.arange(len(series))
        label = np.append(series[1:] if labels is None else labels, np.nan)
        features = FeatureTable(
            tickers=("X",),
            ticker_of_row=np.zeros(len(series), dtype=np.int64),
            dates=days,
            names=("value",),
            values=series[:, None],
            ready=np.ones(len(series), dtype=bool),
        )
        targets = TargetTable(
            label=label,
            label_end=np.append(days[1:], NO_DATE),
            last_value=series,
            har_terms=np.empty((len(series), 0)),
            log_return=np.zeros(len(series)),
        )
        return split_chronologically(features, targets, series_config())

    return split
