"""Requests are spaced, over all tickers of a process, and only those over a network."""

import threading
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstm_model.config.data import DataConfig
from tasks.data.sources import open_source
from tasks.data.sources.network_source import NetworkSource
from tasks.data.sources.request_rate import RequestRate, rate_of


class Clock:
    """Time that passes only by sleeping, and by being told to."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.slept.append(seconds)
        self.now += seconds

    def rate(self, per_minute: float, draw: Callable[[], float] = lambda: 0.0) -> RequestRate:
        """Return a rate by this clock."""
        return RequestRate(per_minute, self.sleep, lambda: self.now, draw)


def test_the_first_request_never_waits() -> None:
    """A single ticker costs no pause; the second waits for a whole gap."""
    clock = Clock()
    rate = clock.rate(60)
    rate.wait()
    assert clock.slept == []
    rate.wait()
    assert clock.slept == [1.0]


def test_time_that_a_request_takes_is_not_waited_again() -> None:
    """A gap is between the beginnings; a slow source is never slowed down, and saves up nothing."""
    clock = Clock()
    rate = clock.rate(60)
    for seconds in (0.25, 5.0, 0.0, 0.0):
        rate.wait()
        clock.now += seconds
    assert clock.slept == [0.75, 1.0]


@given(per_minute=st.floats(0.5, 6000), draws=st.lists(st.floats(0, 1), min_size=1, max_size=60))
def test_no_minute_has_more_requests_than_allowed(per_minute: float, draws: list[float]) -> None:
    """Gaps are 1 to 1.2 times as long as they must be."""
    clock = Clock()
    given_draws = iter(draws + draws)
    rate = clock.rate(per_minute, lambda: next(given_draws))
    begun = []
    for _ in range(len(draws) + 1):
        rate.wait()
        begun.append(clock.now)
    for first, second in pairwise(begun):
        assert 0.999 * 60 / per_minute <= second - first <= 1.201 * 60 / per_minute


def test_gaps_are_irregular() -> None:
    """Real draws differ."""
    clock = Clock()
    rate = RequestRate(60, clock.sleep, lambda: clock.now)
    for _ in range(20):
        rate.wait()
    assert len({round(seconds, 6) for seconds in clock.slept}) > 10


def test_threads_take_turns() -> None:
    """Each of several threads gets a turn of its own."""
    slept: list[float] = []
    rate = RequestRate(60, slept.append, lambda: 0.0, lambda: 0.0)
    threads = [threading.Thread(target=rate.wait) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(slept) == [1.0, 2.0, 3.0, 4.0]


def test_a_source_has_one_rate_a_process() -> None:
    """However often a source is opened, its requests are counted together."""
    data = DataConfig(tickers=("X",), requests_per_minute=11)
    first, second = open_source(data), open_source(data)
    assert isinstance(first, NetworkSource)
    assert isinstance(second, NetworkSource)
    assert first.rate is second.rate is rate_of("yahoo", 11.0)
    assert rate_of("other", 11.0) is not first.rate


@pytest.mark.parametrize("source", ["bundled", "yahoo"])
def test_no_limit_and_no_network_do_not_wait(source: str) -> None:
    """A source without a network is not limited; null lifts the limit of one with a network."""
    opened = open_source(DataConfig(tickers=("X",), source=source, requests_per_minute=None))
    assert opened.network == (source == "yahoo")
    assert getattr(opened, "rate", None) is None
