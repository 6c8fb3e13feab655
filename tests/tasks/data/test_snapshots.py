"""Snapshots: which bars a night ran on."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lstm_model.config.data import DataConfig
from lstm_model.data.bars import join_panel
from lstm_model.data.cleaning import clean_bars
from lstm_model.errors import BarsError, ConfigError, StorageError
from tasks.data import snapshots as bar_store
from tasks.data.snapshots import (
    find_snapshot,
    open_bars,
    read_bars,
    store_snapshot,
    stored_snapshots,
    what_is_stored,
)
from tasks.data.store.bars_file import bars_sha256
from tests.stored import raw_bars, take, take_panel

Frames = dict[str, pd.DataFrame]


@pytest.fixture
def data(tmp_path: Path) -> DataConfig:
    return DataConfig(tickers=("B", "A"), raw_dir=tmp_path / "raw")


@pytest.fixture
def frames() -> Frames:
    return {"B": raw_bars().drop(columns="volume"), "A": raw_bars(50.0, seed=1)}


def test_round_trip(data: DataConfig, frames: Frames) -> None:
    """What is stored is read back bit for bit, with its findings."""
    snapshot = take_panel(data, frames)
    bars = read_bars(snapshot)
    panel = join_panel([clean_bars(raw, ticker) for ticker, raw in frames.items()])
    pd.testing.assert_frame_equal(bars.frame, panel.frame, check_exact=True)
    assert bars.findings == panel.findings
    assert (snapshot.tickers, snapshot.rows, snapshot.findings) == (("B", "A"), 80, 1)
    assert (snapshot.first, snapshot.last) == ("2020-01-01", "2020-02-25")


def test_content_names_the_snapshot(data: DataConfig, frames: Frames) -> None:
    """The same bars give the same hash, path and files; any other value gives another hash."""
    first, again = take_panel(data, frames), take_panel(data, frames)
    assert first == again
    assert len(list(data.raw_dir.rglob("*.parquet"))) == 4
    frames["A"].loc[35, "volume"] += 1
    other = take_panel(data, frames)
    assert other.sha256 != first.sha256
    assert read_bars(first).of("A")["volume"][35] == read_bars(other).of("A")["volume"][35] - 1


def test_a_snapshot_is_small(data: DataConfig, frames: Frames) -> None:
    """A night adds a list of hashes, and bars only of the tickers that changed."""
    take_panel(data, {ticker: raw.head(39) for ticker, raw in frames.items()})
    before = set(data.raw_dir.rglob("*.parquet"))
    snapshot = take_panel(data, frames | {"A": frames["A"].head(39)})
    new = set(data.raw_dir.rglob("*.parquet")) - before
    assert {path.parent.name for path in new} == {"B"}
    assert Path(snapshot.path).stat().st_size < 2000


@pytest.mark.parametrize("column", ["ticker", "date", "close", "volume", "dividend_factor"])
def test_every_value_is_hashed(frames: Frames, column: str) -> None:
    """A change of any value changes the hash."""
    frame = clean_bars(frames["A"], "A").frame
    changed = frame.copy()
    value = {"ticker": "C", "date": pd.Timestamp("2021-01-01")}.get(column, 1.5)
    changed.loc[3, column] = value
    assert bars_sha256(changed) != bars_sha256(frame)


@pytest.mark.parametrize("damage", ["torn", "gone", "replaced"])
def test_bars_are_made_again_from_the_revisions(
    data: DataConfig, frames: Frames, damage: str
) -> None:
    """A file of bars that is damaged or gone is made again, and is the same bit for bit."""
    snapshot = take_panel(data, frames)
    expected = read_bars(snapshot).frame
    (path,) = data.raw_dir.glob("yahoo/B/bars-*")
    (other,) = data.raw_dir.glob("yahoo/A/bars-*")
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:100] if damage == "torn" else other.read_bytes())
    pd.testing.assert_frame_equal(read_bars(snapshot).frame, expected, check_exact=True)
    assert len(list(path.parent.glob("bars-*.parquet"))) == 1
    assert len(list(path.parent.glob("*.damaged-*"))) == (damage != "gone")


def test_bars_that_cannot_be_made_again_are_refused(data: DataConfig, frames: Frames) -> None:
    """Without the bars and their revisions, the ticker and the remedy are told in one line."""
    snapshot = take_panel(data, frames)
    for path in data.raw_dir.glob("yahoo/B/*.parquet"):
        path.unlink()
    with pytest.raises(StorageError, match=r"of B in snapshot .* no revisions; fetch again"):
        read_bars(snapshot)


def test_lost_revisions_give_no_other_bars(data: DataConfig, frames: Frames) -> None:
    """If only an older generation is left, its bars are not passed off as the snapshot's."""
    take_panel(data, {ticker: raw.head(39) for ticker, raw in frames.items()})
    snapshot = take_panel(data, frames)
    newest = sorted(data.raw_dir.glob("yahoo/B/known-*"))[-1]
    newest.unlink()
    for path in data.raw_dir.glob("yahoo/B/bars-*"):
        path.unlink()
    with pytest.raises(StorageError, match=r"must have hash .* fetch again"):
        read_bars(snapshot)


def test_a_damaged_list_is_refused(data: DataConfig, frames: Frames) -> None:
    """A list of bars that is torn, changed or gone is a StorageError in one line."""
    snapshot = take_panel(data, frames)
    path = Path(snapshot.path)
    facts = json.loads(path.read_text())
    facts["bars"][0]["bars_sha256"] = "0" * 64
    path.write_text(json.dumps(facts))
    with pytest.raises(StorageError, match="must match its hash") as changed:
        read_bars(snapshot)
    path.write_text("{")
    with pytest.raises(StorageError, match="cannot read snapshot") as torn:
        stored_snapshots(data.raw_dir)
    path.unlink()
    with pytest.raises(StorageError, match="cannot read snapshot") as gone:
        read_bars(snapshot)
    for refused in (changed, torn, gone):
        assert "\n" not in str(refused.value)


def test_a_ticker_stored_twice_is_refused(data: DataConfig, frames: Frames) -> None:
    """A panel with two histories of one ticker is refused."""
    parts = take(data, frames)
    with pytest.raises(BarsError, match="each ticker once but has B twice"):
        store_snapshot(data, [*parts, parts[0]])
    assert stored_snapshots(data.raw_dir) == []


@pytest.mark.parametrize("tickers_a_group", [1, 2, 3])
def test_bars_are_read_a_few_tickers_at_a_time(
    data: DataConfig, monkeypatch: pytest.MonkeyPatch, tickers_a_group: int
) -> None:
    """Groups hold whole tickers with their findings; every walk gives all, in the stored order."""
    monkeypatch.setattr(bar_store, "TICKERS_A_GROUP", tickers_a_group)
    stored = open_bars(take_panel(data, {n: raw_bars().drop(columns="volume") for n in "DBCA"}))
    for _ in range(2):
        groups = list(stored)
        assert [len(bars.tickers) for bars in groups[:-1]] == [tickers_a_group] * (len(groups) - 1)
        assert "".join(ticker for bars in groups for ticker in bars.tickers) == "DBCA"
        for bars in groups:
            assert tuple(finding.ticker for finding in bars.findings) == bars.tickers


def backdate(path: str, stored_at: str) -> None:
    manifest = Path(path)
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"stored_at": stored_at}))


def test_listing(data: DataConfig) -> None:
    """Snapshots are listed newest first, as they were returned when stored."""
    assert stored_snapshots(data.raw_dir) == []
    raw = raw_bars()
    snapshots = [take_panel(data, {"A": raw.head(bars)}) for bars in (38, 39, 40)]
    for snapshot, day in zip(snapshots, (2, 3, 1), strict=True):
        backdate(snapshot.path, f"2024-01-0{day}T00:00:00")
    assert stored_snapshots(data.raw_dir) == [snapshots[1], snapshots[0], snapshots[2]]


def test_moved_folder(data: DataConfig, frames: Frames) -> None:
    """Snapshots are found after their folder was moved."""
    take_panel(data, frames)
    moved = data.raw_dir.rename(data.raw_dir.with_name("moved"))
    (snapshot,) = stored_snapshots(moved)
    assert read_bars(snapshot).tickers == ("B", "A")


def test_find_by_prefix(data: DataConfig, frames: Frames) -> None:
    """A snapshot is found by the first digits of its hash; an unknown prefix is refused."""
    snapshot = take_panel(data, frames)
    assert find_snapshot(data, snapshot.sha256[:8]) == snapshot
    assert find_snapshot(data, snapshot.sha256) == snapshot
    with pytest.raises(StorageError, match="begins with 'ffffffff'"):
        find_snapshot(data, "ffffffff")
    other = data.model_copy(update={"tickers": ("A", "C")})
    with pytest.raises(ConfigError, match=r"has B, A but data.tickers has A, C; make them equal"):
        find_snapshot(other, snapshot.sha256[:8])


def test_a_past_night_runs_on_what_it_knew(data: DataConfig, frames: Frames) -> None:
    """After a correction the older snapshot still gives the old bars, even without its file."""
    first = take_panel(data, frames)
    before = read_bars(first).frame
    frames["A"].loc[20, "close"] += 0.1
    second = take_panel(data, frames)
    for path in data.raw_dir.glob("yahoo/A/bars-*"):
        path.unlink()
    pd.testing.assert_frame_equal(read_bars(first).frame, before, check_exact=True)
    assert np.isclose(read_bars(second).of("A")["close"][20], frames["A"]["close"][20])


def test_unreachable_names_the_last_good_snapshot(data: DataConfig, frames: Frames) -> None:
    """Where the source is out, the remedy is the newest snapshot of these tickers and source."""
    assert "nothing is cached" in what_is_stored(data)
    snapshot = take_panel(data, frames)
    expected = f"(2020-01-01 .. 2020-02-25) with --set data.snapshot={snapshot.sha256[:16]}"
    assert expected in what_is_stored(data)
    assert "nothing is cached" in what_is_stored(data.model_copy(update={"source": "csv"}))
    assert "nothing is cached" in what_is_stored(data.model_copy(update={"tickers": ("A",)}))


def test_a_damaged_list_does_not_hide_that_a_source_is_out(data: DataConfig) -> None:
    """What is stored is a remedy, and where it cannot be told the failure itself still is."""
    folder = data.raw_dir / "snapshots"
    folder.mkdir(parents=True)
    (folder / "0.json").write_text("{")
    assert "nothing is cached" in what_is_stored(data)
