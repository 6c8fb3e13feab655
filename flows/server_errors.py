"""Errors of Prefect, turned into an error that says what to check."""

from collections.abc import Iterator
from contextlib import contextmanager

import httpx
from prefect.exceptions import PrefectException

from lstm_model.errors import ServerError


@contextmanager
def server_errors_explained() -> Iterator[None]:
    """Raise ServerError if Prefect, or the HTTP client of its server, fails."""
    try:
        yield
    except (PrefectException, httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
        raise ServerError(
            f"Prefect's server failed ({type(error).__name__}: {error}); "
            f"check the disk of PREFECT_HOME and PREFECT_API_URL, or see --debug"
        ) from error
