"""Differences from last night, from the MLflow runs of both nights."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from lstm_model.report.night_result import Change
from tasks.tracking.client import PatientClient

TAGS = ("snapshot_sha256", "data_findings", "validation_start", "test_start", "leak_audit")
METRICS = (
    "best_val_loss",
    "test.mse",
    "test.r2_train_mean",
    "test.r2_benchmark",
    "test.directional_accuracy",
)
NO_NIGHT = "This is the first finished night under this name."


@dataclass(frozen=True, slots=True)
class NightRecord:
    """What MLflow stores of a night, as text."""

    settings: Mapping[str, str]
    data: Mapping[str, str]
    best: Mapping[str, str]
    scores: Mapping[str, str]


def changes_since_last_night(
    client: PatientClient, experiment_id: str, run_id: str
) -> tuple[Change, ...] | str:
    """Return the settings, data, best parameters and scores that differ, or why there are none.

    Last night is the latest finished night with the same study name that started before this one.
    """
    now = client.get_run(run_id)
    name = now.data.tags["study_name"]
    earlier = client.search_runs(
        [experiment_id],
        f"tags.role = 'night' and tags.study_name = '{name}' and attributes.status = 'FINISHED' "
        f"and attributes.start_time < {now.info.start_time}",
        max_results=1,
        order_by=["attributes.start_time DESC"],
    )
    if not earlier:
        return NO_NIGHT
    return compare_nights(_record(earlier[0].data), _record(now.data))


def compare_nights(before: NightRecord, now: NightRecord) -> tuple[Change, ...]:
    """Return the differences: settings first, then data, best parameters and scores."""
    return (
        *_differences(before.settings, now.settings),
        *_differences(before.data, now.data),
        *_differences(before.best, now.best),
        *_differences(before.scores, now.scores),
    )


def _record(run_data: Any) -> NightRecord:
    params, tags, metrics = run_data.params, run_data.tags, run_data.metrics
    return NightRecord(
        settings={key: v for key, v in params.items() if not key.startswith("best.")},
        data={key: tags[key][:80] for key in TAGS if key in tags},
        best={key: v for key, v in params.items() if key.startswith("best.")},
        scores={key: f"{metrics[key]:.4g}" for key in METRICS if key in metrics},
    )


def _differences(before: Mapping[str, str], now: Mapping[str, str]) -> Iterable[Change]:
    for key in dict.fromkeys((*before, *now)):
        old, new = before.get(key, "-"), now.get(key, "-")
        if old != new:
            yield Change(key, old, new)
