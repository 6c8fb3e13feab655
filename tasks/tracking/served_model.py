"""The model as MLflow serves it: raw bars in, forecasts out. Logged as code, never pickled.

The process may have another version's `lstm_model`, or none, so this file imports nothing of ours
by name; a version whose code is not the one that runs here gets a process of its own.
"""

import importlib
import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.models import set_model
from mlflow.protos.databricks_pb2 import (
    DATA_LOSS,
    INTERNAL_ERROR,
    INVALID_PARAMETER_VALUE,
    TEMPORARILY_UNAVAILABLE,
)
from mlflow.pyfunc.model import PythonModel, PythonModelContext


class BarForecaster(PythonModel):
    """Forecasts every bar with enough history; a ticker's last row is for the future."""

    def load_context(self, context: PythonModelContext) -> None:
        """Read the bundle, here or in a process with its own code; raises MlflowException."""
        bundle, code = Path(context.artifacts["bundle"]), Path(context.artifacts["code"])
        self.process: Any = None
        sha256 = _recorded_sha256(bundle)
        code_sha256 = _module_at(code / "lstm_model" / "hashes.py").code_sha256
        found = code_sha256(code / "lstm_model")
        if found != sha256:
            raise MlflowException(
                f"the code of a version must have the hash {sha256[:12]} but has {found[:12]}; it "
                f"was changed or lost, so download it again or use another version",
                error_code=DATA_LOSS,
            )
        runs_here = _package_here(code)
        if code_sha256(runs_here) != sha256:
            processes = _module_at(code / "version_process.py")
            self.process = processes.VersionProcess(code, bundle)
            self.forecast = self.process.forecast
            self.codes = {
                processes.BarsRefusedError: INVALID_PARAMETER_VALUE,
                processes.VersionFailedError: INTERNAL_ERROR,
                processes.ProcessEndedError: TEMPORARILY_UNAVAILABLE,
            }
            return
        own = importlib.import_module("lstm_model.model.bundle")
        errors = importlib.import_module("lstm_model.errors")
        try:
            self.forecast = own.load_bundle(bundle).forecast_bars
        except errors.StorageError as error:
            raise MlflowException(str(error), error_code=DATA_LOSS) from error
        self.codes = {
            errors.BarsError: INVALID_PARAMETER_VALUE,
            errors.LstmHpoError: INTERNAL_ERROR,
        }

    def predict(
        self,
        context: PythonModelContext,  # noqa: ARG002 - MLflow's signature
        model_input: pd.DataFrame,
        params: dict[str, Any] | None = None,  # noqa: ARG002 - MLflow's signature
    ) -> pd.DataFrame:
        """Return the columns of `Bundle.forecast_bars`, with dates as YYYY-MM-DD.

        Raises MlflowException, which HTTP answers with 400 for bad bars, with 503 if the version's
        process ended, and with 500 for what else fails.
        """
        try:
            forecasts: pd.DataFrame = self.forecast(model_input)
        except tuple(self.codes) as error:
            code = next(code for kind, code in self.codes.items() if isinstance(error, kind))
            raise MlflowException(str(error), error_code=code) from error
        return forecasts.assign(date=forecasts["date"].dt.strftime("%Y-%m-%d"))

    def close(self) -> None:
        """End the version's own process, if there is one."""
        if self.process is not None:
            self.process.close()


def _recorded_sha256(bundle: Path) -> str:
    try:
        return str(json.loads((bundle / "model.json").read_bytes())["code_sha256"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise MlflowException(
            f"a bundle must have a whole model.json but {error}; download it again or use another "
            f"version",
            error_code=DATA_LOSS,
        ) from error


def _package_here(code: Path) -> Path:
    """Return where this process has its `lstm_model`; one that has none takes this version's."""
    spec = importlib.util.find_spec("lstm_model")
    if spec is None:
        sys.path.insert(0, str(code))
        try:
            importlib.import_module("lstm_model")
        finally:
            sys.path.remove(str(code))
        return code / "lstm_model"
    return Path(str(spec.origin)).parent


def _module_at(path: Path) -> ModuleType:
    """Load a file that imports nothing of ours, for this version alone."""
    spec = importlib.util.spec_from_file_location(f"{path.stem}_of_a_version", path)
    if spec is None or spec.loader is None or not path.exists():
        raise MlflowException(
            f"the code of a version must be whole but {path.name} is missing; download it again "
            f"or use another version",
            error_code=DATA_LOSS,
        )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


set_model(BarForecaster())
