"""The prepared data set on disk."""

import resource
import shutil
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lstm_model.config.exogenous import ExogenousConfig
from lstm_model.config.pipeline import FeaturesConfig, PipelineConfig
from lstm_model.data.assemble import split_chronologically
from lstm_model.data.bars import join_panel
from lstm_model.data.cleaning import clean_bars
from lstm_model.data.exogenous import tabulate_exogenous
from lstm_model.data.features import compute_features
from lstm_model.data.targets import compute_targets
from lstm_model.data.views import Rows
from lstm_model.errors import BarsError, StorageError
from tasks.data import snapshots as bar_store
from tasks.data.data_set import DataSet, load_search_view, load_split
from tasks.data.prepare import prepare_data_set
from tasks.data.snapshots import Snapshot, find_snapshot
from tests.stored import take_panel

ROOT = Path(__file__).resolve().parents[3]


def raw_of(seed: int, first: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, 700)))
    raw = pd.DataFrame({"date": pd.bdate_range("2015-01-01", periods=700), "close": close})
    raw["open"] = close * 1.001
    raw["high"], raw["low"] = close * 1.01, close * 0.99
    raw["volume"] = rng.integers(1000, 9000, 700).astype(float)
    return raw[first:].reset_index(drop=True)


@pytest.fixture
def config(tmp_path: Path) -> PipelineConfig:
    folders = {"raw_dir": tmp_path / "raw", "data_dir": tmp_path / "processed"}
    return PipelineConfig.model_validate(
        {"data": {"tickers": ["B", "A"]} | folders, "windows": {"length": 10}}
    )


@pytest.fixture
def snapshot(config: PipelineConfig) -> Snapshot:
    return take_panel(config.data, {"B": raw_of(1), "A": raw_of(2)})


@pytest.fixture
def data_set(snapshot: Snapshot, config: PipelineConfig) -> DataSet:
    return prepare_data_set.fn(snapshot, config)


def assert_same_rows(stored: Rows, expected: Rows) -> None:
    for field in fields(Rows):
        left, right = getattr(stored, field.name), getattr(expected, field.name)
        if isinstance(right, np.ndarray):
            assert left.dtype == right.dtype
            np.testing.assert_array_equal(left, right)
        else:
            assert left == right


def test_round_trip(data_set: DataSet, config: PipelineConfig) -> None:
    """The stored views equal those made in memory, value for value."""
    bars = join_panel([clean_bars(raw_of(1), "B"), clean_bars(raw_of(2), "A")])
    targets = compute_targets(bars, config.target.kind, config.target.horizon)
    expected = split_chronologically(compute_features(bars), targets, config)
    stored = load_split(data_set)
    assert_same_rows(stored.search.rows, expected.search.rows)
    assert_same_rows(stored.held_out.rows, expected.held_out.rows)
    np.testing.assert_array_equal(stored.search.train, expected.search.train)
    np.testing.assert_array_equal(stored.search.validation, expected.search.validation)
    np.testing.assert_array_equal(stored.held_out.test, expected.held_out.test)
    assert (stored.validation_start, stored.test_start) == (
        expected.validation_start,
        expected.test_start,
    )
    assert stored.search.sha256() == data_set.search_sha256 == expected.search.sha256()
    assert data_set.train_samples == len(expected.search.train)
    assert data_set.feature_count == len(expected.search.rows.feature_names)


def test_folders_are_named_by_hash(
    data_set: DataSet, snapshot: Snapshot, config: PipelineConfig
) -> None:
    """Equal data is stored once; another window length is another data set."""
    search16 = data_set.search_sha256[:16]
    assert Path(data_set.search_path).name == f"search-{search16}"
    held_out = f"test-{search16}-{snapshot.sha256[:16]}"
    assert Path(data_set.held_out_path).name == held_out
    assert prepare_data_set.fn(snapshot, config) == data_set
    assert len(list(config.data.data_dir.iterdir())) == 2
    longer = config.model_copy(update={"windows": config.windows.model_copy(update={"length": 11})})
    assert prepare_data_set.fn(snapshot, longer).search_path != data_set.search_path


def test_search_file_holds_nothing_of_the_test_block(data_set: DataSet) -> None:
    """No row of the search's file is dated on or after the first test date."""
    view = load_search_view(data_set.search_path)
    assert view.rows.dates.max() < np.datetime64(data_set.test_start).astype(np.int64)


@pytest.mark.parametrize("damage", ["torn", "empty", "gone", "facts gone", "folder gone"])
def test_a_damaged_view_is_refused(data_set: DataSet, tmp_path: Path, damage: str) -> None:
    """A view of which something is torn or gone is a StorageError in one line."""
    folder = tmp_path / "damaged"
    shutil.copytree(data_set.search_path, folder)
    array = folder / "features.npy"
    if damage in {"torn", "empty"}:
        array.write_bytes(array.read_bytes()[: 1000 if damage == "torn" else 0])
    elif damage == "gone":
        array.unlink()
    elif damage == "facts gone":
        (folder / "view.json").unlink()
    else:
        shutil.rmtree(folder)
    with pytest.raises(StorageError, match="cannot read data set") as refused:
        load_search_view(str(folder))
    assert "\n" not in str(refused.value)


def test_preparing_again_repairs_a_damaged_view(
    data_set: DataSet, snapshot: Snapshot, config: PipelineConfig
) -> None:
    """What stands in a view's place is replaced whole, and nothing else stays beside it."""
    damaged = Path(data_set.search_path) / "features.npy"
    whole = damaged.read_bytes()
    damaged.write_bytes(whole[:1000])
    assert prepare_data_set.fn(snapshot, config) == data_set
    assert damaged.read_bytes() == whole
    assert len(list(config.data.data_dir.iterdir())) == 2


def test_quota_halfway_through_a_panel(snapshot: Snapshot, config: PipelineConfig) -> None:
    """A data set that the system stops halfway is a StorageError, and neither view stays."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (64 * 1024, hard))
    try:
        with pytest.raises(StorageError, match="cannot write"):
            prepare_data_set.fn(snapshot, config)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(config.data.data_dir.iterdir()) == []


@pytest.mark.parametrize("tickers_a_group", [1, 2, 3])
def test_how_a_panel_travels_does_not_show(
    config: PipelineConfig, monkeypatch: pytest.MonkeyPatch, tickers_a_group: int
) -> None:
    """Tickers that start on different days make one data set, however many travel together."""
    frames = {"B": raw_of(1), "A": raw_of(2, 90), "C": raw_of(3, 200)}
    data = config.data.model_copy(update={"tickers": ("B", "A", "C")})
    config = config.model_copy(update={"data": data})
    monkeypatch.setattr(bar_store, "TICKERS_A_GROUP", tickers_a_group)
    stored = prepare_data_set.fn(take_panel(data, frames), config)
    panel = join_panel([clean_bars(raw, ticker) for ticker, raw in frames.items()])
    targets = compute_targets(panel, config.target.kind, config.target.horizon)
    expected = split_chronologically(compute_features(panel), targets, config)
    split = load_split(stored)
    assert stored.search_sha256 == expected.search.sha256()
    assert_same_rows(split.search.rows, expected.search.rows)
    assert_same_rows(split.held_out.rows, expected.held_out.rows)
    np.testing.assert_array_equal(split.search.train, expected.search.train)
    np.testing.assert_array_equal(split.held_out.test, expected.held_out.test)


@pytest.mark.parametrize("tickers_a_group", [1, 2, 4])
@pytest.mark.parametrize("order", ["VBAC", "BACV"])
def test_exogenous_series_reach_every_group_and_have_no_samples(
    config: PipelineConfig, monkeypatch: pytest.MonkeyPatch, tickers_a_group: int, order: str
) -> None:
    """Wherever a series lies in the snapshot, all tickers get its columns; it has no samples."""
    series = FeaturesConfig(exogenous=(ExogenousConfig(ticker="V"),))
    data = config.data.model_copy(update={"tickers": ("B", "A", "C")})
    config = config.model_copy(update={"data": data, "features": series})
    monkeypatch.setattr(bar_store, "TICKERS_A_GROUP", tickers_a_group)
    frames = {ticker: raw_of(seed) for seed, ticker in enumerate("BACV", start=1)}
    snapshot = take_panel(config.data_to_fetch, {ticker: frames[ticker] for ticker in order})
    stored = prepare_data_set.fn(snapshot, config)
    parts = {ticker: clean_bars(raw, ticker) for ticker, raw in frames.items()}
    panel = join_panel([parts[ticker] for ticker in "BAC"])
    targets = compute_targets(panel, config.target.kind, config.target.horizon)
    exogenous = tabulate_exogenous(parts["V"], series, None)
    features = compute_features(panel, series, None, exogenous)
    assert features.names[-3:] == ("V_log_change", "V_log_level", "V_log_range")
    expected = split_chronologically(features, targets, config)
    assert stored.search_sha256 == expected.search.sha256()
    assert_same_rows(load_split(stored).held_out.rows, expected.held_out.rows)
    assert load_split(stored).search.rows.tickers == ("B", "A", "C")


def test_bars_of_a_series_are_part_of_the_snapshot(config: PipelineConfig) -> None:
    """Other bars of the series are another snapshot and another data set."""
    series = FeaturesConfig(exogenous=(ExogenousConfig(ticker="V"),))
    config = config.model_copy(update={"features": series})
    data = config.data_to_fetch
    own = {ticker: raw_of(1) for ticker in config.data.tickers}
    one = take_panel(data, {"V": raw_of(2), **own})
    elsewhere = data.model_copy(update={"raw_dir": data.raw_dir / "other"})
    two = take_panel(elsewhere, {"V": raw_of(3), **own})
    assert one.sha256 != two.sha256
    hashes = [prepare_data_set.fn(snapshot, config).search_sha256 for snapshot in (one, two)]
    assert hashes[0] != hashes[1]
    bare = take_panel(config.data, own)
    with pytest.raises(BarsError, match="every exogenous ticker are required but V has none"):
        prepare_data_set.fn(bare, config)
    assert find_snapshot(data, one.sha256[:12]) == one


def test_views_are_mapped_read_only(data_set: DataSet) -> None:
    """Nobody can change a view that all trials share."""
    split = load_split(data_set)
    for rows in (split.search.rows, split.held_out.rows):
        with pytest.raises(ValueError, match="read-only"):
            rows.features[0, 0] = 1.0


@pytest.mark.process
@pytest.mark.parametrize("module", ["tasks.data.data_set", "tasks.search.trial"])
def test_workers_import_neither_prefect_nor_mlflow(module: str) -> None:
    """A fresh interpreter that imports what a worker needs has loaded no orchestrator."""
    code = (
        f"import sys, {module}\n"
        "print(sorted({'prefect', 'mlflow', 'yfinance'} & sys.modules.keys()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
