"""Claims about targets: the label of each bar, and what was known of it at that bar."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from lstm_model.data.bars import Bars
from lstm_model.data.calendar import days_since_epoch
from lstm_model.data.targets import NO_DATE, TargetKind, compute_targets, parkinson_variance

CLOSES = [100.0, 110.0, 99.0, 105.0]
HIGHS = [101.0, 112.0, 111.0, 105.0]
LOWS = [99.0, 100.0, 98.0, 105.0]
SCALE = 4 * np.log(2)


def tiny(ticker: str = "T0", closes: list[float] = CLOSES) -> pd.DataFrame:
    count = len(closes)
    return pd.DataFrame(
        {
            "ticker": ticker,
            "date": pd.date_range("1970-01-02", periods=count, unit="us"),
            "open": closes,
            "high": HIGHS[:count] if closes is CLOSES else closes,
            "low": LOWS[:count] if closes is CLOSES else closes,
            "close": closes,
            "volume": 1.0,
            "dividends": 0.0,
            "stock_splits": 0.0,
            "split_factor": 1.0,
            "dividend_factor": 1.0,
        }
    )


def test_log_return_by_hand() -> None:
    """The return label is ln of the next close over this one; persistence is the last return."""
    table = compute_targets(Bars(tiny()), "log_return", 1)
    returns = np.log([110 / 100, 99 / 110, 105 / 99])
    np.testing.assert_allclose(table.label, [*returns, np.nan])
    np.testing.assert_allclose(table.last_value, [np.nan, *returns])
    assert list(table.label_end) == [2, 3, 4, NO_DATE]
    assert table.har_terms.shape == (4, 0)


def test_return_over_two_bars_by_hand() -> None:
    """At horizon 2 the label spans two bars, and so does the persistence forecast."""
    table = compute_targets(Bars(tiny()), "log_return", 2)
    returns = np.log([99 / 100, 105 / 110])
    np.testing.assert_allclose(table.label, [*returns, np.nan, np.nan])
    np.testing.assert_allclose(table.last_value, [np.nan, np.nan, *returns])
    assert list(table.label_end) == [3, 4, NO_DATE, NO_DATE]


def test_log_volatility_by_hand() -> None:
    """The volatility label is the log of Parkinson's variance of the next bar."""
    table = compute_targets(Bars(tiny()), "log_volatility", 1)
    variance = np.log([101 / 99, 112 / 100, 111 / 98]) ** 2 / SCALE
    logs = np.log(variance)
    # The fourth bar has no range: no label for the third, and the last value is carried on.
    np.testing.assert_allclose(table.label, [logs[1], logs[2], np.nan, np.nan])
    np.testing.assert_allclose(table.last_value, [*logs, logs[2]])
    np.testing.assert_allclose(table.har_terms[:, 0], [*logs, logs[2]])
    means = [logs[0], logs[:2].mean(), logs.mean(), logs.mean()]
    np.testing.assert_allclose(table.har_terms[:, 1:3], np.column_stack([means, means]))
    np.testing.assert_allclose(table.har_terms[:, 3:], leverage_terms(tiny()))


def leverage_terms(frame: pd.DataFrame) -> np.ndarray:
    """Return the mean log return over up to 1, 5 and 22 bars; the first bar's counts as zero."""
    returns = np.r_[0.0, np.diff(np.log(frame["close"].to_numpy()))]
    means = [[returns[max(0, t - n + 1) : t + 1].mean() for n in (1, 5, 22)] for t in range(4)]
    return np.array(means)


def test_volatility_over_two_bars_is_of_the_mean_variance() -> None:
    """At horizon 2 the label is the log of the mean of two variances."""
    table = compute_targets(Bars(tiny()), "log_volatility", 2)
    variance = np.log([101 / 99, 112 / 100, 111 / 98]) ** 2 / SCALE
    expected = [np.log(variance[1:].mean()), np.nan, np.nan, np.nan]
    np.testing.assert_allclose(table.label, expected)


@pytest.mark.parametrize("horizon", [1, 5])
def test_bar_without_range_masks_every_label_that_holds_it(
    make_bars: Callable[..., Bars], horizon: int
) -> None:
    """A label is NaN exactly where a bar without range, or the end, lies in its horizon."""
    bars = make_bars(300)
    table = compute_targets(bars, "log_volatility", horizon)
    flat = (bars.frame["high"] == bars.frame["low"]).to_numpy()
    assert flat.any()
    expected = [t + horizon < 300 and not flat[t + 1 : t + 1 + horizon].any() for t in range(300)]
    assert list(np.isfinite(table.label)) == expected
    assert np.isnan(parkinson_variance(bars.frame)[flat]).all()


@pytest.mark.parametrize("kind", ["log_return", "log_volatility"])
@pytest.mark.parametrize("horizon", [1, 5])
def test_labels_do_not_cross_tickers(
    make_bars: Callable[..., Bars], kind: TargetKind, horizon: int
) -> None:
    """A ticker's targets are those it has alone, and its last bars have no label."""
    bars = make_bars(60, 40)
    both = compute_targets(bars, kind, horizon)
    alone = compute_targets(Bars(bars.of("T1")), kind, horizon)
    for name in ("label", "label_end", "last_value", "har_terms"):
        np.testing.assert_array_equal(getattr(both, name)[60:], getattr(alone, name))
    assert np.isnan(both.label[60 - horizon : 60]).all()
    assert (both.label_end[60 - horizon : 60] == NO_DATE).all()


@pytest.mark.parametrize("kind", ["log_return", "log_volatility"])
def test_persistence_knows_no_future(make_bars: Callable[..., Bars], kind: TargetKind) -> None:
    """The last value of a bar is the label that stood over the bars up to it."""
    bars = make_bars(100)
    table = compute_targets(bars, kind, 5)
    known = np.isfinite(table.label)[:-5]
    np.testing.assert_array_equal(table.last_value[5:][known], table.label[:-5][known])
    days = days_since_epoch(bars.frame["date"])
    np.testing.assert_array_equal(table.label_end[:-5], days[5:])


@pytest.mark.parametrize("kind", ["log_return", "log_volatility"])
@pytest.mark.parametrize("horizon", [4, 5, 9])
def test_history_shorter_than_the_horizon_has_no_label(kind: TargetKind, horizon: int) -> None:
    """Where the horizon is as long as the history, no bar has a label."""
    table = compute_targets(Bars(tiny()), kind, horizon)
    assert np.isnan(table.label).all()
    assert (table.label_end == NO_DATE).all()
