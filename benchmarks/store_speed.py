"""The store of bars at 500 tickers of 20 years: reading a snapshot, checking it, a quiet night.

A quiet night asks a local server that speaks Yahoo's protocol and answers after 100 ms; what the
real client needs for a request counts as the request.

    python -m benchmarks.store_speed
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd
import pytest

from benchmarks.results import write_results
from benchmarks.universe import GeneratedSource, Meter
from lstm_model.config.data import DataConfig
from tasks.data.snapshots import read_bars, store_snapshot, stored_snapshots
from tasks.data.sources.yahoo import YahooSource
from tasks.data.store.folder import Store
from tasks.data.store.refresh import refresh_ticker
from tasks.data.store.upkeep import verify
from tests.stored import raw_bars
from tests.yahoo_server import Listing, YahooServer, point_yfinance_at

DELAY_SECONDS = 0.1
LIMITS = {
    "snapshot_to_panel_seconds": 5.0,
    "memory_over_panel": 2.5,
    "verify_seconds": 10.0,
    "share_outside_requests": 0.1,
}


def main() -> None:
    """Measure, write, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tickers", type=int, default=500)
    parser.add_argument("--quiet", type=int, default=100, help="tickers of the quiet night")
    parser.add_argument("--read", type=Path, help="only read the snapshot in this folder")
    arguments = parser.parse_args()
    if arguments.read:
        print(json.dumps(read(arguments.read)))
        return
    with TemporaryDirectory() as folder:
        names = tuple(f"U{number:03d}" for number in range(arguments.tickers))
        data = DataConfig(tickers=names, raw_dir=Path(folder))
        store, source = Store(data.raw_dir), GeneratedSource()
        started = time.perf_counter()
        store_snapshot(data, [refresh_ticker(store, data, source, name) for name in names])
        first_night = time.perf_counter() - started
        words = [sys.executable, "-m", "benchmarks.store_speed", "--read", folder]
        facts = json.loads(subprocess.run(words, capture_output=True, check=True, text=True).stdout)
        started = time.perf_counter()
        checked = verify(store)
        seconds = time.perf_counter() - started
        megabytes = sum(path.stat().st_size for path in store.root.rglob("*.parquet")) / 1e6
    results: dict[str, Any] = {
        "tickers": arguments.tickers,
        "first_night_seconds": first_night,
        **facts,
        "verify_seconds": seconds,
        "verified_files": checked.bars_files,
        "store_megabytes": megabytes,
        **quiet_night(arguments.quiet),
        "limits": LIMITS,
    }
    write_results("store", results)
    print(json.dumps(results, indent=2))


def read(folder: Path) -> dict[str, float]:
    """Read the newest snapshot as one panel, in a process of its own."""
    (snapshot,) = stored_snapshots(folder)
    meter = Meter()
    frame = read_bars(snapshot).frame
    found = meter.facts()
    panel = frame.memory_usage(deep=False).sum() / 1e6
    return {
        "snapshot_to_panel_seconds": found["seconds"],
        "panel_megabytes": float(panel),
        "memory_over_panel": found["peak_above_baseline_mb"] / float(panel),
    }


class TimedSource(YahooSource):
    """Yahoo, with the seconds that its requests took."""

    seconds = 0.0

    def fetch(self, ticker: str, start: Any, end: Any) -> pd.DataFrame:
        """Fetch, and add up the time."""
        started = time.perf_counter()
        try:
            return super().fetch(ticker, start, end)
        finally:
            self.seconds += time.perf_counter() - started


def quiet_night(tickers: int) -> dict[str, float]:
    """Refresh tickers twice, and measure the second time, in which nothing is new."""
    names = tuple(f"Q{number}" for number in range(tickers))
    yahoo = YahooServer()
    with pytest.MonkeyPatch.context() as patch, TemporaryDirectory() as folder:
        point_yfinance_at(patch, yahoo.url, proxy=yahoo.url)
        for seed, name in enumerate(names):
            yahoo.listings[name] = Listing(raw_bars(bars=1000, seed=seed))
        data = DataConfig(tickers=names, raw_dir=Path(folder))
        store, source = Store(data.raw_dir), TimedSource(Path(folder) / "cache")
        for name in names:
            refresh_ticker(store, data, source, name)
        yahoo.delay_seconds = DELAY_SECONDS
        yahoo.asked.clear()
        source.seconds, started = 0.0, time.perf_counter()
        for name in names:
            refresh_ticker(store, data, source, name)
        total = time.perf_counter() - started
    yahoo.stop()
    return {
        "quiet_tickers": tickers,
        "quiet_requests": len(yahoo.asked),
        "quiet_seconds": total,
        "share_outside_requests": 1 - source.seconds / total,
    }


if __name__ == "__main__":
    main()
