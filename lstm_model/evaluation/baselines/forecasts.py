"""The forecasts of every baseline on validation and on the test block."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from lstm_model.data.views import ChronoSplit
from lstm_model.evaluation.baselines.boosting import boosting
from lstm_model.evaluation.baselines.fitted import Baseline, LeftOut
from lstm_model.evaluation.baselines.linear import har, har_linear, last_bar, lhar, lhar_linear
from lstm_model.evaluation.baselines.simple import persistence, train_mean, zero
from lstm_model.evaluation.baselines.variance import ewma, gjr_garch
from lstm_model.evaluation.baselines.window import ridge

ALWAYS: dict[str, Baseline] = {
    "zero": zero,
    "train_mean": train_mean,
    "persistence": persistence,
    "ridge": ridge,
    "boosting": boosting,
}
FOR_RETURNS: dict[str, Baseline] = {"last_bar": last_bar}
FOR_VOLATILITY: dict[str, Baseline] = {
    "har": har,
    "lhar": lhar,
    "har_linear": har_linear,
    "lhar_linear": lhar_linear,
    "ewma": ewma,
    "gjr_garch": gjr_garch,
}


@dataclass(frozen=True, slots=True)
class BaselineForecasts:
    """Forecasts by baseline, in the target's unit.

    validation: fitted on train. test: fitted on train, or with a refit on train and validation, as
    the model is. left_out: the reason why a baseline has no forecasts, by name.
    """

    validation: Mapping[str, Float[np.ndarray, " validation"]]
    test: Mapping[str, Float[np.ndarray, " test"]]
    left_out: Mapping[str, str]


def baseline_forecasts(split: ChronoSplit, *, refit: bool = False) -> BaselineForecasts:
    """Fit every baseline of the target on the same data as the model, and forecast both blocks.

    Penalties and numbers of trees are chosen on validation, with a fit on train.
    """
    search, held_out = split.search, split.held_out
    is_volatility = search.rows.har_terms.shape[1] > 0
    both = np.concatenate([search.train, search.validation])
    validation, test, left_out = {}, {}, {}
    for name, tune in (ALWAYS | (FOR_VOLATILITY if is_volatility else FOR_RETURNS)).items():
        try:
            fit = tune(search)
            forecast = fit(search.rows, search.train)
            validation[name] = forecast(search.rows, search.validation)
            if refit:
                forecast = fit(search.rows, both)
            test[name] = forecast(held_out.rows, held_out.test)
        except LeftOut as reason:
            left_out[name] = str(reason)
    return BaselineForecasts(validation, test, left_out)
