"""A whole night on a panel with a ticker embedding and an exogenous series."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest
from safetensors.torch import load_file

pytestmark = pytest.mark.e2e

SPACE = (
    "{hidden_size: {type: categorical, choices: [8]}, num_layers: {type: categorical, choices: "
    "[1]}, ticker_embedding: {type: categorical, choices: [2]}}"
)


def write_bars(folder: Path, ticker: str, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, 620)))
    spread = np.exp(np.abs(rng.normal(0.01, 0.003, 620)))
    days = pd.bdate_range("2021-01-04", periods=620).strftime("%Y-%m-%d")
    bars = {"open": close, "high": close * spread, "low": close / spread, "close": close}
    frame = pd.DataFrame({"date": days, **bars, "volume": 1000.0})
    frame.to_csv(folder / f"{ticker}.csv", index=False)
    return frame.assign(ticker=ticker)


def test_a_panel_is_searched_trained_judged_and_served(
    lstm_hpo_run: Callable[..., Any], tmp_path: Path
) -> None:
    """The model's vectors and the series' columns reach the served model, which takes raw bars."""
    csv = tmp_path / "csv"
    csv.mkdir()
    frames = {ticker: write_bars(csv, ticker, seed) for seed, ticker in enumerate("XYV")}
    night = lstm_hpo_run(
        data__source="csv",
        data__csv_dir=str(csv),
        data__tickers="[X, Y]",
        features__exogenous="[{ticker: V, columns: [log_change]}]",
        search__space=SPACE,
        search__trials="2",
        search__examples="0",
        windows__length="20",
        evaluation__references="0",
    )
    assert night.status == 0, night.err
    summary = night.summary
    assert summary["best"]["params"]["ticker_embedding"] == 2
    assert {c["name"] for c in summary["drift"][0]["columns"]} >= {"V_log_change"}
    mlflow.set_tracking_uri(summary["mlflow"]["tracking_uri"])
    model = mlflow.pyfunc.load_model(f"models:/{summary['mlflow']['model_name']}/1")
    stranger = write_bars(csv, "Z", 9)
    found = model.predict(pd.concat([frames["V"], frames["X"], frames["Y"], stranger]))
    assert set(found["ticker"]) == {"X", "Y", "Z"}
    assert np.isfinite(found["forecast"]).all()
    # Both vectors were learnt, and the stranger's is neither.
    (weights,) = (load_file(path) for path in tmp_path.rglob("models/*/winner/weights.safetensors"))
    assert weights["0.ticker_embedding.seen"].all()
    assert weights["0.ticker_embedding.vectors"].any(dim=1).all()
    twins = [frames["X"].assign(ticker=ticker) for ticker in "XYZ"]
    same_bars = model.predict(pd.concat([frames["V"], *twins]))
    by_ticker = same_bars.pivot_table(index="date", columns="ticker", values="forecast")
    assert (by_ticker["X"] != by_ticker["Y"]).mean() > 0.9
    between = by_ticker[["X", "Y"]].mean(axis=1)
    np.testing.assert_allclose(by_ticker["Z"], between, rtol=0, atol=1e-3)
    with pytest.raises(Exception, match="every exogenous ticker are required but V has none"):
        model.predict(frames["X"])
