"""Claims about drift: chance is told from change, also where days depend on each other."""

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest
from scipy.signal import lfilter

from lstm_model.data.views import ChronoSplit
from lstm_model.evaluation.drift import (
    ColumnDrift,
    Drift,
    Part,
    measure_drift,
    newest,
    stability_index,
)
from lstm_model.evaluation.measured import NotComputed
from lstm_model.report.drift_lines import drift_metrics, drift_sentence
from tasks.evaluate import measure_split

TRAIN_DAYS, NEW_DAYS = 2400, 60


def walk(seed: int, days: int, memory: float) -> np.ndarray:
    """Return a stationary AR(1) with variance 1."""
    noise = np.random.default_rng(seed).normal(size=days + 500) * np.sqrt(1 - memory**2)
    return lfilter([1.0], [1.0, -memory], noise)[500:]


def part(name: str, columns: list[np.ndarray], first_day: int = 0) -> Part:
    features = np.column_stack(columns).astype(np.float32)
    days = np.arange(first_day, first_day + len(features))
    return Part(name, features, days, np.ones(len(days), dtype=bool))


def compare(train: list[np.ndarray], new: list[np.ndarray]) -> Drift:
    names = [f"c{place}" for place in range(len(train))]
    (drift,) = measure_drift(part("train", train), [part("new", new, TRAIN_DAYS)], names)
    return drift


@pytest.mark.parametrize("memory", [0.0, 0.9, 0.97])
def test_without_drift_the_share_beyond_is_nominal(memory: float) -> None:
    """Of 400 columns about 1 in 41 is beyond the 40 blocks of train, however long days remember."""
    series = [walk(seed, TRAIN_DAYS + NEW_DAYS, memory) for seed in range(400)]
    drift = compare([s[:TRAIN_DAYS] for s in series], [s[TRAIN_DAYS:] for s in series])
    assert (drift.own_blocks, drift.own_block_dates, drift.dates) == (40, 60, 60)
    assert drift.expected_beyond == pytest.approx(400 / 41)
    # 9.8 expected, standard deviation 3.1.
    assert 2 <= len(drift.beyond) <= 19


def test_a_usual_threshold_would_alarm_on_almost_every_night() -> None:
    """The index of 60 days that remember exceeds the usual 0.25 without any drift."""
    series = [walk(seed, TRAIN_DAYS + NEW_DAYS, 0.97) for seed in range(50)]
    drift = compare([s[:TRAIN_DAYS] for s in series], [s[TRAIN_DAYS:] for s in series])
    assert sum(column.psi > 0.25 for column in drift.columns) >= 45


CHANGES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "mean": lambda new: new + 3.0,
    "wider": lambda new: new * 5.0,
    "narrower": lambda new: new * 0.02,
    "stuck": lambda new: np.full_like(new, 0.3),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_beyond(change: str) -> None:
    """A shifted mean, another scale and a column that stands still are found, and come first."""
    series = [walk(seed, TRAIN_DAYS + NEW_DAYS, 0.5) for seed in range(5)]
    new = [s[TRAIN_DAYS:] for s in series]
    new[3] = CHANGES[change](new[3])
    drift = compare([s[:TRAIN_DAYS] for s in series], new)
    first = drift.columns[0]
    assert first.name == "c3"
    assert first in drift.beyond
    assert first.shift == pytest.approx(
        float(new[3].mean() - series[3][:TRAIN_DAYS].mean()), abs=0.2
    )
    assert first.spread == pytest.approx(float(new[3].std()), abs=0.3)


@pytest.mark.parametrize(("new", "beyond"), [(0.7, False), (0.7001, True), (0.6999, True)])
def test_a_column_that_train_never_moved(new: float, beyond: bool) -> None:
    """A column that is constant in train is beyond with any other value, on either side."""
    drift = compare([np.full(TRAIN_DAYS, 0.7)], [np.full(NEW_DAYS, new)])
    (column,) = drift.columns
    assert (column.excess > 0) is beyond
    assert column.shift == column.spread == NotComputed("constant in train")
    assert "not a number" not in drift_sentence(drift)


def test_a_value_that_fills_a_decile_has_its_own_cell() -> None:
    """Zeros on half of the days count apart from what is below them and above."""
    draws = np.random.default_rng(0)
    train = np.where(draws.random(TRAIN_DAYS) < 0.5, 0.0, draws.normal(size=TRAIN_DAYS))
    drift = compare([train], [np.full(NEW_DAYS, np.float32(-1e-6))])
    assert drift.columns[0] in drift.beyond


def test_gaps_are_left_out_and_nothing_is_a_reason() -> None:
    """NaN is no value; a column without any has the reason in place of its numbers."""
    series = [walk(seed, TRAIN_DAYS + NEW_DAYS, 0.0) for seed in range(2)]
    train, new = [s[:TRAIN_DAYS].copy() for s in series], [s[TRAIN_DAYS:].copy() for s in series]
    whole = compare(train[:1], new[:1]).columns[0]
    train[0][::7], new[1][:] = np.nan, np.nan
    first, second = compare(train, new).columns
    assert first.psi == pytest.approx(whole.psi, abs=0.1)
    assert second.psi == NotComputed("no finite value in the newer rows")
    assert second.excess == -np.inf


def test_the_index_is_symmetric_and_zero_for_equal_shares() -> None:
    """PSI is 0 for equal shares, the same both ways, and finite for an empty cell."""
    one, two = np.array([0.2, 0.8, 0.0]), np.array([0.5, 0.25, 0.25])
    assert stability_index(one, one) == 0
    assert stability_index(one, two) == pytest.approx(float(stability_index(two, one)))
    expected = 0.3 * np.log(2.5) + 0.55 * np.log(3.2) + 0.2499 * np.log(2500)
    assert stability_index(one, two) == pytest.approx(expected)


def test_newer_rows_longer_than_a_quarter_of_train_take_quarters() -> None:
    """Train gives four blocks at least, so there is a yardstick on every night."""
    series = walk(0, 1000, 0.0)
    (drift,) = measure_drift(part("train", [series[:400]]), [part("new", [series[400:]], 400)], "a")
    assert (drift.own_blocks, drift.own_block_dates, drift.dates) == (4, 100, 600)
    assert drift.expected_beyond == pytest.approx(0.2)


def test_tickers_of_a_date_stay_in_one_block() -> None:
    """A panel is cut by dates: twice the same ticker is the same distance."""
    series = [walk(0, TRAIN_DAYS + NEW_DAYS, 0.9)]
    alone = compare([series[0][:TRAIN_DAYS]], [series[0][TRAIN_DAYS:]])

    def twice(one: Part) -> Part:
        return Part(
            one.name, *(np.concatenate([a, a]) for a in (one.features, one.dates, one.kept))
        )

    train = twice(part("train", [series[0][:TRAIN_DAYS]]))
    new = twice(part("new", [series[0][TRAIN_DAYS:]], TRAIN_DAYS))
    (drift,) = measure_drift(train, [new], ["c0"])
    assert drift.columns[0].psi == pytest.approx(alone.columns[0].psi)
    assert drift.columns[0].own_largest == pytest.approx(alone.columns[0].own_largest)


def test_the_newest_rows_are_those_of_the_last_dates() -> None:
    """Rows are marked by date, whatever their order; few dates are all of them."""
    dates = np.array([1, 2, 5, 7, 2, 7])
    assert newest(dates, 2).tolist() == [False, False, True, True, False, True]
    assert newest(dates, 60).all()


def test_the_real_index(sp500_split: ChronoSplit) -> None:
    """The test block and its last 60 dates are compared with the rows that train covers."""
    whole, last = measure_split(sp500_split)
    assert whole.first == str(sp500_split.test_start)
    assert whole.last == last.last == "2018-12-31"
    assert last.dates == 60
    assert last.own_block_dates == 60
    assert {c.name for c in whole.columns} == set(sp500_split.search.rows.feature_names)
    # The same rows again, as if they were new: nothing can be beyond train's own blocks.
    rows = sp500_split.search.rows
    kept = np.isin(np.arange(len(rows.dates)), sp500_split.search.train)
    train = Part("train", rows.features, rows.dates, kept)
    (same,) = measure_drift(train, [train], rows.feature_names)
    assert not same.beyond
    assert same.columns[0].psi == 0


def test_what_is_said_and_recorded() -> None:
    """The sentence has the count, what chance gives and how a column differs."""
    column = ColumnDrift("^VIX_log_level", 1.5, 0.75, -2.04, 0.5)
    calm = ColumnDrift("rsi14", 0.1, 0.4, 0.0, 1.0)
    drift = Drift("the newest dates", "2020-01-02", "2020-03-30", 60, 39, 60, (column, calm))
    assert drift_sentence(drift) == (
        "On the newest dates (60 dates, 2020-01-02 to 2020-03-30) 1 of 2 columns differs from "
        "train by more than any of train's own 39 blocks of 60 dates does; by chance it would be "
        "0.1. It is: ^VIX_log_level (PSI 1.50 beside 0.75, 2 standard deviations lower, 0.5 times "
        "as wide)."
    )
    none = dataclasses.replace(drift, columns=(calm,))
    assert "none of 1 columns differ from train" in drift_sentence(none)
    metrics = drift_metrics((drift,))
    assert metrics["drift.newest_dates.columns_beyond"] == 1
    assert metrics["drift.newest_dates.VIX_log_level.psi"] == 1.5
    assert all(set(name) <= set("abcdefghijklmnopqrstuvwxyzVIX_.14") for name in metrics)
