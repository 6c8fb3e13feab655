"""Checks of everything that a scheduled night needs."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.exceptions import ObjectNotFound
from prefect.settings import get_current_settings

DEPLOYMENT = "lstm-hpo/daily"
WORK_POOL = "lstm-hpo"


@dataclass(frozen=True, slots=True)
class Check:
    """One check: its name, whether it passed, what was found, and a remedy."""

    name: str
    passed: bool
    found: str
    remedy: str = ""


def examine() -> Iterator[Check]:
    """Check the folders, then the Prefect server and its deployments."""
    for folder in ("data", "mlruns"):
        writable = os.access(folder, os.W_OK)
        found = str(Path(folder).resolve())
        yield Check(folder, writable, found, f"run in the project folder; make {folder} writable")
    url = get_current_settings().api.url
    if url is None:
        yield Check(
            "Prefect server",
            passed=False,
            found="PREFECT_API_URL is not set, so `prefect deployment run` finds no deployment",
            remedy="in another terminal: prefect server start; here: "
            "export PREFECT_API_URL=http://127.0.0.1:4200/api",
        )
        return
    try:
        with get_client(sync_client=True) as client:
            client.hello().raise_for_status()
            yield Check("Prefect server", passed=True, found=url)
            yield _work_pool(client)
            yield _deployment(client)
    except httpx.HTTPError as error:
        yield Check(
            "Prefect server", False, f"{url} does not answer: {error}", "prefect server start"
        )


def _work_pool(client: SyncPrefectClient) -> Check:
    try:
        pool = client.read_work_pool(WORK_POOL)
    except ObjectNotFound:
        remedy = f"prefect work-pool create --type process {WORK_POOL}"
        return Check("work pool", False, f"{WORK_POOL} does not exist", remedy)
    status = str(getattr(pool.status, "value", pool.status))
    remedy = f"prefect worker start --pool {WORK_POOL}"
    return Check("worker", status == "READY", f"work pool {WORK_POOL} is {status}", remedy)


def _deployment(client: SyncPrefectClient) -> Check:
    try:
        deployment = client.read_deployment_by_name(DEPLOYMENT)
    except ObjectNotFound:
        remedy = "prefect --no-prompt deploy --all"
        return Check("deployment", False, f"{DEPLOYMENT} does not exist", remedy)
    schedules = [str(schedule.schedule) for schedule in deployment.schedules if schedule.active]
    return Check(
        "deployment",
        bool(schedules) and not deployment.paused,
        f"{DEPLOYMENT}, {len(schedules)} active schedule(s)",
        f"prefect deployment schedule resume {DEPLOYMENT}",
    )
