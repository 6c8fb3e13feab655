"""Bars -> features -> targets -> split -> data set on disk, a few tickers at a time.

This module does not import Prefect, because workers use it.
"""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Bool

from lstm_model.config.pipeline import PipelineConfig
from lstm_model.data.assemble import (
    Tables,
    every_row,
    sample_table,
    select_rows,
    window_is_whole,
)
from lstm_model.data.bars import Bars, adjust_all, join_panel
from lstm_model.data.exogenous import Exogenous, forecast_part, gather, tabulate_exogenous
from lstm_model.data.features import compute_features
from lstm_model.data.split import divide, stack_samples
from lstm_model.data.targets import tabulate_targets
from lstm_model.data.views import Rows
from tasks.data.data_set import DataSet, save_views


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


def compute_every_row(
    open_again: Callable[[], Iterable[Bars]], config: PipelineConfig
) -> tuple[Rows, Bool[np.ndarray, " row"]]:
    """Return the rows of all bars in memory, and which of them end a whole window.

    A replay forecasts them with the models of past nights.
    """
    features, market = config.features, config.data.market
    exogenous = tabulate_exogenous(gather(open_again(), features), features, market)
    bars = join_panel([forecast_part(part, features) for part in open_again()])
    ((table, targets),) = _tables([bars], config, exogenous)
    return every_row(table, targets, config), window_is_whole(table, config.windows.length)


def _tables(bars: Iterable[Bars], config: PipelineConfig, exogenous: Exogenous) -> Iterator[Tables]:
    for part in bars:
        some = forecast_part(part, config.features)
        if some.frame.empty:
            continue
        histories = adjust_all(some)
        targets = tabulate_targets(histories, config.target.kind, config.target.horizon)
        yield compute_features(some, config.features, histories, exogenous), targets
