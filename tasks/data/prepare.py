"""Snapshot -> features -> targets -> split -> data set on disk, named by its hash."""

from prefect import task
from prefect.cache_policies import NO_CACHE

from lstm_model.config.pipeline import PipelineConfig
from lstm_model.data.panel_findings import panel_findings
from lstm_model.report.data_warnings import panel_warnings
from tasks.data.data_set import DataSet, load_split
from tasks.data.snapshots import Snapshot, open_bars
from tasks.data.write_views import write_data_set
from tasks.progress import print_note


@task(name="prepare-data-set", cache_policy=NO_CACHE)
def prepare_data_set(snapshot: Snapshot, config: PipelineConfig) -> DataSet:
    """Compute features, targets and split; store the search view and the test view separately."""
    data_set = write_data_set(
        lambda: open_bars(snapshot), config, config.data.data_dir, snapshot.sha256
    )
    for sentence in panel_warnings(panel_findings(load_split(data_set))):
        print_note(sentence)
    return data_set
