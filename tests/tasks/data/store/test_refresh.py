"""One ticker brought up to date in the store."""

import datetime as dt
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lstm_model.config.data import DataConfig
from lstm_model.errors import BarsError, StorageError
from tasks.data.store.folder import Store
from tasks.data.store.known_file import known_files, open_known
from tasks.data.store.refresh import TickerBars, refresh_ticker
from tests.stored import FrameSource, raw_bars

NIGHT = dt.datetime(2026, 1, 1)


@pytest.fixture
def data(tmp_path: Path) -> DataConfig:
    return DataConfig(tickers=("X",), raw_dir=tmp_path)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def refresh(
    store: Store, data: DataConfig, raw: pd.DataFrame, night: int = 0, *, incremental: bool = True
) -> tuple[TickerBars, FrameSource]:
    source = FrameSource({"X": raw}, incremental=incremental)
    now = NIGHT + dt.timedelta(days=night)
    return refresh_ticker(store, data, source, "X", now), source


def files_in(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in folder.rglob("*.parquet")}


def test_a_refresh_without_news_asks_once_and_writes_nothing(
    store: Store, data: DataConfig
) -> None:
    """One request for 30 known sessions; no file is touched and the bars are the same."""
    raw = raw_bars(bars=100)
    first, _ = refresh(store, data, raw)
    before = files_in(store.root)
    again, source = refresh(store, data, raw, night=1)
    assert again == first
    assert files_in(store.root) == before
    assert source.asked == [("X", dt.date.fromisoformat(raw["date"][70]), None)]


def test_a_new_bar_costs_one_request_for_the_overlap(store: Store, data: DataConfig) -> None:
    """A new session is added to what is known, from the answer to one short request."""
    raw = raw_bars(bars=100)
    refresh(store, data, raw.head(99))
    now, source = refresh(store, data, raw, night=1)
    assert (now.rows, now.last) == (100, raw["date"][99])
    assert len(source.asked) == 1
    assert now.findings == ()


def test_a_change_in_the_overlap_is_asked_about_in_full(store: Store, data: DataConfig) -> None:
    """A rescaling shows in the overlap; then all of history is asked for and is one event."""
    raw = raw_bars(bars=100)
    refresh(store, data, raw.head(99))
    halved = raw.copy()
    halved[["open", "high", "low", "close"]] /= 2
    now, source = refresh(store, data, halved, night=1)
    assert [start for _, start, _ in source.asked] == [dt.date.fromisoformat(raw["date"][69]), None]
    assert [finding.rule for finding in now.findings] == ["dividend_rewrite"]
    file = open_known(store.folder_of("yahoo", "X"))
    assert file is not None
    assert len(file.whole().rows) == 100


def test_an_old_correction_is_found_when_all_is_read(store: Store, data: DataConfig) -> None:
    """A source that is always read whole shows corrections before the overlap too."""
    raw = raw_bars(bars=100)
    refresh(store, data, raw, incremental=False)
    raw.loc[10, "close"] += 0.1
    now, _ = refresh(store, data, raw, night=1, incremental=False)
    assert [finding.rule for finding in now.findings] == ["restatement"]
    again, _ = refresh(store, data, raw, night=2, incremental=False)
    assert again.bars_sha256 == now.bars_sha256
    assert again.learnt == now.learnt
    assert again.findings == ()


def test_an_earlier_start_asks_for_everything(store: Store, data: DataConfig) -> None:
    """What was asked from 2020-03 on does not cover a night from 2020-01 on."""
    raw = raw_bars(bars=100)
    late = data.model_copy(update={"start": dt.date(2020, 3, 2)})
    part, _ = refresh(store, late, raw)
    whole, source = refresh(store, data, raw, night=1)
    assert source.asked == [("X", None, None)]
    assert (part.rows, whole.rows) == (57, 100)
    _, source = refresh(store, data, raw, night=2)
    assert source.asked[0][1] is not None, "now all is known"
    narrow, _ = refresh(store, late, raw, night=3)
    assert narrow.bars_sha256 == part.bars_sha256


def test_a_first_bar_later_than_the_start_is_asked_for_once(store: Store, data: DataConfig) -> None:
    """A ticker younger than the start is not asked for its whole history every night."""
    early = data.model_copy(update={"start": dt.date(2000, 1, 1)})
    raw = raw_bars(bars=100)
    refresh(store, early, raw)
    _, source = refresh(store, early, raw, night=1)
    assert source.asked == [("X", dt.date.fromisoformat(raw["date"][70]), None)]


def test_refused_bars_are_not_stored(store: Store, data: DataConfig) -> None:
    """An answer that breaks a rule leaves the store as it was."""
    raw = raw_bars(bars=100)
    refresh(store, data, raw.head(99))
    before = files_in(store.root)
    broken = raw.astype({"close": float})
    broken.loc[99, "close"] = -1.0
    with pytest.raises(BarsError, match="non_positive_price"):
        refresh(store, data, broken, night=1)
    assert files_in(store.root) == before


def test_two_sources_never_share_a_series(store: Store, data: DataConfig) -> None:
    """The same ticker from another source is stored apart, however different its prices are."""
    refresh(store, data, raw_bars(seed=0))
    other = data.model_copy(update={"source": "bundled"})
    found, source = refresh(store, other, raw_bars(seed=1))
    assert source.asked == [("X", None, None)]
    assert found.findings == ()


def test_other_rules_give_other_bars_of_the_same_revisions(store: Store, data: DataConfig) -> None:
    """The rules of the cleaning are part of what bars are made from; revisions know none."""
    raw = raw_bars(bars=60)
    raw.loc[30:, ["open", "high", "low", "close"]] /= 4
    with pytest.raises(BarsError, match="unlisted_split"):
        refresh(store, data, raw)
    kept, _ = refresh(store, data.model_copy(update={"unlisted_splits": "keep"}), raw)
    applied, _ = refresh(store, data.model_copy(update={"unlisted_splits": "apply"}), raw, night=1)
    assert kept.bars_sha256 != applied.bars_sha256
    assert kept.learnt == applied.learnt
    assert len(known_files(store.folder_of("yahoo", "X"))) == 1


def test_a_damaged_file_is_set_aside_and_the_one_before_is_used(
    store: Store, data: DataConfig, capfd: pytest.CaptureFixture[str]
) -> None:
    """The newest revisions are torn: the file is named, and the night goes on from the others."""
    raw = raw_bars(bars=100)
    refresh(store, data, raw.head(98))
    refresh(store, data, raw.head(99), night=1)
    newest = known_files(store.folder_of("yahoo", "X"))[-1]
    newest.write_bytes(newest.read_bytes()[:-50])
    now, _ = refresh(store, data, raw, night=2)
    assert now.rows == 100
    assert f"{newest} is damaged (it does not match the hash in its name)" in capfd.readouterr().err
    assert not newest.exists()
    file = open_known(store.folder_of("yahoo", "X"))
    assert file is not None
    assert sorted(file.whole().rows["learnt"].unique()) == [
        pd.Timestamp(NIGHT), pd.Timestamp(NIGHT + dt.timedelta(days=2))
    ]  # fmt: skip


def test_two_generations_are_kept(store: Store, data: DataConfig) -> None:
    """However many nights there are, a ticker has two files of revisions."""
    raw = raw_bars(bars=100)
    for night in range(5):
        refresh(store, data, raw.head(90 + night), night)
    files = known_files(store.folder_of("yahoo", "X"))
    assert [path.name[:12] for path in files] == ["known-000004", "known-000005"]


def test_a_clock_set_back_does_not_reorder_revisions(store: Store, data: DataConfig) -> None:
    """A night before the last one by the clock is still learnt after it."""
    raw = raw_bars(bars=100)
    refresh(store, data, raw.head(99), night=5)
    now, _ = refresh(store, data, raw, night=1)
    assert dt.datetime.fromisoformat(now.learnt) > NIGHT + dt.timedelta(days=5)
    file = open_known(store.folder_of("yahoo", "X"))
    assert file is not None
    assert len(file.whole().as_of(NIGHT + dt.timedelta(days=5))) == 99


def test_a_second_writer_waits_and_is_told(store: Store, data: DataConfig) -> None:
    """While another process holds the store, a writer ends in one line that says what to do."""
    with store.writing(), pytest.raises(StorageError, match="only one run may write") as refused:
        other = Store(store.root)
        with other.writing(wait_seconds=0.1):
            pass
    assert "\n" not in str(refused.value)


@pytest.mark.skipif(os.geteuid() == 0 and not Path("/proc").exists(), reason="needs /proc")
def test_a_store_that_cannot_be_written_is_told(data: DataConfig) -> None:
    """A folder that nobody can write to is a StorageError in one line."""
    with pytest.raises(StorageError, match="cannot write the store of bars in /proc"):
        refresh(Store(Path("/proc/bars")), data, raw_bars())


def test_the_hash_does_not_depend_on_the_night(tmp_path: Path, data: DataConfig) -> None:
    """The same bars learnt in one night or in many have the same hash."""
    raw = raw_bars(bars=100)
    at_once, _ = refresh(Store(tmp_path / "a"), data, raw)
    store = Store(tmp_path / "b")
    for night in range(4):
        slowly, _ = refresh(store, data, raw.head(97 + night), night)
    assert slowly.bars_sha256 == at_once.bars_sha256


def test_what_a_night_knew_is_known_for_ever(store: Store, data: DataConfig) -> None:
    """After corrections and a rescaling, the bars of every past night are known as they were."""
    raw = raw_bars(bars=100)
    nights = [refresh(store, data, raw.head(97))[0]]
    raw.loc[95, "close"] += 0.2
    nights.append(refresh(store, data, raw.head(98), night=1)[0])
    raw[["open", "high", "low", "close"]] = np.round(
        raw[["open", "high", "low", "close"]] * 0.99, 4
    )
    nights.append(refresh(store, data, raw, night=2)[0])
    file = open_known(store.folder_of("yahoo", "X"))
    assert file is not None
    known = file.whole()
    closes = [known.as_of(dt.datetime.fromisoformat(night.learnt))["close"] for night in nights]
    assert [len(close) for close in closes] == [97, 98, 100]
    assert closes[1][95] == pytest.approx(closes[0][95] + 0.2)
    assert closes[2][90] == pytest.approx(closes[0][90] * 0.99)
