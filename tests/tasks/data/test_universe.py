"""Bars of many tickers: all bad ones told at once, or left out by rule."""

from pathlib import Path

import pytest

from lstm_model.config.data import DataConfig
from lstm_model.errors import BarsError, SourceUnreachable, TickerUnknown
from tasks.data.snapshots import find_snapshot, open_bars, store_snapshot
from tasks.data.sources import open_source
from tasks.data.store.folder import Store
from tasks.data.store.refresh import TickerBars, refresh_ticker
from tasks.data.universe import Universe, covers, fetch_universe

ROWS = "".join(f"2024-03-0{day},5,5.6,5,5.{day},5\n" for day in (4, 5, 6))
HEADER = "date,open,high,low,close,volume\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for ticker in ("X", "Y"):
        (tmp_path / f"{ticker}.csv").write_text(HEADER + ROWS)
    (tmp_path / "BAD.csv").write_text("<html>")
    return tmp_path


def config(folder: Path, *tickers: str, coverage: float = 1.0) -> DataConfig:
    return DataConfig(
        tickers=tickers, source="csv", csv_dir=folder, raw_dir=folder, min_coverage=coverage
    )


def universe_of(data: DataConfig) -> Universe:
    source = open_source(data)
    return fetch_universe(
        data, lambda ticker: refresh_ticker(Store(data.raw_dir), data, source, ticker)
    )


def test_all_bad_tickers_are_told_at_once(folder: Path) -> None:
    """One line names every ticker that cannot be used, why, and the rule that leaves them out."""
    data = config(folder, "X", "GONE", "BAD", "Y")
    with pytest.raises(TickerUnknown) as refused:
        universe_of(data)
    message = str(refused.value)
    assert message.startswith("2 of 4 tickers cannot be used but data.min_coverage is 1: GONE: ")
    assert "; BAD: " in message
    assert "a web page" in message
    assert message.endswith("or set data.min_coverage to 0.5 to go on without them")
    assert "\n" not in message


@pytest.mark.parametrize(("coverage", "goes_on"), [(0.67, False), (0.66, True), (0.01, True)])
def test_coverage_is_exact(coverage: float, goes_on: bool, folder: Path) -> None:
    """Two usable tickers of three are 0.66 of them, and not 0.67."""
    data = config(folder, "X", "GONE", "Y", coverage=coverage)
    if goes_on:
        assert len(universe_of(data).parts) == 2
    else:
        with pytest.raises(TickerUnknown, match="GONE"):
            universe_of(data)


def test_a_night_goes_on_without_the_few(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The ticker left out is named in a note, and stored as a finding of the snapshot."""
    data = config(folder, "X", "GONE", "Y", coverage=0.5)
    universe = universe_of(data)
    note = capfd.readouterr().err
    assert note.startswith("note: 1 of 3 tickers left out: GONE: source csv needs")
    snapshot = store_snapshot(data, universe.parts, universe.left_out)
    assert snapshot.tickers == ("X", "Y")
    (left_out,) = open_bars(snapshot).findings
    assert (left_out.ticker, left_out.rule, left_out.action) == ("GONE", "left_out", "noted")
    assert "GONE.csv is missing" in left_out.value
    assert find_snapshot(data, snapshot.sha256[:8]) == snapshot


def test_one_ticker_alone_has_its_own_message(folder: Path) -> None:
    """Where one ticker is all there is, its error is not wrapped."""
    for coverage in (1.0, 0.1):
        with pytest.raises(BarsError, match=r"^BAD: "):
            universe_of(config(folder, "BAD", coverage=coverage))


def test_none_usable_is_refused_at_any_coverage(folder: Path) -> None:
    """At least one ticker must be usable, and no coverage is offered that is none."""
    with pytest.raises(TickerUnknown, match="3 of 3 tickers") as refused:
        universe_of(config(folder, "A", "B", "C", coverage=0.01))
    assert str(refused.value).endswith("; remove them from data.tickers")


def test_many_bad_tickers_are_all_named(folder: Path) -> None:
    """Of many bad tickers ten have their reason, and all have their name."""
    tickers = [f"T{number}" for number in range(30)]
    with pytest.raises(TickerUnknown) as refused:
        universe_of(config(folder, "X", *tickers))
    message = str(refused.value)
    assert message.count("is missing") == 10
    assert all(f"{ticker}" in message for ticker in tickers)
    assert len(message) < 4000


@pytest.mark.parametrize(("coverage", "asked"), [(1.0, 1), (0.5, 3), (0.01, 4)])
def test_a_silent_source_is_not_waited_for(coverage: float, asked: int, folder: Path) -> None:
    """A source that does not answer ends it as soon as too few tickers are left."""
    calls = []

    def silent(ticker: str) -> TickerBars:
        calls.append(ticker)
        raise SourceUnreachable(f"no answer for {ticker}")

    with pytest.raises(SourceUnreachable, match=f"no answer for {'ABCD'[asked - 1]}"):
        fetch_universe(config(folder, *"ABCD", coverage=coverage), silent)
    assert len(calls) == asked


@pytest.mark.parametrize(
    ("tickers", "enough"), [("XY", True), ("X", True), ("", False), ("XYZ", False), ("Z", False)]
)
def test_stored_bars_must_cover_the_configuration(tickers: str, enough: bool, folder: Path) -> None:
    """A snapshot fits a configuration if it lacks no more than the few, and has no others."""
    assert covers(config(folder, "X", "Y", coverage=0.5), list(tickers)) is enough
