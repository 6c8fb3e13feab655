"""Nights in MLflow: which there are, which versions must stay, and the deletion of their files.

The record of a night itself, its tags, parameters and metrics, stays: the verdict's p-values are
multiplied by the nights that have looked at a test block, and last night is compared with tonight.
"""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
from mlflow.tracking._tracking_service.utils import _get_store

from lstm_model.champion.retention import Night, Version
from tasks.removal import folder_size, remove_folder
from tasks.tracking.client import PatientClient, patiently

RETENTION, BEGUN, GONE = "retention", "being deleted", "files deleted"
"""Tag of a night, and its values before and after the deletion of what the night has left."""

PAGE = 1000


def nights_of(client: PatientClient, experiment: str) -> tuple[Night, ...]:
    """Return the nights of an experiment whose files are there; none if there is no experiment."""
    found = client.get_experiment_by_name(experiment)
    if found is None:
        return ()
    versions = _versions_by_night(client, found.experiment_id)
    nights = []
    for run in _runs(client, found.experiment_id, "tags.role = 'night'"):
        tags = run.data.tags
        if tags.get(RETENTION, "").startswith(GONE):
            continue
        nights.append(
            Night(
                run_id=run.info.run_id,
                name=run.info.run_name,
                study_name=tags.get("study_name", ""),
                started=run.info.start_time,
                is_running=run.info.status == "RUNNING",
                versions=tuple(sorted(versions.get(run.info.run_id, ()))),
                is_begun=tags.get(RETENTION) == BEGUN,
            )
        )
    return tuple(nights)


def _versions_by_night(client: PatientClient, experiment_id: str) -> dict[str, set[Version]]:
    """Return the registered versions of each night, under whatever name and by whatever run."""
    night_of = {
        run.info.run_id: run.data.tags.get("mlflow.parentRunId", "")
        for run in _runs(client, experiment_id, "tags.role = 'retrain'")
    }
    logged = _all(client.search_logged_models, [experiment_id])
    run_of = {f"models:/{model.model_id}": str(model.source_run_id) for model in logged}
    versions: dict[str, set[Version]] = {}
    for one in _all(client.search_model_versions):
        for run_id in {str(one.run_id), run_of.get(str(one.source), "")}:
            night = night_of.get(run_id, run_id)
            versions.setdefault(night, set()).add((str(one.name), int(one.version)))
    return versions


def named_in_mlflow(client: PatientClient, model: str) -> frozenset[Version]:
    """Return the model's versions that have an alias, were a champion once, or have forecast.

    All versions of other models are among them: they are somebody else's to delete.
    """
    named: set[Version] = set()
    for one in _all(client.search_registered_models):
        named |= {(str(one.name), int(number)) for number in one.aliases.values()}
    for one in _all(client.search_model_versions):
        if one.name != model or "champion_at" in one.tags:
            named.add((str(one.name), int(one.version)))
    for run in _everywhere(client, "tags.role = 'forecast'"):
        tags = run.data.tags
        named.add((tags.get("model_name", ""), int(tags.get("model_version", 0))))
    return frozenset(named)


def used_by_nights(
    client: PatientClient, gone: frozenset[str]
) -> tuple[frozenset[tuple[str, str]], frozenset[str]]:
    """Return the data sets and the keys of the studies of all nights but those that are gone.

    A data set is named by the hashes of its search view and of its bars. gone: ids of nights.
    """
    data, studies = set(), set()
    for run in _everywhere(client, "tags.role = 'night'"):
        tags = run.data.tags
        if run.info.run_id in gone or tags.get(RETENTION, "").startswith(GONE):
            continue
        if "search_view_sha256" in tags:
            data.add((tags["search_view_sha256"], tags.get("snapshot_sha256", "")))
        if "study_key" in tags:
            studies.add(tags["study_key"])
    return frozenset(data), frozenset(studies)


def begin_deletion(client: PatientClient, night: Night) -> None:
    """Mark a night, so that its deletion will be finished, and delete its registered versions.

    The caller holds the locks under which versions get aliases, for nobody may name one after it
    was found that nobody had.
    """
    client.set_tag(night.run_id, RETENTION, BEGUN)
    for model, number in night.versions:
        client.delete_model_version(model, str(number))


class NightFiles:
    """What a night has left besides its record: logged models, nested runs, artifacts, bundles.

    bundles: the folder in which nights save their models before they are logged.
    """

    def __init__(self, client: PatientClient, uri: str, night: Night, bundles: Path) -> None:
        self._client, self._uri, self._night = client, uri, night
        self._store = patiently(lambda: _get_store(uri))  # type: ignore[no-untyped-call]
        self._run = client.get_run(night.run_id)
        self._bundles = bundles / night.run_id
        experiment = self._run.info.experiment_id
        of_night = f"tags.`mlflow.parentRunId` = '{night.run_id}'"
        self._children = list(_runs(client, experiment, of_night))
        ids = {run.info.run_id for run in (self._run, *self._children)}
        logged = _all(client.search_logged_models, [experiment])
        self._models = [model for model in logged if model.source_run_id in ids]

    @property
    def runs(self) -> int:
        """Number of nested runs."""
        return len(self._children)

    def size(self) -> int | None:
        """Return the bytes on disk; None if a store of artifacts is elsewhere."""
        places = [model.artifact_location for model in self._models]
        places += [run.info.artifact_uri for run in (self._run, *self._children)]
        folders = [_local(place) for place in places]
        if None in folders:
            return None
        return sum(folder_size(folder) for folder in (*folders, self._bundles) if folder)

    def delete(self) -> None:
        """Delete it all; each step may be done twice, and files go before what names them."""
        for model in self._models:
            _delete_files(model.artifact_location, self._uri)
            self._for_good("logged_model", model.model_id)
        for run in self._children:
            _delete_files(run.info.artifact_uri, self._uri)
            self._for_good("run", run.info.run_id)
        _delete_files(self._run.info.artifact_uri, self._uri)
        remove_folder(self._bundles)
        today = time.strftime("%Y-%m-%d", time.gmtime())
        self._client.set_tag(self._night.run_id, RETENTION, f"{GONE} {today}")

    def _for_good(self, kind: str, key: str) -> None:
        """Delete a record as `mlflow gc` does; on a server it goes to MLflow's trash.

        `mlflow gc` itself would empty the whole trash, with what others have put there.
        """
        delete: Callable[[str], Any] = getattr(
            self._store, f"_hard_delete_{kind}", getattr(self._client, f"delete_{kind}")
        )
        patiently(lambda: delete(key))


def _delete_files(place: str, uri: str) -> None:
    delete: Callable[[], None] = get_artifact_repository(place, tracking_uri=uri).delete_artifacts
    patiently(delete)
    folder = _local(place)
    if folder is not None and folder.parent.is_dir() and not any(folder.parent.iterdir()):
        folder.parent.rmdir()


def _local(place: str) -> Path | None:
    parts = urlsplit(place)
    return Path(url2pathname(parts.path)) if parts.scheme in ("", "file") else None


def _everywhere(client: PatientClient, condition: str) -> Iterator[Any]:
    for experiment in _all(client.search_experiments):
        yield from _runs(client, experiment.experiment_id, condition)


def _runs(client: PatientClient, experiment_id: str, condition: str) -> Iterator[Any]:
    return _all(client.search_runs, [experiment_id], condition, max_results=PAGE)


def _all(search: Callable[..., Any], *arguments: object, **options: object) -> Iterator[Any]:
    """Return the results of all pages."""
    token = None
    while True:
        page = search(*arguments, page_token=token, **options)
        yield from page
        token = page.token
        if not token:
            return
