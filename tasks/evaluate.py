"""Bundle + test block -> Evaluation; the only place that reads the test block."""

from pathlib import Path

import numpy as np
from prefect import task
from prefect.cache_policies import NO_CACHE

from lstm_model.baselines import baseline_forecasts
from lstm_model.bundle import load_bundle
from lstm_model.config import PipelineConfig
from lstm_model.evaluation import Evaluation, evaluate_forecast
from tasks.data_set import DataSet, load_split


@task(name="evaluate-on-test", cache_policy=NO_CACHE)
def evaluate_on_test(config: PipelineConfig, data_set: DataSet, bundle_path: str) -> Evaluation:
    """Look at the test block once, with the final model and every baseline on the same rows."""
    split = load_split(data_set)
    rows, test = split.held_out.rows, split.held_out.test
    last_values = rows.last_values[test]
    is_return = config.target.kind == "log_return"
    return evaluate_forecast(
        forecast=load_bundle(Path(bundle_path)).forecast_samples(rows, test),
        truth=rows.labels[test],
        baselines=baseline_forecasts(split),
        reference=np.zeros_like(last_values) if is_return else last_values,
        dates=rows.dates[test],
        horizon=config.target.horizon,
    )
