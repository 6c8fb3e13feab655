"""MLflow's client as a night uses it: quiet, and patient with a locked database."""

import logging
import time
from collections.abc import Callable
from functools import wraps
from typing import Any

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

PATIENCE_SECONDS = 120.0
"""How long another writer's lock is waited for. MLflow itself gives up after 20 s a call."""

_LOCKED = "TEMPORARILY_UNAVAILABLE"


class PatientClient:
    """An MlflowClient whose calls are made again while the database is locked.

    A call that found it locked was rolled back whole, so making it again doubles nothing.
    """

    def __init__(self, uri: str) -> None:
        self._client = MlflowClient(tracking_uri=uri, registry_uri=uri)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method: Callable[..., Any] = getattr(self._client, name)

        @wraps(method)
        def call(*arguments: object, **options: object) -> Any:
            deadline = time.monotonic() + PATIENCE_SECONDS
            while True:
                try:
                    return method(*arguments, **options)
                except MlflowException as error:
                    if error.error_code != _LOCKED or time.monotonic() > deadline:
                        raise

        return call


def quiet_mlflow() -> None:
    """Keep migrations and notices of MLflow off the user's terminal; what fails is raised too."""
    for name in ("alembic", "mlflow"):
        logging.getLogger(name).setLevel(logging.ERROR)
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)
