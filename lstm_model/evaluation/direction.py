"""Whether a forecast predicts direction better than chance, or than another forecast."""

import numpy as np
from jaxtyping import Bool, Int

from lstm_model.evaluation.by_date import date_means
from lstm_model.evaluation.long_run import mean_test
from lstm_model.evaluation.measured import MIN_DATES, NotComputed, Tested, too_short


def pesaran_timmermann(
    forecast_up: Bool[np.ndarray, " sample"],
    truth_up: Bool[np.ndarray, " sample"],
    dates: Int[np.ndarray, " sample"],
    horizon: int,
) -> Tested:
    """Test for independent directions against directions that agree more often, one-sided.

    horizon: in bars. The numerator is twice the covariance of the two directions, averaged by date.
    The original variance takes samples as independent and rejects 17 % of persistent but unrelated
    directions at a nominal 5 %, so this one has the long-run variance of `long_run`. NotComputed
    below 30 dates or if either side has only one direction. Pesaran & Timmermann (1992), "A Simple
    Nonparametric Test of Predictive Performance", JBES 10(4), 461-465; with autocorrelation,
    Pesaran & Timmermann (2009), JASA 104(485), 325-337.
    """
    days = len(np.unique(dates))
    if days < MIN_DATES:
        return too_short(days)
    for name, up in (("forecast", forecast_up), ("truth", truth_up)):
        if up.all() or not up.any():
            return NotComputed(f"the {name} has only one direction")
    agreement = 2.0 * (forecast_up - forecast_up.mean()) * (truth_up - truth_up.mean())
    return mean_test(date_means(agreement, dates), horizon)


def hit_rate_test(
    hits: Bool[np.ndarray, " sample"],
    others: Bool[np.ndarray, " sample"],
    dates: Int[np.ndarray, " sample"],
    horizon: int,
) -> Tested:
    """Test for equal shares of correct directions, two-sided; positive favours the first.

    hits, others: where each of two forecasts has the correct direction. horizon: in bars.
    NotComputed below 30 dates or if both are always right together.
    """
    gap = date_means(hits.astype(float) - others, dates)
    if len(gap) >= MIN_DATES and not gap.any():
        return NotComputed("both have the same hits")
    return mean_test(gap, horizon, two_sided=True)
