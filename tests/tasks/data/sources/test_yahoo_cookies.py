"""yfinance's cookies: a process that has none, and files of them that cannot be used."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from lstm_model.errors import SourceUnreachable, StorageError, TickerUnknown
from tasks.data.sources.yahoo import YahooSource
from tests.stored import raw_bars
from tests.yahoo_server import (
    RESET,
    UNAUTHORIZED,
    UNKNOWN,
    UNRESOLVABLE,
    Listing,
    YahooServer,
    closed_port,
)


@pytest.fixture
def fresh(yahoo: YahooServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[YahooServer]:
    """Yahoo, for a client as in a new process: without a cookie, and with no file of them open."""
    from yfinance import cache, data  # it takes seconds

    shared, before = data.YfData(), cache.Cookie_db_proxy.obj
    monkeypatch.setattr(shared, "_crumb", None)
    monkeypatch.setattr(shared, "_cookie", None)
    monkeypatch.setattr(cache._CookieCacheManager, "_Cookie_cache", None)
    monkeypatch.setattr(cache._CookieDBManager, "_db", None)
    yahoo.listings["X"] = Listing(raw_bars())
    yield yahoo
    cache._CookieDBManager.close_db()
    cache.Cookie_db_proxy.initialize(before)


PROXIES: dict[str, Callable[[YahooServer], str]] = {
    "refused": lambda yahoo: yahoo.url,
    "no connection": lambda _: f"http://127.0.0.1:{closed_port()}",
    "no such host": lambda _: UNRESOLVABLE,
}


@pytest.mark.parametrize("proxy", PROXIES)
def test_bars_come_without_cookies(
    fresh: YahooServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, proxy: str
) -> None:
    """A first night whose requests for cookies fail gets bars, denials and failures as any other.

    Charts need no cookies, and what befalls a cookie says nothing about a ticker.
    """
    for name in ("https_proxy", "HTTPS_PROXY"):
        monkeypatch.setenv(name, PROXIES[proxy](fresh))
    source = YahooSource(tmp_path / "cache", timeout_seconds=10)
    assert len(source.fetch("X", None, None)) == 40
    fresh.next_answers = [UNKNOWN, RESET, UNAUTHORIZED, UNAUTHORIZED]
    expected = (TickerUnknown, "HTTP 404"), (SourceUnreachable, "reset"), (SourceUnreachable, "401")
    for error, words in expected:
        with pytest.raises(error, match=words):
            source.fetch("X", None, None)


def write_half(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE other (text)")
        database.executemany("INSERT INTO other VALUES (?)", [("x" * 500,)] * 200)
        database.commit()
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])


DAMAGED: dict[str, Callable[[Path], object]] = {
    "no database": lambda path: path.write_bytes(b"no database" * 1000),
    "half a database": write_half,
}


@pytest.mark.parametrize("damage", DAMAGED)
def test_damaged_cookies_are_dropped(
    fresh: YahooServer, tmp_path: Path, capsys: pytest.CaptureFixture[str], damage: str
) -> None:
    """The file is removed and named, and the night goes on; later nights hear nothing of it."""
    path = tmp_path / "cookies.db"
    DAMAGED[damage](path)
    assert len(YahooSource(tmp_path, timeout_seconds=10).fetch("X", None, None)) == 40
    assert f"note: {path} is damaged and removed" in capsys.readouterr().err
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA quick_check").fetchone() == ("ok",)
    assert len(YahooSource(tmp_path, timeout_seconds=10).fetch("X", None, None)) == 40
    assert "damaged" not in capsys.readouterr().err


def test_whole_cookies_stay(fresh: YahooServer, tmp_path: Path) -> None:
    """A file that can be read is not touched."""
    path = tmp_path / "tkr-tz.db"
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE other (text)")
        database.commit()
    before = path.read_bytes()
    YahooSource(tmp_path, timeout_seconds=10).fetch("X", None, None)
    assert path.read_bytes() == before


def test_a_cache_that_cannot_be_used_is_told(yahoo: YahooServer, tmp_path: Path) -> None:
    """A folder where a file is, or a file where a folder is, is our failure and not the source's.

    It is told in one line, and no request is made.
    """
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match=r"^data.raw_dir must be writable but .*inner cannot"):
        YahooSource(tmp_path / "file" / "inner").fetch("X", None, None)
    (tmp_path / "cache" / "cookies.db").mkdir(parents=True)
    with pytest.raises(StorageError, match=r"cookies.db must be a file .*; remove it$") as told:
        YahooSource(tmp_path / "cache").fetch("X", None, None)
    assert "\n" not in str(told.value)
    assert yahoo.asked == []
