"""What differs between two snapshots."""

from pathlib import Path

import numpy as np
import pytest

from lstm_model.config.data import DataConfig
from lstm_model.config.pipeline import TargetConfig
from tasks.data.differences import TickerDifference, compare_snapshots
from tests.stored import raw_bars, take_panel


@pytest.fixture
def data(tmp_path: Path) -> DataConfig:
    return DataConfig(tickers=("A",), raw_dir=tmp_path)


def differences(data: DataConfig, first: object, second: object) -> TickerDifference:
    then, now = take_panel(data, {"A": first}), take_panel(data, {"A": second})  # type: ignore[dict-item]
    (row,) = compare_snapshots(then, now, TargetConfig(horizon=2))
    return row


def test_equal(data: DataConfig) -> None:
    """Equal bars have no difference."""
    assert differences(data, raw_bars(), raw_bars()).is_none


def test_a_corrected_close_changes_the_labels_that_end_or_start_on_it(data: DataConfig) -> None:
    """Returns over two bars change where the corrected close is one of their ends."""
    raw = raw_bars()
    corrected = raw.assign(close=raw["close"].where(raw.index != 20, raw["close"] + 0.2))
    row = differences(data, raw.head(39), corrected)
    assert row.added == (raw["date"][39],)
    (bar,) = row.changed
    assert (bar.date, bar.columns) == (raw["date"][20], ("close",))
    assert bar.now[0] - bar.then[0] == pytest.approx(0.2)
    assert row.labels == (raw["date"][18], raw["date"][20])


def test_a_rescaling_changes_no_label(data: DataConfig) -> None:
    """A common factor is told as one, and no bar or label differs."""
    raw = raw_bars()
    scaled = raw.copy()
    scaled[["open", "high", "low", "close"]] *= 0.5
    row = differences(data, raw, scaled)
    assert row.rescaled == pytest.approx(0.5)
    assert (row.changed, row.labels, row.is_none) == ((), (), False)


def test_tickers_that_only_one_has(data: DataConfig) -> None:
    """A ticker that came or went has all its bars added or removed."""
    then, now = take_panel(data, {"A": raw_bars()}), take_panel(data, {"B": raw_bars(seed=1)})
    came, went = compare_snapshots(then, now, TargetConfig())
    assert (came.ticker, len(came.added), came.removed) == ("B", 40, ())
    assert (went.ticker, went.added, len(went.removed)) == ("A", (), 40)
    assert np.isclose(came.rescaled, 1.0)
