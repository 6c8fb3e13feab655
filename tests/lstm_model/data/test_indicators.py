"""Claims about indicators: TA-Lib's values, from the last 250 bars, at any level of adjustment."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import talib
from hypothesis import given, settings
from hypothesis import strategies as st

from lstm_model.config.pipeline import FeaturesConfig
from lstm_model.data.bars import PRICES, Bars
from lstm_model.data.changed_bars import without_head
from lstm_model.data.cleaning import clean_bars
from lstm_model.data.columns import rename_columns
from lstm_model.data.directional import directional_moves
from lstm_model.data.features import WARM_UP_BARS, compute_features
from lstm_model.data.indicators import INDICATORS, indicator_columns
from lstm_model.data.ticks import balance, place, steps
from lstm_model.errors import BarsError

BarMaker = Callable[..., Bars]
BOTH_SETS = FeaturesConfig(sets=("indicators", "har"))


def assert_start_does_not_matter(bars: Bars, starts: Iterable[int]) -> None:
    """Compare all built-in columns, past the warm-up, with those of histories that start later."""
    (ticker,) = bars.tickers
    whole = compute_features(bars, BOTH_SETS)
    for start in starts:
        later = compute_features(without_head(bars, ticker, start), BOTH_SETS)
        expected, found = whole.values[start + WARM_UP_BARS :], later.values[WARM_UP_BARS:]
        same = np.isclose(found, expected, rtol=0, atol=1e-9, equal_nan=True).all(axis=0)
        changed = [name for name, equal in zip(whole.names, same, strict=True) if not equal]
        assert not changed, f"{changed} of {ticker} from row {start}"


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 2**20),
    tick=st.sampled_from([1 / 8, 1 / 16, 0.01]),
    start=st.integers(1, 449),
)
def test_start_does_not_matter_on_coarse_ticks(
    make_coarse_bars: BarMaker, seed: int, tick: float, start: int
) -> None:
    """Prices full of ties, dividends, splits and halts give the same values from every start."""
    assert_start_does_not_matter(make_coarse_bars(seed, tick=tick), [start])


def real_bars(folder: Path) -> Iterator[Bars]:
    """Read each ticker of a folder that is long enough and that the rules do not refuse."""
    for path in sorted(folder.glob("*.csv*")):
        raw = pd.read_csv(path)
        frames = {path.name: raw}
        if len(raw.columns) > 20:  # a column of closes for each ticker
            closes = raw.set_index("Date")
            frames = {
                str(name): pd.DataFrame(dict.fromkeys(PRICES, close.dropna())).reset_index()
                for name, close in closes.items()
            }
        for name, frame in frames.items():
            try:
                bars = clean_bars(rename_columns(frame), name)
            except BarsError:
                continue
            if len(bars.frame) > WARM_UP_BARS + 1:
                yield bars


@pytest.mark.parametrize(
    ("folder", "tickers"),
    [
        ("index", 2),
        ("long", 4),
        ("panel_adjclose", 20),
        ("panel_ohlcv_2012_2017", 40),
        ("yfinance_dirty", 7),
    ],
)
def test_start_does_not_matter_on_real_bars(market_data: Path, folder: str, tickers: int) -> None:
    """Every series of real bars gives the same values from random starts."""
    draws, seen = np.random.default_rng(0), 0
    for bars in real_bars(market_data / folder):
        seen += 1
        starts = draws.integers(1, len(bars.frame) - WARM_UP_BARS, 2).tolist()
        assert_start_does_not_matter(bars, starts)
    assert seen >= tickers


@pytest.mark.parametrize(("name", "start"), [("SPY", 1272), ("AAPL", 2051)])
def test_starts_that_broke_ties(market_data: Path, name: str, start: int) -> None:
    """Two starts at which rounding once made ADX count whole moves."""
    raw = rename_columns(pd.read_csv(market_data / "long" / f"{name}.csv"))
    assert_start_does_not_matter(clean_bars(raw, name), [start])


@pytest.mark.parametrize("row", [249, 250, 399])
def test_values_are_those_of_talib_on_the_last_250_bars(
    make_ohlcv: Callable[..., pd.DataFrame], row: int
) -> None:
    """Without ties each value is the one that TA-Lib gives where history is 250 bars long."""
    bars = make_ohlcv(0, 400, flat_share=0.0)
    last = bars[row - 249 : row + 1]
    high, low, close, volume = (last[name] for name in ("high", "low", "close", "volume"))
    upper, middle, lower = talib.BBANDS(close, 20)
    expected = {
        "close_over_sma20": close / middle - 1,
        "rsi14": talib.RSI(close, 14) / 50 - 1,
        "macd_over_close": talib.MACD(close)[0] / close,
        "percent_b20": 2 * (close - lower) / (upper - lower) - 1,
        "bandwidth20": (upper - lower) / middle,
        "natr14": talib.NATR(high, low, close, 14) / 100,
        "adx14": talib.ADX(high, low, close, 14) / 50 - 1,
        "stochastic_k": talib.STOCH(high, low, close)[0] / 50 - 1,
        "williams_r14": talib.WILLR(high, low, close, 14) / 50 + 1,
        "cci14": talib.CCI(high, low, close, 14) / 200,
        "mfi14": talib.MFI(high, low, close, volume, 14) / 50 - 1,
        "return_sd20": talib.STDDEV(np.log(close).diff(), 20),
    }
    values = dict(zip(INDICATORS, indicator_columns(bars)[row], strict=True))
    for name, column in expected.items():
        assert values[name] == pytest.approx(column.iloc[-1], abs=1e-10), name


def test_where_nothing_moves_oscillators_are_in_the_middle(
    make_ohlcv: Callable[..., pd.DataFrame],
) -> None:
    """A price that only rounding moves for 250 bars gives neither a direction nor a place."""
    bars = make_ohlcv(0, 260)
    noise = 1 + 1e-15 * np.random.default_rng(0).normal(size=(260, 4))
    bars[list(PRICES)] = 100 * noise
    values = dict(zip(INDICATORS, indicator_columns(bars)[-1], strict=True))
    still = ("rsi14", "percent_b20", "stochastic_k", "williams_r14", "cci14", "mfi14")
    assert [values[name] for name in still] == [0.0] * len(still)
    assert values["adx14"] == -1


@pytest.mark.parametrize("level", [1.0, 1 / 3, 1e-3, 1.0174])
def test_ties_hold_at_every_level(level: float) -> None:
    """A high that rises as much as the low falls counts for neither side, at any price level.

    This holds in cents, where 10.1 + 0.1 is not 10.2 in binary, as in eighths.
    """
    high, low, close = np.array([[10.1, 10.2, 10.3], [9.9, 9.8, 9.8], [10.0, 10.0, 10.1]]) * level
    up, down = directional_moves(high, low, close)
    np.testing.assert_array_equal(up[1:], [0.0, high[2] - high[1]])
    np.testing.assert_array_equal(down[1:], [0.0, 0.0])


def test_prices_that_differ_by_rounding_are_the_same() -> None:
    """A millionth of a cent is neither a step nor a range; a cent is, up to prices of 14,000."""
    price = np.array([100.0, 100.0 + 1e-8, 100.01, 14000.0, 14000.01])
    np.testing.assert_allclose(steps(price)[1:], [0.0, 0.01 - 1e-8, 13899.99, 0.01], atol=1e-9)
    lowest, highest = np.array([5.0, 5.0, 5.0]), np.array([5.0, 5.0 + 1e-9, 6.0])
    np.testing.assert_array_equal(place(np.array([5.0, 5.0, 5.0]), lowest, highest), [0, 0, -1])
    np.testing.assert_array_equal(balance(np.array([0.0, 3.0]), np.array([0.0, 1.0])), [0, 0.5])
