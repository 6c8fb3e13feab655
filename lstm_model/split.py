"""Chronological blocks with purge: train | purge | validation | purge | test.

A sample is named by the row of its last input bar, t; its label stands on t+1 .. t+horizon. A
sample belongs to the block its own date is in, and is dropped where its label reaches into the next
one (Lopez de Prado 2018, "Advances in Financial Machine Learning", ch. 7). Input windows may reach
back across a boundary: they hold only the past.
"""

import datetime as dt
import hashlib
import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float32, Int

from lstm_model.config import PipelineConfig
from lstm_model.errors import BarsError, SplitError
from lstm_model.features import WARM_UP_BARS, FeatureTable
from lstm_model.targets import TargetTable

MIN_BLOCK_SAMPLES = 20


@dataclass(frozen=True, slots=True)
class Rows:
    """Features and targets on the same rows; the unit in which data travels to disk and workers."""

    tickers: tuple[str, ...]
    feature_names: tuple[str, ...]
    window_length: int
    ticker_of_row: Int[np.ndarray, " row"]
    dates: Int[np.ndarray, " row"]
    features: Float32[np.ndarray, "row feature"]
    labels: Float[np.ndarray, " row"]
    label_ends: Int[np.ndarray, " row"]
    last_values: Float[np.ndarray, " row"]
    har_terms: Float[np.ndarray, "row term"]


@dataclass(frozen=True, slots=True)
class SearchView:
    """All that search and early stopping may see: no row from the test block's first date on."""

    rows: Rows
    train: Int[np.ndarray, " train"]
    validation: Int[np.ndarray, " validation"]

    def sha256(self) -> str:
        """Return the hash of every value a trial can depend on."""
        rows = self.rows
        digest = hashlib.sha256(
            repr((rows.tickers, rows.feature_names, rows.window_length)).encode()
        )
        for array in (rows.ticker_of_row, rows.dates, rows.features, rows.labels):
            digest.update(np.ascontiguousarray(array).tobytes())
        for ends in (self.train, self.validation):
            digest.update(ends.astype(np.int64).tobytes())
        return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class TestView:
    """The held-out block, with the bars its first windows look back on."""

    __test__ = False  # not a test class, whatever its name begins with

    rows: Rows
    test: Int[np.ndarray, " test"]


@dataclass(frozen=True, slots=True)
class ChronoSplit:
    """The two views of one data set, and the dates that divide it."""

    search: SearchView
    held_out: TestView
    validation_start: dt.date
    test_start: dt.date


def split_chronologically(
    features: FeatureTable, targets: TargetTable, config: PipelineConfig
) -> ChronoSplit:
    """Cut the samples of every ticker at the same two dates.

    Raises BarsError where a ticker's history is too short for one sample, SplitError where a block
    would hold fewer than 20 samples or a date lies outside the data.
    """
    length = config.windows.length
    _check_history(features, config)
    whole = window_is_whole(features, length)
    labelled = np.isfinite(targets.label) & np.isfinite(targets.last_value)
    sample = whole & labelled
    unlabelled = int((~labelled).sum())
    sample_dates = np.unique(features.dates[sample])
    if len(sample_dates) < 3:
        raise SplitError(
            _too_few("the whole history", int(sample.sum()), unlabelled, features, config)
        )
    validation_start, test_start = _boundaries(sample_dates, config)

    calendar = np.unique(features.dates)
    purge = config.purge_bars
    train = sample & _ends_before(validation_start, features, targets, calendar, purge)
    validation = sample & (features.dates >= validation_start)
    validation &= _ends_before(test_start, features, targets, calendar, purge)
    test = sample & (features.dates >= test_start)
    for name, block in (("train", train), ("validation", validation), ("test", test)):
        if block.sum() < MIN_BLOCK_SAMPLES:
            raise SplitError(
                _too_few(f"the {name} block", int(block.sum()), unlabelled, features, config)
            )

    seen = features.dates < test_start
    held_out = _rows_from(test_start, features, length)
    return ChronoSplit(
        search=SearchView(
            rows=_select(features, targets, seen, train | validation, length),
            train=_positions(train, seen),
            validation=_positions(validation, seen),
        ),
        held_out=TestView(
            rows=_select(features, targets, held_out, test, length),
            test=_positions(test, held_out),
        ),
        validation_start=_date(validation_start),
        test_start=_date(test_start),
    )


def window_is_whole(features: FeatureTable, length: int) -> Bool[np.ndarray, " row"]:
    """Tell for each row whether the `length` rows ending there are ready and of one ticker."""
    ready = np.concatenate([[0], np.cumsum(features.ready)])
    whole = np.zeros(len(features.ready), dtype=bool)
    if len(whole) >= length:
        first = features.ticker_of_row[: len(whole) - length + 1]
        same_ticker = first == features.ticker_of_row[length - 1 :]
        whole[length - 1 :] = same_ticker & (ready[length:] - ready[:-length] == length)
    return whole


def bars_needed(config: PipelineConfig) -> int:
    """Return the shortest history that gives every block its least number of samples."""
    split = config.split
    smallest = min(split.train, split.validation, 1 - split.train - split.validation)
    if split.test_start is not None:
        samples = 3 * MIN_BLOCK_SAMPLES + 2 * config.purge_bars
    else:
        samples = math.ceil((MIN_BLOCK_SAMPLES + config.purge_bars) / smallest)
    return WARM_UP_BARS + config.windows.length - 1 + config.target.horizon + samples


def _check_history(features: FeatureTable, config: PipelineConfig) -> None:
    least = WARM_UP_BARS + config.windows.length + config.target.horizon
    for code, ticker in enumerate(features.tickers):
        count = int((features.ticker_of_row == code).sum())
        if count < least:
            raise BarsError(
                f"{ticker}: history is too short: {_arithmetic(config)} need {bars_needed(config)} "
                f"bars but there are {count}; take an earlier data.start or a smaller "
                f"windows.length"
            )


def _arithmetic(config: PipelineConfig) -> str:
    return (
        f"warm-up {WARM_UP_BARS} + window {config.windows.length} + horizon "
        f"{config.target.horizon} + {MIN_BLOCK_SAMPLES} samples a block"
    )


def _too_few(
    block: str, count: int, unlabelled: int, features: FeatureTable, config: PipelineConfig
) -> str:
    lengths = np.bincount(features.ticker_of_row)
    longest = int(lengths.argmax())
    if lengths[longest] >= bars_needed(config):
        # The bars are there: the split, or a volatility of zero (high = low), took the samples.
        return (
            f"{block} needs >= {MIN_BLOCK_SAMPLES} samples but has {count}, though "
            f"{features.tickers[longest]} has {lengths[longest]} bars, of which {unlabelled} have "
            f"no finite {config.target.kind} to learn; move the split, or take another target.kind "
            f"or other bars"
        )
    return (
        f"{block} needs >= {MIN_BLOCK_SAMPLES} samples but has {count}: {_arithmetic(config)} need "
        f"{bars_needed(config)} bars and {features.tickers[longest]} has {lengths[longest]}; "
        f"take a longer history or move the split"
    )


def _boundaries(sample_dates: Int[np.ndarray, " date"], config: PipelineConfig) -> tuple[int, int]:
    split = config.split
    if split.validation_start is None or split.test_start is None:
        count = len(sample_dates)
        first = round(count * split.train)
        second = round(count * (split.train + split.validation))
        return int(sample_dates[min(first, count - 1)]), int(sample_dates[min(second, count - 1)])
    days = []
    for name, date in (
        ("split.validation_start", split.validation_start),
        ("split.test_start", split.test_start),
    ):
        day = (date - dt.date(1970, 1, 1)).days
        if not sample_dates[0] < day <= sample_dates[-1]:
            raise SplitError(
                f"{name} must lie within the samples ({_date(sample_dates[0])} .. "
                f"{_date(sample_dates[-1])}) but is {date}; move it, or fetch more bars"
            )
        days.append(day)
    return days[0], days[1]


def _ends_before(
    start: int,
    features: FeatureTable,
    targets: TargetTable,
    calendar: Int[np.ndarray, " date"],
    purge: int,
) -> Bool[np.ndarray, " row"]:
    """Tell which rows are `purge` sessions clear of a block's start, and their labels too.

    Both, because a ticker that misses sessions has labels that end later than the calendar says.
    """
    last = np.searchsorted(calendar, start) - purge
    clear = np.searchsorted(calendar, features.dates) < last
    return clear & (targets.label_end < start)


def _rows_from(start: int, features: FeatureTable, length: int) -> Bool[np.ndarray, " row"]:
    """Keep each ticker's rows from `start` on, and the length - 1 rows before them."""
    keep = features.dates >= start
    for code in range(len(features.tickers)):
        own = np.flatnonzero(features.ticker_of_row == code)
        first = np.searchsorted(features.dates[own], start)
        keep[own[max(0, first - length + 1) : first]] = True
    return keep


def _select(
    features: FeatureTable,
    targets: TargetTable,
    keep: Bool[np.ndarray, " row"],
    labelled: Bool[np.ndarray, " row"],
    length: int,
) -> Rows:
    """Copy the kept rows; a row that is no sample of this view loses its label."""
    return Rows(
        tickers=features.tickers,
        feature_names=features.names,
        window_length=length,
        ticker_of_row=features.ticker_of_row[keep],
        dates=features.dates[keep],
        features=features.values[keep].astype(np.float32),
        labels=np.where(labelled, targets.label, np.nan)[keep],
        label_ends=targets.label_end[keep],
        last_values=targets.last_value[keep],
        har_terms=targets.har_terms[keep],
    )


def _positions(
    block: Bool[np.ndarray, " row"], keep: Bool[np.ndarray, " row"]
) -> Int[np.ndarray, " sample"]:
    """Translate a mask over all rows into positions among the kept ones."""
    return np.flatnonzero(block[keep])


def _date(day: int | np.int64) -> dt.date:
    return dt.date(1970, 1, 1) + dt.timedelta(days=int(day))
