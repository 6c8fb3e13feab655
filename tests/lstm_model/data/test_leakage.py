"""Claims about the leak audit: it passes honest columns, and names any other."""

import dataclasses
import datetime as dt
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
import talib

from lstm_model.config.pipeline import FeaturesConfig
from lstm_model.data.bars import Bars, adjust
from lstm_model.data.changed_bars import (
    late_starts,
    lift_after,
    narrow_after,
    sink_after,
    take_tickers,
    until,
    widen_after,
)
from lstm_model.data.features import FeatureTable, compute_features
from lstm_model.data.leakage import (
    MAX_TICKERS,
    audit_features,
    audit_labels,
    audit_scaler,
    fit_blind,
)
from lstm_model.data.views import ChronoSplit, TestView
from lstm_model.data.windows import scale_view
from lstm_model.errors import ConfigError
from lstm_model.search.hyper_params import HyperParams

BarMaker = Callable[..., Bars]
FOURTEENTH = 10970
"""2000-01-14, in days since 1970-01-01."""

BOUNDARIES = (dt.date(2001, 9, 3), dt.date(2002, 3, 4))


def compute(bars: Bars) -> FeatureTable:
    return compute_features(bars, FeaturesConfig(sets=("indicators", "har")))


Column = Callable[[pd.DataFrame], "pd.Series[float]"]


def log_return(bars: pd.DataFrame) -> "pd.Series[float]":
    return pd.Series(np.log(bars["close"])).diff()


def log_range(bars: pd.DataFrame) -> "pd.Series[float]":
    return pd.Series(np.log(bars["high"] / bars["low"]))


def with_columns(columns: dict[str, Column]) -> Callable[[Bars], FeatureTable]:
    """Compute our features and some more, of each ticker's adjusted bars."""

    def compute_planted(bars: Bars) -> FeatureTable:
        table = compute(bars)
        histories = [adjust(bars, ticker) for ticker in bars.tickers]
        planted = [
            np.concatenate([column(history).to_numpy(dtype=float) for history in histories])
            for column in columns.values()
        ]
        return dataclasses.replace(
            table,
            names=(*table.names, *columns),
            values=np.column_stack([table.values, *planted]),
        )

    return compute_planted


def test_honest_features_pass(make_bars: BarMaker) -> None:
    """Our own columns depend on no later bar, on several tickers (and on one: see below)."""
    rows = audit_features(compute, make_bars(700, 640, missing=0.05), BOUNDARIES)
    assert len(rows) == 4
    assert all(row.passed for row in rows), rows


BOTH = {"truncated", "later bars"}


def ema26(bars: pd.DataFrame) -> "pd.Series[float]":
    return pd.Series(talib.EMA(bars["close"], 26) / bars["close"])


def adx14(bars: pd.DataFrame) -> "pd.Series[float]":
    return pd.Series(talib.ADX(bars["high"], bars["low"], bars["close"], 14))


PLANTED: dict[str, tuple[Column, set[str]]] = {
    "the next return": (lambda b: log_return(b).shift(-1), BOTH),
    "the return in five days": (lambda b: log_return(b).shift(-5), BOTH),
    "its sign": (lambda b: np.sign(log_return(b).shift(-1)), BOTH),
    "a centred mean": (lambda b: log_return(b).rolling(5, center=True, min_periods=1).mean(), BOTH),
    "a back-fill": (lambda b: log_return(b).where(log_return(b) > 0).bfill(), BOTH),
    "in units of everything": (lambda b: log_return(b) / log_return(b).std(), BOTH),
    "its rank": (lambda b: log_return(b).rank(pct=True), {"truncated"}),
    "the next range": (lambda b: log_range(b).shift(-1), BOTH),
    "whether the next day is wild": (
        lambda b: log_range(b).shift(-1) > log_range(b).rolling(250).quantile(0.9),
        {"later bars"},
    ),
    "whether the next day is calm": (
        lambda b: log_range(b).shift(-1) < log_range(b).rolling(250).quantile(0.1),
        {"later bars"},
    ),
    "tomorrow's volume": (lambda b: b["volume"].shift(-1) > b["volume"], {"later bars"}),
    "an ex-date": (lambda b: b["dividends"].shift(-1).fillna(0) > 0, {"later bars"}),
    "a split": (lambda b: b["stock_splits"].shift(-1).fillna(0) > 0, {"later bars"}),
    "chance": (
        lambda b: log_return(b) + np.random.default_rng().normal(size=len(b)),
        {"computed again"},
    ),
    "a mean of all the past": (
        lambda b: np.log1p(b["volume"]) - np.log1p(b["volume"]).expanding().mean(),
        {"history starts later"},
    ),
    "400 bars": (lambda b: log_return(b).rolling(400).sum(), {"history starts later"}),
}
"""Columns that look ahead or too far back, and the checks that must name each."""

HONEST: dict[str, Column] = {
    "a lagged return": lambda b: log_return(b).shift(3),
    "an EMA that fades": ema26,
    "an ADX that fades": adx14,
}
"""Columns that pass; a recursive one has after 250 bars all but forgotten its first."""


@pytest.fixture(scope="module")
def guilty(make_bars: BarMaker) -> dict[str, set[str]]:
    """Audit all of these columns at once; return the names that each check finds."""
    columns = {name: column for name, (column, _) in PLANTED.items()} | HONEST
    planted = {name.replace(" ", "_"): column for name, column in columns.items()}
    rows = audit_features(with_columns(planted), make_bars(900), BOUNDARIES)
    return {
        row.check: set() if row.passed else {part.split()[0] for part in row.found.split(", ")}
        for row in rows
    }


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_look_ahead_is_named(name: str, guilty: dict[str, set[str]]) -> None:
    """Whatever way a column looks ahead, or too far back, the audit names it."""
    for words in PLANTED[name][1]:
        (named,) = (names for check, names in guilty.items() if words in check)
        assert name.replace(" ", "_") in named, guilty


def test_nothing_else_is_named(guilty: dict[str, set[str]]) -> None:
    """Honest columns pass beside guilty ones: our own, one that lags, and those that fade."""
    planted = {name.replace(" ", "_") for name in PLANTED}
    assert set.union(*guilty.values()) == planted


def test_a_tie_that_rounding_breaks_is_named(make_coarse_bars: BarMaker) -> None:
    """TA-Lib's ADX of adjusted eighths jumps with where history starts; our own does not."""
    row = audit_features(with_columns({"planted": adx14}), make_coarse_bars(0), BOUNDARIES)[-1]
    assert not row.passed
    assert row.found.startswith("planted depends on more than the last 250 bars (")
    assert " on T0 when history starts at 2000-" in row.found
    assert "," not in row.found


@pytest.mark.parametrize("count", [10, 251, 252, 300, 5000])
def test_late_starts_leave_a_row_past_the_warm_up(count: int) -> None:
    """Histories start at several places, the same ones each time, and all have a row to compare."""
    starts = late_starts(count)
    assert starts == late_starts(count)
    assert all(1 <= start <= count - 251 for start in starts)
    assert (len(starts) >= 8) == (count >= 300)
    assert bool(starts) == (count > 251)


def test_a_function_that_fails_on_a_shorter_history_is_a_row(make_bars: BarMaker) -> None:
    """A column that cannot be computed on truncated history fails, and the row says why."""

    def fussy(bars: Bars) -> FeatureTable:
        if len(bars.frame) < 700:
            raise ConfigError("needs 700 bars")
        return compute(bars)

    rows = audit_features(fussy, make_bars(700), BOUNDARIES)
    assert [row.passed for row in rows] == [True, False, True, False]
    assert rows[1].found == rows[3].found == "needs 700 bars"


def test_a_ticker_that_was_listed_late_is_no_false_alarm(make_bars: BarMaker) -> None:
    """A ticker with only a few bars before a cut does not count there."""

    def greedy(bars: Bars) -> FeatureTable:
        table = compute(bars)
        lengths = [len(bars.of(ticker)) for ticker in bars.tickers]
        if min(lengths) < 100:
            raise ConfigError("needs 100 bars of each ticker")
        return table

    rows = audit_features(greedy, make_bars(700, 320, offsets=(0, 380)), BOUNDARIES)
    assert all(row.passed for row in rows), rows


def test_labels_of_an_honest_split_pass(sp500_split: ChronoSplit) -> None:
    """No label reaches into the next block, and the row has the dates."""
    rows = audit_labels(sp500_split)
    assert [row.passed for row in rows] == [True, True, True]
    assert str(sp500_split.validation_start) in rows[0].found


def test_labels_that_reach_over_a_boundary_fail(sp500_split: ChronoSplit) -> None:
    """A train label that ends in validation, or a test label in the search's file, is found."""
    search, held_out = sp500_split.search, sp500_split.held_out
    ends = search.rows.label_ends.copy()
    ends[search.train[-1]] = search.rows.dates[search.validation[0]]
    late = dataclasses.replace(search, rows=dataclasses.replace(search.rows, label_ends=ends))
    rows = audit_labels(dataclasses.replace(sp500_split, search=late))
    assert [row.passed for row in rows] == [False, True, True]

    labels = search.rows.labels.copy()
    spare = np.setdiff1d(np.arange(len(labels)), np.union1d(search.train, search.validation))
    labels[spare[-1]] = 0.0
    leaky = dataclasses.replace(search, rows=dataclasses.replace(search.rows, labels=labels))
    assert not audit_labels(dataclasses.replace(sp500_split, search=leaky))[2].passed

    early = TestView(held_out.rows, np.arange(200))
    assert not audit_labels(dataclasses.replace(sp500_split, held_out=early))[2].passed


@pytest.mark.parametrize("scaling", ["standard", "robust", "rank"])
def test_a_scaler_that_saw_more_than_train_fails(scaling: str, sp500_split: ChronoSplit) -> None:
    """A scaler fitted on train passes; for one that saw validation, the row says what differs."""
    view, params = sp500_split.search, HyperParams(feature_scaling=scaling, sequence_length=20)
    honest = scale_view(view, params).scaler
    blind = fit_blind(view, params)
    assert audit_scaler(honest, blind).passed
    both = np.union1d(view.train, view.validation)
    greedy = scale_view(dataclasses.replace(view, train=both), params).scaler
    row = audit_scaler(greedy, blind)
    assert not row.passed
    assert "label_mean" in row.found


def test_cutting_bars(make_bars: BarMaker) -> None:
    """`until` drops what is later than a day."""
    bars = make_bars(30, 20)
    kept = bars.frame["date"] <= pd.Timestamp("2000-01-14")
    found = until(bars, FOURTEENTH).frame
    pd.testing.assert_frame_equal(found, bars.frame[kept].reset_index(drop=True))


@pytest.mark.parametrize("change", [lift_after, sink_after, widen_after, narrow_after])
def test_changing_later_bars(change: Callable[[Bars, int], Bars], make_bars: BarMaker) -> None:
    """A change leaves the bars up to a day bit-equal; later bars differ but are valid."""
    bars = make_bars(30, 20)
    later = bars.frame["date"] > pd.Timestamp("2000-01-14")
    changed = change(bars, FOURTEENTH).frame
    pd.testing.assert_frame_equal(changed[~later], bars.frame[~later])
    before = np.log(bars.frame["high"] / bars.frame["low"])
    after = np.log(changed["high"] / changed["low"])
    same_range = np.isclose(before, after)[later]
    assert same_range.all() == (change in {lift_after, sink_after})
    moved = ~np.isclose(changed["close"], bars.frame["close"])[later]
    assert moved.all() == (change in {lift_after, sink_after})


def test_the_longest_histories_of_a_panel_are_audited(make_bars: BarMaker) -> None:
    """Few tickers suffice, and a short one is not among them."""
    bars = make_bars(300, 20, 300, 300, 300, 40)
    assert take_tickers(bars, MAX_TICKERS).tickers == ("T0", "T2", "T3", "T4")
