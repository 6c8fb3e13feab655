"""A command on several tickers of which one cannot be used."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from flows.cli import call

ROOT = Path(__file__).resolve().parents[2]


def words(folder: Path, *more: str) -> list[str]:
    """Write bars of X and Y, and return the command that asks for GONE too."""
    for seed, ticker in enumerate("XY"):
        rng = np.random.default_rng(seed)
        close = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, 520)))
        days = pd.bdate_range("2022-01-03", periods=520)
        bars = {"open": close, "high": close * 1.01, "low": close * 0.99, "close": close}
        pd.DataFrame({"date": days, **bars, "volume": 1000}).to_csv(folder / f"{ticker}.csv")
    settings = [
        "data.source=csv", f"data.csv_dir={folder}", "data.tickers=[X, Y, GONE]",
        "data.start=null", f"data.raw_dir={folder / 'raw'}", f"data.data_dir={folder / 'sets'}",
        *more,
    ]  # fmt: skip
    config = ["--config", str(ROOT / "configs" / "volatility.yaml")]
    return ["audit", *config, *(word for setting in settings for word in ("--set", setting))]


def test_one_unknown_ticker_is_refused(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """By default every ticker must be usable; the message names the key that changes this."""
    assert call(words(tmp_path)) == 1
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith("lstm-hpo: 1 of 3 tickers cannot be used but data.min_coverage is 1: ")
    assert line.endswith("or set data.min_coverage to 0.66 to go on without them")


def test_with_a_rule_it_goes_on_without(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """With `data.min_coverage` the others are audited, and a note names what is missing."""
    assert call(words(tmp_path, "data.min_coverage=0.6")) == 0
    out, err = capfd.readouterr()
    assert err.startswith("note: 1 of 3 tickers left out: GONE: ")
    assert "of X, Y unchanged" in out
