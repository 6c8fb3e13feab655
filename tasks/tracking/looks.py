"""How many nights have looked at a test block, from MLflow's record of them."""

from tasks.data.data_set import DataSet
from tasks.tracking.runs import RunLogger

MOST_NIGHTS = 1000
"""More nights than this are not counted; a test block has hardly as many."""


def count_looks(logger: RunLogger, data_set: DataSet, last_bar: str) -> int:
    """Count the nights of this name whose test blocks overlap tonight's, tonight's included.

    A night that repeats another, with the same data and configuration, sees nothing new and counts
    once; a night that failed before its test block was evaluated does not count. last_bar: date of
    tonight's last bar. Call it once tonight's data is logged and before its verdict is.
    """
    tonight = logger.client.get_run(logger.run_id).data.tags
    runs = logger.client.search_runs(
        [logger.experiment_id],
        f"tags.role = 'night' and tags.study_name = '{tonight['study_name']}' "
        f"and tags.has_skill LIKE '%'",
        max_results=MOST_NIGHTS,
        order_by=["attributes.start_time DESC"],
    )
    looks = {_look(tonight)}
    for run in runs:
        tags = run.data.tags
        # Nights of an earlier version have no end; their blocks are taken to overlap.
        first, last = tags["test_start"], tags.get("test_end", last_bar)
        if last >= data_set.test_start.isoformat() and first <= last_bar:
            looks.add(_look(tags))
    return len(looks)


def _look(tags: dict[str, str]) -> tuple[str, ...]:
    return tuple(tags.get(key, "") for key in ("search_view_sha256", "snapshot_sha256",
                                               "config_sha256"))  # fmt: skip
