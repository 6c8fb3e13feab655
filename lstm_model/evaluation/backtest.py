"""A small, honest trading view of the forecasts: positions, costs, one bar of delay."""

import datetime as dt
import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float, Int

from lstm_model.evaluation.by_date import calendar_days, date_means
from lstm_model.evaluation.measured import MIN_DATES, Measured, NotComputed, too_short
from lstm_model.evaluation.sharpe import YEAR, deflated_sharpe, sharpe_interval

DELAY_BARS = 1
"""Bars from the close at which a position is decided to the close at which it is entered."""


@dataclass(frozen=True, slots=True)
class Performance:
    """What a stream of daily returns came to; `sharpe_low`, `sharpe_high` are a 90 % interval.

    sharpe: annualised by sqrt(252), interest rates left out. The interval is by the stationary
    bootstrap (Politis & Romano 1994). deflated_sharpe: probability that the true Sharpe ratio is
    above what the best of `trials` skill-less strategies would show (Bailey & Lopez de Prado 2014).
    turnover: mean over days of the position traded.
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
    """The strategy beside buy-and-hold on the same days, after costs; it claims nothing."""

    rule: str
    costs_bps: float
    delay_bars: int
    trials: int
    dates: tuple[dt.date, ...]
    strategy: Performance
    buy_and_hold: Performance
    strategy_wealth: tuple[float, ...]
    buy_and_hold_wealth: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Rule:
    """How a forecast becomes a position.

    Of returns: its sign, or the forecast over `scale`, cut to [-1, 1]; `scale` is the standard
    deviation of forecasts on validation. Of log variances: long, and less where the forecast
    deviation is above the typical one; `scale` is the typical log variance, as the median of
    training (Moreira & Muir 2017, "Volatility-Managed Portfolios", J. Finance 72(4), 1611-1644).
    """

    kind: Literal["log_return", "log_volatility"]
    position: Literal["sign", "scaled"]
    scale: Measured

    def __str__(self) -> str:
        if self.kind == "log_volatility":
            return "long, scaled by min(1, typical / forecast deviation): a volatility has no sign"
        if self.position == "sign":
            return "long where the forecast is above zero, short below, decided anew each bar"
        return "forecast / its standard deviation on validation, cut to -1 .. 1"

    def positions(
        self, forecast: Float[np.ndarray, " sample"]
    ) -> Float[np.ndarray, " sample"] | NotComputed:
        """Return the share of wealth held after each forecast, or why there is none."""
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
            return NotComputed("forecasts on validation are constant")
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
    trials: int,
    seed: int,
    repetitions: int,
) -> Trading | NotComputed:
    """Trade the forecasts: equal wealth in each ticker of a date, costs on each change.

    `log_returns` are of the bar that ends at the sample's date. What is decided after the close of
    bar t is entered at the close of bar t + delay and first earns the bar after that. A ticker's
    first position is paid for like any change. Each day starts from equal wealth again; what that
    costs is left out, and so are interest, bars without sample, and samples without forecast or
    return. NotComputed below 30 days, and where the rule has no scale.
    """
    known = np.isfinite(forecast) & np.isfinite(log_returns)
    order = np.lexsort((dates[known], ticker_of_sample[known]))
    ticker, day = ticker_of_sample[known][order], dates[known][order]
    returns = np.expm1(log_returns[known][order])
    positions = rule.positions(forecast[known][order])
    if isinstance(positions, NotComputed):
        return positions
    lag = 1 + DELAY_BARS
    # A row earns what its own ticker decided `lag` rows earlier.
    earns = np.flatnonzero(ticker[lag:] == ticker[:-lag]) + lag
    days = np.unique(day[earns])
    if len(days) < MIN_DATES:
        return too_short(len(days))
    first = np.r_[True, ticker[earns][1:] != ticker[earns][:-1]]
    streams = []
    for held in (positions[earns - lag], np.ones(len(earns))):
        before = np.where(first, 0.0, np.roll(held, 1))
        turnover = np.abs(held - before)
        net = held * returns[earns] - costs_bps * 1e-4 * turnover
        # Ruin at worst: a short can lose more than all.
        daily = np.maximum(date_means(net, day[earns]), -1.0)
        streams.append((daily, date_means(turnover, day[earns])))
    (own, own_turnover), (market, market_turnover) = streams
    return Trading(
        rule=str(rule),
        costs_bps=costs_bps,
        delay_bars=DELAY_BARS,
        trials=trials,
        dates=calendar_days(days),
        strategy=_performance(own, own_turnover, trials, seed, repetitions),
        # Nobody searched for it.
        buy_and_hold=_performance(market, market_turnover, 1, seed, repetitions),
        strategy_wealth=tuple(np.cumprod(1 + own).tolist()),
        buy_and_hold_wealth=tuple(np.cumprod(1 + market).tolist()),
    )


def _performance(
    returns: Float[np.ndarray, " date"],
    turnover: Float[np.ndarray, " date"],
    trials: int,
    seed: int,
    repetitions: int,
) -> Performance:
    wealth = np.cumprod(1 + returns)
    peak = np.maximum.accumulate(np.r_[1.0, wealth])[1:]
    sharpe, low, high = sharpe_interval(returns, seed, repetitions)
    return Performance(
        annual_return=float(wealth[-1]) ** (YEAR / len(returns)) - 1,
        annual_volatility=float(returns.std(ddof=1)) * math.sqrt(YEAR),
        sharpe=sharpe,
        sharpe_low=low,
        sharpe_high=high,
        deflated_sharpe=deflated_sharpe(returns, trials),
        max_drawdown=float(np.max(1 - wealth / peak)),
        turnover=float(turnover.mean()),
    )
