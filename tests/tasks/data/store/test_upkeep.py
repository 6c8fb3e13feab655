"""Checking a store, and dropping what it no longer needs."""

from pathlib import Path

import pytest

from lstm_model.config.data import DataConfig
from lstm_model.errors import ConfigError
from tasks.data.snapshots import Snapshot, read_bars, stored_snapshots
from tasks.data.store.folder import Store
from tasks.data.store.upkeep import forget, prune, verify
from tests.stored import raw_bars, take_panel


@pytest.fixture
def data(tmp_path: Path) -> DataConfig:
    return DataConfig(tickers=("A", "B"), raw_dir=tmp_path)


def night(data: DataConfig, bars: int) -> Snapshot:
    return take_panel(data, {"A": raw_bars(bars=bars), "B": raw_bars(bars=60, seed=1)})


@pytest.fixture
def snapshots(data: DataConfig) -> list[Snapshot]:
    return [night(data, bars) for bars in (40, 41, 42)]


def test_a_whole_store(data: DataConfig, snapshots: list[Snapshot]) -> None:
    """Everything is counted and nothing is damaged; an unchanged ticker has one file of bars."""
    found = verify(Store(data.raw_dir))
    assert (found.tickers, found.bars_files, found.snapshots) == (2, 4, 3)
    assert found.damaged == ()
    assert verify(Store(data.raw_dir / "none")).tickers == 0


@pytest.mark.parametrize("pattern", ["*/A/known-000003*", "*/B/bars-*", "snapshots/*"])
def test_damage_is_named_and_set_aside(
    pattern: str, data: DataConfig, snapshots: list[Snapshot]
) -> None:
    """A flipped byte in any kind of file is found by its hash; the other files stay usable."""
    path = sorted(data.raw_dir.glob(pattern))[0]
    content = bytearray(path.read_bytes())
    place = content.rindex(b'"bars_sha256"') + 20 if path.suffix == ".json" else len(content) // 3
    content[place] ^= 1
    path.write_bytes(content)
    found = verify(Store(data.raw_dir))
    (line,) = found.damaged
    assert path.stem[:16] in line
    assert not path.exists()
    assert len(list(path.parent.glob("*.damaged-*"))) == 1
    assert verify(Store(data.raw_dir)).damaged == ()
    for snapshot in stored_snapshots(data.raw_dir)[:2]:
        assert read_bars(snapshot).tickers == ("A", "B")


def test_prune_keeps_the_newest(data: DataConfig, snapshots: list[Snapshot]) -> None:
    """Older snapshots go with the bars that only they name; a dry run drops nothing."""
    store = Store(data.raw_dir)
    would = prune(store, 1, dry_run=True)
    assert len(stored_snapshots(data.raw_dir)) == 3
    assert prune(store, 1, dry_run=False) == would
    assert stored_snapshots(data.raw_dir) == [snapshots[2]]
    assert len(list(data.raw_dir.glob("*/A/bars-*"))) == 1
    assert read_bars(snapshots[2]).tickers == ("A", "B")
    assert prune(store, 1, dry_run=False) == ()
    with pytest.raises(ConfigError, match="--keep must be at least 1"):
        prune(store, 0, dry_run=False)


def test_a_ticker_is_forgotten(data: DataConfig, snapshots: list[Snapshot]) -> None:
    """Nothing of a dropped ticker stays; a ticker that is not stored is refused."""
    store = Store(data.raw_dir)
    assert len(forget(store, "A", dry_run=True)) == 1
    assert len(forget(store, "A", dry_run=False)) == 1
    assert [ticker for _, ticker in store.tickers()] == ["B"]
    with pytest.raises(ConfigError, match="--ticker must be one that is stored"):
        forget(store, "A", dry_run=False)
