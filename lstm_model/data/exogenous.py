"""Exogenous series: columns of other tickers, joined to each row as they were known at its close.

A volatility index, a market index or a rate is fetched, cleaned and stored like every ticker, but
is not forecast. Its values are joined backward in time, never forward.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from lstm_model.config.exogenous import ExogenousConfig
from lstm_model.config.pipeline import FeaturesConfig
from lstm_model.data.bars import Bars, adjust_all, join_panel
from lstm_model.data.calendar import days_since_epoch
from lstm_model.data.closes import market_for_closes, newest_known
from lstm_model.data.trailing import over_last
from lstm_model.errors import BarsError

LEVEL_SESSIONS = 60
"""Sessions, the current one included, over whose mean a level stands."""


@dataclass(frozen=True, slots=True)
class ExogenousSeries:
    """The columns of one series, a row for each of its own sessions.

    config: its entry in the configuration.
    names: of the columns, with the ticker.
    days: ascending, in days since 1970-01-01.
    values: the columns; NaN where there is too little history.
    """

    config: ExogenousConfig
    names: tuple[str, ...]
    days: Int[np.ndarray, " session"]
    values: Float[np.ndarray, "session column"]


@dataclass(frozen=True, slots=True)
class Exogenous:
    """All series of a run; `market` is the calendar of forecast tickers whose suffix names none."""

    series: tuple[ExogenousSeries, ...] = ()
    market: str | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all columns, in the order of the configuration."""
        return tuple(name for one in self.series for name in one.names)

    def join(self, ticker: str, days: Int[np.ndarray, " row"]) -> Float[np.ndarray, "row column"]:
        """Return the columns of all series as they were known at the ticker's close on each day."""
        market = market_for_closes(ticker, self.market)
        return np.column_stack([_join(one, market, days) for one in self.series])


def series_market(config: ExogenousConfig) -> str | None:
    """Return the calendar by whose closes a series is known; `data.market` says nothing of it."""
    return config.market or market_for_closes(config.ticker, None)


def forecast_part(bars: Bars, features: FeaturesConfig) -> Bars:
    """Return the bars of the tickers that are forecast."""
    if not features.exogenous:
        return bars
    return bars.where(~bars.frame["ticker"].isin(features.exogenous_tickers).to_numpy())


def gather(parts: Iterable[Bars], features: FeaturesConfig) -> Bars | None:
    """Collect the bars of the exogenous tickers; reads no further than needed.

    None if the configuration has no series. Raises BarsError if a ticker is missing.
    """
    if not features.exogenous:
        return None
    missing = list(features.exogenous_tickers)
    found = []
    for part in parts:
        here = [ticker for ticker in part.tickers if ticker in missing]
        if here:
            found.append(part.where(part.frame["ticker"].isin(here).to_numpy()))
            missing = [ticker for ticker in missing if ticker not in here]
        if not missing:
            return join_panel(found)
    raise missing_series(missing)


def missing_series(tickers: Collection[str]) -> BarsError:
    """Return the refusal of bars that lack exogenous series."""
    return BarsError(
        f"bars of every exogenous ticker are required but {', '.join(tickers)} has none; pass them "
        f"among the other bars, or remove it from features.exogenous and train again"
    )


def tabulate_exogenous(
    bars: Bars | None, features: FeaturesConfig, market: str | None
) -> Exogenous:
    """Compute the columns of each series; raises BarsError if the bars lack one.

    bars: of the exogenous tickers at least. market: the configuration's `data.market`.
    """
    if not features.exogenous:
        return Exogenous()
    histories = {} if bars is None else adjust_all(bars)
    missing = [ticker for ticker in features.exogenous_tickers if ticker not in histories]
    if missing:
        raise missing_series(missing)
    series = [_tabulate(config, histories[config.ticker]) for config in features.exogenous]
    return Exogenous(tuple(series), market)


def _tabulate(config: ExogenousConfig, history: pd.DataFrame) -> ExogenousSeries:
    log_close = np.log(history["close"].to_numpy(dtype=float))
    log_range = np.log((history["high"] / history["low"]).to_numpy(dtype=float))
    columns = {
        "log_change": np.diff(log_close, prepend=np.nan),
        "log_level": log_close - over_last(LEVEL_SESSIONS, np.mean, log_close),
        "log_range": log_range,
    }
    return ExogenousSeries(
        config=config,
        names=tuple(f"{config.ticker}_{name}" for name in config.columns),
        days=days_since_epoch(history["date"]),
        values=np.column_stack([columns[name] for name in config.columns]),
    )


def _join(
    series: ExogenousSeries, market: str | None, days: Int[np.ndarray, " row"]
) -> Float[np.ndarray, "row column"]:
    """Return the newest published values at each row; NaN where there is none, or it is too old.

    The age of the newest session is counted in rows, that is in the forecast ticker's sessions.
    """
    config = series.config
    newest = newest_known(series.days, series_market(config), days, market)
    of_row = np.searchsorted(days, series.days, side="right") - 1
    age = np.arange(len(days)) - of_row[np.maximum(newest, 0)]
    published = newest - config.lag_sessions
    valid = (published >= 0) & (age <= config.max_age_sessions)
    values: np.ndarray = np.where(valid[:, None], series.values[np.maximum(published, 0)], np.nan)
    return values
