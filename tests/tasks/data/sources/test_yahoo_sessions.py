"""Which day a bar of Yahoo's is, and whether its session has ended: by the exchange's clock."""

import datetime as dt
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tasks.data.sources.running_session import drop_unfinished_session
from tasks.data.sources.yahoo import YahooSource
from tests.yahoo_server import Listing, YahooServer, days_of


def bars_on(days: pd.DatetimeIndex) -> pd.DataFrame:
    close = 100.0 + np.arange(len(days))
    prices = {"open": close, "high": close + 1, "low": close - 1, "close": close}
    return pd.DataFrame({"date": days, **prices, "volume": 1000})


@pytest.fixture
def host_zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    yield monkeypatch
    monkeypatch.undo()
    time.tzset()


HOSTS = ["UTC", "Asia/Tokyo", "America/New_York", "Pacific/Kiritimati"]

EXCHANGES = {
    "New York, spring": ("America/New_York", "09:30", "2024-03-04", "2024-03-15", "B"),
    "New York, autumn": ("America/New_York", "09:30", "2024-10-28", "2024-11-08", "B"),
    "Tel Aviv, Sundays": ("Asia/Jerusalem", "09:59", "2024-10-20", "2024-10-31", "D"),
    "London's midnights, spring": ("Europe/London", "00:00", "2024-03-25", "2024-04-05", "B"),
    "London's midnights, autumn": ("Europe/London", "00:00", "2024-10-21", "2024-11-01", "B"),
    "Santiago, no midnight": ("America/Santiago", "09:30", "2024-09-02", "2024-09-13", "D"),
    "Santiago, two of them": ("America/Santiago", "09:30", "2024-04-01", "2024-04-12", "D"),
    "Tokyo": ("Asia/Tokyo", "09:00", "2024-03-04", "2024-03-15", "B"),
    "crypto": ("UTC", "00:00", "2024-03-04", "2024-03-15", "D"),
}  # fmt: skip


@pytest.mark.parametrize("exchange", EXCHANGES)
def test_days_are_the_exchanges_whatever_the_hosts_zone(
    yahoo: YahooServer, tmp_path: Path, host_zone: pytest.MonkeyPatch, exchange: str
) -> None:
    """Frames and requests are equal in all zones, also where clocks change on a bar's day."""
    zone, opens, first, last, frequency = EXCHANGES[exchange]
    days = pd.date_range(first, last, freq=frequency)
    yahoo.listings["X"] = Listing(bars_on(days), zone=zone, opens=opens)
    yahoo.listings["X"].pay(days[6].date(), 0.5)
    now = pd.Timestamp(f"{last} 23:30", tz="UTC") + pd.Timedelta(days=1)
    frames = []
    for host in HOSTS:
        host_zone.setenv("TZ", host)
        time.tzset()
        source = YahooSource(tmp_path / "cache", now=lambda: now)
        frames.append(source.fetch("X", days[1].date(), None))
    assert days_of(frames[0]) == [day.date() for day in days[1:]]
    assert frames[0]["close"].tolist() == [101.0 + row for row in range(len(days) - 1)]
    assert frames[0]["dividends"].tolist() == [0.5 * (row == 5) for row in range(len(days) - 1)]
    for frame in frames[1:]:
        pd.testing.assert_frame_equal(frame, frames[0])
    assert len(set(yahoo.asked)) == 1


RUNNING = {
    "while it runs": ("2024-11-27 16:00", "2024-11-27 12:00", "America/New_York", 2),
    "once it has ended": ("2024-11-27 16:00", "2024-11-27 16:00", "America/New_York", 3),
    "before the next begins": ("2024-11-28 16:00", "2024-11-28 08:00", "America/New_York", 3),
    "half day, while it runs": ("2024-11-27 13:00", "2024-11-27 12:59", "America/New_York", 2),
    "half day, once it has ended": ("2024-11-27 13:00", "2024-11-27 13:01", "America/New_York", 3),
    "half day, given as a whole": ("2024-11-27 16:00", "2024-11-27 14:00", "America/New_York", 2),
    "Tokyo, where it is another day": ("2024-11-27 15:30", "2024-11-27 08:00", "Asia/Tokyo", 2),
    "Auckland, the same": ("2024-11-27 16:45", "2024-11-27 12:30", "Pacific/Auckland", 2),
    "crypto, all day": ("2024-11-27 23:59", "2024-11-27 23:58", "UTC", 2),
}  # fmt: skip


@pytest.mark.parametrize("case", RUNNING)
def test_the_running_session_is_left_out(
    yahoo: YahooServer, tmp_path: Path, host_zone: pytest.MonkeyPatch, case: str
) -> None:
    """The last bar is left out exactly while its own session runs, wherever this machine is."""
    end, now, zone, kept = RUNNING[case]
    days = pd.DatetimeIndex(["2024-11-25", "2024-11-26", "2024-11-27"])
    yahoo.listings["X"] = Listing(
        bars_on(days), zone=zone, session_end=pd.Timestamp(end).tz_localize(zone)
    )
    moment = pd.Timestamp(now).tz_localize(zone).tz_convert("UTC")
    for host in HOSTS:
        host_zone.setenv("TZ", host)
        time.tzset()
        frame = YahooSource(tmp_path / "cache", now=lambda: moment).fetch("X", None, None)
        assert len(frame) == kept


@pytest.mark.parametrize(
    ("change", "before"), [("2024-03-11", "2024-03-08"), ("2024-11-04", "2024-11-01")]
)
def test_a_session_ends_by_the_exchanges_clock_after_a_change(
    yahoo: YahooServer, tmp_path: Path, change: str, before: str
) -> None:
    """After a change of clocks the bar comes at 16:00 there, and not before."""
    end = pd.Timestamp(f"{change} 16:00", tz="America/New_York")
    days = pd.DatetimeIndex([before, change])
    yahoo.listings["X"] = Listing(bars_on(days), session_end=end)
    for seconds, kept in ((-1, 1), (0, 2)):
        now = end.tz_convert("UTC") + pd.Timedelta(seconds=seconds)
        frame = YahooSource(tmp_path / "cache", now=lambda now=now: now).fetch("X", None, None)
        assert len(frame) == kept


def test_yesterday_as_the_end_leaves_out_today(yahoo: YahooServer, tmp_path: Path) -> None:
    """A span that ends before the running session keeps its last bar."""
    days = pd.DatetimeIndex(["2024-11-25", "2024-11-26", "2024-11-27"])
    end = pd.Timestamp("2024-11-27 16:00", tz="America/New_York")
    yahoo.listings["X"] = Listing(bars_on(days), session_end=end)
    now = end.tz_convert("UTC") - pd.Timedelta(hours=1)
    source = YahooSource(tmp_path / "cache", now=lambda: now)
    assert len(source.fetch("X", None, dt.date(2024, 11, 26))) == 2


END = pd.Timestamp("2024-03-06 16:00", tz="America/New_York")


@pytest.mark.parametrize(
    ("session_end", "now", "kept"),
    [
        (END, END - pd.Timedelta("1min"), 2),
        (END, END, 3),
        (int(END.timestamp()), END - pd.Timedelta("1min"), 2),
        (str(END), END - pd.Timedelta("1min"), 2),
        (END + pd.Timedelta("1D"), END, 3),
        (None, END, 3),
    ],
)
def test_an_end_is_any_time_stamp(session_end: object, now: pd.Timestamp, kept: int) -> None:
    """The end may be a time, its text or seconds since 1970; without one all bars stay."""
    dates = pd.to_datetime(["2024-03-04", "2024-03-05", "2024-03-06"])
    frame = pd.DataFrame({"date": dates.tz_localize("America/New_York"), "close": [1.0, 2.0, 3.0]})
    assert len(drop_unfinished_session(frame, session_end, now.tz_convert("UTC"))) == kept


def test_dates_without_a_zone_are_compared_in_utc() -> None:
    """A frame whose dates have no zone is compared with the end as it stands."""
    frame = pd.DataFrame({"date": pd.to_datetime(["2024-03-05", "2024-03-06"])})
    end = pd.Timestamp("2024-03-06 23:59")
    assert (
        len(drop_unfinished_session(frame, end, end.tz_localize("UTC") - pd.Timedelta("1h"))) == 1
    )
    assert drop_unfinished_session(frame.head(0), end, pd.Timestamp.now("UTC")).empty
