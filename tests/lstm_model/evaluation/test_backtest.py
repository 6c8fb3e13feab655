"""Claims about the backtest: every number by hand, and a real delay."""

import datetime as dt
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from lstm_model.evaluation.backtest import LONG_ONLY, Rule, Trading, trade
from lstm_model.evaluation.measured import Measured, NotComputed, Statistic, too_short

SIGN = Rule("log_return", "sign", 1.0)
N = 40


def traded(
    forecast: np.ndarray,
    log_returns: np.ndarray,
    *,
    rule: Rule = SIGN,
    costs_bps: float = 0.0,
    sessions_a_year: int = 252,
    tickers: int = 1,
    trials: int = 1,
) -> Trading:
    days = len(forecast) // tickers
    found = trade(
        forecast,
        log_returns,
        np.repeat(np.arange(days), tickers),
        np.tile(np.arange(tickers), days),
        rule,
        costs_bps=costs_bps,
        sessions_a_year=sessions_a_year,
        trials=trials,
        seed=0,
        repetitions=100,
    )
    assert isinstance(found, Trading)
    return found


def test_a_position_earns_the_bar_after_next() -> None:
    """A single long decision earns the return two bars later and no other."""
    forecast = np.full(N, 0.0)
    forecast[5] = 1.0
    returns = np.log1p(np.arange(1, N + 1) / 1000)
    found = traded(forecast, returns)
    wealth = np.ones(N - 2)
    wealth[5:] = 1.008  # bar 7, the eighth
    assert found.strategy_wealth == pytest.approx(tuple(wealth))
    assert found.dates[0] == dt.date(1970, 1, 3)
    assert len(found.dates) == N - 2
    assert found.delay_bars == 1


def test_the_delay_is_real() -> None:
    """Knowing the next bar earns nothing because of the delay, unlike knowing the bar after it."""
    returns = np.random.default_rng(0).normal(0, 0.01, size=1001)
    next_bar, bar_after = (np.append(returns[n:], np.zeros(n)) for n in (1, 2))
    late, in_time = (traded(known, returns).strategy for known in (next_bar, bar_after))
    assert isinstance(late.sharpe, float)
    assert isinstance(in_time.sharpe, float)
    assert abs(late.sharpe) < 1.3  # two standard errors of 1000 days
    assert in_time.sharpe > 15
    assert in_time.max_drawdown == 0.0


def test_costs_by_hand() -> None:
    """Entry costs one unit of turnover, each reversal costs two; all other days are free."""
    forecast = np.where(np.arange(N) % 10 < 5, 1.0, -1.0)
    found = traded(forecast, np.zeros(N), costs_bps=10.0)
    changes = 7  # every five days of 38
    assert found.strategy_wealth[-1] == pytest.approx(0.999 * 0.998**changes)
    assert found.strategy.turnover == pytest.approx((1 + 2 * changes) / 38)
    assert found.buy_and_hold_wealth == pytest.approx([0.999] * 38)
    assert found.buy_and_hold.turnover == pytest.approx(1 / 38)
    assert found.costs_bps == 10.0


def test_performance_by_hand() -> None:
    """Return is geometric over 252 days, volatility sqrt(252) x sd, drawdown from the peak."""
    simple = np.tile([0.02, -0.01, 0.0, 0.01], 10)
    found = traded(np.ones(N), np.log1p(simple)).strategy
    earned = simple[2:]
    wealth = np.cumprod(1 + earned)
    assert found.annual_return == pytest.approx(wealth[-1] ** (252 / 38) - 1)
    assert found.annual_volatility == pytest.approx(earned.std(ddof=1) * math.sqrt(252))
    assert found.sharpe == pytest.approx(earned.mean() / earned.std(ddof=1) * math.sqrt(252))
    assert found.max_drawdown == pytest.approx(0.01)


def test_a_year_has_the_sessions_of_its_markets() -> None:
    """Return, volatility and Sharpe ratio are annualised by the sessions given, 365 here."""
    simple = np.tile([0.02, -0.01, 0.0, 0.01], 10)
    found = traded(np.ones(N), np.log1p(simple), sessions_a_year=365)
    earned = simple[2:]
    growth = float(np.prod(1 + earned))
    rule = found.strategy
    assert found.sessions_a_year == 365
    assert rule.annual_return == pytest.approx(growth ** (365 / 38) - 1)
    assert rule.annual_volatility == pytest.approx(earned.std(ddof=1) * math.sqrt(365))
    assert rule.sharpe == pytest.approx(earned.mean() / earned.std(ddof=1) * math.sqrt(365))
    in_252 = traded(np.ones(N), np.log1p(simple)).strategy
    assert rule.sharpe_low == pytest.approx(in_252.sharpe_low * math.sqrt(365 / 252))


def test_a_position_does_not_outlive_a_gap() -> None:
    """After a gap of months between samples, positions taken before it earn nothing."""
    returns, forecast = np.zeros(2 * N), np.ones(2 * N)
    returns[N : N + 2] = math.log(0.5)  # both would be earned by positions from before the gap
    days = np.concatenate([np.arange(N), np.arange(N) + N + 60])
    found = trade(
        forecast, returns, days, np.zeros(2 * N, dtype=int), SIGN,
        costs_bps=0.0, sessions_a_year=252, trials=1, seed=0, repetitions=10,
    )  # fmt: skip
    assert isinstance(found, Trading)
    assert found.strategy.max_drawdown == 0.0
    assert len(found.dates) == 2 * (N - 2)


def test_a_first_loss_is_a_drawdown() -> None:
    """A loss on the first day counts as a drawdown from the initial wealth."""
    returns = np.zeros(N)
    returns[2] = math.log(0.9)
    assert traded(np.ones(N), returns).strategy.max_drawdown == pytest.approx(0.1)


def test_always_long_is_buy_and_hold() -> None:
    """If the forecast is always up, only the deflation for trials differs from buy and hold."""
    returns = np.random.default_rng(1).normal(0.001, 0.01, size=200)
    found = traded(np.ones(200), returns, costs_bps=5.0)
    assert found.strategy == found.buy_and_hold
    assert found.strategy_wealth == found.buy_and_hold_wealth
    searched = traded(np.ones(200), returns, costs_bps=5.0, trials=50)
    assert searched.buy_and_hold == found.buy_and_hold
    deflated = searched.strategy.deflated_sharpe, found.strategy.deflated_sharpe
    assert isinstance(deflated[0], float)
    assert isinstance(deflated[1], float)
    assert deflated[0] < deflated[1]


def test_tickers_have_equal_wealth_and_their_own_delay() -> None:
    """A day's return is the mean over its tickers, each traded on its own bars."""
    draws = np.random.default_rng(2)
    forecast, returns = draws.normal(size=(2, N, 3))
    returns = returns / 100
    found = traded(forecast.ravel(), returns.ravel(), tickers=3, costs_bps=7.0)
    alone = [traded(forecast[:, t], returns[:, t], costs_bps=7.0) for t in range(3)]

    def daily(wealth: tuple[float, ...]) -> np.ndarray:
        return np.diff(np.r_[1.0, wealth]) / np.r_[1.0, wealth[:-1]]

    expected = np.mean([daily(one.strategy_wealth) for one in alone], axis=0)
    np.testing.assert_allclose(daily(found.strategy_wealth), expected, atol=1e-12)
    turnover = np.mean([one.strategy.turnover for one in alone])
    assert found.strategy.turnover == pytest.approx(turnover)


def test_order_of_samples_does_not_matter() -> None:
    """Samples may come ticker by ticker or date by date."""
    draws = np.random.default_rng(3)
    forecast, returns = draws.normal(size=(2, N * 3))
    dates, codes = np.repeat(np.arange(N), 3), np.tile(np.arange(3), N)
    order = draws.permutation(N * 3)
    settings_ = {
        "costs_bps": 5.0,
        "sessions_a_year": 252,
        "trials": 3,
        "seed": 0,
        "repetitions": 50,
    }
    first = trade(forecast, returns / 100, dates, codes, SIGN, **settings_)
    second = trade(
        forecast[order], returns[order] / 100, dates[order], codes[order], SIGN, **settings_
    )
    assert first == second


@pytest.mark.parametrize(
    ("rule", "forecasts", "positions", "text"),
    [
        (SIGN, [-0.3, 0.0, 0.1], [-1.0, 0.0, 1.0], "long when the forecast is positive"),
        (
            Rule("log_return", "scaled", 0.2),
            [-0.3, 0.0, 0.1],
            [-1.0, 0.0, 0.5],
            "forecast / its standard deviation on validation, clipped to -1 .. 1",
        ),
        (
            Rule("log_volatility", "sign", -9.0),
            [-9.0 + math.log(4), -9.0, -12.0],
            [0.5, 1.0, 1.0],
            "long only, scaled by min(1, typical volatility / forecast volatility)",
        ),
    ],
    ids=["sign", "scaled", "managed"],
)
def test_rules(rule: Rule, forecasts: list[float], positions: list[float], text: str) -> None:
    """Signs, shares of a standard deviation, and half the wealth at twice typical volatility."""
    np.testing.assert_allclose(rule.positions(np.array(forecasts)), positions)  # type: ignore[arg-type]
    assert text in str(rule)


@pytest.mark.parametrize(
    ("scale", "reason"),
    [
        (0.0, "the forecasts on validation are constant"),
        (NotComputed("the final model was trained on validation"), None),
    ],
)
def test_no_scale_no_trading(scale: Measured, reason: str | None) -> None:
    """Without a scale there is no scaled position; the reason is passed on."""
    draws = np.random.default_rng(4).normal(size=N)
    codes = np.zeros(N, dtype=int)
    found = trade(
        draws, draws, np.arange(N), codes, Rule("log_return", "scaled", scale),
        costs_bps=0.0, sessions_a_year=252, trials=1, seed=0, repetitions=100,
    )  # fmt: skip
    assert found == (NotComputed(reason) if reason else scale)


@pytest.mark.parametrize(("n", "computed"), [(31, False), (32, True), (0, False)])
def test_too_few_days_have_no_backtest(n: int, computed: bool) -> None:
    """The first position earns after two days, and thirty days of returns are required."""
    draws = np.random.default_rng(5).normal(size=n) / 100
    codes = np.zeros(n, dtype=int)
    found = trade(
        draws, draws, np.arange(n), codes, SIGN,
        costs_bps=0.0, sessions_a_year=252, trials=1, seed=0, repetitions=100,
    )  # fmt: skip
    assert isinstance(found, Trading) is computed
    assert computed or found == too_short(max(0, n - 2))


def test_a_strategy_that_never_trades() -> None:
    """A forecast of zero holds nothing, earns nothing, and has no Sharpe ratio."""
    found = traded(np.zeros(N), np.random.default_rng(6).normal(size=N) / 100).strategy
    assert (found.annual_return, found.annual_volatility, found.turnover) == (0.0, 0.0, 0.0)
    assert found.sharpe == found.deflated_sharpe == NotComputed("returns are constant")


def test_ruin_is_the_end() -> None:
    """A short position that loses more than all wealth leaves zero, not a negative amount."""
    returns = np.zeros(N)
    returns[20] = math.log(3.0)
    found = traded(-np.ones(N), returns)
    assert found.strategy_wealth[-1] == 0.0
    assert found.strategy.annual_return == -1.0
    assert found.strategy.max_drawdown == 1.0


def test_missing_samples_are_left_out() -> None:
    """Bars without a forecast or return are left out."""
    draws = np.random.default_rng(7)
    forecast, returns = draws.normal(size=(2, N))
    holey, gappy = forecast.copy(), returns / 100
    holey[0], gappy[N - 1] = np.nan, np.inf
    assert traded(holey, gappy).dates == traded(forecast, returns / 100).dates[1:-1]


@settings(max_examples=50)
@given(
    forecast=arrays(float, 36, elements=st.sampled_from([0.0, 1.0, -1.0, 1e-3, np.nan])),
    returns=arrays(float, 36, elements=st.sampled_from([0.0, 0.01, -0.01, 1.0, -20.0, 0.8])),
    position=st.sampled_from(["sign", "scaled"]),
    kind=st.sampled_from(["log_return", "log_volatility"]),
)
def test_never_nan(forecast: np.ndarray, returns: np.ndarray, position: str, kind: str) -> None:
    """For any bars, wealth is never negative, and every number is finite or has a reason."""
    rule = Rule(kind, position, 0.5)  # type: ignore[arg-type]
    codes = np.zeros(36, dtype=int)
    found = trade(
        forecast, returns, np.arange(36), codes, rule,
        costs_bps=5.0, sessions_a_year=252, trials=3, seed=0, repetitions=20,
    )  # fmt: skip
    if isinstance(found, NotComputed):
        return
    assert min(found.strategy_wealth) >= 0
    for one in (found.strategy, found.buy_and_hold):
        for name in one.__slots__:
            value = getattr(one, name)
            assert isinstance(value, NotComputed) or math.isfinite(value), name


def test_a_long_only_rule_is_tested_against_the_market() -> None:
    """Its deflated ratio would test the market's premium, so the difference of ratios is tested."""
    draws = np.random.default_rng(3)
    returns, forecast = draws.normal(0.001, 0.01, size=200), draws.normal(-9, 1, size=200)
    found = traded(forecast, returns, rule=Rule("log_volatility", "sign", -9.0), trials=10)
    assert found.strategy.deflated_sharpe == found.buy_and_hold.deflated_sharpe == LONG_ONLY
    ratios = found.strategy.sharpe, found.buy_and_hold.sharpe
    assert isinstance(ratios[0], float)
    assert isinstance(ratios[1], float)
    # The ratio's own deviation divides by n - 1.
    assert found.sharpe_gain == pytest.approx(ratios[0] - ratios[1], rel=0.01)
    assert isinstance(found.sharpe_test, Statistic)
