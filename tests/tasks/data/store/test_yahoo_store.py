"""The store and the source yahoo together, over HTTP on the loopback."""

import datetime as dt
from pathlib import Path

import pandas as pd
import pytest

from lstm_model.config.data import DataConfig
from lstm_model.errors import SourceUnreachable, TickerUnknown
from tasks.data.download import take_snapshot
from tasks.data.snapshots import Snapshot, read_bars
from tests.stored import raw_bars
from tests.yahoo_server import PRICES, RESET, SERVER_ERROR, Listing, YahooServer, days_of

TICKERS = tuple(f"T{number:02d}" for number in range(20))
LAST = days_of(raw_bars())[-1]
NEXT = LAST + dt.timedelta(days=1)


@pytest.fixture
def data(yahoo: YahooServer, tmp_path: Path) -> DataConfig:
    for seed, ticker in enumerate(TICKERS):
        yahoo.listings[ticker] = Listing(raw_bars(seed=seed))
    return DataConfig(tickers=TICKERS, raw_dir=tmp_path / "raw", requests_per_minute=None)


def newer(ticker: str, share: float = 1.0) -> pd.DataFrame:
    bars = raw_bars(seed=TICKERS.index(ticker)).tail(1).assign(date=pd.Timestamp(NEXT))
    return bars.assign(**{name: bars[name] * share for name in PRICES})


def files_of(store: Path) -> dict[str, tuple[int, int]]:
    """Return number and last change of each file; a file written again has another number."""
    found = {}
    for path in filter(Path.is_file, store.rglob("*")):
        if "yahoo-cache" not in path.parts:  # cookies of the client
            facts = path.stat()
            found[path.relative_to(store).as_posix()] = (facts.st_ino, facts.st_mtime_ns)
    return found


def closes(snapshot: Snapshot, ticker: str) -> list[float]:
    return read_bars(snapshot).of(ticker)["close"].tolist()


def test_a_night_without_news_is_one_request_a_ticker(yahoo: YahooServer, data: DataConfig) -> None:
    """The first night asks for everything, the next for the overlap; no ticker's file is touched.

    Of all files only the record of the snapshot is new: it has tonight's time.
    """
    first = take_snapshot(data)
    before = files_of(data.raw_dir)
    assert len(before) > 2 * len(TICKERS)
    assert [asked.ticker for asked in yahoo.asked] == list(TICKERS)
    assert {asked.period1 for asked in yahoo.asked} == {-2208988800}
    yahoo.asked.clear()
    assert take_snapshot(data).sha256 == first.sha256
    assert [asked.ticker for asked in yahoo.asked] == list(TICKERS)
    assert all(asked.period1 > 1_570_000_000 for asked in yahoo.asked)
    after = files_of(data.raw_dir)
    assert set(after) == set(before)
    record = f"snapshots/{first.sha256[:16]}.json"
    assert {name for name in after if after[name] != before[name]} == {record}
    assert yahoo.left == []


def test_a_reset_in_the_middle_of_twenty_tickers_changes_nothing(
    yahoo: YahooServer, data: DataConfig, pauses: list[float], tmp_path: Path
) -> None:
    """A night with two failed requests stores what an undisturbed one does."""
    undisturbed = take_snapshot(data)
    yahoo.asked.clear()
    yahoo.next_answers = [*[None] * 9, RESET, SERVER_ERROR]
    disturbed = take_snapshot(data.model_copy(update={"raw_dir": tmp_path / "other"}))
    assert disturbed.sha256 == undisturbed.sha256
    assert len(yahoo.asked) == 22
    assert len(pauses) == 2


def test_a_source_that_stays_away_ends_the_night_and_leaves_the_store(
    yahoo: YahooServer, data: DataConfig, pauses: list[float]
) -> None:
    """It is told after four tries, with the last snapshot; what was stored stays usable."""
    stored = take_snapshot(data)
    yahoo.asked.clear()
    yahoo.answer = lambda ticker: RESET if ticker == "T05" else None
    with pytest.raises(SourceUnreachable, match=rf"4 tries.*snapshot.*{stored.sha256[:8]}") as told:
        take_snapshot(data)
    assert "\n" not in str(told.value)
    assert [asked.ticker for asked in yahoo.asked] == [*TICKERS[:5], *["T05"] * 4]
    yahoo.asked.clear()
    yahoo.answer = lambda _: None
    assert take_snapshot(data).sha256 == stored.sha256


def test_a_night_that_ended_at_the_twelfth_ticker_asks_for_the_other_nine(
    yahoo: YahooServer, data: DataConfig, pauses: list[float], tmp_path: Path
) -> None:
    """Bars of the eleven before it are here already; the snapshot is an undisturbed night's."""
    undisturbed = take_snapshot(data.model_copy(update={"raw_dir": tmp_path / "other"}))
    yahoo.answer = lambda ticker: RESET if ticker == "T11" else None
    with pytest.raises(SourceUnreachable, match=r"'T11'.*4 tries"):
        take_snapshot(data)
    yahoo.asked.clear()
    yahoo.answer = lambda _: None
    assert take_snapshot(data).sha256 == undisturbed.sha256
    assert [asked.ticker for asked in yahoo.asked] == list(TICKERS[11:])
    yahoo.asked.clear()
    assert take_snapshot(data).sha256 == undisturbed.sha256
    assert [asked.ticker for asked in yahoo.asked] == list(TICKERS)


def test_an_unknown_ticker_is_told_and_asked_for_once(
    yahoo: YahooServer, data: DataConfig, pauses: list[float]
) -> None:
    """A denial is final for the ticker, and the others are still asked for."""
    del yahoo.listings["T03"]
    with pytest.raises(TickerUnknown, match=r"1 of 20 tickers cannot be used.*T03"):
        take_snapshot(data)
    assert [asked.ticker for asked in yahoo.asked] == list(TICKERS)
    assert pauses == []


def test_a_split_at_yahoo_is_one_rescaling(yahoo: YahooServer, data: DataConfig) -> None:
    """After a 4:1 split all history is asked for once; bars are those of a first night today."""
    one = data.model_copy(update={"tickers": ("T00",)})
    take_snapshot(one)
    yahoo.listings["T00"].split(NEXT, 4)
    yahoo.listings["T00"].append(newer("T00", 0.25))
    yahoo.asked.clear()
    split = take_snapshot(one)
    assert len(yahoo.asked) == 2
    assert closes(split, "T00") == yahoo.listings["T00"].bars["close"].tolist()
    assert "dividend_rewrite" in {finding.rule for finding in read_bars(split).findings}


def test_a_corrected_close_is_a_restatement(yahoo: YahooServer, data: DataConfig) -> None:
    """The new value counts from tonight on, and is told."""
    one = data.model_copy(update={"tickers": ("T00",)})
    before = take_snapshot(one)
    close = closes(before, "T00")[-3]
    day = days_of(raw_bars())[-3]
    yahoo.listings["T00"].restate(day, close=round(close * 1.004, 2))
    after = take_snapshot(one)
    assert closes(after, "T00")[-3] == round(close * 1.004, 2)
    assert closes(before, "T00")[-3] == close
    assert "restatement" in {finding.rule for finding in read_bars(after).findings}


def test_a_dividend_is_one_event(yahoo: YahooServer, data: DataConfig) -> None:
    """Adjusted closes before it are rescaled once; no close changes, and it is paid once."""
    one = data.model_copy(update={"tickers": ("T00",)})
    before = take_snapshot(one)
    yahoo.listings["T00"].append(newer("T00"))
    yahoo.listings["T00"].pay(NEXT, 0.5)
    after = take_snapshot(one)
    assert [finding.rule for finding in read_bars(after).findings] == ["dividend_rewrite"]
    assert closes(after, "T00")[:-1] == closes(before, "T00")
    paid = read_bars(after).of("T00")["dividends"]
    assert paid.tolist() == [0.0] * (len(paid) - 1) + [0.5]
    assert take_snapshot(one).sha256 == after.sha256


def test_a_short_answer_loses_no_bar(yahoo: YahooServer, data: DataConfig) -> None:
    """Bars that Yahoo no longer has stay, and are told."""
    one = data.model_copy(update={"tickers": ("T00",)})
    before = take_snapshot(one)
    listing = yahoo.listings["T00"]
    listing.bars = listing.bars.drop(index=[30, 31, 32]).reset_index(drop=True)
    after = take_snapshot(one)
    assert closes(after, "T00") == closes(before, "T00")
    (told,) = [f for f in read_bars(after).findings if f.rule == "short_answer"]
    assert told.date == f"{days_of(raw_bars())[30]}"
    assert str(told.value).startswith("3 stored bars")
