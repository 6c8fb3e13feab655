"""A source that does not answer is asked again, a few times, and never for nothing."""

import datetime as dt
import pickle
from itertools import cycle
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstm_model.data.bars import Finding
from lstm_model.errors import BarsError, SourceUnreachable, TickerUnknown
from tasks.data.sources.network_source import NetworkSource
from tasks.data.sources.patience import PATIENCE, Patience, fetch_patiently
from tasks.data.sources.request_rate import RequestRate
from tasks.data.sources.yahoo import YahooSource
from tests.stored import raw_bars
from tests.yahoo_server import (
    RESET,
    SERVER_ERROR,
    UNKNOWN,
    Answering,
    Listing,
    YahooServer,
    cut_off,
    half_json,
    too_many,
)


@pytest.fixture
def source(yahoo: YahooServer, tmp_path: Path) -> YahooSource:
    yahoo.listings["X"] = Listing(raw_bars())
    return YahooSource(tmp_path / "cache", timeout_seconds=10)


@pytest.mark.parametrize("answer", [SERVER_ERROR, RESET, half_json, cut_off, too_many()])
def test_what_passes_is_waited_for(
    yahoo: YahooServer, source: YahooSource, pauses: list[float], answer: Answering
) -> None:
    """Three failures in a row are followed by bars, after pauses that double."""
    yahoo.next_answers = [answer] * 3
    assert len(fetch_patiently(source, "X", None, None)) == 40
    assert len(yahoo.asked) == 4
    assert [pause // base for pause, base in zip(pauses, (2, 4, 8), strict=True)] == [1, 1, 1]


def test_the_last_try_ends_it(yahoo: YahooServer, source: YahooSource, pauses: list[float]) -> None:
    """After four requests the last reason is told in one line, with the number of tries."""
    yahoo.answer = lambda _: SERVER_ERROR
    with pytest.raises(SourceUnreachable) as failed:
        fetch_patiently(source, "X", None, None)
    assert str(failed.value) == ("source yahoo did not answer for 'X': HTTP 500 (4 tries in 0 s)")
    assert len(yahoo.asked) == 4
    assert len(pauses) == 3


def test_an_unknown_ticker_is_not_asked_for_again(
    yahoo: YahooServer, source: YahooSource, pauses: list[float]
) -> None:
    """A denial is final; so are bars that are refused."""
    yahoo.answer = lambda _: UNKNOWN
    with pytest.raises(TickerUnknown):
        fetch_patiently(source, "X", None, None)
    assert (len(yahoo.asked), pauses) == (1, [])
    refusing = Scripted([BarsError("torn")])
    with pytest.raises(BarsError, match=r"^torn$"):
        fetch_patiently(refusing, "X", None, None)
    assert (refusing.asked, pauses) == (1, [])


def test_a_source_is_left_alone_as_long_as_it_asks(
    yahoo: YahooServer, source: YahooSource, pauses: list[float]
) -> None:
    """Retry-After is the least pause; a shorter one than ours changes nothing."""
    yahoo.next_answers = [too_many("45"), too_many("1")]
    assert len(fetch_patiently(source, "X", None, None)) == 40
    assert pauses[0] == 45
    assert 4 <= pauses[1] < 8


def test_a_source_that_asks_for_too_long_is_not_waited_for(
    yahoo: YahooServer, source: YahooSource, pauses: list[float]
) -> None:
    """Beyond two minutes the night does not wait, and says what was asked."""
    yahoo.answer = lambda _: too_many("3600")
    with pytest.raises(SourceUnreachable, match=r"\(1 try in .*left alone for 3600 s") as failed:
        fetch_patiently(source, "X", None, None)
    assert failed.value.retry_after_seconds == 3600
    assert (len(yahoo.asked), pauses) == (1, [])


def test_what_is_asked_for_outlives_a_process() -> None:
    """An error that is handed from one process to another keeps its message and its seconds."""
    error = pickle.loads(pickle.dumps(SourceUnreachable("busy", 7.0)))
    assert (str(error), error.retry_after_seconds) == ("busy", 7.0)


def test_a_reset_in_the_middle_of_twenty_tickers_costs_one_request(
    yahoo: YahooServer, source: YahooSource, pauses: list[float]
) -> None:
    """All twenty come, and only the one that was cut off is asked for twice."""
    tickers = [f"T{number:02d}" for number in range(20)]
    for seed, ticker in enumerate(tickers):
        yahoo.listings[ticker] = Listing(raw_bars(seed=seed))
    yahoo.next_answers = [None] * 9 + [RESET]
    for seed, ticker in enumerate(tickers):
        frame = fetch_patiently(source, ticker, None, None)
        assert frame["close"].tolist() == raw_bars(seed=seed)["close"].tolist()
    assert [asked.ticker for asked in yahoo.asked] == [*tickers[:10], *tickers[9:]]
    assert len(pauses) == 1


@given(failures=st.integers(1, 20), draw=st.floats(0, 1), wanted=st.floats(0, 120))
def test_pauses_are_bounded(failures: int, draw: float, wanted: float) -> None:
    """A pause grows up to its limit, is jittered upwards only, and never shorter than asked for."""
    patience = Patience(draw=lambda: draw)
    pause = patience.pause_after(failures, SourceUnreachable("", wanted))
    least = max(min(2.0 * 2.0 ** (failures - 1), 30.0), wanted)
    assert least <= pause <= max(1.5 * min(2.0 * 2.0 ** (failures - 1), 30.0), wanted)


def test_jitter_spreads_pauses() -> None:
    """Nights that failed together do not return together."""
    assert len({PATIENCE.pause_after(1, None) for _ in range(20)}) > 10


class Scripted:
    """A source that fails as it is told, then gives bars."""

    def __init__(self, failures: list[Exception]) -> None:
        self.failures = cycle(failures)
        self.asked = 0
        self.incremental = False
        self.network = True
        self.findings: list[Finding] = []

    def fetch(self, ticker: str, start: dt.date | None, end: dt.date | None) -> pd.DataFrame:
        """Raise the next failure."""
        self.asked += 1
        raise next(self.failures)


@pytest.mark.parametrize(
    "error", [ConnectionResetError("by peer"), TimeoutError("late"), OSError("no route\nto host")]
)
def test_a_plug_ins_own_network_errors_may_pass(error: OSError, pauses: list[float]) -> None:
    """What any HTTP client raises as an OSError is retried, and told in one line."""
    inner = Scripted([error])
    with pytest.raises(SourceUnreachable, match="source mine did not answer for 'X': ") as failed:
        fetch_patiently(NetworkSource(inner, "mine", None), "X", None, None)
    assert inner.asked == 4
    assert "\n" not in str(failed.value)


def test_every_try_waits_for_its_turn(
    yahoo: YahooServer, source: YahooSource, pauses: list[float]
) -> None:
    """A retry is a request as any other: the rate counts it."""
    turns: list[float] = []
    rate = RequestRate(6, turns.append, lambda: 0.0, lambda: 0.0)
    yahoo.next_answers = [SERVER_ERROR]
    assert len(fetch_patiently(NetworkSource(source, "yahoo", rate), "X", None, None)) == 40
    assert turns == [10.0]
