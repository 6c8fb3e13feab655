"""A registered model without a night: an untrained network on bundled bars."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest

from lstm_model.config.pipeline import FeaturesConfig
from lstm_model.data.har import HAR_NAMES
from lstm_model.data.scaling import Scaler
from lstm_model.model.bundle import Bundle, save_bundle
from lstm_model.model.training import build_network
from lstm_model.search.hyper_params import HyperParams
from tasks.tracking.client import PatientClient, quiet_mlflow
from tasks.tracking.registry import log_and_register
from tasks.training.deploy import Deployed

NAME = "m"
LENGTH = 20


@pytest.fixture
def bars() -> pd.DataFrame:
    """Return 300 raw bars as they are sent to a served model."""
    from tasks.data.sources.bundled import BundledSource

    raw = BundledSource().fetch("^GSPC", None, None).tail(300).reset_index(drop=True)
    days = pd.to_datetime(raw["date"]).dt.strftime("%Y-%m-%d")
    columns = ["ticker", "date", "open", "high", "low", "close"]
    return raw.assign(ticker="X", date=days)[columns].astype(dict.fromkeys(columns[2:], float))


@pytest.fixture
def bundle() -> Bundle:
    """Return a model of HAR's columns, with draws for weights."""
    params = HyperParams(hidden_size=4, num_layers=1)
    return Bundle(
        networks=(build_network(3, params, seed=1), build_network(3, params, seed=2)),
        params=params,
        scaler=Scaler(np.full(3, -9.5), np.full(3, 1.2), -9.5, 1.2),
        features=FeaturesConfig(sets=("har",)),
        feature_names=HAR_NAMES,
        window_length=LENGTH,
        target_kind="log_volatility",
        horizon=1,
        smearing=0.5,
    )


@dataclass(frozen=True)
class Store:
    """A registry in which models are registered."""

    uri: str
    folder: Path

    def register(self, bundle: Bundle, example: pd.DataFrame) -> int:
        """Register a bundle as the night does and return its version."""
        folder = self.folder / f"bundle{len(list(self.folder.glob('bundle*')))}"
        client = PatientClient(self.uri)
        run = client.create_run("1")
        path = str(save_bundle(bundle, folder))
        deployed = Deployed(bundle, path, path)
        return log_and_register(self.uri, run.info.run_id, NAME, deployed, example).version

    def root(self, version: int) -> Path:
        """Return the folder of a version's files."""
        found = PatientClient(self.uri).get_model_version(NAME, str(version))
        model_id = str(found.source).removeprefix("models:/")
        (path,) = (self.folder / "artifacts").rglob(f"{model_id}/artifacts")
        return path


@pytest.fixture
def store(tmp_path: Path, empty_store: Path) -> Store:
    """Return a registry without models."""
    quiet_mlflow()
    (tmp_path / "mlflow.db").write_bytes(empty_store.read_bytes())
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    client = PatientClient(uri)
    location = (tmp_path / "artifacts").as_uri()
    assert client.create_experiment("e", artifact_location=location) == "1"
    mlflow.set_tracking_uri(uri)
    return Store(uri, tmp_path)


@pytest.fixture
def with_columns(bundle: Bundle, tmp_path: Path) -> Callable[[str], Bundle]:
    """Return the model with one column of the user's own, from the file that is there now."""

    def model(function: str) -> Bundle:
        params = bundle.params
        return replace(
            bundle,
            networks=(build_network(4, params, seed=1),),
            scaler=Scaler(np.zeros(4), np.ones(4), -9.5, 1.2),
            features=FeaturesConfig(sets=("har",), custom=function),
            feature_names=(*HAR_NAMES, "m"),
        )

    return model
