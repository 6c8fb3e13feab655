"""Losses: squared error of the forecast, and QLIKE of the variance that it stands for."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float, Int

from lstm_model.evaluation.by_date import date_means
from lstm_model.evaluation.measured import Measured, NotComputed

LossName = Literal["mse", "qlike"]
Errors = Float[np.ndarray, " sample"]


@dataclass(frozen=True, slots=True)
class Loss:
    """A loss of the error e = truth - forecast.

    title: in text. value: the loss. slope, curvature: minus its first and its second derivative by
    the forecast, which is what a better mixture of forecasts depends on.
    """

    name: LossName
    title: str
    value: Callable[[Errors], Errors]
    slope: Callable[[Errors], Errors]
    curvature: Callable[[Errors], Errors]


MSE = Loss("mse", "MSE", np.square, lambda e: 2 * e, lambda e: np.full_like(e, 2.0))

QLIKE = Loss("qlike", "QLIKE", lambda e: np.expm1(e) - e, np.expm1, np.exp)
"""exp(e) - e - 1, where e = ln of true over forecast variance; zero if every forecast is exact.

Patton (2011), "Volatility Forecast Comparison Using Imperfect Volatility Proxies", J. Econometrics
160(1), 246-256, up to a constant.
"""


def losses_of(target: Literal["log_return", "log_volatility"]) -> tuple[Loss, ...]:
    """Return the losses by which forecasts of a target are compared."""
    return (MSE, QLIKE) if target == "log_volatility" else (MSE,)


def losses_by_date(
    loss: Loss, errors: Errors, dates: Int[np.ndarray, " sample"]
) -> Float[np.ndarray, " date"]:
    """Return the mean loss over the tickers of each date, in the order of the dates."""
    with np.errstate(over="ignore"):
        return date_means(loss.value(errors), dates)


def smearing_constant(residuals: Errors) -> Measured:
    """Return c = ln mean exp(e), by which exp(forecast + c) is a variance without bias.

    exp of a forecast log variance is too low, because the mean of exp is above exp of the mean.
    residuals: truth less forecast, on samples that the forecast was not fitted on; those that are
    not finite are ignored. Duan (1983), "Smearing Estimate: A Nonparametric Retransformation
    Method", JASA 78(383), 605-610.
    """
    known = residuals[np.isfinite(residuals)]
    if not len(known):
        return NotComputed("there is no residual")
    largest = float(known.max())
    return largest + float(np.log(np.mean(np.exp(known - largest))))
