"""Claims about features: causal, finite, independent of the start, and of one ticker each."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lstm_model.data.assemble import window_is_whole
from lstm_model.data.bars import PRICES, Bars
from lstm_model.data.features import WARM_UP_BARS, FeatureTable, compute_features, days_since_epoch
from lstm_model.data.indicators import INDICATORS, indicator_columns

OhlcvMaker = Callable[..., pd.DataFrame]
SEEDS = st.integers(0, 2**20)


def test_sixteen_names(sp500_features: FeatureTable) -> None:
    """There are sixteen features, each with its own name."""
    assert len(set(INDICATORS)) == len(INDICATORS) == 16
    assert sp500_features.names == INDICATORS
    assert sp500_features.values.shape[1] == 16


@settings(max_examples=25, deadline=None)
@given(seed=SEEDS, length=st.integers(60, 400), share=st.floats(0.1, 1.0))
def test_truncation_changes_nothing(
    make_ohlcv: OhlcvMaker, seed: int, length: int, share: float
) -> None:
    """The features of a bar are the same without the later bars."""
    bars = make_ohlcv(seed, length)
    t = int(share * (length - 1))
    whole, cut = indicator_columns(bars), indicator_columns(bars[: t + 1])
    np.testing.assert_allclose(cut[t], whole[t], rtol=0, atol=1e-9)


@settings(max_examples=25, deadline=None)
@given(seed=SEEDS, length=st.integers(60, 400), share=st.floats(0.0, 1.0))
@pytest.mark.parametrize("factor", [10.0, np.nan])
def test_the_future_cannot_be_seen(
    make_ohlcv: OhlcvMaker, factor: float, seed: int, length: int, share: float
) -> None:
    """Later bars change no bit of earlier features."""
    bars = make_ohlcv(seed, length)
    t = int(share * (length - 1))
    changed = bars.copy()
    changed.loc[t + 1 :, [*PRICES, "volume"]] *= factor
    np.testing.assert_array_equal(
        indicator_columns(changed)[: t + 1], indicator_columns(bars)[: t + 1]
    )


def test_real_bars_are_finite_after_warm_up(sp500_features: FeatureTable) -> None:
    """On twenty years of the S&P 500 every row past the warm-up is ready, and none before."""
    ready = sp500_features.ready
    assert not ready[:WARM_UP_BARS].any()
    assert ready[WARM_UP_BARS:].all()
    assert np.abs(sp500_features.values[WARM_UP_BARS:]).max() < 10


@settings(max_examples=15, deadline=None)
@given(seed=SEEDS, volume=st.sampled_from([0.0, 1.0, 1e9]), flat=st.sampled_from([0.0, 0.3, 1.0]))
def test_dull_series_stay_finite(
    make_ohlcv: OhlcvMaker, seed: int, volume: float, flat: float
) -> None:
    """Constant or no volume, and bars without range, give finite features."""
    bars = make_ohlcv(seed, 350, flat_share=flat).assign(volume=volume)
    assert np.isfinite(indicator_columns(bars)[WARM_UP_BARS:]).all()


def test_halted_series_stays_finite(make_ohlcv: OhlcvMaker) -> None:
    """A stretch in which no price moves gives finite features."""
    bars = make_ohlcv(3, 400)
    bars.loc[300:360, ["open", "high", "low", "close"]] = float(bars["close"].iloc[300])
    assert np.isfinite(indicator_columns(bars)[WARM_UP_BARS:]).all()


@pytest.mark.parametrize("scale", [1e-3, 1e3])
def test_price_level_does_not_matter(make_ohlcv: OhlcvMaker, scale: float) -> None:
    """Prices quoted in another unit give the same features."""
    bars = make_ohlcv(5, 400)
    scaled = bars.assign(**{price: bars[price] * scale for price in PRICES})
    np.testing.assert_allclose(
        indicator_columns(scaled)[WARM_UP_BARS:], indicator_columns(bars)[WARM_UP_BARS:], atol=1e-9
    )


@pytest.mark.parametrize("length", [1, 2, 5, 60])
def test_short_history_is_not_ready(make_bars: Callable[..., Bars], length: int) -> None:
    """A ticker with few bars has rows, none of them ready."""
    features = compute_features(make_bars(length))
    assert features.values.shape == (length, 16)
    assert not features.ready.any()


@settings(max_examples=10, deadline=None)
@given(first=st.integers(200, 400), second=st.integers(255, 400), length=st.integers(2, 60))
def test_windows_do_not_cross_tickers(
    make_bars: Callable[..., Bars], first: int, second: int, length: int
) -> None:
    """Each ticker warms up on its own, and no window holds rows of two tickers."""
    bars = make_bars(first, second)
    features = compute_features(bars)
    assert list(np.flatnonzero(features.ready[first : first + WARM_UP_BARS])) == []
    np.testing.assert_array_equal(features.values[first:], indicator_columns(bars.of("T1")))
    whole = window_is_whole(features, length)
    naive = [
        end + 1 >= length
        and features.ready[end + 1 - length : end + 1].all()
        and len(set(features.ticker_of_row[end + 1 - length : end + 1])) == 1
        for end in range(len(whole))
    ]
    assert list(whole) == naive


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_dates_are_days_in_every_unit(unit: str) -> None:
    """Days count from 1970-01-01, for any unit of pandas' dates."""
    dates = pd.Series(pd.to_datetime(["1970-01-02", "2000-01-01"])).dt.as_unit(unit)
    assert list(days_since_epoch(dates)) == [1, 10957]
