"""How old the newest bar may be."""

import datetime as dt
from pathlib import Path

import pytest

from lstm_model.config.data import DataConfig
from lstm_model.errors import BarsError
from tasks.data.download import take_snapshot
from tasks.data.staleness import sessions_behind
from tests.stored import raw_bars


@pytest.mark.parametrize(
    ("ticker", "last_bar", "now", "behind"),
    [
        ("AAPL", "2024-11-27", "2024-11-29T17:59Z", 0),
        ("AAPL", "2024-11-27", "2024-11-29T18:01Z", 1),
        ("AAPL", "2024-11-29", "2024-12-02T12:00Z", 0),
        ("AAPL", "2024-11-22", "2024-12-02T12:00Z", 4),
        ("BTC-USD", "2024-11-29", "2024-12-02T12:00Z", 2),
        ("7203.T", "2024-12-02", "2024-12-03T05:00Z", 0),
        ("7203.T", "2024-12-02", "2024-12-03T06:31Z", 1),
        ("AAPL", "2030-01-01", "2024-12-02T12:00Z", 0),
    ],
    ids=[
        "half day runs", "half day closed", "weekend", "Thanksgiving week", "crypto", "Tokyo runs",
        "Tokyo closed", "bar of the future",
    ],
)  # fmt: skip
def test_sessions_behind(ticker: str, last_bar: str, now: str, behind: int) -> None:
    """Closed sessions without a bar are counted by the ticker's own calendar, to the minute."""
    last, moment = dt.date.fromisoformat(last_bar), dt.datetime.fromisoformat(now)
    assert len(sessions_behind(ticker, last, None, moment)) == behind


def test_stale_bars_are_refused(tmp_path: Path) -> None:
    """Bars that end years ago are refused by the rule, and not without it or with a fixed end."""
    raw_bars().to_csv(tmp_path / "X.csv", index=False)
    data = DataConfig(
        tickers=("X",), source="csv", csv_dir=tmp_path, raw_dir=tmp_path / "raw",
        max_stale_sessions=3,
    )  # fmt: skip
    with pytest.raises(BarsError, match=r"^X 2020-02-25: stale_bars: at most 3 .* 2020-02-26"):
        take_snapshot(data)
    for settled in ({"max_stale_sessions": None}, {"end": dt.date(2020, 2, 25)}):
        assert take_snapshot(data.model_copy(update=settled)).last == "2020-02-25"
