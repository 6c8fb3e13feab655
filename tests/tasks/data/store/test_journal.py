"""A download that was interrupted goes on where it stopped."""

import datetime as dt
import json
from pathlib import Path

import pytest

from lstm_model.config.data import DataConfig
from lstm_model.errors import SourceUnreachable
from tasks.data.store.folder import Store
from tasks.data.store.journal import RESUMES_FOR, DownloadJournal
from tasks.data.store.refresh import TickerBars
from tests.stored import raw_bars, take

TICKERS = tuple("ABCDE")


@pytest.fixture
def data(tmp_path: Path) -> DataConfig:
    return DataConfig(tickers=TICKERS, raw_dir=tmp_path)


def download(data: DataConfig, *, fails_at: str = "", resumes: bool = True) -> list[str]:
    """Fetch every ticker, or fail at one; return those that were asked for."""
    journal = DownloadJournal(Store(data.raw_dir), data, resumes=resumes)
    asked: list[str] = []

    def fetch(ticker: str) -> TickerBars:
        asked.append(ticker)
        if ticker == fails_at:
            raise SourceUnreachable("reset")
        return take(data, {ticker: raw_bars()})[0]

    try:
        for ticker in TICKERS:
            journal.once(ticker, lambda ticker=ticker: fetch(ticker))  # type: ignore[misc]
        journal.finish()
    except SourceUnreachable:
        pass
    return asked


def test_it_goes_on_where_it_stopped(data: DataConfig, capfd: pytest.CaptureFixture[str]) -> None:
    """Tickers that were fetched before the failure are not asked for again; the failed one is."""
    assert download(data, fails_at="C") == ["A", "B", "C"]
    assert download(data) == ["C", "D", "E"]
    assert "2 tickers are here from a download that did not end" in capfd.readouterr().err


def test_a_finished_download_leaves_nothing(data: DataConfig) -> None:
    """Once all are here, the next night asks for all again."""
    assert download(data) == list(TICKERS)
    assert download(data) == list(TICKERS)
    assert not list(data.raw_dir.glob(".download-*"))


def test_another_configuration_has_another_journal(data: DataConfig) -> None:
    """What was fetched for other dates counts for nothing."""
    download(data, fails_at="C")
    other = data.model_copy(update={"start": dt.date(2020, 1, 2)})
    assert download(other) == list(TICKERS)


def test_an_old_download_is_another_night(data: DataConfig) -> None:
    """Bars that were fetched hours ago are fetched again."""
    download(data, fails_at="C")
    (path,) = data.raw_dir.glob(".download-*")
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    old = (dt.datetime.now(dt.UTC) - RESUMES_FOR).isoformat()
    path.write_text("".join(json.dumps(line | {"at": old}) + "\n" for line in lines))
    assert download(data) == list(TICKERS)


def test_a_line_that_was_cut_counts_for_nothing(data: DataConfig) -> None:
    """A process killed while it wrote leaves half a line; its ticker is asked for again."""
    download(data, fails_at="C")
    (path,) = data.raw_dir.glob(".download-*")
    path.write_text(path.read_text()[:-40])
    assert download(data) == ["B", "C", "D", "E"]


def test_files_of_the_user_are_always_read(data: DataConfig) -> None:
    """A source that is read whole is read again, because its files may have been corrected."""
    download(data, fails_at="C", resumes=False)
    assert download(data, resumes=False) == list(TICKERS)
