"""The bars of a night: every ticker brought up to date in the store, and a snapshot of them."""

import datetime as dt

from prefect import task
from prefect.cache_policies import NO_CACHE

from lstm_model.config.data import DataConfig
from lstm_model.errors import SourceUnreachable
from tasks.data.cross_check import cross_check
from tasks.data.snapshots import Snapshot, find_snapshot, store_snapshot, what_is_stored
from tasks.data.sources import open_source
from tasks.data.staleness import require_fresh
from tasks.data.store.folder import Store
from tasks.data.store.journal import DownloadJournal
from tasks.data.store.refresh import TickerBars, refresh_ticker
from tasks.data.universe import fetch_universe


def take_snapshot(data: DataConfig) -> Snapshot:
    """Bring every ticker up to date and store what the night runs on, or find it by its hash.

    A download that was interrupted goes on where it stopped. Raises what `fetch_universe` and
    `find_snapshot` raise; a source that does not answer is told with what is stored.
    """
    if data.snapshot is not None:
        return find_snapshot(data, data.snapshot)
    store, source = Store(data.raw_dir), open_source(data)
    journal = DownloadJournal(store, data, resumes=source.incremental)

    def fetch(ticker: str) -> TickerBars:
        part = journal.once(ticker, lambda: refresh_ticker(store, data, source, ticker))
        return require_fresh(data, part, dt.datetime.now(dt.UTC))

    try:
        universe = fetch_universe(data, fetch)
    except SourceUnreachable as error:
        raise SourceUnreachable(f"{error}; {what_is_stored(data)}") from error
    parts = cross_check(store, data, universe.parts)
    snapshot = store_snapshot(data, parts, universe.left_out)
    journal.finish()
    return snapshot


download_bars = task(name="download-bars", cache_policy=NO_CACHE)(take_snapshot)
"""The same as a step of the flow."""
