"""Files put into the store without a run."""

from pathlib import Path

import pytest

from lstm_model.config.data import DataConfig
from lstm_model.errors import BarsError, ConfigError, StorageError
from tasks.data.snapshots import read_bars
from tasks.data.store.history import history_of
from tasks.data.store.imports import import_bars
from tests.stored import raw_bars


@pytest.fixture
def data(tmp_path: Path) -> DataConfig:
    return DataConfig(tickers=("X",), raw_dir=tmp_path / "raw")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    folder.mkdir()
    raw_bars().to_csv(folder / "A.csv", index=False)
    raw_bars(seed=1).to_csv(folder / "B.csv", index=False)
    return folder


def test_a_folder_is_imported(data: DataConfig, folder: Path) -> None:
    """Every file's bars are stored under its name, and listed in a snapshot."""
    snapshot = import_bars(data, [folder], None)
    assert (snapshot.source, snapshot.tickers, snapshot.rows) == ("csv", ("A", "B"), 80)
    assert read_bars(snapshot).of("A")["close"].tolist() == raw_bars()["close"].tolist()


def test_vintages_keep_their_dates(data: DataConfig, folder: Path) -> None:
    """Older files are imported with the dates at which they were known, the oldest first."""
    raw_bars().head(30).to_csv(folder / "A.csv", index=False)
    import_bars(data, [folder / "A.csv"], "2024-01-05")
    raw_bars().to_csv(folder / "A.csv", index=False)
    import_bars(data, [folder / "A.csv"], "2024-01-06")
    (history,) = history_of(data.raw_dir, "A")
    assert [(event.learnt, event.what) for event in history.events] == [
        ("2024-01-05 23:59:59", "30 bars, 2020-01-01 .. 2020-02-11"),
        ("2024-01-06 23:59:59", "10 bars, 2020-02-12 .. 2020-02-25"),
    ]
    with pytest.raises(StorageError, match="--learnt must not be before what is stored"):
        import_bars(data, [folder / "A.csv"], "2024-01-05")


@pytest.mark.parametrize("learnt", ["yesterday", "2024-13-01", "2999-01-01"])
def test_a_wrong_date_is_refused(data: DataConfig, folder: Path, learnt: str) -> None:
    """A text that is no date, and a date to come, are refused before anything is stored."""
    with pytest.raises(ConfigError, match="--learnt must"):
        import_bars(data, [folder], learnt)
    assert not data.raw_dir.exists()


def test_bad_files_are_refused(data: DataConfig, folder: Path) -> None:
    """A file that is no ticker's, or no bars, is refused in one line."""
    (folder / "not a ticker.csv").write_text("date,open,high,low,close\n")
    with pytest.raises(ConfigError, match=r"files must be named <TICKER>\.csv"):
        import_bars(data, [folder], None)
    (folder / "C.csv").write_text("<html>")
    with pytest.raises(BarsError, match="C: "):
        import_bars(data, [folder / "C.csv"], None)
