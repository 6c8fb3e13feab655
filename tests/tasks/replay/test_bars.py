"""Bars of a past night: a later correction is not there, and history fetched later is."""

import datetime as dt
from pathlib import Path

import pandas as pd
import pytest

from lstm_model.config.data import DataConfig
from tasks.data.snapshots import Snapshot
from tasks.replay.bars import ReplayBars
from tests.stored import raw_bars, take_panel

DAY = pd.Timestamp("2020-02-10")


@pytest.fixture
def corrected(tmp_path: Path) -> tuple[DataConfig, Snapshot]:
    """Forty bars, of which a source corrected one the next time it was asked."""
    data = DataConfig(tickers=("X",), raw_dir=tmp_path / "raw")
    frame = raw_bars()
    take_panel(data, {"X": frame})
    again = frame.copy()
    place = again.index[again["date"] == f"{DAY:%Y-%m-%d}"]
    again.loc[place, ["open", "high", "low", "close"]] *= 1.001
    return data, take_panel(data, {"X": again.round(4)})


def close_of(bars: ReplayBars, night: dt.date) -> float:
    frame = bars.of_night((night - dt.date(1970, 1, 1)).days).frame
    assert frame["date"].max() <= pd.Timestamp(night)
    return float(frame.set_index("date").loc[DAY, "close"])


def test_a_night_sees_no_later_correction(corrected: tuple[DataConfig, Snapshot]) -> None:
    """A past night has the close as it was first known; tonight has the corrected one."""
    bars = ReplayBars.of(corrected[1])
    first = close_of(bars, dt.date(2020, 2, 12))
    now = close_of(bars, dt.date.today())
    assert now == pytest.approx(1.001 * first, rel=1e-4)
    assert now > first


def test_a_night_ends_with_its_day(corrected: tuple[DataConfig, Snapshot]) -> None:
    """The newest bar is the night's, although all were fetched years later."""
    bars = ReplayBars.of(corrected[1])
    frame = bars.of_night((dt.date(2020, 2, 12) - dt.date(1970, 1, 1)).days).frame
    assert frame["date"].max() == pd.Timestamp("2020-02-12")
    assert len(bars.days()) == 40
