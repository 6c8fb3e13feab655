"""Unequal histories: gaps break windows and labels, and no block leaks, on constructed panels."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lstm_model.config.loader import parse_config
from lstm_model.config.pipeline import PipelineConfig
from lstm_model.data.assemble import split_chronologically
from lstm_model.data.bars import Bars
from lstm_model.data.calendar import LONGEST_BREAK_DAYS, day_of
from lstm_model.data.features import compute_features
from lstm_model.data.panel_findings import panel_findings
from lstm_model.data.targets import compute_targets
from lstm_model.data.views import ChronoSplit, Rows
from lstm_model.evaluation.baselines.forecasts import baseline_forecasts
from lstm_model.evaluation.panel import PanelSkill, panel_skill

BarMaker = Callable[..., Bars]


def configure(kind: str = "log_return", horizon: int = 1, length: int = 10) -> PipelineConfig:
    return parse_config(
        {
            "data": {"tickers": ["T0"]},
            "target": {"kind": kind, "horizon": horizon},
            "windows": {"length": length},
        }
    )


def split_of(bars: Bars, config: PipelineConfig) -> ChronoSplit:
    targets = compute_targets(bars, config.target.kind, config.target.horizon)
    return split_chronologically(compute_features(bars), targets, config)


def drop(bars: Bars, ticker: str, first: int, count: int) -> Bars:
    """Leave out some of a ticker's bars."""
    own = np.flatnonzero(bars.frame["ticker"] == ticker)
    kept = np.ones(len(bars.frame), dtype=bool)
    kept[own[first : first + count]] = False
    return bars.where(kept)


def samples_of(split: ChronoSplit) -> list[tuple[Rows, np.ndarray]]:
    search, held_out = split.search, split.held_out
    return [
        (search.rows, np.concatenate([search.train, search.validation])),
        (held_out.rows, held_out.test),
    ]


@settings(max_examples=20, deadline=None)
@given(
    data=st.data(),
    horizon=st.integers(1, 6),
    length=st.integers(2, 25),
    kind=st.sampled_from(["log_return", "log_volatility"]),
)
def test_no_window_and_no_label_spans_a_gap(
    make_bars: BarMaker, data: st.DataObject, horizon: int, length: int, kind: str
) -> None:
    """On any panel with holes, the bars of a sample's window and label follow each other."""
    bars = make_bars(800, 700, seed=data.draw(st.integers(0, 50)), offsets=(0, 60), missing=0.05)
    for ticker in ("T0", "T1"):
        for _ in range(data.draw(st.integers(0, 3))):
            first, count = data.draw(st.integers(0, 600)), data.draw(st.integers(1, 40))
            bars = drop(bars, ticker, first, count)
    split = split_of(bars, configure(kind, horizon, length))
    days = {t: bars.of(t)["date"].to_numpy().astype("datetime64[D]") for t in bars.tickers}
    for rows, ends in samples_of(split):
        for end in ends:
            own = days[rows.tickers[rows.ticker_of_row[end]]].astype(int)
            row = int(np.searchsorted(own, rows.dates[end]))
            span = own[row - length + 1 : row + horizon + 1]
            assert len(span) == length + horizon
            assert np.diff(span).max() <= LONGEST_BREAK_DAYS
    search = split.search
    validation_start, test_start = map(day_of, (split.validation_start, split.test_start))
    assert search.rows.label_ends[search.train].max() < validation_start
    assert search.rows.label_ends[search.validation].max() < test_start
    assert search.rows.dates.max() < test_start
    assert split.held_out.rows.dates[split.held_out.test].min() >= test_start


@pytest.mark.parametrize("kind", ["log_return", "log_volatility"])
@pytest.mark.parametrize(("missing", "masked"), [(9, False), (10, True), (30, True)])
def test_a_halt_masks_what_spans_it(
    make_bars: BarMaker, missing: int, masked: bool, kind: str
) -> None:
    """A gap of 14 days changes nothing; of 15 or more it costs a window and a label's samples."""
    length, horizon, first = 10, 3, 500
    bars = drop(make_bars(800), "T0", first, missing)
    dates = bars.frame["date"]
    assert ((dates[first] - dates[first - 1]).days > LONGEST_BREAK_DAYS) is masked
    targets = compute_targets(bars, kind, horizon)  # type: ignore[arg-type]
    unlabelled = np.flatnonzero(np.isnan(targets.label[:-horizon]))
    ready = compute_features(bars).ready
    across = set(range(500 - horizon, 500))
    assert across & set(unlabelled) == (across if masked else set())
    if kind == "log_return":  # a volatility also lacks the labels of bars without range
        assert set(unlabelled) == (across if masked else set())
    assert np.flatnonzero(~ready[250:]).tolist() == ([250] if masked else [])
    split = split_of(bars, configure(kind, horizon, length))
    kept = np.concatenate([rows.dates[ends] for rows, ends in samples_of(split)])
    own = dates.to_numpy().astype("datetime64[D]").astype(int)
    lost = [row for row in range(450, 550) if own[row] not in kept]
    if kind == "log_return":
        near_block = [row for row in lost if row >= 500 + length]  # purged before validation
        assert set(lost) - set(near_block) == (set(range(497, 510)) if masked else set())
    if not masked and kind == "log_return":
        whole = split_of(make_bars(800 - missing), configure(kind, horizon, length))
        assert len(kept) == sum(len(ends) for _, ends in samples_of(whole))


def test_without_a_gap_nothing_changes(make_bars: BarMaker) -> None:
    """Features, labels and last values of whole histories are those of a plain computation."""
    bars = make_bars(600)
    log_close = np.log(bars.frame["close"])
    targets = compute_targets(bars, "log_return", 5)
    change = (log_close - log_close.shift(5)).to_numpy()
    np.testing.assert_array_equal(targets.last_value, change)
    np.testing.assert_array_equal(targets.label[:-5], change[5:])
    assert compute_features(bars).ready[250:].all()


@pytest.fixture(scope="module")
def unequal(make_bars: BarMaker) -> Bars:
    """Four tickers: two throughout, one that ends in train, one that begins in test."""
    bars = make_bars(1400, 1400, 700, 400, offsets=(0, 0, 0, 1000))
    return drop(bars, "T1", 600, 25)


def test_tickers_are_used_where_they_exist(unequal: Bars) -> None:
    """One that ends early is trained on, one that begins late is tested, by every baseline too."""
    split = split_of(unequal, configure("log_volatility"))
    search, held_out = split.search, split.held_out
    train, validation = (
        np.bincount(search.rows.ticker_of_row[ends], minlength=4)
        for ends in (search.train, search.validation)
    )
    test = np.bincount(held_out.rows.ticker_of_row[held_out.test], minlength=4)
    assert (train > 0).tolist() == [True, True, True, False]
    assert (validation > 0).tolist() == [True, True, False, False]
    assert (test > 0).tolist() == [True, True, False, True]
    for name, values in baseline_forecasts(split).test.items():
        assert np.isfinite(values).all(), name


def test_short_histories_are_said(unequal: Bars) -> None:
    """Each ticker that a block lacks has a finding with the dates of its bars."""
    split = split_of(unequal, configure())
    dates = unequal.frame.groupby("ticker")["date"].agg(["min", "max"])
    span = [
        f"its bars are {dates['min'][t]:%Y-%m-%d} to {dates['max'][t]:%Y-%m-%d}"
        for t in dates.index
    ]
    found = panel_findings(split)
    assert [(f.ticker, f.rule, f.value) for f in found] == [
        ("T2", "short_history", f"no sample in validation and test: {span[2]}"),
        ("T3", "short_history", f"no sample in train and validation: {span[3]}"),
    ]


def test_dates_of_one_ticker_are_counted(make_bars: BarMaker) -> None:
    """One finding has the number of dates on which only one ticker has a bar, over both views."""
    bars = drop(make_bars(1400, 1380), "T1", 100, 3)
    (found,) = panel_findings(split_of(bars, configure()))
    alone = bars.frame["date"].value_counts()
    expected = sorted(f"{day:%Y-%m-%d}" for day in alone[alone == 1].index)
    assert (found.rule, found.ticker, found.count) == ("one_ticker_dates", "T0", 23)
    assert len(expected) == 23
    assert found.date == expected[0]
    assert found.value == f"23 of 1,400 dates have one ticker only: {', '.join(expected[:3])}, ..."


def test_equal_histories_and_single_tickers_have_no_finding(make_bars: BarMaker) -> None:
    """Nothing is said of a panel without holes, nor of one ticker, which is alone on purpose."""
    assert panel_findings(split_of(make_bars(900, 900), configure())) == ()
    assert panel_findings(split_of(make_bars(900), configure())) == ()


def test_many_short_histories_are_one_finding(make_bars: BarMaker) -> None:
    """Over 50 of them become one with a count."""
    bars = make_bars(900, 900, *[400] * 51)
    (found,) = panel_findings(split_of(bars, configure()))
    assert (found.rule, found.count) == ("short_history", 51)
    assert found.value.startswith("51 tickers lack samples in a block: T2: no sample in ")


def test_dates_with_few_tickers_are_left_out_of_the_correlations() -> None:
    """Dates with fewer than three tickers have no correlation; the others keep theirs."""
    rng = np.random.default_rng(0)
    dates, tickers = np.repeat(np.arange(80), 4), np.tile(np.arange(4), 80)
    whole = rng.normal(size=(3, 320))
    exists = (tickers < 2) | (dates >= 40)
    some = panel_skill(*whole[:, exists], dates[exists], tickers[exists], ("A", "B", "C", "D"))
    later = panel_skill(
        *whole[:, dates >= 40], dates[dates >= 40], tickers[dates >= 40], tuple("ABCD")
    )
    assert isinstance(some, PanelSkill)
    assert isinstance(later, PanelSkill)
    assert some.ic == later.ic
    assert some.ic.by_date[0][0] == dt.date(1970, 1, 1) + dt.timedelta(days=40)
    assert [skill.n for skill in some.tickers] == [80, 80, 40, 40]


def test_a_gap_is_no_reason_to_refuse_the_other_ticker(make_bars: BarMaker) -> None:
    """The samples of a ticker are the same whether or not another ticker was halted."""
    config = configure()
    halted = drop(make_bars(900, 900), "T1", 400, 30)
    for bars in (make_bars(900, 900), halted):
        split = split_of(bars, config)
        kept = [rows.dates[e[rows.ticker_of_row[e] == 0]] for rows, e in samples_of(split)]
        assert sum(map(len, kept)) >= 900 - 250 - 10 - 3
        assert pd.Index(np.concatenate(kept)).is_unique


def test_the_label_of_a_halt_is_no_return(make_bars: BarMaker) -> None:
    """A halt that halves the price leaves no label of -50 %."""
    bars = drop(make_bars(800), "T0", 500, 30)
    frame: Any = bars.frame.copy()
    after = np.arange(len(frame)) >= 500
    for price in ("open", "high", "low", "close"):
        frame[price] = frame[price] * np.where(after, 0.5, 1.0)
    targets = compute_targets(Bars(frame), "log_return", 1)
    assert np.nanmin(targets.label) > -0.4
    assert np.nanmin(targets.last_value) > -0.4
