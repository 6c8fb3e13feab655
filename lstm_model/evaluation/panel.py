"""Skill across a panel: by date, by ticker, and averaged."""

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int

from lstm_model.data.calendar import dates_of
from lstm_model.evaluation.long_run import ROUNDING
from lstm_model.evaluation.measured import MIN_DATES, Measured, NotComputed, too_short

MIN_TICKERS = 3
"""The correlation of only two points is always 1 or -1."""


@dataclass(frozen=True, slots=True)
class Correlation:
    """Correlation across tickers by date; information_ratio is its mean over its sd (ICIR)."""

    mean: float
    sd: float
    information_ratio: Measured
    by_date: tuple[tuple[dt.date, float], ...]


@dataclass(frozen=True, slots=True)
class TickerSkill:
    """Skill on one ticker's samples of the test block; mse in the target's unit, squared."""

    ticker: str
    n: int
    mse: float
    r2_benchmark: Measured


@dataclass(frozen=True, slots=True)
class PanelSkill:
    """IC (Pearson) and rank IC (Spearman) by date, skill by ticker, macro and pooled R2.

    macro_r2: mean R2 over tickers. pooled_r2: R2 over all samples. Both against the benchmark.
    """

    ic: Correlation
    rank_ic: Correlation
    tickers: tuple[TickerSkill, ...]
    macro_r2: Measured
    pooled_r2: Measured


def panel_skill(
    forecast: Float[np.ndarray, " sample"],
    truth: Float[np.ndarray, " sample"],
    benchmark: Float[np.ndarray, " sample"],
    dates: Int[np.ndarray, " sample"],
    ticker_of_sample: Int[np.ndarray, " sample"],
    tickers: tuple[str, ...],
) -> PanelSkill | NotComputed:
    """Correlate forecast and truth across tickers on each date, and score each ticker.

    forecast, truth, benchmark: by sample, in the target's unit. dates: days since 1970-01-01.
    ticker_of_sample: positions in `tickers`. tickers: their names.

    Samples with a missing value are left out, and so are dates with fewer than 3 tickers or a
    constant forecast or truth. NotComputed for one ticker and below 30 dates. Grinold & Kahn
    (1999), "Active Portfolio Management", ch. 6.
    """
    known = np.isfinite(forecast) & np.isfinite(truth) & np.isfinite(benchmark)
    forecast, truth, benchmark = forecast[known], truth[known], benchmark[known]
    dates, ticker_of_sample = dates[known], ticker_of_sample[known]
    if len(np.unique(ticker_of_sample)) < 2:
        return NotComputed("one ticker")
    days, date = np.unique(dates, return_inverse=True)
    ranks = [pd.Series(v).groupby(date).rank().to_numpy() for v in (forecast, truth)]
    ic, kept = _correlate(forecast, truth, date)
    rank_ic, _ = _correlate(ranks[0], ranks[1], date)
    if kept.sum() < MIN_DATES:
        return too_short(int(kept.sum()))
    squares = [(truth - values) ** 2 for values in (forecast, benchmark)]
    rows = _by_ticker(squares[0], squares[1], ticker_of_sample, tickers)
    r2s = [row.r2_benchmark for row in rows if not isinstance(row.r2_benchmark, NotComputed)]
    no_error = NotComputed("the benchmark has no error")
    return PanelSkill(
        ic=_summarise(ic[kept], days[kept]),
        rank_ic=_summarise(rank_ic[kept], days[kept]),
        tickers=rows,
        macro_r2=float(np.mean(r2s)) if r2s else no_error,
        pooled_r2=float(1 - squares[0].sum() / squares[1].sum()) if r2s else no_error,
    )


def _correlate(
    first: Float[np.ndarray, " sample"],
    second: Float[np.ndarray, " sample"],
    date: Int[np.ndarray, " sample"],
) -> tuple[Float[np.ndarray, " day"], Bool[np.ndarray, " day"]]:
    """Return the Pearson correlation of each date, and the dates on which it is defined."""
    count = np.bincount(date)
    centred, spreads = [], []
    enough = count >= MIN_TICKERS
    for values in (first, second):
        mean = np.bincount(date, weights=values) / count
        centred.append(values - mean[date])
        spread = np.sqrt(np.bincount(date, weights=centred[-1] ** 2) / count)
        largest = np.zeros(len(count))
        np.maximum.at(largest, date, np.abs(values))
        enough &= spread > ROUNDING * largest
        spreads.append(spread)
    covariance = np.bincount(date, weights=centred[0] * centred[1]) / count
    correlation = np.zeros(len(count))
    np.divide(covariance, spreads[0] * spreads[1], out=correlation, where=enough)
    return np.clip(correlation, -1.0, 1.0), enough


def _summarise(
    correlations: Float[np.ndarray, " date"], days: Int[np.ndarray, " date"]
) -> Correlation:
    mean, sd = float(correlations.mean()), float(correlations.std(ddof=1))
    ratio = mean / sd if sd > ROUNDING else NotComputed("the correlation is constant")
    pairs = zip(dates_of(days), correlations.tolist(), strict=True)
    return Correlation(mean, sd, ratio, tuple(pairs))


def _by_ticker(
    model: Float[np.ndarray, " sample"],
    benchmark: Float[np.ndarray, " sample"],
    ticker_of_sample: Int[np.ndarray, " sample"],
    tickers: tuple[str, ...],
) -> tuple[TickerSkill, ...]:
    """Score each ticker that has samples, given the model's and the benchmark's squared errors."""
    count = np.bincount(ticker_of_sample, minlength=len(tickers))
    own = np.bincount(ticker_of_sample, weights=model, minlength=len(tickers))
    other = np.bincount(ticker_of_sample, weights=benchmark, minlength=len(tickers))
    rows = []
    for code in np.flatnonzero(count):
        r2: Measured = NotComputed("the benchmark has no error")
        if other[code] > 0:
            r2 = float(1 - own[code] / other[code])
        rows.append(
            TickerSkill(tickers[code], int(count[code]), float(own[code] / count[code]), r2)
        )
    return tuple(rows)
