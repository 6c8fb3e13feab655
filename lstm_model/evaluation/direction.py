"""Whether a forecast predicts the direction of the truth better than chance."""

import math
from statistics import NormalDist

import numpy as np
from jaxtyping import Bool, Int

from lstm_model.evaluation.by_date import date_means
from lstm_model.evaluation.long_run import lags_for, mean_above_zero
from lstm_model.evaluation.measured import MIN_DATES, NotComputed, Statistic, Tested, too_short


def pesaran_timmermann(
    forecast_up: Bool[np.ndarray, " sample"],
    truth_up: Bool[np.ndarray, " sample"],
    dates: Int[np.ndarray, " sample"],
    horizon: int,
) -> Tested:
    """Test for independent directions against directions that agree more often, one-sided.

    horizon: in bars. The test assumes independent samples. Tickers of one day and overlapping
    labels are not independent: for them the numerator, twice the covariance of the two directions,
    is averaged by date and gets a Newey-West standard error. NotComputed below 30 dates or if
    either side has only one direction. Pesaran & Timmermann (1992), "A Simple Nonparametric Test of
    Predictive Performance", JBES 10(4), 461-465.
    """
    days = len(np.unique(dates))
    if days < MIN_DATES:
        return too_short(days)
    for name, up in (("forecast", forecast_up), ("truth", truth_up)):
        if up.all() or not up.any():
            return NotComputed(f"the {name} has only one direction")
    n, y, x = len(truth_up), float(np.mean(truth_up)), float(np.mean(forecast_up))
    if days < n or horizon > 1:
        agreement = 2.0 * (forecast_up - x) * (truth_up - y)
        return mean_above_zero(date_means(agreement, dates), lags_for(days, horizon))
    hits = float(np.mean(forecast_up == truth_up))
    by_chance = y * x + (1 - y) * (1 - x)
    variance_of_hits = by_chance * (1 - by_chance) / n
    variance_by_chance = (
        (2 * y - 1) ** 2 * x * (1 - x) / n
        + (2 * x - 1) ** 2 * y * (1 - y) / n
        + 4 * y * x * (1 - y) * (1 - x) / n**2
    )
    statistic = (hits - by_chance) / math.sqrt(variance_of_hits - variance_by_chance)
    return Statistic(statistic, NormalDist().cdf(-statistic))
