"""The ledger of forecasts: append-only, and no change goes unseen."""

import datetime as dt
import json
import multiprocessing
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lstm_model.champion.ledger_entry import Forecast, Score, not_yet_made
from lstm_model.errors import LedgerError, StorageError
from tasks.champion.ledger import Ledger

EVENING = dt.datetime(2026, 1, 5, 22)


def forecast(day: int = 6, ticker: str = "X", version: int = 1) -> Forecast:
    return Forecast(
        ticker=ticker,
        session=f"2026-01-{day:02}",
        last_bar=f"2026-01-{day - 1:02}",
        opens_at=f"2026-01-{day:02}T14:30:00.000000",
        model_name="lstm-hpo",
        model_version=version,
        bundle_sha256="b" * 64,
        snapshot_sha256="s" * 64,
        target="log_volatility",
        horizon=1,
        unit="log variance of a session's range",
        forecast=-9.5,
        lower=-10.5,
        upper=-8.5,
        coverage=0.9,
    )


def evening(day: int) -> dt.datetime:
    return EVENING + dt.timedelta(days=day)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "ledger.jsonl")


@pytest.fixture
def week(ledger: Ledger) -> Ledger:
    """Four evenings, each with a forecast, and a score of the first."""
    for night in range(4):
        ledger.append([forecast(6 + night)], evening(night))
    ledger.append([Score(1, -9.1, "2026-01-06", evening(1).isoformat())], evening(4))
    return ledger


def test_what_is_written_is_read(week: Ledger) -> None:
    """Entries are numbered, in order, equal to what was written, and hold."""
    entries = week.entries()
    assert [entry.number for entry in entries] == [1, 2, 3, 4, 5]
    assert entries[0].content == forecast(6)
    assert entries[4].content == Score(1, -9.1, "2026-01-06", evening(1).isoformat())
    assert week.verify() is None


def test_an_empty_ledger_holds(ledger: Ledger) -> None:
    """No forecast yet is no fault."""
    assert ledger.entries() == []
    assert ledger.verify() is None


def test_a_second_forecast_of_a_session_is_refused(ledger: Ledger) -> None:
    """One version forecasts a session once; another version, ticker or session is another."""
    ledger.append([forecast()], EVENING)
    for other in (forecast(version=2), forecast(ticker="Y"), forecast(day=7)):
        ledger.append([other], EVENING)
    with pytest.raises(LedgerError, match="X: version 1 may forecast 2026-01-06 once") as refused:
        ledger.append([forecast(ticker="Z"), forecast()], EVENING)
    assert "\n" not in str(refused.value)
    assert len(ledger.entries()) == 4, "all or none"


def test_a_forecast_after_the_open_is_refused(ledger: Ledger) -> None:
    """What is written when the session has opened is no forecast."""
    with pytest.raises(LedgerError, match="before its session opens"):
        ledger.append([forecast()], dt.datetime(2026, 1, 6, 14, 30))
    assert ledger.entries() == []


def test_a_clock_before_the_last_entry_is_refused(week: Ledger) -> None:
    """Time only goes forward in a ledger."""
    with pytest.raises(LedgerError, match="but the clock says 2026-01-05"):
        week.append([forecast(15)], EVENING)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("forecast", -9.4), ("session", "2026-01-05"), ("lower", None), ("model_version", 2),
        ("opens_at", "2026-01-09T14:30:00.000000"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("place", [1, 3])
def test_a_change_is_seen(week: Ledger, field: str, value: object, place: int) -> None:
    """Any changed value of any entry is named, and nothing more is appended."""
    lines = week.path.read_text().splitlines()
    facts = json.loads(lines[place - 1])
    facts["content"][field] = value
    lines[place - 1] = json.dumps(facts, sort_keys=True)
    week.path.write_text("\n".join(lines) + "\n")
    broken = week.verify()
    assert broken is not None
    assert (broken.number, broken.reason) == (place, "its content was changed")
    with pytest.raises(LedgerError, match=f"entry {place} does not: its content was changed"):
        week.append([forecast(20)], evening(10))


def test_an_entry_written_anew_with_its_own_hash_is_seen(week: Ledger) -> None:
    """An editor who hashes the changed entry again still breaks the entry after it."""
    lines = week.path.read_text().splitlines()
    other = Ledger(week.path.with_name("other.jsonl"))
    other.append([replace(forecast(6), forecast=-9.0)], evening(0))
    lines[0] = other.path.read_text().strip()
    week.path.write_text("\n".join(lines) + "\n")
    broken = week.verify()
    assert broken is not None
    assert broken.number == 2
    assert "which was changed or removed" in broken.reason


@pytest.mark.parametrize("order", [[0, 2, 3, 4], [1, 0, 2, 3, 4], [1, 2, 3, 4], [0, 0, 1, 2, 3, 4]])
def test_removed_moved_and_repeated_entries_are_seen(week: Ledger, order: list[int]) -> None:
    """Entries cannot be removed, moved or repeated; a cut tail needs the head kept elsewhere."""
    lines = week.path.read_text().splitlines()
    week.path.write_text("".join(f"{lines[place]}\n" for place in order))
    assert week.verify() is not None


@pytest.mark.parametrize("cut", [1, 20, 200])
def test_a_torn_last_line_is_repaired(
    week: Ledger, cut: int, capfd: pytest.CaptureFixture[str]
) -> None:
    """A line that was cut while it was written counts as not written; the others stay."""
    content = week.path.read_bytes()
    week.path.write_bytes(content[:-cut])
    kept = 4 if cut > 1 else 5  # only the end of the line is missing
    assert len(week.entries()) == kept
    week.append([forecast(20)], evening(10))
    assert "was cut while it was written" in capfd.readouterr().err
    assert week.verify() is None
    assert [entry.number for entry in week.entries()] == [1, 2, 3, 4, 5]


def test_a_line_that_is_no_entry_is_told(week: Ledger) -> None:
    """Garbage in the middle is named in one line, by verify and by every reader."""
    lines = week.path.read_text().splitlines()
    lines[2] = '{"number": 3}'
    week.path.write_text("\n".join(lines) + "\n")
    broken = week.verify()
    assert broken is not None
    assert (broken.number, broken.reason) == (3, "it is not an entry")
    with pytest.raises(LedgerError, match="entry 3 of the ledger") as refused:
        week.entries()
    assert "\n" not in str(refused.value)


def test_a_ledger_that_cannot_be_written_is_told() -> None:
    """A disk that refuses is a StorageError in one line."""
    with pytest.raises(StorageError, match="cannot write the ledger /proc"):
        Ledger(Path("/proc/none/ledger.jsonl")).append([forecast()], EVENING)


@pytest.mark.process
def test_two_writers_make_one_chain(ledger: Ledger) -> None:
    """Two processes that write at once lose and break nothing."""
    late = replace(forecast(), opens_at="2999-01-01T00:00:00.000000")
    ledger.append([late], EVENING)
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_append_far, args=(ledger.path, name)) for name in ("A", "B")]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0, 0]
    assert len(ledger.entries()) == 21
    assert ledger.verify() is None


def _append_far(path: Path, ticker: str) -> None:
    for number in range(10):
        far = replace(forecast(ticker=f"{ticker}{number}"), opens_at="2999-01-01T00:00:00.000000")
        Ledger(path).append([far])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(place=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_every_flipped_bit_is_seen(week: Ledger, place: int, bit: int) -> None:
    """Whatever bit of the file changes, the ledger does not hold, or reads as the same entries."""
    content = week.path.read_bytes()
    before = week.entries()
    flipped = bytearray(content)
    flipped[place % len(content)] ^= 1 << bit
    try:
        week.path.write_bytes(flipped)
        assert week.verify() is not None or week.entries() == before
    finally:
        week.path.write_bytes(content)


def test_only_tickers_with_a_new_session_are_new(ledger: Ledger) -> None:
    """On a Saturday a panel of a stock and a coin has one new forecast: the coin's."""
    stock, coin = forecast(6, "AAPL"), forecast(6, "BTC-USD")
    ledger.append([stock, coin], evening(0))
    next_coin = forecast(7, "BTC-USD")
    assert not_yet_made(ledger.entries(), [stock, next_coin]) == (next_coin,)
    assert not_yet_made(ledger.entries(), [stock, coin]) == ()
    assert not_yet_made(ledger.entries(), [forecast(6, "AAPL", version=2)]) != ()
