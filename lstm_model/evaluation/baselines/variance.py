"""Variance models of returns, EWMA and GJR-GARCH, mapped to the label on the samples fitted on."""

from collections.abc import Callable
from functools import partial

import numpy as np
from jaxtyping import Float

from lstm_model.data.linear import least_squares
from lstm_model.data.views import Rows, SearchView
from lstm_model.evaluation.baselines.fitted import Ends, Fitter, Forecaster, LeftOut, Values
from lstm_model.evaluation.long_run import is_constant

DECAY = 0.94
"""Of RiskMetrics for daily returns: J.P. Morgan (1996), RiskMetrics Technical Document, 4th ed."""

LEAST_RETURNS = 250
"""Returns to fit a GARCH on; three would "converge" to anything. Younger tickers get EWMA."""

START_BARS = 22
"""Bars whose mean square starts a recursion; they lie in the warm-up, where no sample is."""

MOST_TICKERS = 20
"""A GARCH takes about 0.1 s to fit, ticker by ticker."""

LEAST_VARIANCE = 1e-12
"""Of a return; a ticker that does not move has no logarithm of a variance."""

Returns = Float[np.ndarray, " bar"]
Recursion = Callable[[Returns], Returns]
"""From returns to the variance of the bar after each of them."""


def ewma(_: SearchView) -> Fitter:
    """Forecast the exponentially weighted mean of squared returns (RiskMetrics)."""
    return lambda rows, samples: _mapped(rows, samples, {})


def gjr_garch(_: SearchView) -> Fitter:
    """Forecast by a GARCH(1, 1) in which a fall raises variance more, fitted ticker by ticker.

    A ticker that cannot be fitted, because it is young or does not converge, gets EWMA instead.
    Glosten, Jagannathan & Runkle (1993), "On the Relation between the Expected Value and the
    Volatility of the Nominal Excess Return on Stocks", J. Finance 48(5), 1779-1801.
    """

    def fit(rows: Rows, samples: Ends) -> Forecaster:
        tickers = _tickers(rows)
        if len(tickers) > MOST_TICKERS:
            raise LeftOut(f"it is fitted for {MOST_TICKERS} tickers at most, not {len(tickers)}")
        last = int(rows.dates[samples].max())
        found = {t: _fit_garch(_returns(rows, t)[_days(rows, t) <= last]) for t in tickers}
        fitted = {t: model for t, model in found.items() if not isinstance(model, str)}
        if not fitted:
            first = tickers[0]
            raise LeftOut(f"{rows.tickers[first]}: {found[first]}")
        return _mapped(rows, samples, fitted)

    return fit


def _ewma(returns: Returns) -> Returns:
    """Update v = 0.94 v + 0.06 r^2."""
    return _recursion(returns, 0.0, 0.0, 1 - DECAY, 0.0, DECAY)


def _fit_garch(returns: Returns) -> Recursion | str:
    """Return the fitted recursion, or why there is none."""
    if len(returns) < LEAST_RETURNS:
        return f"n = {len(returns)} < {LEAST_RETURNS} returns to fit on"
    if is_constant(returns):
        return "its returns are constant"
    # Takes 1 s to import, and the workers that score trials have no baselines.
    from arch import arch_model  # noqa: PLC0415

    unit = float(returns.std())
    model = arch_model(
        returns / unit, mean="Constant", vol="GARCH", p=1, o=1, q=1, dist="t", rescale=False
    )
    result = model.fit(disp="off", show_warning=False)
    mean, omega, alpha, gamma, beta = result.params.to_numpy()[:5]
    if result.convergence_flag or not np.isfinite([mean, omega, alpha, gamma, beta]).all():
        return "its fit did not converge"
    if alpha + gamma / 2 + beta >= 1:
        return "its fitted variance has no mean"
    return partial(
        _recursion, mean=mean * unit, omega=omega * unit**2, alpha=alpha, gamma=gamma, beta=beta
    )


def _recursion(
    returns: Returns, mean: float, omega: float, alpha: float, gamma: float, beta: float
) -> Returns:
    """Update v = omega + (alpha + gamma [e < 0]) e^2 + beta v, where e is the return less its mean.

    The value of a bar is the variance forecast for the next one.
    """
    shocks = returns - mean
    squares = shocks**2
    news = omega + (alpha + gamma * (shocks < 0)) * squares
    variances = np.empty(len(returns))
    variance = float(squares[:START_BARS].mean())
    for place, value in enumerate(news.tolist()):
        variance = value + beta * variance
        variances[place] = variance
    return np.maximum(variances, LEAST_VARIANCE)


def _mapped(rows: Rows, samples: Ends, models: dict[int, Recursion]) -> Forecaster:
    """Map log variance to the label by least squares; later rows continue the rows fitted on.

    models: by ticker; all others, also those that only later rows have, get EWMA.
    """
    intercept, slope = least_squares(
        _paths(rows, rows, models)[samples, None], rows.labels[samples]
    )

    def forecast(others: Rows, ends: Ends) -> Values:
        values: Values = intercept + slope[0] * _paths(rows, others, models)[ends]
        return values

    return forecast


def _paths(earlier: Rows, rows: Rows, models: dict[int, Recursion]) -> Values:
    """Return the log variance after each row, from the ticker's whole history up to that row."""
    paths = np.full(len(rows.dates), np.nan)
    for ticker in _tickers(rows):
        own = rows.ticker_of_row == ticker
        before = _returns(earlier, ticker)[_days(earlier, ticker) < rows.dates[own][0]]
        returns = np.concatenate([before, _returns(rows, ticker)])
        paths[own] = np.log(models.get(ticker, _ewma)(returns))[len(before) :]
    return paths


def _tickers(rows: Rows) -> list[int]:
    found: list[int] = np.unique(rows.ticker_of_row).tolist()
    return found


def _returns(rows: Rows, ticker: int) -> Returns:
    """Return a ticker's log returns; the first bar of its history has none, and counts as zero."""
    returns: Returns = np.nan_to_num(rows.log_returns[rows.ticker_of_row == ticker])
    return returns


def _days(rows: Rows, ticker: int) -> Ends:
    days: Ends = rows.dates[rows.ticker_of_row == ticker]
    return days
