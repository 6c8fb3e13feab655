"""The form of every baseline: tuned on the search view, fitted on samples, then a function."""

from collections.abc import Callable, Mapping

import numpy as np
from jaxtyping import Float, Int

from lstm_model.data.views import Rows, SearchView

Ends = Int[np.ndarray, " sample"]
"""Samples, by the row of their last bar."""

Values = Float[np.ndarray, " sample"]

Forecaster = Callable[[Rows, Ends], Values]
"""Forecasts samples of any rows, in the target's unit."""

Fitter = Callable[[Rows, Ends], Forecaster]
"""Fits on the labels of some samples; raises LeftOut if it cannot."""

Baseline = Callable[[SearchView], Fitter]
"""Chooses what is not fitted, such as a penalty: on train, by the error on validation."""


class LeftOut(Exception):  # noqa: N818 - a reason, not an error
    """Why a baseline cannot forecast these bars."""


def best_on_validation(view: SearchView, candidates: Mapping[float, Forecaster]) -> float:
    """Return the key of the forecaster with the lowest squared error on validation."""
    truth = view.rows.labels[view.validation]
    errors = {
        key: float(np.mean((forecast(view.rows, view.validation) - truth) ** 2))
        for key, forecast in candidates.items()
    }
    return min(errors, key=lambda key: errors[key])
