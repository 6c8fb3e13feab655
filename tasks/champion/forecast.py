"""The champion's forecast of each ticker's next session, and the scores of those that came true."""

import datetime as dt
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from lstm_model.champion.band import Band, band
from lstm_model.champion.ledger_entry import Entry, Forecast, Score
from lstm_model.config.data import DataConfig
from lstm_model.config.pipeline import PipelineConfig
from lstm_model.data.bars import Bars, adjust_all
from lstm_model.data.calendar import DEFAULT_MARKET, date_of, next_session, session_open
from lstm_model.data.features import WARM_UP_BARS
from lstm_model.data.market import ALWAYS_OPEN, WORKING_DAYS, market_of
from lstm_model.data.targets import NO_DATE, tabulate_targets
from lstm_model.errors import ChampionError
from lstm_model.model.judged_errors import JudgedErrors
from tasks.data.snapshots import Snapshot, read_bars
from tasks.data.staleness import sessions_behind
from tasks.evaluate import UNITS
from tasks.tracking.version import Version

CONTINUOUS_HOURS = 6
"""Where a session opens when the last one closes, a forecast may be written so long after it."""

SPARE_BARS = 10
"""Bars more than are needed, in case that one of them has no usable value."""

RAW_COLUMNS = (
    "ticker", "date", "open", "high", "low", "close", "volume", "dividends", "stock_splits",
)  # fmt: skip


def require_newest_sessions(bars: Bars, data: DataConfig, now: dt.datetime) -> None:
    """Raise ChampionError if a session has closed whose bar is not there, or has no prices yet."""
    for ticker, frame in bars.by_ticker():
        last = frame["date"].iloc[-1].date()
        missing = sessions_behind(ticker, last, data.market, now)
        if missing:
            raise ChampionError(
                f"{ticker}: a forecast must follow the newest session but {len(missing)} have "
                f"closed since the last bar with prices, {last}, the first on {missing[0]}; fetch "
                f"again later, or pass --stale to see what the model says after {last}"
            )


def forecast_next(
    version: Version, live: JudgedErrors, snapshot: Snapshot, config: PipelineConfig
) -> tuple[Forecast, ...]:
    """Forecast each ticker's next session from a snapshot's bars, with the version's band.

    live: errors of the version's forecasts that came true. Raises ChampionError if the version
    forecasts another target than is configured or the newest bar of a ticker gets no forecast, and
    BarsError for bars that it refuses.
    """
    if (version.target_kind, version.horizon) != (config.target.kind, config.target.horizon):
        raise ChampionError(
            f"version {version.number} must forecast target {config.target.kind} over "
            f"{config.target.horizon} bars but forecasts {version.target_kind} over "
            f"{version.horizon}; pass its configuration"
        )
    frame = recent_bars(snapshot, None, version.window_length)
    rows = version.forecast_bars(frame).groupby("ticker", sort=False).tail(1).set_index("ticker")
    judged = version.judged_errors
    around = None if judged is None else band(judged, live, config.evaluation.coverage)
    found = []
    for ticker, last in frame.groupby("ticker", sort=False)["date"].max().items():
        if ticker in version.exogenous:
            continue
        row = rows.loc[[ticker]].iloc[0] if ticker in rows.index else None
        if row is None or row["date"] != last:
            raise ChampionError(
                f"{ticker}: the newest bar, {last:%Y-%m-%d}, must have a forecast but has none: a "
                f"gap of over 14 days is in its window; wait until it is past"
            )
        found.append(
            _forecast(str(ticker), row, last.date(), version, around, snapshot, config.data)
        )
    return tuple(found)


def recent_bars(snapshot: Snapshot, start: pd.Timestamp | None, window_length: int) -> pd.DataFrame:
    """Return the raw bars that a version needs to forecast every bar from `start` on.

    Without a start these are the bars for each ticker's newest forecast. A forecast depends on the
    bars of its window and of the warm-up before it, and on none that is older.
    """
    needed = WARM_UP_BARS + window_length + SPARE_BARS
    kept = []
    for _, bars in read_bars(snapshot).by_ticker():
        before = len(bars) if start is None else int((bars["date"] < start).sum())
        kept.append(bars[list(RAW_COLUMNS)].iloc[max(0, before - needed) :])
    return pd.concat(kept, ignore_index=True)


def _forecast(
    ticker: str,
    row: "pd.Series[float]",
    last_bar: dt.date,
    version: Version,
    around: Band | None,
    snapshot: Snapshot,
    data: DataConfig,
) -> Forecast:
    market = market_of(ticker, data.market).name or DEFAULT_MARKET
    session = next_session(market, last_bar)
    opens = session_open(market, session).astimezone(dt.UTC).replace(tzinfo=None)
    if market in (ALWAYS_OPEN, WORKING_DAYS):
        opens += dt.timedelta(hours=CONTINUOUS_HOURS)
    value = float(row["forecast"])
    volatility = row.get("annualised_volatility")
    return Forecast(
        ticker=ticker,
        session=session.isoformat(),
        last_bar=last_bar.isoformat(),
        opens_at=opens.isoformat(timespec="microseconds"),
        model_name=version.name,
        model_version=version.number,
        bundle_sha256=version.bundle_sha256,
        snapshot_sha256=snapshot.sha256,
        target=version.target_kind,
        horizon=version.horizon,
        unit=UNITS[version.target_kind],
        forecast=value,
        lower=None if around is None else value + around.below,
        upper=None if around is None else value + around.above,
        coverage=None if around is None else around.coverage,
        annualised_volatility=None if volatility is None else float(volatility),
    )


def truths_of(bars: Bars, forecasts: Sequence[Forecast]) -> list[tuple[float, str] | None]:
    """Return what came of each forecast, and the date of its label's last bar; None if not yet.

    A forecast's label starts after its last bar, whatever sessions the calendar expected.
    """
    tables: dict[tuple[str, int], Mapping[str, tuple[float, str]]] = {}
    truths: list[tuple[float, str] | None] = []
    for forecast in forecasts:
        key = forecast.target, forecast.horizon
        if key not in tables:
            tables[key] = _labels(bars, forecast)
        truths.append(tables[key].get(f"{forecast.ticker} {forecast.last_bar}"))
    return truths


def _labels(bars: Bars, like: Forecast) -> Mapping[str, tuple[float, str]]:
    targets = tabulate_targets(adjust_all(bars), like.target, like.horizon)
    known = np.isfinite(targets.label) & (targets.label_end != NO_DATE)
    frame = bars.frame
    return {
        f"{ticker} {date:%Y-%m-%d}": (float(label), date_of(end).isoformat())
        for ticker, date, label, end in zip(
            frame["ticker"][known],
            frame["date"][known],
            targets.label[known],
            targets.label_end[known],
            strict=True,
        )
    }


def new_scores(entries: Sequence[Entry], bars: Bars, learnt: dt.datetime) -> list[Score]:
    """Return a score for each forecast that came true since, and has none; learnt is in UTC."""
    scored = {entry.content.of for entry in entries if isinstance(entry.content, Score)}
    open_ = [
        (entry.number, entry.content)
        for entry in entries
        if isinstance(entry.content, Forecast) and entry.number not in scored
    ]
    truths = truths_of(bars, [forecast for _, forecast in open_])
    stamp = learnt.isoformat(timespec="seconds")
    return [
        Score(number, truth[0], truth[1], stamp)
        for (number, _), truth in zip(open_, truths, strict=True)
        if truth is not None
    ]
