"""Requests spaced out: at most so many a minute, counted over all tickers of a process."""

import random
import time
from collections.abc import Callable
from functools import lru_cache
from threading import Lock

SPREAD = 0.2
"""Largest share by which a gap is longer than it must be: a beat is what a bot is known by."""


class RequestRate:
    """Lets each request begin when its turn comes; the first never waits.

    Gaps are 1 to 1.2 times 60 / per_minute seconds, at random, so no minute has more requests.
    """

    def __init__(
        self,
        per_minute: float,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self.gap_seconds = 60.0 / per_minute
        self._sleep, self._clock, self._draw = sleep, clock, draw
        self._next: float | None = None
        self._lock = Lock()

    def wait(self) -> None:
        """Wait for the next turn, and take it; threads take turns in the order of their calls."""
        with self._lock:
            now = self._clock()
            turn = now if self._next is None else max(now, self._next)
            self._next = turn + self.gap_seconds * (1.0 + SPREAD * self._draw())
        if turn > now:
            self._sleep(turn - now)


@lru_cache(maxsize=16)
def rate_of(source: str, per_minute: float) -> RequestRate:  # noqa: ARG001 - part of the key
    """Return the process's own rate of a source: however often it is opened, it is one."""
    return RequestRate(per_minute)
