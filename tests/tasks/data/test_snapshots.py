"""Snapshots of bars on disk."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from prefect.states import Completed, Crashed, Failed

from lstm_model.config.pipeline import DataConfig
from lstm_model.data.bars import Bars
from lstm_model.data.cleaning import clean_bars
from lstm_model.errors import (
    BarsError,
    ConfigError,
    SourceUnreachable,
    StorageError,
    TickerUnknown,
)
from tasks.data import snapshots as bar_store
from tasks.data.snapshots import (
    _is_transient,
    _sha256,
    _what_is_cached,
    fetch_bars,
    find_snapshot,
    open_bars,
    read_bars,
    store_snapshot,
    stored_snapshots,
)


def sha256_of(frame: pd.DataFrame) -> str:
    return _sha256(frame.columns, lambda name: [frame[name]])


def bars_of(ticker: str, level: float = 100.0) -> Bars:
    close = level + np.sin(np.arange(40.0))
    dates = pd.bdate_range("2020-01-01", periods=40).strftime("%Y-%m-%d")
    raw = pd.DataFrame({"date": dates, "open": close, "high": close, "low": close, "close": close})
    return clean_bars(raw, ticker)


@pytest.fixture
def data(tmp_path: Path) -> DataConfig:
    return DataConfig(tickers=("B", "A"), raw_dir=tmp_path / "raw")


@pytest.fixture
def parts() -> list[Bars]:
    return [bars_of("B"), bars_of("A", 50.0)]


def test_round_trip(data: DataConfig, parts: list[Bars]) -> None:
    """What is stored is read back bit for bit, with its findings."""
    snapshot = store_snapshot.fn(data, parts)
    bars = read_bars(snapshot)
    stacked = pd.concat([part.frame for part in parts], ignore_index=True)
    pd.testing.assert_frame_equal(bars.frame, stacked, check_exact=True)
    assert [finding.ticker for finding in bars.findings] == ["B", "A"]
    assert (snapshot.tickers, snapshot.rows, snapshot.findings) == (("B", "A"), 80, 2)
    assert (snapshot.first, snapshot.last) == ("2020-01-01", "2020-02-25")


def test_content_names_the_snapshot(data: DataConfig, parts: list[Bars]) -> None:
    """The same content has the same hash and path; any other value has another."""
    first, again = store_snapshot.fn(data, parts), store_snapshot.fn(data, parts)
    assert first == again
    assert len(list(data.raw_dir.iterdir())) == 2
    other = store_snapshot.fn(data, [parts[0], bars_of("A", 50.000001)])
    assert other.sha256 != first.sha256
    assert other.path != first.path


@pytest.mark.parametrize("column", ["ticker", "date", "close", "volume", "dividend_factor"])
def test_every_value_is_hashed(parts: list[Bars], column: str) -> None:
    """A change of any value changes the hash."""
    frame = parts[0].frame
    changed = frame.copy()
    value = {"ticker": "C", "date": pd.Timestamp("2021-01-01")}.get(column, 1.5)
    changed.loc[3, column] = value
    assert sha256_of(changed) != sha256_of(frame)


def test_tampered_file(data: DataConfig, parts: list[Bars]) -> None:
    """A file that was changed is refused; storing the same bars again mends it."""
    snapshot = store_snapshot.fn(data, parts)
    frame = pd.read_parquet(snapshot.path)
    frame.loc[0, "volume"] += 1
    frame.to_parquet(snapshot.path, index=False)
    with pytest.raises(StorageError, match="must match its hash"):
        read_bars(snapshot)
    assert read_bars(store_snapshot.fn(data, parts)).tickers == ("B", "A")


def test_broken_files(data: DataConfig, parts: list[Bars]) -> None:
    """A file that is torn or gone is a StorageError in one line, and so is a torn manifest."""
    snapshot = store_snapshot.fn(data, parts)
    path = Path(snapshot.path)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(StorageError, match="cannot read snapshot") as torn:
        read_bars(snapshot)
    path.unlink()
    with pytest.raises(StorageError, match="cannot read snapshot") as gone:
        read_bars(snapshot)
    path.with_suffix(".json").write_text("{")
    with pytest.raises(StorageError, match="cannot read manifest") as manifest:
        stored_snapshots(data.raw_dir)
    for refused in (torn, gone, manifest):
        assert "\n" not in str(refused.value)


def test_a_snapshot_written_as_one_frame_is_read(data: DataConfig, parts: list[Bars]) -> None:
    """What counts is the content: a file with other row groups gives the same bars."""
    snapshot = store_snapshot.fn(data, parts)
    stored = read_bars(snapshot)
    pd.read_parquet(snapshot.path).to_parquet(snapshot.path, index=False)
    pd.testing.assert_frame_equal(read_bars(snapshot).frame, stored.frame, check_exact=True)


def test_a_ticker_in_two_row_groups_is_refused(data: DataConfig, parts: list[Bars]) -> None:
    """Half a ticker's history is never taken for the whole."""
    snapshot = store_snapshot.fn(data, parts)
    pd.read_parquet(snapshot.path).to_parquet(snapshot.path, index=False, row_group_size=30)
    with pytest.raises(StorageError, match=r"must have whole tickers .* ends within B"):
        read_bars(snapshot)


def test_a_ticker_stored_twice_is_refused(data: DataConfig, parts: list[Bars]) -> None:
    """A panel with two histories of one ticker is refused before anything is written."""
    with pytest.raises(BarsError, match="each ticker once but has B twice"):
        store_snapshot.fn(data, [*parts, bars_of("B")])
    assert not data.raw_dir.exists()


@pytest.mark.parametrize("tickers_a_group", [1, 2, 3])
def test_bars_are_read_a_few_tickers_at_a_time(
    data: DataConfig, monkeypatch: pytest.MonkeyPatch, tickers_a_group: int
) -> None:
    """Groups hold whole tickers with their findings; every walk gives all, in the stored order."""
    monkeypatch.setattr(bar_store, "TICKERS_A_GROUP", tickers_a_group)
    snapshot = store_snapshot.fn(data, [bars_of(name) for name in "DBCA"])
    stored = open_bars(snapshot)
    for _ in range(2):
        groups = list(stored)
        assert [len(bars.tickers) for bars in groups[:-1]] == [tickers_a_group] * (len(groups) - 1)
        assert "".join(ticker for bars in groups for ticker in bars.tickers) == "DBCA"
        for bars in groups:
            assert tuple(finding.ticker for finding in bars.findings) == bars.tickers


def backdate(path: str, stored_at: str) -> None:
    manifest = Path(path).with_suffix(".json")
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"stored_at": stored_at}))


def test_listing(data: DataConfig, parts: list[Bars]) -> None:
    """Snapshots are listed newest first, as they were returned when stored."""
    assert stored_snapshots(data.raw_dir) == []
    snapshots = [store_snapshot.fn(data, [bars_of("A", level)]) for level in (10.0, 20.0, 30.0)]
    for snapshot, day in zip(snapshots, (2, 3, 1), strict=True):
        backdate(snapshot.path, f"2024-01-0{day}T00:00:00+00:00")
    assert stored_snapshots(data.raw_dir) == [snapshots[1], snapshots[0], snapshots[2]]


def test_moved_folder(data: DataConfig, parts: list[Bars]) -> None:
    """Snapshots are found after their folder was moved."""
    store_snapshot.fn(data, parts)
    moved = data.raw_dir.rename(data.raw_dir.with_name("moved"))
    (snapshot,) = stored_snapshots(moved)
    assert read_bars(snapshot).tickers == ("B", "A")


def test_find_by_prefix(data: DataConfig, parts: list[Bars]) -> None:
    """A snapshot is found by the first digits of its hash; an unknown prefix is refused."""
    snapshot = store_snapshot.fn(data, parts)
    assert find_snapshot.fn(data, snapshot.sha256[:8]) == snapshot
    assert find_snapshot.fn(data, snapshot.sha256) == snapshot
    with pytest.raises(StorageError, match="begins with 'ffffffff'"):
        find_snapshot.fn(data, "ffffffff")
    other = data.model_copy(update={"tickers": ("A", "C")})
    with pytest.raises(ConfigError, match=r"has B, A but data.tickers has A, C; make them equal"):
        find_snapshot.fn(other, snapshot.sha256[:8])


def test_unreachable_names_the_last_good_snapshot(data: DataConfig, parts: list[Bars]) -> None:
    """Where the source is out, the remedy is the newest snapshot of these tickers and source."""
    assert "nothing is cached" in _what_is_cached(data)
    snapshot = store_snapshot.fn(data, parts)
    expected = f"(2020-01-01 .. 2020-02-25) with --set data.snapshot={snapshot.sha256[:16]}"
    assert expected in _what_is_cached(data)
    assert "nothing is cached" in _what_is_cached(data.model_copy(update={"source": "csv"}))
    assert "nothing is cached" in _what_is_cached(data.model_copy(update={"tickers": ("A",)}))


def test_a_damaged_manifest_does_not_hide_that_a_source_is_out(data: DataConfig) -> None:
    """What is cached is a remedy, and where it cannot be told the failure itself still is."""
    data.raw_dir.mkdir(parents=True, exist_ok=True)
    (data.raw_dir / "bars-0.json").write_text("{")
    assert "nothing is cached" in _what_is_cached(data)


def test_fetch_from_files(tmp_path: Path) -> None:
    """Fetching reads the source that is configured and cleans what it gives."""
    rows = "".join(f"2024-03-0{day},104,106,103,10{day}\n" for day in (4, 5, 6))
    (tmp_path / "T.csv").write_text("date,open,high,low,close\n" + rows)
    data = DataConfig(tickers=("T",), source="csv", csv_dir=tmp_path, raw_dir=tmp_path)
    bars = fetch_bars.fn(data, "T")
    assert bars.frame["close"].tolist() == [104, 105, 106]
    assert [finding.rule for finding in bars.findings] == ["missing_volume"]


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (SourceUnreachable("no answer"), True),
        (TickerUnknown("no such ticker"), False),
        (BarsError("a null price"), False),
        (ValueError("a bug"), False),
    ],
)
def test_retries(error: Exception, again: bool) -> None:
    """A fetch is tried again exactly where the source did not answer."""
    assert _is_transient(None, None, Failed(data=error, message=str(error))) is again


def test_other_states_are_not_retried() -> None:
    """A state without an error of the source is final."""
    assert not _is_transient(None, None, Completed(data=1))
    assert not _is_transient(None, None, Crashed(message="killed"))
