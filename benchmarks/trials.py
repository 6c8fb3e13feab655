"""Data and trials for the benchmarks: prepared and trained as a night does it, without Prefect."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed

from lstm_model.config.loader import load_config
from tasks.data.data_set import DataSet
from tasks.data.download import take_snapshot
from tasks.data.prepare import prepare_data_set
from tasks.search.trial import TrialResult, TrialSpec
from tasks.search.workers import TrialExecutor

FOLDERS = {"data.raw_dir": ".bench/raw", "data.data_dir": ".bench/processed"}
"""What a benchmark leaves on disk lies apart from what nights leave."""


def prepare(path: str) -> DataSet:
    """Fetch and prepare what a configuration names, in this process."""
    config = load_config(path, FOLDERS)
    return prepare_data_set.fn(take_snapshot(config.data), config)


def train_in_workers(specs: Sequence[TrialSpec], workers: int) -> Iterator[TrialResult]:
    """Yield the results of warm workers as they come."""
    with (
        TrialExecutor(workers, timeout_seconds=3600) as executor,
        ThreadPoolExecutor(workers) as threads,
    ):
        for future in as_completed([threads.submit(executor.run, spec) for spec in specs]):
            yield future.result()
