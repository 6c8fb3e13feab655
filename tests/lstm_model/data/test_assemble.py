"""Claims about the split: no label reaches into the next block, and search sees no test row."""

import dataclasses
import datetime as dt
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lstm_model.config.loader import parse_config
from lstm_model.config.pipeline import PipelineConfig
from lstm_model.data.assemble import sample_table, select_rows, split_chronologically
from lstm_model.data.bars import PRICES, Bars
from lstm_model.data.features import WARM_UP_BARS, FeatureTable, compute_features
from lstm_model.data.split import MIN_BLOCK_SAMPLES, SampleTable, bars_needed, divide, stack_samples
from lstm_model.data.targets import TargetTable, compute_targets
from lstm_model.data.views import ChronoSplit, Rows
from lstm_model.errors import BarsError, SplitError

BarMaker = Callable[..., Bars]
EPOCH = dt.date(1970, 1, 1)


def configure(**sections: Any) -> PipelineConfig:
    return parse_config({"data": {"tickers": ["T0"]}, **sections})


def split_bars(bars: Bars, config: PipelineConfig) -> ChronoSplit:
    targets = compute_targets(bars, config.target.kind, config.target.horizon)
    return split_chronologically(compute_features(bars), targets, config)


def label_spans(rows: Rows, ends: np.ndarray, horizon: int) -> tuple[np.ndarray, np.ndarray]:
    """First and last day of each sample's label, read off the ticker's own rows."""
    assert (rows.ticker_of_row[ends] == rows.ticker_of_row[ends + horizon]).all()
    return rows.dates[ends + 1], rows.dates[ends + horizon]


@st.composite
def cases(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, Any]]:
    horizon = draw(st.integers(1, 10))
    purge = draw(st.none() | st.integers(horizon, 20))
    panel = {
        "seed": draw(st.integers(0, 1000)),
        "offsets": (draw(st.integers(0, 120)), draw(st.integers(0, 120))),
        "missing": draw(st.sampled_from([0.0, 0.02, 0.1])),
    }
    sections = {
        "target": {
            "kind": draw(st.sampled_from(["log_return", "log_volatility"])),
            "horizon": horizon,
        },
        "split": {
            "train": draw(st.floats(0.3, 0.6)),
            "validation": draw(st.floats(0.2, 0.25)),
            "purge_bars": purge,
        },
        "windows": {"length": draw(st.integers(2, 40))},
    }
    return panel, sections


@settings(max_examples=25, deadline=None)
@given(cases())
def test_blocks_do_not_touch(
    make_bars: BarMaker, case: tuple[dict[str, Any], dict[str, Any]]
) -> None:
    """Labels of a block end before the next block begins, with the purge between, on any panel."""
    panel, sections = case
    config = configure(**sections)
    bars = make_bars(800, 700, **panel)
    split = split_bars(bars, config)
    horizon = config.target.horizon
    validation_start = (split.validation_start - EPOCH).days
    test_start = (split.test_start - EPOCH).days

    search, held_out = split.search, split.held_out
    _, train_ends = label_spans(search.rows, search.train, horizon)
    validation_begins, validation_ends = label_spans(search.rows, search.validation, horizon)
    test_begins, _ = label_spans(held_out.rows, held_out.test, horizon)
    np.testing.assert_array_equal(search.rows.label_ends[search.train], train_ends)
    assert train_ends.max() < validation_start < validation_begins.min()
    assert validation_ends.max() < test_start < test_begins.min()

    calendar = np.unique(compute_features(bars).dates)
    for block, start in ((search.train, validation_start), (search.validation, test_start)):
        last = search.rows.dates[block].max()
        assert ((calendar > last) & (calendar < start)).sum() >= config.purge_bars
    assert search.rows.dates[search.validation].min() >= validation_start
    assert held_out.rows.dates[held_out.test].min() >= test_start


@settings(max_examples=15, deadline=None)
@given(cases())
def test_search_sees_nothing_of_the_test_block(
    make_bars: BarMaker, case: tuple[dict[str, Any], dict[str, Any]]
) -> None:
    """The search's view has no row of the test block, and labels of its samples only."""
    panel, sections = case
    config = configure(**sections)
    split = split_bars(make_bars(800, 700, **panel), config)
    rows = split.search.rows
    assert rows.dates.max() < (split.test_start - EPOCH).days
    samples = np.union1d(split.search.train, split.search.validation)
    np.testing.assert_array_equal(np.flatnonzero(np.isfinite(rows.labels)), samples)
    assert len(samples) == len(split.search.train) + len(split.search.validation)
    assert rows.label_ends[samples].max() < (split.test_start - EPOCH).days


@settings(max_examples=10, deadline=None)
@given(cases(), st.floats(1e-3, 1e3), st.integers(0, 99))
def test_garbage_in_the_test_block_changes_nothing(
    make_bars: BarMaker,
    case: tuple[dict[str, Any], dict[str, Any]],
    scale: float,
    seed: int,
) -> None:
    """Other prices and volumes in the test block leave the search's view bit-equal."""
    panel, sections = case
    config = configure(**sections)
    bars = make_bars(800, 700, **panel)
    split = split_bars(bars, config)
    frame = bars.frame.copy()
    test = (frame["date"].dt.date >= split.test_start).to_numpy()
    noise = scale * np.exp(np.random.default_rng(seed).normal(size=test.sum()))
    frame.loc[test, list(PRICES)] = frame.loc[test, list(PRICES)].mul(noise, axis=0)
    frame.loc[test, "volume"] *= 1000 * noise
    garbled = split_bars(Bars(frame), config)
    assert garbled.search.sha256() == split.search.sha256()
    assert garbled.test_start == split.test_start
    held_out, before = garbled.held_out, split.held_out
    assert not np.array_equal(held_out.rows.labels[held_out.test], before.rows.labels[before.test])


@settings(max_examples=15, deadline=None)
@given(cases())
def test_a_panel_in_parts_is_the_panel(
    make_bars: BarMaker, case: tuple[dict[str, Any], dict[str, Any]]
) -> None:
    """A panel processed ticker by ticker gives the same rows as the whole panel at once."""
    panel, sections = case
    config = configure(**sections)
    length = config.windows.length
    bars = make_bars(800, 700, **panel)
    whole = split_bars(bars, config)
    tables = [
        (compute_features(alone), compute_targets(alone, config.target.kind, config.target.horizon))
        for alone in (Bars(frame) for _, frame in bars.by_ticker())
    ]
    samples = stack_samples([sample_table(*table, length) for table in tables])
    blocks = divide(samples, config)
    parts = list(select_rows(tables, samples, blocks, config))
    assert (blocks.validation_start, blocks.test_start) == (
        whole.validation_start,
        whole.test_start,
    )
    for view, rows in ((0, whole.search.rows), (1, whole.held_out.rows)):
        for field in dataclasses.fields(Rows):
            expected = getattr(rows, field.name)
            found = [getattr(part[view], field.name) for part in parts]
            if isinstance(expected, np.ndarray):
                np.testing.assert_array_equal(np.concatenate(found), expected)
            else:
                assert found == [expected] * 2


def test_hash_sees_every_value_of_the_search(make_bars: BarMaker) -> None:
    """One changed validation price changes the hash of the search's view."""
    bars = make_bars(800)
    config = configure()
    split = split_bars(bars, config)
    frame = bars.frame.copy()
    row = frame.index[frame["date"].dt.date == split.validation_start][0]
    frame.loc[row, "volume"] += 1
    assert split_bars(Bars(frame), config).search.sha256() != split.search.sha256()


def test_views_agree_with_the_tables(sp500_split: ChronoSplit, sp500: Bars) -> None:
    """On real bars the blocks have the configured shares, and the test block reaches the end."""
    search, held_out = sp500_split.search, sp500_split.held_out
    counts = np.array([len(search.train), len(search.validation), len(held_out.test)])
    np.testing.assert_allclose(counts / counts.sum(), [0.7, 0.15, 0.15], atol=0.002)
    last = sp500.frame["date"].iloc[-2].date()
    assert EPOCH + dt.timedelta(days=int(held_out.rows.dates[held_out.test[-1]])) == last


def test_first_test_window_is_whole(sp500_split: ChronoSplit) -> None:
    """The test view has the earlier bars that its first window needs, and no others."""
    assert sp500_split.held_out.test[0] == sp500_split.held_out.rows.window_length - 1


def test_dates_divide_where_they_say(make_bars: BarMaker) -> None:
    """With dates instead of fractions the blocks start on those dates."""
    bars = make_bars(800)
    split = {"validation_start": "2002-01-02", "test_start": "2002-07-01"}
    result = split_bars(bars, configure(split=split))
    assert result.validation_start == dt.date(2002, 1, 2)
    assert result.test_start == dt.date(2002, 7, 1)


@pytest.mark.parametrize(
    ("start", "test", "name"),
    [
        ("1999-01-01", "2002-01-01", "validation_start"),
        ("2000-02-01", "2002-01-01", "validation_start"),
        ("2002-01-01", "2030-01-01", "test_start"),
    ],
)
def test_date_outside_the_samples_is_refused(
    make_bars: BarMaker, start: str, test: str, name: str
) -> None:
    """A date before the first or after the last sample is refused by its key."""
    config = configure(split={"validation_start": start, "test_start": test})
    with pytest.raises(SplitError, match=rf"split\.{name} must lie within .* but is \d{{4}}"):
        split_bars(make_bars(800), config)


@pytest.mark.parametrize(
    ("count", "error"), [(5, BarsError), (300, BarsError), (312, SplitError), (400, SplitError)]
)
def test_short_history_says_needed_and_present(
    make_bars: BarMaker, count: int, error: type[Exception]
) -> None:
    """A history that is too short is refused with the number of bars it needs and has."""
    config = configure()
    with pytest.raises(error) as caught:
        split_bars(make_bars(count), config)
    message = str(caught.value)
    assert f"need {bars_needed(config)} bars" in message
    assert str(count) in message
    assert "\n" not in message


def test_a_split_without_a_test_block_is_refused(make_bars: BarMaker) -> None:
    """If the fractions leave no samples for the later blocks, the message blames the split.

    If train takes almost everything, the boundary is the last sample, not one past it.
    """
    config = configure(split={"train": 0.9999, "validation": 0.00005})
    with pytest.raises(SplitError, match="the validation block needs >= 20 samples"):
        split_bars(make_bars(800), config)


def test_bars_without_a_label_are_counted(make_bars: BarMaker) -> None:
    """Bars whose high equals their low have no volatility; the message says so, with a remedy."""
    bars = make_bars(800)
    flat = bars.frame.assign(high=bars.frame["close"], low=bars.frame["close"])
    config = configure(target={"kind": "log_volatility"})
    with pytest.raises(SplitError, match=r"800 of them without a finite log_vol.*target\.kind"):
        split_bars(Bars(flat.assign(open=flat["close"]), ()), config)


def test_short_ticker_is_named(make_bars: BarMaker) -> None:
    """The message names the ticker of a panel whose history is too short."""
    with pytest.raises(BarsError, match="T1: history is too short"):
        split_bars(make_bars(800, 100), configure())


@st.composite
def short_histories(draw: st.DrawFn) -> dict[str, Any]:
    """Draw shares of one to four decimals, and all else that bars are needed for."""
    unit = 10 ** draw(st.integers(1, 4))
    train = draw(st.integers(1, unit - 2))
    validation = draw(st.integers(1, unit - 1 - train))
    horizon = draw(st.integers(1, 20))
    return {
        "split": {
            "train": train / unit,
            "validation": validation / unit,
            "purge_bars": draw(st.none() | st.integers(horizon, 60)),
        },
        "target": {"horizon": horizon},
        "windows": {"length": draw(st.integers(2, 80))},
    }


def bare_samples(count: int, config: PipelineConfig) -> SampleTable:
    """Find the samples of one ticker whose features and labels are available from the start."""
    day, horizon = np.arange(count), config.target.horizon
    nothing = np.zeros(count)
    features = FeatureTable(
        tickers=("T0",),
        ticker_of_row=np.zeros(count, dtype=np.int64),
        dates=day,
        names=("a",),
        values=nothing[:, None],
        ready=day >= WARM_UP_BARS,
    )
    targets = TargetTable(
        label=np.where(day < count - horizon, 0.0, np.nan),
        last_value=nothing,
        label_end=day + horizon,
        har_terms=np.empty((count, 0)),
        log_return=nothing,
    )
    return sample_table(features, targets, config.windows.length)


@settings(max_examples=40, deadline=None)
@given(short_histories())
@example({"split": {"train": 0.75, "validation": 0.1}})
def test_the_bars_needed_suffice_and_one_fewer_does_not(sections: dict[str, Any]) -> None:
    """With the number of bars in the message every block has its samples; with one fewer, not."""
    config = configure(**sections)
    needed = bars_needed(config)
    blocks = divide(bare_samples(needed, config), config)
    counts = [block.sum() for block in (blocks.train, blocks.validation, blocks.test)]
    assert min(counts) >= MIN_BLOCK_SAMPLES
    with pytest.raises(SplitError, match=rf"has 19: .* need {needed} bars and T0 has {needed - 1}"):
        divide(bare_samples(needed - 1, config), config)


@settings(max_examples=25, deadline=None)
@given(
    train=st.integers(30, 80),
    validation=st.integers(10, 18),
    horizon=st.integers(1, 10),
    length=st.integers(2, 80),
)
def test_the_bars_needed_suffice_for_real_features(
    make_bars: BarMaker, train: int, validation: int, horizon: int, length: int
) -> None:
    """The number of bars in the message is also enough for real features and labels."""
    config = configure(
        split={"train": train / 100, "validation": validation / 100},
        target={"horizon": horizon},
        windows={"length": length},
    )
    split = split_bars(make_bars(bars_needed(config)), config)
    blocks = (split.search.train, split.search.validation, split.held_out.test)
    assert min(len(block) for block in blocks) >= MIN_BLOCK_SAMPLES
