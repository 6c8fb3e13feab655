"""Files of bars put into the store without a run."""

import datetime as dt
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from lstm_model.config.data import DataConfig
from lstm_model.data.bars import Finding
from lstm_model.errors import ConfigError, StorageError
from tasks.data.check import files_of, ticker_of
from tasks.data.snapshots import Snapshot, store_snapshot
from tasks.data.sources.bars_files import read_file
from tasks.data.store.folder import Store
from tasks.data.store.known_file import open_known
from tasks.data.store.refresh import refresh_ticker


class FileSource:
    """One file of bars as a source."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.incremental = False
        self.network = False
        self.findings: list[Finding] = []

    def fetch(self, ticker: str, start: dt.date | None, end: dt.date | None) -> pd.DataFrame:
        """Return the file's rows, as a folder's source does."""
        frame, findings = read_file(self.path, ticker, start, end)
        self.findings += findings
        return frame


def import_bars(data: DataConfig, paths: Sequence[Path], learnt: str | None) -> Snapshot:
    """Store the files' bars as those of the source csv, and a snapshot of them.

    learnt: date at whose end they were known; it must not be before what is stored, because
    revisions are kept in order. None is now. Raises ConfigError, BarsError as a run does.
    """
    files = {ticker_of(path): path for path in files_of(paths)}
    known_at = _time_of(learnt)
    # Validated again, because a file's name must be a ticker.
    values = data.model_dump() | {"tickers": tuple(files), "source": "csv", "csv_dir": Path()}
    try:
        data = DataConfig.model_validate(values)
    except ValueError as error:
        reason = " ".join(str(error).split())[:300]
        raise ConfigError(f"files must be named <TICKER>.csv: {reason}") from error
    store = Store(data.raw_dir)
    for ticker in files:
        file = open_known(store.folder_of("csv", ticker))
        if file is not None and known_at is not None:
            newest = file.tail().last_learnt
            if known_at < newest:
                raise StorageError(
                    f"{ticker}: --learnt must not be before what is stored, {newest:%F %T}, but is "
                    f"{learnt}; import the oldest files first"
                )
    parts = [
        refresh_ticker(store, data, FileSource(path), ticker, known_at)
        for ticker, path in files.items()
    ]
    return store_snapshot(data, parts)


def _time_of(date: str | None) -> dt.datetime | None:
    if date is None:
        return None
    try:
        day = dt.date.fromisoformat(date)
    except ValueError:
        raise ConfigError(
            f"--learnt must be a date such as 2024-03-05 but is {date!r}; correct it"
        ) from None
    if day > dt.datetime.now(dt.UTC).date():
        raise ConfigError(f"--learnt must not be after today but is {date}; correct it")
    return dt.datetime.combine(day, dt.time(23, 59, 59))
