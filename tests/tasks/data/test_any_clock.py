"""The same data on every machine: bars do not depend on the time zone or the day of the call."""

import datetime as dt
import hashlib
import os
import subprocess
import sys
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from lstm_model.data.calendar import sessions_between
from lstm_model.data.cleaning import CleaningRules, clean_bars

ROOT = Path(__file__).resolve().parents[3]
ZONES = ("UTC", "Asia/Tokyo", "America/New_York")

PROGRAM = """
import datetime as dt, hashlib, sys
from pathlib import Path
import pandas as pd
from lstm_model.config.data import DataConfig
from lstm_model.data.cleaning import CleaningRules, clean_bars
from lstm_model.errors import BarsError
from tasks.data.clean import clean_raw
from tasks.data.sources.csv_folder import read_bars_file

def digest(bars):
    values = pd.util.hash_pandas_object(bars.frame, index=False).to_numpy().tobytes()
    return hashlib.sha256(values + repr(bars.findings).encode()).hexdigest()

folder = Path(sys.argv[1])
for ticker in sys.argv[2].split(","):
    data = DataConfig(source="csv", csv_dir=folder, tickers=(ticker,), start=None)
    raw, _ = read_bars_file(folder / f"{ticker}.csv", ticker)
    print(ticker, digest(clean_raw(raw, ticker, data)))
    for now in sys.argv[3].split(","):
        rules = CleaningRules.of(data, dt.datetime.fromisoformat(now))
        try:
            print(ticker, now, digest(clean_bars(raw, ticker, rules)))
        except BarsError as refusal:  # a bar of the future
            print(ticker, now, str(refusal).replace(" ", "_"))
"""

NOWS = (
    "2024-03-08T20:30Z",  # half an hour before the close, in winter time
    "2024-03-10T06:59Z",  # the hour before, and the one after, clocks go forward in New York
    "2024-03-10T07:01Z",
    "2024-03-11T20:30Z",  # closed in summer time, open in winter time
    "2024-11-03T05:59Z",  # clocks go back
    "2024-11-03T06:01Z",
    "2024-11-04T20:30Z",
)


def made(market: str, last: str) -> pd.DataFrame:
    days = sessions_between(market, dt.date(2022, 12, 1), dt.date.fromisoformat(last))
    rng = np.random.default_rng(0)
    close = np.round(100 * np.exp(np.cumsum(rng.normal(0, 0.01, len(days)))), 2)
    prices = {"open": close, "high": close + 0.5, "low": close - 0.5, "close": close}
    return pd.DataFrame({"date": pd.to_datetime(list(days)), **prices, "volume": 1000})


def write_files(folder: Path, last: str) -> tuple[str, ...]:
    """Write plain dates, dates with an offset that changes in summer, and seconds since 1970."""
    made("XNYS", last).to_csv(folder / "AAPL.csv", index=False)
    made("24/7", last).to_csv(folder / "BTC-USD.csv", index=False)
    raw = made("XNYS", last)
    local = raw["date"].dt.tz_localize("America/New_York")
    raw.assign(date=local.astype(str)).to_csv(folder / "OFFSET.csv", index=False)
    seconds = (made("XNYS", last)["date"] - pd.Timestamp(0)) // pd.Timedelta(seconds=1)
    raw.assign(date=seconds).to_csv(folder / "EPOCH.csv", index=False)
    return ("AAPL", "BTC-USD", "OFFSET", "EPOCH")


@pytest.mark.process
@pytest.mark.parametrize("last", ["2024-03-11", "2024-11-04"])
def test_bars_of_files_are_the_same_in_every_zone(tmp_path: Path, last: str) -> None:
    """Processes in UTC, Tokyo and New York give the same bars and findings at every moment.

    The moments lie around the changes to and from summer time, and bars go beyond them.
    """
    tickers = write_files(tmp_path, last)
    now = [time for time in NOWS if time[:7] == last[:7]]
    outputs = []
    for zone in ZONES:
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, str(tmp_path), ",".join(tickers), ",".join(now)],
            cwd=ROOT, env=os.environ | {"TZ": zone}, capture_output=True, text=True, check=True,
        )  # fmt: skip
        outputs.append(done.stdout)
    assert len(outputs[0].splitlines()) == (1 + len(now)) * len(tickers)
    assert outputs[0] == outputs[1] == outputs[2]
    assert "future_date" in outputs[0]  # at the first moments the last bar is not known yet


def digest(frame: pd.DataFrame) -> str:
    values = pd.util.hash_pandas_object(frame.drop(columns="ticker"), index=False)
    return hashlib.sha256(values.to_numpy().tobytes()).hexdigest()


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "America/New_York", "Europe/London"])
@pytest.mark.parametrize("last", ["2024-03-11", "2024-11-04"])
def test_the_zone_of_a_frames_dates_is_dropped(zone: str, last: str) -> None:
    """A download with midnights of any exchange's zone, over a change of clocks, has its dates."""
    raw = made("XNYS", last)
    plain = clean_bars(raw, "AAPL").frame
    dated = raw.assign(date=raw["date"].dt.tz_localize(zone))
    assert digest(clean_bars(dated, "AAPL").frame) == digest(plain)


@pytest.mark.parametrize("now", NOWS)
def test_the_moment_counts_and_not_the_zone_it_is_told_in(now: str) -> None:
    """The same moment in three zones drops the same bars: those whose session is still open."""
    moment = dt.datetime.fromisoformat(now)
    raw = made("XNYS", f"{moment:%Y-%m-%d}")
    frames = [
        clean_bars(raw, "AAPL", CleaningRules(moment.astimezone(ZoneInfo(zone)))).frame
        for zone in ZONES
    ]
    assert len({digest(frame) for frame in frames}) == 1
    still_open = now in {"2024-03-08T20:30Z", "2024-11-04T20:30Z"}
    assert len(raw) - len(frames[0]) == still_open
