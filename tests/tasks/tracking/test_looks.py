"""Claims about the number of nights that have looked at a test block."""

from pathlib import Path

import pytest
from mlflow.entities import RunTag

from tasks.data.data_set import DataSet
from tasks.tracking.client import PatientClient, quiet_mlflow
from tasks.tracking.looks import count_looks
from tasks.tracking.runs import RunLogger
from tests.tasks.search.test_study_store import data_set

NIGHT = {
    "role": "night", "study_name": "spx", "has_skill": "False", "test_end": "2021-06-01",
    "test_start": "2019-01-01", "search_view_sha256": "v", "snapshot_sha256": "s",
    "config_sha256": "c",
}  # fmt: skip
"""Tags of an earlier night, whose test block ends after tonight's begins (2021-01-01)."""


@pytest.fixture
def store(tmp_path: Path) -> PatientClient:
    quiet_mlflow()
    client = PatientClient(f"sqlite:///{tmp_path / 'mlflow.db'}")
    client.create_experiment("nights", artifact_location=tmp_path.as_uri())
    return client


def looks(client: PatientClient, *earlier: dict[str, str]) -> int:
    """Count after these nights, in a night with other data."""
    experiment = client.get_experiment_by_name("nights").experiment_id
    for tags in earlier:
        client.create_run(experiment, tags=NIGHT | tags)
    tonight = {"study_name": "spx", "role": "night", "snapshot_sha256": "tonight"}
    run_id = client.create_run(experiment, tags=tonight).info.run_id
    blocks: DataSet = data_set("tonight")
    return count_looks(RunLogger(client, "", experiment, run_id), blocks, "2021-12-31")


@pytest.mark.parametrize(
    ("earlier", "count"),
    [
        ([], 1),
        ([{}], 2),
        ([{}, {}], 2),
        ([{}, {"snapshot_sha256": "t"}, {"config_sha256": "d"}], 4),
        ([{"test_end": "2020-12-31"}], 1),
        ([{"test_end": "2021-01-01"}], 2),
        ([{"study_name": "other"}], 1),
        ([{"test_start": "2022-01-01", "test_end": "2023-01-01"}], 1),
        ([{"snapshot_sha256": "tonight", "search_view_sha256": "", "config_sha256": ""}], 1),
    ],
    ids=[
        "first",
        "second",
        "repeated",
        "several",
        "before",
        "touching",
        "other name",
        "after",
        "itself",
    ],
)
def test_overlapping_nights_of_the_name_count(
    store: PatientClient, earlier: list[dict[str, str]], count: int
) -> None:
    """A look is a judged night of the name whose block reaches into tonight's; repeats are one."""
    assert looks(store, *earlier) == count


def test_a_night_that_was_not_judged_does_not_count(store: PatientClient) -> None:
    """A night that ended before its verdict saw nothing of the block."""
    experiment = store.get_experiment_by_name("nights").experiment_id
    run = store.create_run(experiment, tags={"role": "night", "study_name": "spx"})
    store.log_batch(run.info.run_id, tags=[RunTag("error", "its source failed")])
    assert looks(store) == 1
