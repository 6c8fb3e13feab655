"""Features and targets -> the two views of a data set, split at the same dates for every ticker."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np
from jaxtyping import Bool

from lstm_model.config.pipeline import PipelineConfig
from lstm_model.data.features import FeatureTable
from lstm_model.data.split import Blocks, SampleTable, divide, positions
from lstm_model.data.targets import TargetTable
from lstm_model.data.views import ChronoSplit, Rows, SearchView, TestView

Tables = tuple[FeatureTable, TargetTable]
"""Features and targets of the same bars."""


def split_chronologically(
    features: FeatureTable, targets: TargetTable, config: PipelineConfig
) -> ChronoSplit:
    """Split a panel that is in memory; raises what `divide` raises."""
    samples = sample_table(features, targets, config.windows.length)
    blocks = divide(samples, config)
    tables = [(features, targets)]
    ((search, held_out),) = select_rows(tables, samples, blocks, config)
    return ChronoSplit(
        search=SearchView(
            rows=search,
            train=positions(blocks.train, blocks.seen),
            validation=positions(blocks.validation, blocks.seen),
        ),
        held_out=TestView(rows=held_out, test=positions(blocks.test, blocks.held_out)),
        validation_start=blocks.validation_start,
        test_start=blocks.test_start,
    )


def sample_table(features: FeatureTable, targets: TargetTable, length: int) -> SampleTable:
    """Find the samples: rows with a full window of `length` rows, a label and a last value."""
    labelled = np.isfinite(targets.label) & np.isfinite(targets.last_value)
    return SampleTable(
        tickers=features.tickers,
        lengths=np.bincount(features.ticker_of_row),
        dates=features.dates,
        label_ends=targets.label_end,
        is_sample=window_is_whole(features, length) & labelled,
        unlabelled=int((~labelled).sum()),
    )


def every_row(features: FeatureTable, targets: TargetTable, config: PipelineConfig) -> Rows:
    """Return all rows with all known labels, for forecasts of a past that is over."""
    every = np.ones(len(features.dates), dtype=bool)
    return _select(features, targets, every, np.isfinite(targets.label), config)


def window_is_whole(features: FeatureTable, length: int) -> Bool[np.ndarray, " row"]:
    """Return for each row whether the `length` rows ending there are ready and of one ticker."""
    ready = np.concatenate([[0], np.cumsum(features.ready)])
    whole = np.zeros(len(features.ready), dtype=bool)
    if len(whole) >= length:
        first = features.ticker_of_row[: len(whole) - length + 1]
        same_ticker = first == features.ticker_of_row[length - 1 :]
        whole[length - 1 :] = same_ticker & (ready[length:] - ready[:-length] == length)
    return whole


def select_rows(
    tables: Iterable[Tables], samples: SampleTable, blocks: Blocks, config: PipelineConfig
) -> Iterator[tuple[Rows, Rows]]:
    """Yield the search and the test rows of each of the panel's tables, in order."""
    first_row = first_code = 0
    for features, targets in tables:
        part = slice(first_row, first_row + len(features.dates))
        codes = features.ticker_of_row + first_code
        placed = replace(features, tickers=samples.tickers, ticker_of_row=codes)
        first_row, first_code = part.stop, first_code + len(features.tickers)
        learnt = blocks.train[part] | blocks.validation[part]
        yield (
            _select(placed, targets, blocks.seen[part], learnt, config),
            _select(placed, targets, blocks.held_out[part], blocks.test[part], config),
        )


def _select(
    features: FeatureTable,
    targets: TargetTable,
    keep: Bool[np.ndarray, " row"],
    labelled: Bool[np.ndarray, " row"],
    config: PipelineConfig,
) -> Rows:
    """Copy the kept rows; a row that is not a sample of this view loses its label."""
    return Rows(
        tickers=features.tickers,
        feature_names=features.names,
        window_length=config.windows.length,
        ticker_of_row=features.ticker_of_row[keep],
        dates=features.dates[keep],
        features=features.values[keep].astype(np.float32),
        labels=np.where(labelled, targets.label, np.nan)[keep],
        label_ends=targets.label_end[keep],
        last_values=targets.last_value[keep],
        har_terms=targets.har_terms[keep],
        log_returns=targets.log_return[keep],
        har_skip=config.target.skip == "har",
    )
