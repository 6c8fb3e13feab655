"""A registered version, opened: what it is, and forecasts by its own code and weights."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any, Literal

import mlflow
import pandas as pd
from mlflow.artifacts import download_artifacts
from mlflow.exceptions import MlflowException

from lstm_model.data.targets import TargetKind
from lstm_model.errors import BarsError, ChampionError, LstmHpoError, StorageError
from lstm_model.hashes import folder_sha256
from lstm_model.model.bundle_files import read_description, read_judged_errors
from lstm_model.model.judged_errors import JudgedErrors
from lstm_model.search.hyper_params import Params
from tasks.tracking.champion import BUNDLE_TAG, Registry
from tasks.tracking.served_model import BarForecaster

Which = Literal["served", "judged"]
"""The bundle that forecasts, or its twin that was judged on the test block."""


@dataclass(frozen=True, slots=True)
class Version:
    """A version of a registered model, with the facts that are needed to use its forecasts.

    bundle_sha256: of the served bundle's files. params: of network and training. tickers: of the
    panel that it was trained on. exogenous: tickers whose bars it needs beside the others.
    smearing: constant by which a log forecast becomes one of the variance. judged_errors: on its
    test block; None if it is older than they are. bundle_path: folder of the bundle, while the
    version is open. forecast_bars: as `Bundle.forecast_bars`, by the version's own code; raises
    BarsError for bars that the version refuses, ChampionError for any other failure.
    """

    name: str
    number: int
    bundle_sha256: str
    target_kind: TargetKind
    horizon: int
    window_length: int
    is_refit: bool
    params: Params
    tickers: tuple[str, ...]
    exogenous: tuple[str, ...]
    smearing: float | None
    judged_errors: JudgedErrors | None
    bundle_path: Path
    forecast_bars: Callable[[pd.DataFrame], pd.DataFrame]


@contextmanager
def open_version(registry: Registry, number: int, which: Which = "served") -> Iterator[Version]:
    """Download a version and open it; its own process, if it needs one, ends with the block.

    Raises ChampionError if the version is gone, or its files are missing or damaged.
    """
    with TemporaryDirectory() as folder:
        forecaster = BarForecaster()
        try:
            root = _download(registry, number, Path(folder))
            served, asked = bundle_folder(root, "served"), bundle_folder(root, which)
            sha256 = folder_sha256(served)
            registered = registry.client.get_model_version(registry.model, str(number))
            _require_sha256(sha256, registered.tags.get(BUNDLE_TAG))
            forecaster.load_context(_context(asked, root / "artifacts" / "code"))
            version = _version(registry.model, number, served, sha256, asked, forecaster)
        except (MlflowException, LstmHpoError, OSError, ValueError, KeyError) as error:
            reason = " ".join(str(error).split())[:160]
            raise ChampionError(
                f"version {number} of {registry.model!r} must be whole but is not: {reason}; "
                f"promote another version"
            ) from error
        try:
            yield version
        finally:
            forecaster.close()


def bundle_folder(root: Path, which: Which) -> Path:
    """Return a bundle's folder among a version's files; older versions have one for both."""
    found = {path.parent.name: path.parent for path in root.glob("artifacts/*/model.json")}
    if not found:
        raise StorageError("it has no bundle; download it again")
    if which == "served" and "served" in found:
        return found["served"]
    judged = [path for name, path in found.items() if name != "served"]
    return judged[0] if judged else found["served"]


def _download(registry: Registry, number: int, folder: Path) -> Path:
    registered = registry.client.get_model_version(registry.model, str(number))
    # `models:/` is looked up in the process's own store, whatever is passed.
    mlflow.set_tracking_uri(registry.uri)
    return Path(download_artifacts(registered.source, dst_path=str(folder)))


def _context(bundle: Path, code: Path) -> Any:
    return SimpleNamespace(artifacts={"bundle": str(bundle), "code": str(code)})


def _version(
    name: str, number: int, served: Path, sha256: str, bundle: Path, forecaster: BarForecaster
) -> Version:
    facts = read_description(bundle)

    def forecast_bars(raw: pd.DataFrame) -> pd.DataFrame:
        try:
            found: pd.DataFrame = forecaster.predict(None, raw)  # type: ignore[arg-type]
        except MlflowException as error:
            if error.error_code == "INVALID_PARAMETER_VALUE":
                raise BarsError(error.message) from error
            raise ChampionError(
                f"version {number} of {name!r} must forecast but fails: {error.message}; promote "
                f"another version"
            ) from error
        return found.assign(date=pd.to_datetime(found["date"]))

    return Version(
        name=name,
        number=number,
        bundle_sha256=sha256,
        target_kind=facts["target"]["kind"],
        horizon=facts["target"]["horizon"],
        window_length=facts["window_length"],
        is_refit=facts.get("is_refit", False),
        params=dict(facts["params"]),
        tickers=tuple(facts["tickers"]),
        exogenous=tuple(series["ticker"] for series in facts["features"].get("exogenous", ())),
        smearing=facts.get("smearing"),
        judged_errors=read_judged_errors(served, read_description(served)),
        bundle_path=bundle,
        forecast_bars=forecast_bars,
    )


def _require_sha256(found: str, registered: str | None) -> None:
    """Raise StorageError unless a bundle's hash is its tag's; older versions have no tag."""
    if registered not in (None, found):
        raise StorageError(
            f"its bundle has the hash {found[:12]} but was registered with {registered[:12]}"
        )
