"""The section `data`: which bars, from where, and how they are checked and stored."""

import datetime as dt
import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StrictInt, field_validator, model_validator

from lstm_model.config.section import Fraction, Section
from lstm_model.config.tickers import check_ticker
from lstm_model.search.distributions import Number

SOURCE_PATTERN = r"^[a-z][a-z0-9_\-]{0,30}$"


class DataConfig(Section):
    """Where bars come from, and where bars and data sets are stored."""

    tickers: Annotated[tuple[str, ...], Field(min_length=1)]
    """Tickers to train on, as the source spells them, such as `AAPL` or `^GSPC`."""
    source: Annotated[str, Field(pattern=SOURCE_PATTERN)] = "yahoo"
    """Where daily bars come from: `yahoo` needs a network, `bundled` has `^GSPC` and `^IXIC` for
    1999-2018, `csv` and `parquet` read files of your own; or the name of a plug-in."""
    csv_dir: Path | None = None
    """Folder with one `<TICKER>.csv` or `<TICKER>.csv.gz` for each ticker; required for the source
    `csv`."""
    parquet_dir: Path | None = None
    """Folder with one `<TICKER>.parquet` for each ticker; required for the source `parquet`."""
    requests_per_minute: Annotated[Number, Field(gt=0)] | None = 120.0
    """Most requests a minute to a source over a network, over all tickers; null sets no limit, but
    Yahoo shuts out addresses that ask too often, and publishes no number."""
    min_coverage: Annotated[Number, Field(gt=0.0, le=1.0)] = 1.0
    """Share of the tickers whose bars must be usable; a night goes on without the others, and says
    so."""
    snapshot: str | None = None
    """Run on stored bars instead of fetching: the first 8 or more digits of a snapshot's hash."""
    start: dt.date | None = None
    """Date of the first bar to use, inclusive; null takes all there are."""
    end: dt.date | None = None
    """Date of the last bar to use, inclusive; null takes all there are."""
    market: Annotated[str, Field(min_length=1)] | None = None
    """Exchange calendar, as exchange_calendars names it (`XNYS`, `XLON`, `24/7`), of tickers whose
    suffix names no market: for closed days, missing and unfinished sessions, and sessions a year;
    null takes plain tickers for US ones where their bars agree, and a year for 252 sessions."""
    prices: Literal["raw", "adjusted"] | None = None
    """Whether dividends are already in the prices: `adjusted` does not add them again (yfinance's
    default CSV); null reads it off the ex-dates, or refuses if they do not tell."""
    unlisted_splits: Literal["refuse", "apply", "keep"] = "refuse"
    """What happens to a jump that looks like a split which no action lists: `refuse` it, `apply`
    the split, or `keep` the jump as a real move."""
    max_outside_range: Fraction = 0.05
    """Largest share of bars whose close may stand outside low..high; raise it for UK trusts."""
    max_stale_sessions: Annotated[StrictInt, Field(ge=0)] | None = None
    """Most sessions of its market that a ticker's newest bars may lack; null takes bars of any age,
    such as bundled ones."""
    cross_check: Annotated[str, Field(pattern=SOURCE_PATTERN)] | None = None
    """Second source whose closes are compared with the first's, and only reported; such as `csv`.
    """
    cross_check_dir: Path | None = None
    """Folder of the second source's files; null takes `csv_dir` or `parquet_dir`."""
    raw_dir: Path = Path("data/raw")
    """Folder of the store of bars: what was fetched, when it was learnt, and snapshots."""
    data_dir: Path = Path("data/processed")
    """Folder where the data sets made from a snapshot are stored."""

    @field_validator("tickers")
    @classmethod
    def _tickers_are_names(cls, tickers: tuple[str, ...]) -> tuple[str, ...]:
        for ticker in tickers:
            check_ticker(ticker)
        if len(set(tickers)) < len(tickers):
            raise ValueError(
                f"each ticker must be listed once but the list is {list(tickers)}; "
                f"remove the duplicate"
            )
        return tickers

    @field_validator("snapshot")
    @classmethod
    def _snapshot_is_a_hash(cls, snapshot: str | None) -> str | None:
        if snapshot is not None and not re.fullmatch(r"[0-9a-f]{8,64}", snapshot):
            raise ValueError(
                f"a snapshot must be 8-64 hexadecimal digits but is {snapshot!r}; "
                f"copy one from the page of an earlier run"
            )
        return snapshot

    @model_validator(mode="after")
    def _complete(self) -> "DataConfig":
        if self.source == "csv" and self.csv_dir is None:
            raise ValueError(
                "source csv needs csv_dir but it is not set; set it to the folder of <TICKER>.csv "
                "files"
            )
        if self.source == "parquet" and self.parquet_dir is None:
            raise ValueError(
                "source parquet needs parquet_dir but it is not set; set it to the folder of "
                "<TICKER>.parquet files"
            )
        if self.start and self.end and self.start >= self.end:
            raise ValueError(
                f"start must be before end ({self.end}) but is {self.start}; swap them"
            )
        if self.snapshot and (self.start or self.end):
            raise ValueError(
                f"a snapshot must be used whole but start is {self.start} and end is {self.end}; "
                f"set both to null, or leave out the snapshot"
            )
        return self
