"""Whether a ticker's newest bar is as new as its market's calendar says."""

import datetime as dt

from lstm_model.config.data import DataConfig
from lstm_model.data.calendar import DEFAULT_MARKET, last_closed_session, sessions_between
from lstm_model.data.market import market_of
from lstm_model.errors import BarsError
from tasks.data.store.refresh import TickerBars


def sessions_behind(
    ticker: str, last_bar: dt.date, market: str | None, now: dt.datetime
) -> tuple[dt.date, ...]:
    """Return the sessions that have closed at `now` and have no bar yet, the oldest first.

    market: the configured one, for tickers whose suffix names none. A market that is not known
    counts as New York's. now: with a zone.
    """
    calendar = market_of(ticker, market).name or DEFAULT_MARKET
    closed = last_closed_session(calendar, now)
    return sessions_between(calendar, last_bar + dt.timedelta(days=1), closed)


def require_fresh(data: DataConfig, part: TickerBars, now: dt.datetime) -> TickerBars:
    """Return the part; raises BarsError if it lacks more sessions than `data.max_stale_sessions`.

    Bars up to a fixed `data.end` are meant to be old.
    """
    if data.max_stale_sessions is None or data.end is not None:
        return part
    last = dt.date.fromisoformat(part.last)
    missing = sessions_behind(part.ticker, last, data.market, now)
    if len(missing) > data.max_stale_sessions:
        raise BarsError(
            f"{part.ticker} {part.last}: stale_bars: at most {data.max_stale_sessions} sessions "
            f"may be missing (data.max_stale_sessions), but {len(missing)} are, the first on "
            f"{missing[0]}; check the source, or raise data.max_stale_sessions"
        )
    return part
