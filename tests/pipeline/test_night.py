"""The whole way on real bars: bars to search to model to MLflow, read back by its client."""

import ast
import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import optuna
import pandas as pd
import pytest
from prefect import get_client

from flows.cli import call
from tasks.data.snapshots import stored_snapshots
from tasks.tracking.registry import input_example

from .conftest import Command, rows_of, table

pytestmark = pytest.mark.e2e

BASELINES = {
    "zero", "train_mean", "persistence", "ridge", "boosting", "har", "lhar", "har_linear",
    "lhar_linear", "ewma", "gjr_garch",
}  # fmt: skip


def test_a_night_leaves_one_parent_with_a_child_a_trial_and_a_model_that_forecasts(
    lstm_hpo_command: Command, prefect_server: None
) -> None:
    """A night records all it did, and its model forecasts the same from raw bars.

    It shares nothing with other tests but the server.
    """
    night = lstm_hpo_command(
        "--trials", "3", "--study-name", "whole",
        evaluation__references="2",
        evaluation__reference_budget="1e6",
        training__retrain__seeds="2",
    )  # fmt: skip
    assert night.status == 0, night.err
    summary = night.summary
    printed = night.out.splitlines()[0].removeprefix("Best trial: ")
    assert ast.literal_eval(printed) == summary["best"]["params"]
    assert list(summary["best"]["params"]) == [
        "hidden_size", "num_layers", "dropout", "lr", "batch_size"
    ]  # fmt: skip
    store = summary["mlflow"]
    assert f"--backend-store-uri {store['tracking_uri']}" in night.out
    assert f"/#/experiments/{store['experiment_id']}/runs" in night.out

    client = mlflow.MlflowClient(store["tracking_uri"])
    runs = client.search_runs([store["experiment_id"]])
    (parent,) = (run for run in runs if "mlflow.parentRunId" not in run.data.tags)
    assert parent.info.run_id == store["run_id"]
    children = [r for r in runs if r.data.tags.get("mlflow.parentRunId") == store["run_id"]]
    trials = {r.data.tags["optuna.trial"]: r for r in children if r.data.tags["role"] == "trial"}
    assert sorted(trials) == ["0", "1", "2"]
    for row in summary["trials"]:
        run = trials[str(row["number"])]
        assert run.info.status == "FINISHED"
        assert run.data.metrics["final_val_loss"] == row["value"]
        assert run.data.params["lr"] == str(row["params"]["lr"])
        assert run.data.tags["prefect.task_run_id"] not in ("", "None")
        curve = client.get_metric_history(run.info.run_id, "val_loss")
        assert [point.step for point in curve] == [1, 2]
    check_final_models(client, summary, children)
    assert parent.info.status == "FINISHED"
    assert parent.data.metrics["test.mse"] == summary["test"]["model"]["mse"]
    assert {f"{name}.mse" for name in BASELINES} <= set(parent.data.metrics)
    assert (parent.data.tags["looks"], parent.data.tags["test_end"]) == ("1", "2018-12-28")
    assert parent.inputs.dataset_inputs[0].dataset.digest == summary["snapshot_sha256"][:16]
    assert parent.data.tags["prefect.flow_run_id"] not in ("", "None")
    artifacts = client.list_artifacts(store["run_id"])
    assert {
        "config.yaml", "summary.json", "data", "forecasts.parquet", "report.html", "report.json"
    } <= {item.path for item in artifacts}  # fmt: skip
    check_evaluation(summary, night.out, parent)
    check_forecasts(client, summary)
    check_report(client, night.out, store)
    check_insight(summary, night.out, parent.data.tags["mlflow.note.content"])

    assert os.environ["MLFLOW_ALLOW_PICKLE_DESERIALIZATION"] == "false"
    mlflow.set_tracking_uri(store["tracking_uri"])
    served = mlflow.pyfunc.load_model(f"models:/{store['model_name']}/{store['model_version']}")
    (snapshot,) = stored_snapshots(Path("data/raw"))
    raw = input_example(snapshot, 400)
    inside = served.unwrap_python_model().forecast(raw)
    outside = served.predict(raw)
    assert len(outside) == 400 - 250 - 20 + 1
    for column in ("forecast", "spread", "variance", "annualised_volatility"):
        np.testing.assert_array_equal(outside[column], inside[column])
    assert {type(served.metadata.signature), type(served.input_example)}.isdisjoint({type(None)})

    study_names = optuna.get_all_study_names("sqlite:///data/studies.db")
    assert len(study_names) == 1
    assert study_names[0].startswith("whole@")


def check_final_models(
    client: mlflow.MlflowClient, summary: dict[str, Any], children: list[mlflow.entities.Run]
) -> None:
    """Check the runs of the winner and the references, a curve a seed."""
    (retrain,) = [run for run in children if run.data.tags["role"] == "retrain"]
    assert summary["retrain"]["seeds"] == 2
    for seed, (best, epochs) in enumerate(
        zip(summary["retrain"]["best_epochs"], summary["retrain"]["epochs"], strict=True), start=1
    ):
        assert retrain.data.metrics[f"seed_{seed}.best_epoch"] == best
        curve = client.get_metric_history(retrain.info.run_id, f"seed_{seed}.val_loss")
        assert len(curve) == epochs
    references = [run for run in children if run.data.tags["role"] == "reference"]
    assert {run.info.run_name for run in references} == {
        "reference-balanced", "reference-minimal"
    }  # fmt: skip
    assert {run.info.status for run in references} == {"FINISHED"}


def check_evaluation(summary: dict[str, Any], out: str, parent: mlflow.entities.Run) -> None:
    """Check verdict, audit, references and selection bias, as printed and as recorded."""
    test, tags, metrics = summary["test"], parent.data.tags, parent.data.metrics
    assert test["benchmark"] == "har"
    for words in test["verdict"]["skill"].split(), test["verdict"]["search"].split():
        assert " ".join(words) in " ".join(out.split())
        assert " ".join(words) in tags["verdict"]
    assert tags["leak_audit"] == f"passed, {len(summary['leak_audit'])} checks"
    assert all(row["passed"] for row in summary["leak_audit"])
    assert {"winner: the scaler saw only train rows", "features on truncated history"} <= {
        row["check"] for row in summary["leak_audit"]
    }
    assert set(test["references"]) == {"balanced", "minimal"}
    assert metrics["balanced.mse"] == test["references"]["balanced"]["mse"]
    assert metrics["against.har.better_p"] == pytest.approx(
        1 - test["dm"]["har"]["p_value"] / 2
        if test["dm"]["har"]["value"] > 0
        else test["dm"]["har"]["p_value"] / 2
    )
    assert metrics["against.har.qlike.better_p"] == test["against"]["har"]["qlike"]["better_p"]
    assert metrics["test.qlike"] == test["model"]["qlike"]
    assert test["rival"] in BASELINES
    assert f"{test['rival']}, the best baseline on validation" in test["verdict"]["skill"]
    assert set(test["by_loss"]) == {"mse", "qlike"}
    assert set(test["baselines"]) == BASELINES
    assert metrics["selection.trials"] == test["selection"]["trials"] == 3
    assert 0 <= metrics["selection.pbo"] <= 1
    spread = {row["name"]: row for row in test["seeds"]}
    assert len(spread["model"]["members"]) == 2
    assert spread["model"]["ensemble"] == pytest.approx(test["model"]["mse"])
    assert test["intervals"][0]["nominal"] == 0.9
    for drift in summary["drift"]:
        assert drift["sentence"] in tags["drift"]
        key = drift["name"].removeprefix("the ").replace(" ", "_")
        assert metrics[f"drift.{key}.columns_beyond"] == drift["columns_beyond"]
    assert [drift["name"] for drift in summary["drift"]] == ["the test block", "the newest dates"]


def check_forecasts(client: mlflow.MlflowClient, summary: dict[str, Any]) -> None:
    """Check that the scores can be had again from the table of forecasts."""
    frame = pd.read_parquet(
        client.download_artifacts(summary["mlflow"]["run_id"], "forecasts.parquet")
    )
    assert len(frame) == summary["test"]["n"]
    for column, mse in (
        ("forecast", summary["test"]["model"]["mse"]),
        ("har", summary["test"]["baselines"]["har"]["mse"]),
        ("minimal", summary["test"]["references"]["minimal"]["mse"]),
    ):
        assert np.mean((frame[column] - frame["truth"]) ** 2) == pytest.approx(mse)


def page_of(out: str) -> str:
    """Read the page that a night names."""
    (line,) = (line for line in out.splitlines() if line.startswith("The whole page: "))
    return Path(line.removeprefix("The whole page: ")).read_text(encoding="utf-8")


def check_report(client: mlflow.MlflowClient, out: str, store: dict[str, Any]) -> None:
    """Check that the page is where the run says, and the same from MLflow alone."""
    page = page_of(out)
    assert len(page.encode()) < 6e6
    words = ["report", store["run_id"], "--uri", store["tracking_uri"], "--output", "again.html"]
    assert call(words) == 0
    assert Path("again.html").read_text(encoding="utf-8") == page
    name = client.get_run(store["run_id"]).info.run_name
    words = ["report", name, "--uri", store["tracking_uri"], "--output", "by-name.html"]
    assert call(words) == 0
    assert Path("by-name.html").read_text(encoding="utf-8") == page
    (artifact,) = [
        artifact
        for artifact in asyncio.run(_artifacts())
        if artifact.key == "lstm-hpo-night" and store["run_id"] in str(artifact.data)
    ]
    assert "| har |" in str(artifact.data)


async def _artifacts() -> list[Any]:
    async with get_client() as prefect:
        return list(await prefect.read_artifacts())


def check_insight(summary: dict[str, Any], out: str, description: str) -> None:
    """Three trials are too few for importances; that and the readings are told all the same."""
    importances = summary["importances"]
    assert importances["note"].startswith("not computed: n = 3 <")
    assert {row["share"] for row in importances["rows"]} == {None}
    assert importances["note"] in out
    texts = [reading["text"] for reading in summary["readings"]]
    assert any("0 enqueued, 3 drawn at random" in text for text in texts)
    assert all(text in description for text in texts)


def test_a_resumed_night_equals_an_undisturbed_one(
    lstm_hpo_run: Command, search_alone: Callable[..., Any]
) -> None:
    """2 + 0 + 3 trials over three calls give the same night, bit for bit, as 5 at once."""
    assert [len(search_alone(2, name="same").trials) for _ in range(2)] == [2, 2]
    resumed = lstm_hpo_run("--trials", "5", "--study-name", "same")
    assert "continues from 2 finished trials" in resumed.err
    whole = lstm_hpo_run(
        "--trials", "5", "--study-name", "same", folder="fresh", search__workers="1"
    )
    # The start-up trials are those of a budget of five in both: nothing model-based was drawn at 2.
    assert table(resumed.summary) == table(whole.summary)
    assert resumed.summary["retrain"] == whole.summary["retrain"]
    assert resumed.summary["test"] == whole.summary["test"]


def test_a_diverging_study_ends_in_one_line_and_its_runs_are_killed(lstm_hpo_run: Command) -> None:
    """Trials whose loss is not finite are pruned with their reason, and all pruned is one line."""
    space = "{lr: {type: float, low: 1.0e+30, high: 1.0e+32, log: true}}"
    night = lstm_hpo_run("--trials", "2", "--study-name", "wild", search__space=space)
    assert night.status == 1
    assert night.err.splitlines()[-1].startswith("lstm-hpo: a search needs a completed trial")
    assert "loss must be finite" in night.err
    assert "Traceback" not in night.err
    runs = mlflow.MlflowClient(f"sqlite:///{Path('mlruns/mlflow.db').resolve()}").search_runs(["1"])
    by_role = sorted((run.data.tags["role"], run.info.status) for run in runs)
    assert by_role == [("night", "FAILED"), ("trial", "KILLED"), ("trial", "KILLED")]


def test_refit_and_log_return_and_dates_run_too(lstm_hpo_run: Command) -> None:
    """Returns as target, a split by dates and a refit on train and validation run end to end."""
    night = lstm_hpo_run(
        "--trials", "1",
        target__kind="log_return",
        target__skip="none",
        target__horizon="5",
        split__validation_start="2016-01-01",
        split__test_start="2017-01-01",
        training__retrain__refit="true",
    )  # fmt: skip
    assert night.status == 0, night.err
    assert night.summary["test"]["start"] == "2017-01-03"
    assert set(night.summary["test"]["baselines"]) == {
        "zero", "train_mean", "persistence", "ridge", "boosting", "last_bar"
    }  # fmt: skip
    # Intervals and selection need forecasts of validation, which are those from before the refit.
    assert night.summary["test"]["intervals"][0]["nominal"] == 0.9
    assert isinstance(night.summary["test"]["selection"]["r2"], float)
    page = page_of(night.out)
    assert "Baselines are fitted on train and validation, as the model is." in page


def test_garbage_in_the_test_block_changes_no_trial_and_no_weight(
    search_alone: Callable[..., Any], tmp_path: Path
) -> None:
    """Nonsense from the test block on leaves trials, parameters and weights as they were."""
    from arch.data import sp500

    bars = sp500.load()["2014":].rename_axis("Date").reset_index()
    found = []
    for name in ("clean", "garbage"):
        folder = tmp_path / f"{name}-bars"
        folder.mkdir()
        frame = bars.copy()
        if name == "garbage":
            late = frame["Date"] >= "2017-01-03"
            # Not a factor that a split could be, or the bars would be refused.
            wave = 1 + 0.5 * np.sin(np.arange(late.sum()) / 8)
            for column in ("Open", "High", "Low", "Close", "Adj Close"):
                frame.loc[late, column] *= wave
        frame.to_csv(folder / "X.csv", index=False)
        study, models = search_alone(
            2,
            folder=name,
            with_final_models=True,
            data__source="csv",
            data__csv_dir=str(folder),
            data__tickers="[X]",
            split__validation_start="2016-01-04",
            split__test_start="2017-01-03",
        )
        weights = next((tmp_path / name / "data" / "models").glob("*/winner/weights.safetensors"))
        curves = [[e.validation_loss for e in t.epochs] for t in models.winner.trainings]
        found.append((rows_of(study), curves, weights.read_bytes()))
    assert found[0] == found[1]


def test_a_panel_of_csv_files_runs(lstm_hpo_run: Command, market_data: Path) -> None:
    """Several tickers make one panel, and a defect in one file is a finding."""
    night = lstm_hpo_run(
        "--trials", "1",
        data__source="csv",
        data__csv_dir=str(market_data / "panel_ohlcv_2012_2017"),
        data__tickers="[AAPL, MSFT, PTR]",
        data__start="null",
    )  # fmt: skip
    assert night.status == 0, night.err
    (snapshot,) = stored_snapshots(Path("data/raw"))
    assert snapshot.tickers == ("AAPL", "MSFT", "PTR")
    assert snapshot.findings == 1
    assert night.summary["test"]["n"] % 3 == 0
