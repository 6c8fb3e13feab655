"""What a night refuses to believe or print: look-aheads, too few test days, no night at all."""

import html
from pathlib import Path

import mlflow
import numpy as np
import pytest

from flows.cli import call
from tasks.data.snapshots import stored_snapshots
from tasks.tracking.client import resolve_uri
from tasks.tracking.registry import input_example

from .conftest import QUICKSTART, Command

pytestmark = pytest.mark.e2e

OWN_COLUMNS = """
import numpy as np
import pandas as pd

def honest(bars):
    close = bars.frame["close"]
    return pd.DataFrame({"momentum5": np.log(close / close.shift(5))})

def peeking(bars):
    close = bars.frame["close"]
    return pd.DataFrame({"calm": 0.0, "tomorrow": np.log(close.shift(-1) / close)}).fillna(0.0)
"""


def test_a_look_ahead_in_own_features_fails_the_night(
    lstm_hpo_run: Command, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """An honest column of the user's own is searched with; one that looks ahead ends the night.

    It is named, no trial is run, MLflow's run is FAILED with the verdict; `lstm-hpo audit` alone
    says the same.
    """
    (tmp_path / "own_columns.py").write_text(OWN_COLUMNS, encoding="utf-8")
    honest = lstm_hpo_run(
        "--trials", "1", features__custom="own_columns:honest", training__export="onnx"
    )
    assert honest.status == 0, honest.err
    store = honest.summary["mlflow"]
    mlflow.set_tracking_uri(store["tracking_uri"])
    name, version = store["model_name"], str(store["model_version"])
    registered = mlflow.MlflowClient(store["tracking_uri"]).get_model_version(name, version)
    (exported,) = (tmp_path / "mlruns").rglob("artifacts/served/onnx/*.onnx")
    assert exported.name == "0.onnx"
    assert registered.description.startswith(f"# {name}, version {version}\n")
    assert registered.description.count(honest.summary["snapshot_sha256"]) == 1
    served = mlflow.pyfunc.load_model(f"models:/{name}/{version}")
    (snapshot,) = stored_snapshots(Path("data/raw"))
    assert np.isfinite(served.predict(input_example(snapshot, 300))["forecast"]).all()

    night = lstm_hpo_run("--trials", "1", features__custom="own_columns:peeking")
    assert night.status == 1
    last = night.err.splitlines()[-1]
    assert "the leak audit found" in last
    assert "tomorrow changes at" in last
    assert "calm changes" not in last
    client = mlflow.MlflowClient(f"sqlite:///{tmp_path / 'mlruns' / 'mlflow.db'}")
    (failed,) = client.search_runs(["1"], "attributes.status = 'FAILED'")
    assert failed.data.tags["role"] == "night"
    assert "tomorrow changes at" in failed.data.tags["leak_audit"]

    for function, status in (("honest", 0), ("peeking", 1)):
        words = ["audit", "--config", QUICKSTART, "--set", "data.start=2014-01-01"]
        words += ["--set", f"features.custom=own_columns:{function}"]
        assert call(words) == status
        out = capfd.readouterr().out
        assert ("LEAK features on truncated history" in out) is (status == 1)


def test_a_test_block_too_short_for_a_test_says_so(lstm_hpo_run: Command) -> None:
    """Of 21 test days no test is computed: in each one's place stands why, and never a NaN.

    Its only reference costs more than the search of one tiny trial, so it is left out.
    """
    night = lstm_hpo_run(
        "--trials", "1",
        data__end="2018-12-31",
        split__validation_start="2017-06-01",
        split__test_start="2018-11-28",
        evaluation__references="1",
    )  # fmt: skip
    assert night.status == 0, night.err
    test = night.summary["test"]
    assert test["n"] == 21
    short = "not computed: n = 21 < 30"
    assert set(test["dm"].values()) == {short}
    assert test["superior_ability"]["p_value"] == short
    assert test["confidence_set"]["p_values"] == short
    assert test["against"]["har"]["hit_rate"] == short
    assert test["by_loss"]["qlike"]["mincer_zarnowitz"]["wald"] == short
    assert test["verdict"]["has_skill"] is None
    assert "not tested: n = 21 < 30" in test["verdict"]["skill"]
    assert test["references"] == {}
    assert "reference balanced: not trained, because it needs " in night.err
    assert "nan" not in night.out.lower()
    (line,) = (line for line in night.out.splitlines() if line.startswith("The whole page: "))
    page = Path(line.removeprefix("The whole page: ")).read_text(encoding="utf-8")
    assert html.escape(short) in page
    client = mlflow.MlflowClient(night.summary["mlflow"]["tracking_uri"])
    metrics = client.get_run(night.summary["mlflow"]["run_id"]).data.metrics
    assert "test.mse" in metrics
    assert not [name for name in metrics if "diebold_mariano" in name]


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("sqlite:///mlruns/none.db", "there is no mlruns/none.db"),
        ("mlruns", "must be the address of a database or a server"),
        ("sqlite:///mlruns/mlflow.db", "has no 'nonsense'"),
    ],
)
def test_a_report_of_no_night_is_refused(
    uri: str, words: str, lstm_hpo_run: Command, capfd: pytest.CaptureFixture[str]
) -> None:
    """A store that is none, and a run that a store does not have, end in one line."""
    mlflow.MlflowClient(resolve_uri("sqlite:///mlruns/mlflow.db")).search_experiments()
    assert call(["report", "nonsense", "--uri", uri]) == 2
    assert words in capfd.readouterr().err.splitlines()[-1]
