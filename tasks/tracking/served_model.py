"""The model as MLflow serves it: raw bars in, forecasts out. Logged as code, never pickled."""

from pathlib import Path
from typing import Any

import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel, PythonModelContext

from lstm_model.model.bundle import load_bundle


class BarForecaster(PythonModel):
    """Forecasts every bar with enough history; a ticker's last row is for the future."""

    def load_context(self, context: PythonModelContext) -> None:
        """Read weights, scaler and description from the logged folder."""
        self.bundle = load_bundle(Path(context.artifacts["bundle"]))

    def predict(
        self,
        context: PythonModelContext,  # noqa: ARG002 - MLflow's signature
        model_input: pd.DataFrame,
        params: dict[str, Any] | None = None,  # noqa: ARG002 - MLflow's signature
    ) -> pd.DataFrame:
        """Return the columns of `Bundle.forecast_bars`, with dates as YYYY-MM-DD."""
        forecasts = self.bundle.forecast_bars(model_input)
        return forecasts.assign(date=forecasts["date"].dt.strftime("%Y-%m-%d"))


set_model(BarForecaster())
