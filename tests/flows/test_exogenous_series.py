"""A command with an exogenous series: fetched, stored, audited, and never forecast."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from flows.cli import call
from tasks.data.snapshots import stored_snapshots

ROOT = Path(__file__).resolve().parents[2]


def words(folder: Path, *more: str) -> list[str]:
    """Write bars of X, Y and V, and return the command that audits X and Y with V beside them."""
    for seed, ticker in enumerate("XYV"):
        rng = np.random.default_rng(seed)
        close = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, 520)))
        days = pd.bdate_range("2022-01-03", periods=520)
        bars = {"open": close, "high": close * 1.01, "low": close * 0.99, "close": close}
        pd.DataFrame({"date": days, **bars, "volume": 1000}).to_csv(folder / f"{ticker}.csv")
    settings = [
        "data.source=csv", f"data.csv_dir={folder}", "data.tickers=[X, Y]", "data.start=null",
        f"data.raw_dir={folder / 'raw'}", f"data.data_dir={folder / 'sets'}",
        "features.exogenous=[{ticker: V, lag_sessions: 1}]", *more,
    ]  # fmt: skip
    config = ["--config", str(ROOT / "configs" / "volatility.yaml")]
    return ["audit", *config, *(word for setting in settings for word in ("--set", setting))]


def test_a_series_is_fetched_stored_and_audited(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Its columns are audited beside the others; the snapshot has its bars, the data set no row."""
    assert call(words(tmp_path)) == 0
    out, _ = capfd.readouterr()
    assert "of X, Y unchanged" in out
    assert "V_log_change" not in out
    (stored,) = stored_snapshots(tmp_path / "raw")
    assert stored.tickers == ("V", "X", "Y")
    views = [path.read_text("utf-8") for path in (tmp_path / "sets").glob("*/view.json")]
    assert len(views) == 2
    assert all('"tickers": ["X", "Y"]' in view and '"V_log_level"' in view for view in views)


def test_a_series_cannot_be_left_out(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """`data.min_coverage` lets forecast tickers go, but a series that is missing ends the run."""
    command = words(tmp_path, "data.min_coverage=0.5")
    (tmp_path / "V.csv").unlink()
    assert call(command) == 1
    *_, line = capfd.readouterr().err.splitlines()
    assert line.startswith("lstm-hpo: bars of every exogenous ticker are required but V has none")
