"""The final model in MLflow: logged with signature and input example, and registered."""

import shutil
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

import mlflow
import pandas as pd
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, Schema
from prefect import task
from prefect.cache_policies import NO_CACHE

import lstm_model
from lstm_model.data.features import WARM_UP_BARS
from lstm_model.hashes import folder_sha256
from lstm_model.report.model_card import model_card
from lstm_model.report.night_result import NightResult, RegisteredModel
from tasks.data.snapshots import Snapshot, read_bars
from tasks.tracking.champion import BUNDLE_TAG
from tasks.tracking.client import PatientClient
from tasks.training.deploy import Deployed

REQUIREMENTS = (
    "numpy", "pandas", "pandera", "torch", "safetensors", "TA-Lib", "pydantic", "PyYAML", "optuna",
    "jaxtyping", "exchange_calendars", "mlflow", "pyarrow",
)  # fmt: skip
"""Packages that the bundle imports; MLflow would take up to two minutes to infer them."""

CARD_FILE = "model_card.md"
LONGEST_DESCRIPTION = 5000
"""Characters that MLflow's registry takes."""

_HERE = Path(__file__).parent
_REQUIRED = ("open", "high", "low", "close")
_OPTIONAL = ("volume", "dividends", "stock_splits")
_OUTPUTS = ("forecast", "spread")
_VARIANCES = ("variance", "annualised_volatility")


@task(name="register-model", cache_policy=NO_CACHE)
def register_model(
    tracking_uri: str,
    run_id: str,
    model_name: str,
    deployed: Deployed,
    snapshot: Snapshot,
) -> RegisteredModel:
    """Log the served bundle as a pyfunc on the retraining's run, and register it.

    tracking_uri: where runs and models are recorded.
    run_id: of the retraining's run.
    model_name: name in the model registry.
    deployed: the served bundle, and the judged one.
    snapshot: bars from which the input example is taken.
    """
    example = input_example(snapshot, WARM_UP_BARS + deployed.bundle.window_length + 10)
    return log_and_register(tracking_uri, run_id, model_name, deployed, example)


def log_and_register(
    tracking_uri: str,
    run_id: str,
    model_name: str,
    deployed: Deployed,
    example: pd.DataFrame,
) -> RegisteredModel:
    """Log both bundles with their code and an example of raw bars, and register the hash."""
    bundle = deployed.bundle
    mlflow.set_tracking_uri(tracking_uri)
    mlflow.set_registry_uri(tracking_uri)
    with mlflow.start_run(run_id=run_id), TemporaryDirectory() as folder:
        info = mlflow.pyfunc.log_model(
            name="model",
            python_model=str(_HERE / "served_model.py"),
            # Not by code_paths, which put one version's code in the way of all that comes after.
            artifacts={
                "bundle": deployed.bundle_path,
                "judged": deployed.judged_path,
                "code": str(_code(Path(folder) / "code")),
            },
            signature=signature(with_variance=bundle.smearing is not None),
            input_example=example,
            pip_requirements=[f"{name}=={version(name).split('+')[0]}" for name in REQUIREMENTS],
            metadata={"target": bundle.target_kind, "horizon": bundle.horizon},
        )
    client = PatientClient(tracking_uri)
    if not client.search_registered_models(f"name = '{model_name}'"):
        client.create_registered_model(model_name)
    registered = client.create_model_version(
        model_name,
        source=info.model_uri,
        run_id=run_id,
        model_id=info.model_id,
        tags={BUNDLE_TAG: folder_sha256(Path(deployed.bundle_path))},
    )
    return RegisteredModel(model_name, int(registered.version))


@task(name="describe-model", cache_policy=NO_CACHE)
def describe_model(night: NightResult, tracking_uri: str) -> None:
    """Store the model card beside the model, and as the description of its version."""
    record_card(tracking_uri, night.registered, model_card(night))


def record_card(tracking_uri: str, model: RegisteredModel, card: str) -> None:
    """Write a card into a version's files and description.

    It is not part of the bundle, whose hash is known before the night is over.
    """
    client = PatientClient(tracking_uri)
    version = str(model.version)
    model_id = client.get_model_version(model.name, version).source.removeprefix("models:/")
    with TemporaryDirectory() as folder:
        path = Path(folder) / CARD_FILE
        path.write_text(card, encoding="utf-8")
        client.log_model_artifact(model_id, str(path))
    if len(card) > LONGEST_DESCRIPTION:
        rest = f"\n\nThe rest is in {CARD_FILE} among the model's files.\n"
        card = card[: LONGEST_DESCRIPTION - len(rest)].rpartition("\n")[0] + rest
    client.update_model_version(model.name, version, card)


def _code(folder: Path) -> Path:
    """Copy what a version runs on: `lstm_model`, and the file that gives it its own process."""
    package = Path(lstm_model.__file__).parent
    shutil.copytree(package, folder / package.name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(_HERE / "version_process.py", folder)
    return folder


def input_example(snapshot: Snapshot, bars: int) -> pd.DataFrame:
    """Return the last `bars` raw bars of each ticker, with dates as text."""
    frame = read_bars(snapshot).frame.groupby("ticker", sort=False).tail(bars)
    columns = ["ticker", "date", *_REQUIRED, *_OPTIONAL]
    return frame[columns].assign(date=frame["date"].dt.strftime("%Y-%m-%d")).reset_index(drop=True)


def signature(*, with_variance: bool) -> ModelSignature:
    """Return the served model's input and output columns."""
    outputs = (*_OUTPUTS, *_VARIANCES) if with_variance else _OUTPUTS
    keys = [ColSpec("string", "ticker"), ColSpec("string", "date")]
    prices = [ColSpec("double", name) for name in _REQUIRED]
    optional = [ColSpec("double", name, required=False) for name in _OPTIONAL]
    return ModelSignature(
        inputs=Schema([*keys, *prices, *optional]),
        outputs=Schema([*keys, *(ColSpec("double", name) for name in outputs)]),
    )
