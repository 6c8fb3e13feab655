"""A universe of 500 tickers: memory and seconds from bars to the first batch, and throughput.

python -m benchmarks.universe
"""

import argparse
import datetime as dt
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from scipy.signal import lfilter

from benchmarks.results import write_results
from lstm_model.config.loader import parse_config
from lstm_model.config.pipeline import PipelineConfig
from lstm_model.data.bars import Finding
from lstm_model.data.indicators import INDICATORS
from lstm_model.data.windows import WindowSet
from lstm_model.model.training import TrainingSettings, build_network, train_epochs
from lstm_model.search.hyper_params import HyperParams
from tasks.data.data_set import load_scaled_view
from tasks.data.prepare import prepare_data_set
from tasks.data.snapshots import Snapshot, find_snapshot, store_snapshot
from tasks.data.store.folder import Store
from tasks.data.store.refresh import refresh_ticker
from tasks.search.workers import _start_worker

FOLDER = Path(".bench/universe")
TICKERS, SESSIONS, BATCH = 500, 5000, 64
PARAMS = HyperParams(hidden_size=64, num_layers=1, dropout=0.0, lr=1e-3, batch_size=BATCH)
KINDS = ("log_volatility", "log_return")
SEED = 42
LIMITS = {"memory_over_panel": 2.0, "bars_to_first_batch_seconds": 30.0, "throughput_ratio": 0.9}

COUNTED = (
    "Each step runs in a fresh process, the first from a stored snapshot. Memory is peak resident "
    "set (VmHWM: anonymous pages and those of mapped files) less the resident set once everything "
    "is imported. The panel is what the features of all rows take as float32."
)

Facts = dict[str, Any]


def configure(kind: str, tickers: int = TICKERS) -> PipelineConfig:
    """Return the configuration of the first `tickers` names, with folders of their own."""
    names = [f"U{number:03d}" for number in range(tickers)]
    data = {"tickers": names, "source": "csv", "csv_dir": str(FOLDER)}
    folders = {"raw_dir": str(FOLDER / f"raw-{tickers}"), "data_dir": str(FOLDER / "processed")}
    return parse_config({"data": data | folders, "target": {"kind": kind}})


def generate(number: int) -> pd.DataFrame:
    """Draw bars: log-volatility follows an AR(1), returns and ranges scale with it.

    Every 63rd session pays a dividend of half a percent of the close before it.
    """
    draws = np.random.default_rng([SEED, number])
    log_sd = lfilter([1.0], [1.0, -0.97], draws.normal(0, 0.15, SESSIONS))
    sd = 0.015 * np.exp(log_sd - log_sd.mean())
    close = 100 * np.exp(np.cumsum(np.clip(draws.normal(3e-4, sd), -0.5, 0.5)))
    previous = np.concatenate([close[:1], close[:-1]])
    open_ = previous * np.exp(0.3 * sd * draws.normal(size=SESSIONS))
    reach = 0.4 * sd * np.abs(draws.normal(size=(2, SESSIONS)))
    pays = np.arange(SESSIONS) % 63 == 62
    return pd.DataFrame(
        {
            "date": pd.bdate_range("2004-01-05", periods=SESSIONS).as_unit("us"),
            "open": open_,
            "high": np.maximum(open_, close) * np.exp(reach[0]),
            "low": np.minimum(open_, close) * np.exp(-reach[1]),
            "close": close,
            "volume": np.round(1e6 * np.exp(0.5 * log_sd + 0.3 * draws.normal(size=SESSIONS))),
            "dividends": np.where(pays, 0.005 * previous, 0.0),
            "stock_splits": 0.0,
            "adj_close": 0.9 * close,
        }
    )


class GeneratedSource:
    """Generated bars as a source."""

    def __init__(self) -> None:
        self.network = False
        self.incremental = False
        self.findings: list[Finding] = []

    def fetch(self, ticker: str, _start: dt.date | None, _end: dt.date | None) -> pd.DataFrame:
        """Return the generated bars of a ticker `U<number>`."""
        return generate(int(ticker[1:]))


def store(kind: str) -> Facts:
    """Generate the universe, and its first ticker alone, and store both as snapshots."""
    config = configure(kind)
    single = configure(kind, 1)
    meter = Meter()
    snapshot = _take(config)
    facts = meter.facts()
    _take(single)
    return facts | {
        "rows": snapshot.rows,
        "file_mb": sum(map(_megabytes, config.data.raw_dir.rglob("*.parquet"))),
    }


def _take(config: PipelineConfig) -> Snapshot:
    bars, source = Store(config.data.raw_dir), GeneratedSource()
    parts = [refresh_ticker(bars, config.data, source, ticker) for ticker in config.data.tickers]
    return store_snapshot(config.data, parts)


def prepare(kind: str) -> Facts:
    """Prepare the data set from the stored snapshot, as the flow's process does."""
    config = configure(kind)
    meter = Meter()
    data_set = prepare_data_set.fn(find_snapshot(config.data, ""), config)
    facts = meter.facts()
    single = configure(kind, 1)
    alone = prepare_data_set.fn(find_snapshot(single.data, ""), single)
    return facts | {
        "search_path": data_set.search_path,
        "single_path": alone.search_path,
        "search_sha256": data_set.search_sha256,
        "train_windows": data_set.train_samples,
        "search_file_mb": sum(map(_megabytes, Path(data_set.search_path).iterdir())),
    }


def first_batch(path: str) -> Facts:
    """Read the search view, scale it and draw a batch, as a worker process does."""
    _start_worker()
    meter = Meter()
    train = _train_windows(path)
    windows, _ = train.batch(torch.randperm(len(train))[:BATCH])
    return meter.facts() | {"batch_shape": list(windows.shape)}


def throughput(panel_path: str, single_path: str, rounds: int) -> Facts:
    """Train on as many windows of the panel, drawn from all of it, as the single ticker has."""
    _start_worker()
    single, panel = _train_windows(single_path), _train_windows(panel_path)
    drawn = torch.randperm(len(panel), generator=torch.Generator().manual_seed(SEED))
    drawn = drawn[: len(single)]
    panel = WindowSet(panel.rows, panel.ends[drawn], panel.labels[drawn], panel.length)
    rates: dict[str, list[float]] = {"single": [], "panel": []}
    for round_ in range(rounds + 1):
        order = [("single", single), ("panel", panel)]
        for name, windows in order[:: 1 if round_ % 2 else -1]:
            network = build_network(len(INDICATORS), PARAMS, SEED)
            settings = TrainingSettings(seed=SEED, gradient_clip=1.0)
            (result,) = train_epochs(network, PARAMS, windows, None, settings, 1)
            if round_:  # the first one warms up
                rates[name].append(len(windows) / result.seconds)
    medians = {name: statistics.median(values) for name, values in rates.items()}
    return {
        "windows_per_second_single": medians["single"],
        "windows_per_second_panel": medians["panel"],
        "throughput_ratio": medians["panel"] / medians["single"],
        "windows": len(single),
        "rounds": rounds,
    }


def _train_windows(path: str) -> WindowSet:
    return load_scaled_view(path, PARAMS.feature_scaling, PARAMS.sequence_length).train


class Meter:
    """Seconds and peak memory from here on."""

    def __init__(self) -> None:
        self.baseline, _ = _resident_bytes()
        self.started, self.cpu_started = time.perf_counter(), time.process_time()

    def facts(self) -> Facts:
        """Return what it took; a peak before the meter's start would count too."""
        seconds, cpu = time.perf_counter() - self.started, time.process_time() - self.cpu_started
        resident, peak = _resident_bytes()
        return {
            "seconds": seconds,
            "cpu_seconds": cpu,
            "baseline_mb": self.baseline / 1e6,
            "peak_above_baseline_mb": (peak - self.baseline) / 1e6,
            "kept_above_baseline_mb": (resident - self.baseline) / 1e6,
        }


def _resident_bytes() -> tuple[int, int]:
    """Return the resident set, and its peak; ru_maxrss would hold the parent's peak too."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    fields = dict(line.split(":", 1) for line in status.splitlines())
    resident, peak = (int(fields[name].split()[0]) * 1024 for name in ("VmRSS", "VmHWM"))
    return resident, peak


def _megabytes(file: Path) -> float:
    return file.stat().st_size / 1e6


STEPS: dict[str, Callable[..., Facts]] = {
    "store": store,
    "prepare": prepare,
    "first_batch": first_batch,
    "throughput": throughput,
}


def run_step(name: str, *arguments: str | int) -> Facts:
    """Run a step in a process of its own."""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "benchmarks.universe", "--step", name, *map(str, arguments)]
    done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    facts: Facts = json.loads(done.stdout.splitlines()[-1])
    return facts


def measure(kind: str, rounds: int) -> Facts:
    """Run every step for one target, and say how the limits stand."""
    prepared = run_step("prepare", kind)
    batch = run_step("first_batch", prepared["search_path"])
    speed = run_step("throughput", prepared["search_path"], prepared["single_path"], rounds)
    panel_mb = TICKERS * SESSIONS * len(INDICATORS) * 4 / 1e6
    peak = max(prepared["peak_above_baseline_mb"], batch["peak_above_baseline_mb"])
    found = {
        "memory_over_panel": peak / panel_mb,
        "bars_to_first_batch_seconds": prepared["seconds"] + batch["seconds"],
        "throughput_ratio": speed["throughput_ratio"],
    }
    return found | {"prepare": prepared, "first_batch": batch, "throughput": speed}


def main() -> None:
    """Measure both targets; print a table and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--step", nargs="+", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.step:
        name, *values = arguments.step
        print(json.dumps(STEPS[name](*(int(v) if v.isdigit() else v for v in values))))
        return
    stored = run_step("store", KINDS[0])
    targets = {kind: measure(kind, arguments.rounds) for kind in KINDS}
    print(f"{'':30}{'limit':>8}" + "".join(f"{kind:>16}" for kind in KINDS))
    for name, limit in LIMITS.items():
        values = "".join(f"{targets[kind][name]:16.2f}" for kind in KINDS)
        print(f"{name:30}{limit:8.1f}{values}")
    result = {
        "panel": {"tickers": TICKERS, "rows_a_ticker": SESSIONS, "features": len(INDICATORS)},
        "limits": LIMITS,
        "counted": COUNTED,
        "store": stored,
        "targets": targets,
    }
    write_results("universe", result)


if __name__ == "__main__":
    main()
