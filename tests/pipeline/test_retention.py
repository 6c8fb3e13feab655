"""From real nights to a full disk that is freed, and a file of bars that is forecast."""

import json
import os
import time
from pathlib import Path

import mlflow
import pandas as pd
import pytest

from flows.cli import call
from lstm_model.model.bundle import load_bundle
from tasks.data.sources.bundled import BundledSource
from tests.pipeline.conftest import QUICKSTART, Command

pytestmark = pytest.mark.e2e


def test_nights_then_gc_then_predict(
    lstm_hpo_run: Command, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The older of two nights goes with all that it left; the newer one's model forecasts a file.

    The next night counts the trials of the study that is gone, and its look at the test block.
    """
    own = {"data.raw_dir": f"{tmp_path}/data/raw", "data.data_dir": f"{tmp_path}/data/processed"}
    settings = [word for key, value in own.items() for word in ("--set", f"{key}={value}")]
    for end in ("2018-06-29", "2018-09-28"):
        assert lstm_hpo_run("--trials", "2", data__end=end, champion__automatic="false").status == 0
    client = mlflow.MlflowClient(f"sqlite:///{tmp_path / 'mlruns' / 'mlflow.db'}")
    newer, older = client.search_runs(["1"], "tags.role = 'night'")
    for folder in (tmp_path / "data/processed").iterdir():
        os.utime(folder, (time.time() - 2e5,) * 2)
    (model,) = client.search_logged_models(
        ["1"], f"source_run_id = '{client.get_model_version('lstm-hpo', '1').run_id}'"
    )
    folders = {path.name for path in (tmp_path / "data/processed").iterdir()}

    assert call(["gc", "--keep", "1", "--config", QUICKSTART, *settings]) == 0
    out = capfd.readouterr().out
    assert f"({older.info.run_id}), version 1, 3 nested runs" in out
    (version,) = client.search_model_versions("name = 'lstm-hpo'")
    assert version.version == 2
    assert list(tmp_path.rglob(f"*{older.info.run_id}*")) == []
    assert list(tmp_path.rglob(f"*{model.model_id}*")) == []
    assert {path.name for path in (tmp_path / "data/models").iterdir()} == {newer.info.run_id}
    view = newer.data.tags["search_view_sha256"][:16]
    left = {path.name for path in (tmp_path / "data/processed").iterdir()}
    assert left == {name for name in folders if view in name}
    assert len(left) == 3

    bars = BundledSource().fetch("^GSPC", None, None).tail(400).assign(ticker="^GSPC")
    bars.to_parquet("bars.parquet")
    predicted = ["predict", "bars.parquet", "--output", "forecasts.parquet", "--version", "2"]
    assert call([*predicted, "--config", QUICKSTART, *settings]) == 0
    found = pd.read_parquet("forecasts.parquet")
    (root,) = tmp_path.rglob("artifacts/served")
    expected = load_bundle(root).forecast_bars(pd.read_parquet("bars.parquet"))
    pd.testing.assert_frame_equal(found, expected, check_exact=True)

    assert lstm_hpo_run("--trials", "2", data__end="2018-12-28").status == 0
    (third, *_) = client.search_runs(["1"], "tags.role = 'night'")
    assert third.data.tags["looks"] == "3"
    content = json.loads(
        Path(client.download_artifacts(third.info.run_id, "report.json")).read_text()
    )
    study = content["study"]
    assert (study["family_trials"], study["family_studies"]) == (6, 3)
