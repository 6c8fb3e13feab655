"""Chronological blocks with purge: train | purge | validation | purge | test.

A sample is identified by the row of its last input bar, t; its label spans t+1 .. t+horizon. It
belongs to the block of its date, and is dropped if its label reaches into the next block (Lopez de
Prado 2018, "Advances in Financial Machine Learning", ch. 7). Input windows may reach back across a
boundary, because they hold only the past.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int

from lstm_model.config.pipeline import PipelineConfig
from lstm_model.data.calendar import date_of, day_of
from lstm_model.data.features import WARM_UP_BARS
from lstm_model.errors import BarsError, SplitError
from lstm_model.shares import block_starts, dates_needed

MIN_BLOCK_SAMPLES = 20


@dataclass(frozen=True, slots=True)
class SampleTable:
    """A panel without its values: which rows are samples, and when their labels end.

    tickers: in the order of the rows.
    lengths: rows of each ticker, by ascending date.
    dates: of the rows, in days since 1970-01-01.
    label_ends: day of the last bar of each row's label.
    is_sample: whether the row has a full window, a label and a last value.
    unlabelled: number of rows without a finite label or last value.
    """

    tickers: tuple[str, ...]
    lengths: Int[np.ndarray, " ticker"]
    dates: Int[np.ndarray, " row"]
    label_ends: Int[np.ndarray, " row"]
    is_sample: Bool[np.ndarray, " row"]
    unlabelled: int


@dataclass(frozen=True, slots=True)
class Blocks:
    """Which rows are samples of each block, and which rows each view holds.

    train, validation, test: samples of the block.
    seen: rows before the test block.
    held_out: rows of the test block, and the bars before it that its first windows need.
    validation_start, test_start: first date of the block.
    """

    train: Bool[np.ndarray, " row"]
    validation: Bool[np.ndarray, " row"]
    test: Bool[np.ndarray, " row"]
    seen: Bool[np.ndarray, " row"]
    held_out: Bool[np.ndarray, " row"]
    validation_start: dt.date
    test_start: dt.date


def stack_samples(parts: Sequence[SampleTable]) -> SampleTable:
    """Stack the tables of several groups of tickers into one for the panel."""
    return SampleTable(
        tickers=tuple(ticker for part in parts for ticker in part.tickers),
        lengths=np.concatenate([part.lengths for part in parts]),
        dates=np.concatenate([part.dates for part in parts]),
        label_ends=np.concatenate([part.label_ends for part in parts]),
        is_sample=np.concatenate([part.is_sample for part in parts]),
        unlabelled=sum(part.unlabelled for part in parts),
    )


def divide(samples: SampleTable, config: PipelineConfig) -> Blocks:
    """Split the samples of every ticker at the same two dates.

    Raises BarsError if a ticker's history is too short for one sample, SplitError if a block would
    have fewer than 20 samples or a date is outside the data.
    """
    _check_history(samples, config)
    sample, dates = samples.is_sample, samples.dates
    sample_dates = np.unique(dates[sample])
    if len(sample_dates) < 3:
        raise SplitError(_too_few("the whole history", int(sample.sum()), samples, config))
    validation_start, test_start = _boundaries(sample_dates, config)

    calendar = np.unique(dates)
    purge = config.purge_bars
    train = sample & _ends_before(validation_start, samples, calendar, purge)
    validation = sample & (dates >= validation_start)
    validation &= _ends_before(test_start, samples, calendar, purge)
    test = sample & (dates >= test_start)
    for name, block in (("train", train), ("validation", validation), ("test", test)):
        if block.sum() < MIN_BLOCK_SAMPLES:
            raise SplitError(_too_few(f"the {name} block", int(block.sum()), samples, config))
    return Blocks(
        train=train,
        validation=validation,
        test=test,
        seen=dates < test_start,
        held_out=_rows_from(test_start, samples, config.windows.length),
        validation_start=date_of(validation_start),
        test_start=date_of(test_start),
    )


def positions(
    block: Bool[np.ndarray, " row"], kept: Bool[np.ndarray, " row"]
) -> Int[np.ndarray, " sample"]:
    """Translate a mask over all rows into positions among the kept ones."""
    return np.flatnonzero(block[kept])


def bars_needed(config: PipelineConfig) -> int:
    """Return how many bars a ticker needs to give every block its minimum of samples.

    If the split is given as dates, this is the number for the best dates.
    """
    split, purge = config.split, config.purge_bars
    if split.test_start is not None:
        samples = 3 * MIN_BLOCK_SAMPLES + 2 * purge
    else:
        samples = dates_needed(split.train, split.validation, purge, MIN_BLOCK_SAMPLES)
    return WARM_UP_BARS + config.windows.length - 1 + config.target.horizon + samples


def _check_history(samples: SampleTable, config: PipelineConfig) -> None:
    least = WARM_UP_BARS + config.windows.length + config.target.horizon
    for ticker, count in zip(samples.tickers, samples.lengths, strict=True):
        if count < least:
            raise BarsError(
                f"{ticker}: history is too short: {_arithmetic(config)} need {bars_needed(config)} "
                f"bars but it has {count}; use an earlier data.start or a smaller "
                f"windows.length"
            )


def _arithmetic(config: PipelineConfig) -> str:
    return (
        f"warm-up {WARM_UP_BARS} + window {config.windows.length} + horizon "
        f"{config.target.horizon} + {MIN_BLOCK_SAMPLES} samples per block"
    )


def _too_few(block: str, count: int, samples: SampleTable, config: PipelineConfig) -> str:
    longest = int(samples.lengths.argmax())
    ticker, length = samples.tickers[longest], samples.lengths[longest]
    if length >= bars_needed(config):
        # There are enough bars: the split, or a volatility of zero (high = low), took the samples.
        return (
            f"{block} needs >= {MIN_BLOCK_SAMPLES} samples but has {count}, although {ticker} has "
            f"{length} bars, {samples.unlabelled} of them without a finite {config.target.kind}; "
            f"move the split, or use another target.kind or other bars"
        )
    return (
        f"{block} needs >= {MIN_BLOCK_SAMPLES} samples but has {count}: {_arithmetic(config)} need "
        f"{bars_needed(config)} bars and {ticker} has {length}; use a longer history or move the "
        f"split"
    )


def _boundaries(sample_dates: Int[np.ndarray, " date"], config: PipelineConfig) -> tuple[int, int]:
    split = config.split
    if split.validation_start is None or split.test_start is None:
        first, second = block_starts(len(sample_dates), split.train, split.validation)
        return int(sample_dates[first]), int(sample_dates[second])
    days = []
    for name, date in (
        ("split.validation_start", split.validation_start),
        ("split.test_start", split.test_start),
    ):
        day = day_of(date)
        if not sample_dates[0] < day <= sample_dates[-1]:
            raise SplitError(
                f"{name} must lie within the samples ({date_of(sample_dates[0])} .. "
                f"{date_of(sample_dates[-1])}) but is {date}; move it, or fetch more bars"
            )
        days.append(day)
    return days[0], days[1]


def _ends_before(
    start: int, samples: SampleTable, calendar: Int[np.ndarray, " date"], purge: int
) -> Bool[np.ndarray, " row"]:
    """Return which rows are at least `purge` sessions before a block, with labels that end before.

    Both are checked because a ticker that misses sessions has labels that end later.
    """
    last = np.searchsorted(calendar, start) - purge
    clear = np.searchsorted(calendar, samples.dates) < last
    return clear & (samples.label_ends < start)


def _rows_from(start: int, samples: SampleTable, length: int) -> Bool[np.ndarray, " row"]:
    """Keep each ticker's rows from `start` on, and the length - 1 rows before them."""
    keep = samples.dates >= start
    ends = np.cumsum(samples.lengths)
    for begin, end in zip([0, *ends[:-1]], ends, strict=True):
        first = begin + np.searchsorted(samples.dates[begin:end], start)
        keep[max(begin, first - length + 1) : first] = True
    return keep
