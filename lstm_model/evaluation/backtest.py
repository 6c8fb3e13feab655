"""A backtest of the forecasts: positions, costs, and one bar of delay; illustrative only."""

import datetime as dt
import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from jaxtyping import Float, Int

from lstm_model.data.calendar import SESSIONS_A_YEAR, after_gap, dates_of
from lstm_model.evaluation.by_date import date_means
from lstm_model.evaluation.measured import MIN_DATES, Measured, NotComputed, Tested, too_short
from lstm_model.evaluation.sharpe import deflated_sharpe, sharpe_difference, sharpe_interval

DELAY_BARS = 1
"""Bars from the close at which a position is decided to the close at which it is entered."""

LONG_ONLY = NotComputed("it would test the market's premium; see the Sharpe difference")


@dataclass(frozen=True, slots=True)
class Performance:
    """Performance of a series of daily returns.

    annual_return, annual_volatility, max_drawdown: shares of wealth. sharpe: annualised by the root
    of `Trading.sessions_a_year`, without a risk-free rate. sharpe_low, sharpe_high: 90 % interval
    by the stationary bootstrap (Politis & Romano 1994). deflated_sharpe: probability that the true
    Sharpe ratio exceeds that expected of the best of `trials` strategies without skill (Bailey &
    Lopez de Prado 2014); not for a rule that is always long, whose ratio is mostly the market's.
    turnover: mean position traded per day, as a share of wealth.
    """

    annual_return: float
    annual_volatility: float
    sharpe: Measured
    sharpe_low: Measured
    sharpe_high: Measured
    deflated_sharpe: Measured
    max_drawdown: float
    turnover: float


@dataclass(frozen=True, slots=True)
class Trading:
    """The strategy and buy-and-hold on the same days, after costs; illustrative only.

    sharpe_gain: annualised Sharpe ratio of the strategy less that of buy-and-hold. sharpe_test:
    whether they are equal, two-sided; positive favours the strategy (Ledoit & Wolf 2008).
    sessions_a_year: return dates a year, by which everything is annualised.
    """

    rule: str
    costs_bps: float
    delay_bars: int
    trials: int
    dates: tuple[dt.date, ...]
    strategy: Performance
    buy_and_hold: Performance
    sharpe_gain: Measured
    sharpe_test: Tested
    strategy_wealth: tuple[float, ...]
    buy_and_hold_wealth: tuple[float, ...]
    sessions_a_year: int = SESSIONS_A_YEAR  # what older nights, which do not store it, used


@dataclass(frozen=True, slots=True)
class Rule:
    """How a forecast becomes a position.

    Return forecasts: the sign, or the forecast over `scale` clipped to [-1, 1], where `scale` is
    the standard deviation of the forecasts on validation. Log variance forecasts: long, scaled down
    where forecast volatility is above the typical one, where `scale` is the typical log variance,
    the median of train. Moreira & Muir (2017), "Volatility-Managed Portfolios", J. Finance 72(4),
    1611-1644.
    """

    kind: Literal["log_return", "log_volatility"]
    position: Literal["sign", "scaled"]
    scale: Measured

    def __str__(self) -> str:
        if self.kind == "log_volatility":
            return "long only, scaled by min(1, typical volatility / forecast volatility)"
        if self.position == "sign":
            return "long when the forecast is positive, short when negative, updated every bar"
        return "forecast / its standard deviation on validation, clipped to -1 .. 1"

    def positions(
        self, forecast: Float[np.ndarray, " sample"]
    ) -> Float[np.ndarray, " sample"] | NotComputed:
        """Return the share of wealth held after each forecast; NotComputed without a scale."""
        if self.kind == "log_return" and self.position == "sign":
            signs: Float[np.ndarray, " sample"] = np.sign(forecast)
            return signs
        if isinstance(self.scale, NotComputed):
            return self.scale
        if self.kind == "log_volatility":
            managed: Float[np.ndarray, " sample"] = np.exp(
                np.minimum(0.0, (self.scale - forecast) / 2)
            )
            return managed
        if self.scale <= 0:
            return NotComputed("the forecasts on validation are constant")
        scaled: Float[np.ndarray, " sample"] = np.clip(forecast / self.scale, -1.0, 1.0)
        return scaled


def trade(
    forecast: Float[np.ndarray, " sample"],
    log_returns: Float[np.ndarray, " sample"],
    dates: Int[np.ndarray, " sample"],
    ticker_of_sample: Int[np.ndarray, " sample"],
    rule: Rule,
    *,
    costs_bps: float,
    sessions_a_year: int,
    trials: int,
    seed: int,
    repetitions: int,
) -> Trading | NotComputed:
    """Backtest the forecasts with equal weights across the tickers of a date, after costs.

    forecast: in the target's unit. log_returns: of the bar that ends on the sample's date. dates:
    days since 1970-01-01. ticker_of_sample: codes of tickers. rule: turns forecasts into positions.
    costs_bps: basis points of each change of position. sessions_a_year: days a year on which at
    least one of the tickers trades, because the portfolio has a return on each of them. trials:
    strategies tried, for the deflated Sharpe ratio. seed, repetitions: of the bootstrap.

    A position decided after the close of bar t is entered at the close of bar t + 1 and earns the
    return of bar t + 2. A ticker's first position incurs costs like any other change. Weights are
    equal again every day; the cost of rebalancing is ignored, and so are interest, bars without a
    sample, and samples without a forecast or return. No position is held over more than 14 days
    without a sample of its ticker. NotComputed below 30 days or if the rule lacks a valid scale.
    """
    known = np.isfinite(forecast) & np.isfinite(log_returns)
    order = np.lexsort((dates[known], ticker_of_sample[known]))
    ticker, day = ticker_of_sample[known][order], dates[known][order]
    returns = np.expm1(log_returns[known][order])
    positions = rule.positions(forecast[known][order])
    if isinstance(positions, NotComputed):
        return positions
    lag = 1 + DELAY_BARS
    # A row earns the position that its own ticker took `lag` rows earlier.
    breaks = np.cumsum(after_gap(day))
    earns = np.flatnonzero((ticker[lag:] == ticker[:-lag]) & (breaks[lag:] == breaks[:-lag])) + lag
    days = np.unique(day[earns])
    if len(days) < MIN_DATES:
        return too_short(len(days))
    bars = ticker[earns], day[earns], returns[earns]
    own, own_turnover = _net_by_date(positions[earns - lag], *bars, costs_bps)
    market, market_turnover = _net_by_date(np.ones(len(earns)), *bars, costs_bps)
    gain, test = sharpe_difference(own, market, sessions_a_year)
    strategy = _performance(own, own_turnover, sessions_a_year, trials, seed, repetitions)
    # Buy-and-hold is a single trial.
    buy_and_hold = _performance(market, market_turnover, sessions_a_year, 1, seed, repetitions)
    if rule.kind == "log_volatility":
        strategy, buy_and_hold = (
            replace(part, deflated_sharpe=LONG_ONLY) for part in (strategy, buy_and_hold)
        )
    return Trading(
        rule=str(rule),
        costs_bps=costs_bps,
        delay_bars=DELAY_BARS,
        trials=trials,
        dates=dates_of(days),
        strategy=strategy,
        buy_and_hold=buy_and_hold,
        sharpe_gain=gain,
        sharpe_test=test,
        strategy_wealth=tuple(np.cumprod(1 + own).tolist()),
        buy_and_hold_wealth=tuple(np.cumprod(1 + market).tolist()),
        sessions_a_year=sessions_a_year,
    )


def _net_by_date(
    held: Float[np.ndarray, " bar"],
    ticker: Int[np.ndarray, " bar"],
    day: Int[np.ndarray, " bar"],
    returns: Float[np.ndarray, " bar"],
    costs_bps: float,
) -> tuple[Float[np.ndarray, " date"], Float[np.ndarray, " date"]]:
    """Return the net return and the turnover of each date; bars are sorted by ticker and date."""
    first = np.r_[True, ticker[1:] != ticker[:-1]]
    turnover = np.abs(held - np.where(first, 0.0, np.roll(held, 1)))
    net = held * returns - costs_bps * 1e-4 * turnover
    # A short position can lose more than all wealth; the loss stops at -100 %.
    return np.maximum(date_means(net, day), -1.0), date_means(turnover, day)


def _performance(
    returns: Float[np.ndarray, " date"],
    turnover: Float[np.ndarray, " date"],
    sessions_a_year: int,
    trials: int,
    seed: int,
    repetitions: int,
) -> Performance:
    wealth = np.cumprod(1 + returns)
    peak = np.maximum.accumulate(np.r_[1.0, wealth])[1:]
    sharpe, low, high = sharpe_interval(returns, sessions_a_year, seed, repetitions)
    return Performance(
        annual_return=float(wealth[-1]) ** (sessions_a_year / len(returns)) - 1,
        annual_volatility=float(returns.std(ddof=1)) * math.sqrt(sessions_a_year),
        sharpe=sharpe,
        sharpe_low=low,
        sharpe_high=high,
        deflated_sharpe=deflated_sharpe(returns, trials),
        max_drawdown=float(np.max(1 - wealth / peak)),
        turnover=float(turnover.mean()),
    )
