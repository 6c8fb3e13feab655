"""Claims about skill across a panel."""

import datetime as dt
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import pearsonr, spearmanr

from lstm_model.evaluation.measured import NotComputed, too_short
from lstm_model.evaluation.panel import PanelSkill, panel_skill


def panel(
    days: int, tickers: int, seed: int = 0, skill: float = 0.5
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray, tuple[str, ...]]:
    draws = np.random.default_rng(seed)
    n = days * tickers
    truth = draws.normal(size=n)
    forecast = skill * truth + draws.normal(size=n)
    dates = np.repeat(np.arange(18_262, 18_262 + days), tickers)
    names = tuple(f"T{i}" for i in range(tickers))
    return forecast, truth, np.full(n, 0.1), dates, np.tile(np.arange(tickers), days), names


def found(*arguments: object) -> PanelSkill:
    result = panel_skill(*arguments)  # type: ignore[arg-type]
    assert isinstance(result, PanelSkill)
    return result


def test_correlations_are_scipys_date_by_date() -> None:
    """With ties and in any order, each date's values are scipy's Pearson and Spearman."""
    forecast, truth, benchmark, dates, codes, names = panel(40, 9)
    forecast = forecast.round(0)
    order = np.random.default_rng(1).permutation(len(truth))
    result = found(forecast[order], truth[order], benchmark, dates[order], codes[order], names)
    for correlation, reference in ((result.ic, pearsonr), (result.rank_ic, spearmanr)):
        expected = [
            reference(forecast[dates == day], truth[dates == day]).statistic
            for day in np.unique(dates)
        ]
        assert [value for _, value in correlation.by_date] == pytest.approx(expected)
        assert correlation.mean == pytest.approx(np.mean(expected))
        assert correlation.sd == pytest.approx(np.std(expected, ddof=1))
        ratio = np.mean(expected) / np.std(expected, ddof=1)
        assert correlation.information_ratio == pytest.approx(ratio)
    assert result.ic.by_date[0][0] == dt.date(2020, 1, 1)


def test_each_ticker_by_hand() -> None:
    """A ticker's error and R2 are of its own samples; macro is their mean, pooled is of all."""
    forecast, truth, benchmark, dates, codes, names = panel(40, 4)
    truth = truth * (1 + codes)
    result = found(forecast, truth, benchmark, dates, codes, names)
    own, other = (truth - forecast) ** 2, (truth - benchmark) ** 2
    r2s = [1 - own[codes == c].sum() / other[codes == c].sum() for c in range(4)]
    assert [row.ticker for row in result.tickers] == list(names)
    assert [row.n for row in result.tickers] == [40] * 4
    assert [row.mse for row in result.tickers] == pytest.approx(
        [own[codes == c].mean() for c in range(4)]
    )
    assert [row.r2_benchmark for row in result.tickers] == pytest.approx(r2s)
    assert result.macro_r2 == pytest.approx(np.mean(r2s))
    assert result.pooled_r2 == pytest.approx(1 - own.sum() / other.sum())


def test_dates_without_a_correlation_are_left_out() -> None:
    """Dates with two tickers or a constant side have none; missing values are left out."""
    forecast, truth, benchmark, dates, codes, names = panel(40, 5)
    days = np.unique(dates)
    forecast[dates == days[0]] = 0.1
    truth[dates == days[1]] = 7.0
    forecast[(dates == days[2]) & (codes > 1)] = np.nan
    benchmark[(dates == days[3]) & (codes == 0)] = np.inf
    result = found(forecast, truth, benchmark, dates, codes, names)
    assert len(result.ic.by_date) == len(result.rank_ic.by_date) == 37
    assert [row.n for row in result.tickers] == [39, 40, 39, 39, 39]


def test_tickers_without_samples_are_not_listed() -> None:
    """A ticker without test samples has no row."""
    forecast, truth, benchmark, dates, codes, names = panel(40, 4)
    kept = codes != 2
    result = found(forecast[kept], truth[kept], benchmark[kept], dates[kept], codes[kept], names)
    assert [row.ticker for row in result.tickers] == ["T0", "T1", "T3"]


def test_reasons() -> None:
    """One ticker, few dates, a benchmark without error and a constant IC each give a reason."""
    assert panel_skill(*panel(40, 1)) == NotComputed("one ticker")
    assert panel_skill(*panel(29, 5)) == too_short(29)
    _, truth, _, dates, codes, names = panel(40, 4)
    result = found(truth.copy(), truth, truth.copy(), dates, codes, names)
    no_error = NotComputed("the benchmark has no error")
    assert result.macro_r2 == result.pooled_r2 == result.tickers[0].r2_benchmark == no_error
    assert result.ic.mean == pytest.approx(1.0)
    assert result.ic.information_ratio == NotComputed("the correlation is constant")
    gone = np.full(len(truth), np.nan)
    assert panel_skill(gone, truth, truth, dates, codes, names) == NotComputed("one ticker")


@given(
    values=arrays(float, (2, 96), elements=st.sampled_from([0.0, 1.0, -1.0, 1e-300, 1e6, np.nan]))
)
def test_never_nan(values: np.ndarray) -> None:
    """For any missing or constant values, correlations are in [-1, 1] or there is a reason."""
    dates, codes = np.repeat(np.arange(32), 3), np.tile(np.arange(3), 32)
    result = panel_skill(values[0], values[1], np.zeros(96), dates, codes, ("A", "B", "C"))
    if isinstance(result, PanelSkill):
        numbers = [value for _, value in (*result.ic.by_date, *result.rank_ic.by_date)]
        assert all(-1 <= value <= 1 for value in numbers)
        assert math.isfinite(result.ic.sd + result.rank_ic.sd)


def test_many_tickers_and_dates() -> None:
    """Three years of 500 tickers recover the known correlation."""
    result = found(*panel(750, 500))
    assert result.ic.mean == pytest.approx(0.5 / math.sqrt(1.25), abs=0.01)
