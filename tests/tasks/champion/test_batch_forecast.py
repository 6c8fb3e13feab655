"""Claims about forecasts of a whole file: equal to the model's to the bit, by its own code."""

import os
import subprocess
import sys
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest

from flows.cli import call
from lstm_model.config.loader import parse_config
from lstm_model.config.pipeline import PipelineConfig
from lstm_model.errors import BarsError, ChampionError, ConfigError, LstmHpoError, StorageError
from lstm_model.model.bundle import Bundle, load_bundle
from tasks.champion.batch_forecast import forecast_file
from tasks.tracking.champion import champion_of
from tests.tasks.tracking.conftest import NAME, Store, bars, bundle, store  # noqa: F401 - fixtures
from tests.tasks.tracking.test_served_model import ALONE, change_code

pytestmark = pytest.mark.process  # MLflow asks git which commit this is

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def config(tmp_path: Path, store: Store) -> PipelineConfig:  # noqa: F811 - the fixture
    return parse_config(
        {
            "data": {"tickers": ["X"], "raw_dir": str(tmp_path / "data/raw")},
            "tracking": {"uri": store.uri, "model_name": NAME, "experiment": "e"},
        }
    )


@pytest.fixture
def panel(bars: pd.DataFrame) -> pd.DataFrame:  # noqa: F811 - the fixture
    """Return 40 tickers' bars."""
    draws = np.random.default_rng(1)
    prices = ["open", "high", "low", "close"]
    parts = []
    for number in range(40):
        scaled = bars.assign(ticker=f"T{number}")
        scaled[prices] *= draws.uniform(0.5, 2)
        parts.append(scaled)
    return pd.concat(parts, ignore_index=True)


@pytest.fixture
def file(panel: pd.DataFrame, tmp_path: Path) -> Path:
    path = tmp_path / "bars.parquet"
    panel.to_parquet(path, index=False)
    return path


def champion(config: PipelineConfig, version: int) -> None:
    champion_of(config).promote(version, "me", "first")


def test_the_numbers_are_the_models_to_the_bit(
    config: PipelineConfig,
    store: Store,  # noqa: F811 - the fixture
    bundle: Bundle,  # noqa: F811 - the fixture
    bars: pd.DataFrame,  # noqa: F811 - the fixture
    panel: pd.DataFrame,
    file: Path,
) -> None:
    """Champion or a version by number, 40 tickers: as the bundle and MLflow's own loading say."""
    version = store.register(bundle, bars)
    champion(config, version)
    output = file.parent / "new/forecasts.parquet"
    batch = forecast_file(config, file, output)
    found = pd.read_parquet(output)
    loaded = load_bundle(store.root(version) / "artifacts/bundle0")
    pd.testing.assert_frame_equal(found, loaded.forecast_bars(panel), check_exact=True)
    served = mlflow.pyfunc.load_model(f"models:/{NAME}/{version}").predict(panel)
    for column in ("forecast", "spread", "variance", "annualised_volatility"):
        np.testing.assert_array_equal(found[column], served[column])
    assert (batch.version, batch.tickers, batch.forecasts) == (version, 40, len(found))
    before = output.read_bytes()
    forecast_file(config, file, output, version)
    assert output.read_bytes() == before
    assert [path.name for path in output.parent.iterdir()] == ["forecasts.parquet"]


def test_a_version_runs_its_own_code(
    config: PipelineConfig,
    store: Store,  # noqa: F811 - the fixture
    bundle: Bundle,  # noqa: F811 - the fixture
    bars: pd.DataFrame,  # noqa: F811 - the fixture
) -> None:
    """A version whose lstm_model differs from the one that runs forecasts as it does alone."""
    version = store.register(bundle, bars)
    root = store.root(version)
    change_code(root)
    registry = champion_of(config)
    registry.client.delete_model_version_tag(NAME, str(version), "bundle_sha256")
    bars.to_json(store.folder / "bars.json")
    subprocess.run(
        [
            sys.executable, "-P", "-c", ALONE, root / "artifacts/bundle0",
            store.folder / "bars.json", store.folder / "alone.json",
        ],
        env={**os.environ, "PYTHONPATH": str(root / "artifacts/code")},
        check=True,
    )  # fmt: skip
    alone = pd.read_json(store.folder / "alone.json")["forecast"].to_numpy()
    bars.to_csv(store.folder / "bars.csv", index=False)
    output = store.folder / "forecasts.parquet"
    forecast_file(config, store.folder / "bars.csv", output, version)
    found = pd.read_parquet(output)["forecast"].to_numpy()
    np.testing.assert_allclose(found, alone, rtol=0, atol=1e-9)
    ours = bundle.forecast_bars(bars)["forecast"].to_numpy()
    assert np.abs(found - ours).max() > 0.01


def refusal(config: PipelineConfig, file: Path, output: Path, version: int | None = None) -> str:
    with pytest.raises(LstmHpoError) as refused:
        forecast_file(config, file, output, version)
    assert "\n" not in str(refused.value)
    return f"{type(refused.value).__name__}: {refused.value}"


def test_what_is_refused(
    config: PipelineConfig,
    store: Store,  # noqa: F811 - the fixture
    bundle: Bundle,  # noqa: F811 - the fixture
    bars: pd.DataFrame,  # noqa: F811 - the fixture
) -> None:
    """No champion, no version, no place, bad bars, a damaged bundle: one line, and no file."""
    file, output = store.folder / "bars.parquet", store.folder / "out.parquet"
    bars.to_parquet(file)
    assert f"{ChampionError.__name__}: model 'm' must have a champion" in refusal(
        config, file, output
    )
    version = store.register(bundle, bars)
    champion(config, version)
    told = refusal(config, file, output, 7)
    assert f"{ChampionError.__name__}: --version must be a registered version of 'm'" in told
    assert "but 7 is not; there is 1" in told
    assert refusal(config, store.folder / "none.csv", output).startswith(ConfigError.__name__)
    assert "but is the file of bars" in refusal(config, file, file)
    assert "but is a folder" in refusal(config, file, store.folder)
    for below_a_file in (file / "out.parquet", file / "a/b/out.parquet"):
        told = refusal(config, file, below_a_file)
        assert told.startswith(f"{StorageError.__name__}: cannot write")
    few = store.folder / "few.parquet"
    bars.tail(100).to_parquet(few)
    assert refusal(config, few, output).startswith(
        f"{BarsError.__name__}: X: a forecast needs >= 270 bars"
    )
    bad = store.folder / "bad.parquet"
    zero = bars.copy()
    zero.loc[280, "low"] = 0
    zero.to_parquet(bad)
    assert "X 2018-11-30: non_positive_price: low is 0; " in refusal(config, bad, output)
    assert not output.exists()

    (weights,) = (store.root(version) / "artifacts/bundle0").glob("*.safetensors")
    weights.write_bytes(weights.read_bytes()[:-1])
    assert "version 1 of 'm' must be whole but is not" in refusal(config, file, output)
    assert not output.exists()


def test_the_command(
    config: PipelineConfig,
    store: Store,  # noqa: F811 - the fixture
    bundle: Bundle,  # noqa: F811 - the fixture
    bars: pd.DataFrame,  # noqa: F811 - the fixture
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It prints what it wrote, and fails in one line with the status of its kind."""
    file, output = store.folder / "bars.csv", store.folder / "out.parquet"
    bars.to_csv(file, index=False)
    store.register(bundle, bars)
    words = [
        "predict", str(file), "--output", str(output), "--config",
        str(ROOT / "configs/quickstart.yaml"), "--set", f"tracking.uri={store.uri}",
        "--set", f"tracking.model_name={NAME}", "--set", f"data.raw_dir={store.folder}/data/raw",
    ]  # fmt: skip
    assert call(words) == 1
    assert "must have a champion" in capsys.readouterr().err
    assert call([*words, "--version", "1"]) == 0
    count = len(pd.read_parquet(output))
    assert capsys.readouterr().out == (
        f"{output}: {count} forecasts of 1 tickers by version 1 of m\n"
    )
    assert call(["predict", "none.csv", *words[2:]]) == 2
    err = capsys.readouterr().err
    assert err.startswith("lstm-hpo: BARS must be a file")
    assert err.count("\n") == 1
