"""Linear baselines: HAR, HAR with leverage, and ridge on the features of the last bar."""

from functools import partial

from lstm_model.data.har import HAR_TERMS
from lstm_model.data.linear import PENALTIES, LinearForecast, fit_linear
from lstm_model.data.views import Rows, SearchView
from lstm_model.evaluation.baselines.fitted import (
    Ends,
    Fitter,
    Forecaster,
    Values,
    best_on_validation,
)


def har(_: SearchView) -> Fitter:
    """Regress the label on daily, weekly and monthly volatility by least squares.

    Corsi (2009), "A Simple Approximate Long-Memory Model of Realized Volatility", J. Financial
    Econometrics 7(2), 174-196.
    """
    return partial(_fit, terms=HAR_TERMS)


def lhar(_: SearchView) -> Fitter:
    """Regress the label on HAR's terms and on the mean return over 1, 5 and 22 bars.

    A fall raises volatility more than a rise does, the leverage effect. Corsi & Reno (2012),
    "Discrete-Time Volatility Forecasting with Persistent Leverage Effect", JBES 30(3), 368-380.
    """
    return partial(_fit, terms=None)


def har_linear(view: SearchView) -> Fitter:
    """Correct HAR by ridge on the features of the last bar; validation chooses the penalty."""
    return _ridge(view, HAR_TERMS)


def lhar_linear(view: SearchView) -> Fitter:
    """Correct HAR with leverage as `har_linear` corrects HAR."""
    return _ridge(view, None)


def last_bar(view: SearchView) -> Fitter:
    """Regress the label on the features of the last bar by ridge: `har_linear` without HAR."""
    return _ridge(view, 0)


def _ridge(view: SearchView, terms: int | None) -> Fitter:
    candidates = {penalty: _fit(view.rows, view.train, terms, penalty) for penalty in PENALTIES}
    return partial(_fit, terms=terms, penalty=best_on_validation(view, candidates))


def _fit(rows: Rows, samples: Ends, terms: int | None, penalty: float | None = None) -> Forecaster:
    """Fit on the first `terms` of a row's terms, None for all, and with a penalty on features."""
    linear = fit_linear(
        rows.har_terms[samples, :terms], rows.features[samples], rows.labels[samples], penalty
    )
    return partial(_forecast, linear)


def _forecast(linear: LinearForecast, rows: Rows, ends: Ends) -> Values:
    return linear.forecast(rows.har_terms[ends], rows.features[ends])
