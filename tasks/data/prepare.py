"""Snapshot -> features -> targets -> split -> data set on disk, named by its hash."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from prefect import task
from prefect.cache_policies import NO_CACHE

from lstm_model.config.pipeline import PipelineConfig
from lstm_model.data.assemble import Tables, sample_table, select_rows
from lstm_model.data.bars import Bars, adjust_all
from lstm_model.data.exogenous import Exogenous, forecast_part, gather, tabulate_exogenous
from lstm_model.data.features import compute_features
from lstm_model.data.panel_findings import panel_findings
from lstm_model.data.split import divide, stack_samples
from lstm_model.data.targets import tabulate_targets
from lstm_model.report.data_warnings import panel_warnings
from tasks.data.data_set import DataSet, load_split, save_views
from tasks.data.snapshots import Snapshot, open_bars
from tasks.progress import print_note


@task(name="prepare-data-set", cache_policy=NO_CACHE)
def prepare_data_set(snapshot: Snapshot, config: PipelineConfig) -> DataSet:
    """Compute features, targets and split; store the search view and the test view separately."""
    data_set = write_data_set(
        lambda: open_bars(snapshot), config, config.data.data_dir, snapshot.sha256
    )
    for sentence in panel_warnings(panel_findings(load_split(data_set))):
        print_note(sentence)
    return data_set


def write_data_set(
    open_again: Callable[[], Iterable[Bars]],
    config: PipelineConfig,
    folder: Path,
    snapshot_sha256: str,
) -> DataSet:
    """Write a data set in two passes over the bars, a few tickers at a time.

    The first pass finds the samples, which determine the blocks; the second writes the rows.
    Computing the features of a universe twice costs a second; keeping them would cost their size in
    memory.
    """
    length, features = config.windows.length, config.features
    exogenous = tabulate_exogenous(gather(open_again(), features), features, config.data.market)
    samples = stack_samples(
        [sample_table(*tables, length) for tables in _tables(open_again(), config, exogenous)]
    )
    blocks = divide(samples, config)
    parts = select_rows(_tables(open_again(), config, exogenous), samples, blocks, config)
    return save_views(folder, parts, blocks, snapshot_sha256)


def _tables(bars: Iterable[Bars], config: PipelineConfig, exogenous: Exogenous) -> Iterator[Tables]:
    for part in bars:
        some = forecast_part(part, config.features)
        if some.frame.empty:
            continue
        histories = adjust_all(some)
        targets = tabulate_targets(histories, config.target.kind, config.target.horizon)
        yield compute_features(some, config.features, histories, exogenous), targets
