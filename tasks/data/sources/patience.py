"""Patience with a source that does not answer: a few tries, each after a longer pause."""

import datetime as dt
import random
import time
from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd
from tenacity import RetryCallState, Retrying, retry_if_exception_type

from lstm_model.errors import SourceUnreachable
from tasks.data.sources.bar_source import BarSource


@dataclass(frozen=True, slots=True)
class Patience:
    """How often, and after which pauses, a source is asked again.

    tries: requests in all. first_pause_seconds: before the second; each later pause is twice as
    long, up to `longest_pause_seconds`. jitter: largest share by which a pause is longer, at
    random, so that many nights that failed together do not return together.
    longest_retry_after_seconds: a source that asks for more is not waited for.
    """

    tries: int = 4
    first_pause_seconds: float = 2.0
    longest_pause_seconds: float = 30.0
    jitter: float = 0.5
    longest_retry_after_seconds: float = 120.0
    sleep: Callable[[float], None] = time.sleep
    draw: Callable[[], float] = random.random

    def pause_after(self, failures: int, error: BaseException | None) -> float:
        """Return the seconds to wait after so many failures: never less than the source asks."""
        doubled = self.first_pause_seconds * 2.0 ** (failures - 1)
        pause = min(doubled, self.longest_pause_seconds) * (1.0 + self.jitter * self.draw())
        return max(pause, _asked_for(error))

    def is_over(self, failures: int, error: BaseException | None) -> bool:
        """Return whether the last failure ends it."""
        return failures >= self.tries or _asked_for(error) > self.longest_retry_after_seconds


PATIENCE = Patience()
"""4 tries in about 14 to 21 s, and the time that the tries themselves take."""


def fetch_patiently(
    source: BarSource,
    ticker: str,
    start: dt.date | None,
    end: dt.date | None,
    patience: Patience | None = None,
) -> pd.DataFrame:
    """Fetch a ticker's raw bars; ask again while the source does not answer.

    Raises SourceUnreachable in one line after the last try, and at once what a retry cannot help:
    TickerUnknown, BarsError.
    """
    patience = patience or PATIENCE
    began = time.monotonic()

    def failure_of(state: RetryCallState) -> BaseException | None:
        return state.outcome.exception() if state.outcome is not None else None

    def give_up(state: RetryCallState) -> pd.DataFrame:
        error = failure_of(state)
        wanted = _asked_for(error)
        tries = f"{state.attempt_number} {'try' if state.attempt_number == 1 else 'tries'}"
        told = f"{tries} in {time.monotonic() - began:.0f} s"
        if wanted > patience.longest_retry_after_seconds:
            told += f", and it asks to be left alone for {wanted:.0f} s"
        raise SourceUnreachable(f"{error} ({told})", wanted or None) from error

    retrying = Retrying(
        retry=retry_if_exception_type(SourceUnreachable),
        stop=lambda state: patience.is_over(state.attempt_number, failure_of(state)),
        wait=lambda state: patience.pause_after(state.attempt_number, failure_of(state)),
        sleep=patience.sleep,
        retry_error_callback=give_up,
    )
    return retrying(source.fetch, ticker, start, end)


def _asked_for(error: BaseException | None) -> float:
    return getattr(error, "retry_after_seconds", None) or 0.0
