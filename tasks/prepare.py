"""Snapshot -> features -> targets -> split -> data set on disk, addressed by its hash."""

from prefect import task
from prefect.cache_policies import NO_CACHE

from lstm_model.config import PipelineConfig
from lstm_model.features import compute_features
from lstm_model.split import split_chronologically
from lstm_model.targets import compute_targets
from tasks.bar_store import Snapshot, read_bars
from tasks.data_set import DataSet, save_rows


@task(name="prepare-data-set", cache_policy=NO_CACHE)
def prepare_data_set(snapshot: Snapshot, config: PipelineConfig) -> DataSet:
    """Compute features, targets and split; store what the search may see apart from the rest."""
    bars = read_bars(snapshot)
    features = compute_features(bars)
    targets = compute_targets(bars, config.target.kind, config.target.horizon)
    split = split_chronologically(features, targets, config)
    search_sha256 = split.search.sha256()
    folder = config.data.data_dir
    search_path = folder / f"search-{search_sha256[:16]}.safetensors"
    held_out_path = folder / f"test-{search_sha256[:16]}-{snapshot.sha256[:16]}.safetensors"
    blocks = {"train": split.search.train, "validation": split.search.validation}
    save_rows(search_path, split.search.rows, blocks)
    save_rows(held_out_path, split.held_out.rows, {"test": split.held_out.test})
    return DataSet(
        search_path=str(search_path),
        search_sha256=search_sha256,
        snapshot_sha256=snapshot.sha256,
        held_out_path=str(held_out_path),
        feature_count=len(features.names),
        train_samples=len(split.search.train),
        validation_samples=len(split.search.validation),
        test_samples=len(split.held_out.test),
        validation_start=split.validation_start,
        test_start=split.test_start,
    )
