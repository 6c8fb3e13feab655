"""A second source's closes beside the first's."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lstm_model.config.data import DataConfig
from tasks.data.cross_check import compare_closes
from tasks.data.download import take_snapshot
from tasks.data.snapshots import open_bars, read_bars
from tests.stored import raw_bars


def compared(ours: pd.DataFrame, theirs: pd.DataFrame) -> str:
    frames = [frame.assign(date=pd.to_datetime(frame["date"])) for frame in (ours, theirs)]
    found = compare_closes(*frames, "X", "csv")
    return "" if found is None else f"{found.date}: {found.value}"


def changed(raw: pd.DataFrame, row: int, factor: float) -> pd.DataFrame:
    return raw.assign(close=raw["close"].where(raw.index != row, raw["close"] * factor))


RAW = raw_bars()


@pytest.mark.parametrize(
    ("theirs", "told"),
    [
        (RAW, ""),
        (RAW.assign(close=np.round(RAW["close"], 1)), ""),
        (RAW.iloc[5:30], ""),
        (changed(RAW, 20, 1.01), "2020-01-29: 1 of 40 closes differ from csv: 2020-01-29 97.24"),
        (RAW.assign(close=RAW["close"] / 4), "2020-02-25: csv has 0.25 times our closes up to"),
        (RAW.drop(index=7), "2020-01-01: 1 sessions only here, 0 only at csv"),
        (RAW.assign(date="2019-01-01"), "2020-02-25: csv has none of these dates"),
    ],
    ids=["equal", "rounded", "shorter", "one close", "a factor", "a gap", "no common date"],
)
def test_what_is_told(theirs: pd.DataFrame, told: str) -> None:
    """Rounding and a shorter history agree; closes, factors and gaps that differ are named."""
    assert compared(RAW, theirs.drop_duplicates("date")).startswith(told)
    assert bool(compared(RAW, theirs.drop_duplicates("date"))) == bool(told)


@pytest.mark.parametrize("second", ["csv", "parquet"])
def test_a_night_reports_and_keeps_its_own_bars(tmp_path: Path, second: str) -> None:
    """What differs is a finding; no value of the second source gets into the bars."""
    for name, raw in (("first", RAW), ("second", changed(RAW, 20, 1.01))):
        (tmp_path / name).mkdir()
        raw.to_csv(tmp_path / name / "X.csv", index=False)
        raw.to_parquet(tmp_path / name / "X.parquet")
    RAW.to_csv(tmp_path / "first" / "Y.csv", index=False)
    data = DataConfig(
        tickers=("X", "Y"), source="csv", csv_dir=tmp_path / "first", raw_dir=tmp_path / "raw"
    )
    alone = take_snapshot(data)
    checked = take_snapshot(
        data.model_copy(update={"cross_check": second, "cross_check_dir": tmp_path / "second"})
    )
    assert checked.sha256 == alone.sha256
    found = [f for f in open_bars(checked).findings if f.rule == "cross_check"]
    assert [finding.ticker for finding in found] == ["X", "Y"]
    assert f"{second} gives nothing to compare with" in found[1].value
    assert read_bars(checked).of("X")["close"].tolist() == RAW["close"].tolist()
