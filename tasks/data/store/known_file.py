"""One ticker's revisions on disk: a Parquet file that is replaced as a whole, named by its hash."""

import datetime as dt
import json
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from lstm_model.data.revisions.known import LEARNT, KnownBars, Rescaling
from tasks.data.store.hashed_file import read_hashed, write_hashed

TAIL_DATES = 64
"""Dates in the file's last row group, which is all that a refresh without news reads."""

GENERATIONS = 2
"""Files kept of a ticker: the newest, and the one before in case the newest is damaged."""

UNITS = {
    "date": "the exchange's calendar day",
    "learnt": "UTC",
    "open, high, low, close": "the source's currency per share, not adjusted for dividends",
    "volume": "shares",
    "dividends": "currency per share, on the ex-date",
    "stock_splits": "new shares per old share, on the ex-date",
}

_METADATA = b"lstm_hpo"
_NAME = re.compile(r"known-(\d{6})-([0-9a-f]{16})\.parquet")


@dataclass(frozen=True, slots=True)
class KnownFile:
    """A file of revisions that matches the hash in its name.

    Its last row group has every revision of the newest dates, the others have the older dates.
    """

    path: Path
    file: pq.ParquetFile

    def whole(self) -> KnownBars:
        """Read every revision."""
        return self._known(list(range(self.file.num_row_groups)))

    def tail(self) -> KnownBars:
        """Read the revisions of the newest dates only."""
        return self._known([self.file.num_row_groups - 1])

    def _known(self, groups: list[int]) -> KnownBars:
        frame = self.file.read_row_groups(groups, use_threads=False).to_pandas()
        facts = json.loads(self.file.schema_arrow.metadata[_METADATA])
        rescalings = tuple(
            Rescaling(
                dt.datetime.fromisoformat(one["learnt"]),
                dt.date.fromisoformat(one["before"]),
                tuple((name, factor) for name, factor in one["factors"]),
            )
            for one in facts["rescalings"]
        )
        asked_from = facts["asked_from"]
        return KnownBars(
            frame,
            dt.datetime.fromisoformat(facts["last_learnt"]),
            rescalings,
            asked_from and dt.date.fromisoformat(asked_from),
        )


def open_known(folder: Path) -> KnownFile | None:
    """Open the newest whole file of a ticker; damaged ones are set aside and named."""
    for path in reversed(known_files(folder)):
        content = read_hashed(path)
        if content is not None:
            return KnownFile(path, pq.ParquetFile(pa.BufferReader(content)))
    return None


def known_files(folder: Path) -> list[Path]:
    """Return a ticker's files of revisions, the oldest first."""
    return sorted(path for path in folder.glob("known-*.parquet") if _NAME.fullmatch(path.name))


def write_known(folder: Path, known: KnownBars, source: str, ticker: str) -> Path:
    """Store all revisions of a ticker as its newest file, and drop what is too old."""
    older = known_files(folder)
    generation = int(older[-1].name[6:12]) + 1 if older else 1
    path = write_hashed(folder, f"known-{generation:06d}", _serialise(known, source, ticker))
    for surplus in [*older, path][:-GENERATIONS]:
        surplus.unlink(missing_ok=True)
    return path


def _serialise(known: KnownBars, source: str, ticker: str) -> bytes:
    facts = {
        "ticker": ticker,
        "source": source,
        "units": UNITS,
        "last_learnt": known.last_learnt.isoformat(),
        "asked_from": known.asked_from and known.asked_from.isoformat(),
        "rescalings": [
            {
                "learnt": one.learnt.isoformat(),
                "before": one.before.isoformat(),
                "factors": one.factors,
            }
            for one in known.rescalings
        ],
    }
    rows = known.rows.astype({"date": "datetime64[us]", LEARNT: "datetime64[us]"})
    table = pa.Table.from_pandas(rows, preserve_index=False)
    table = table.replace_schema_metadata(
        {**(table.schema.metadata or {}), _METADATA: json.dumps(facts).encode()}
    )
    dates = rows["date"].drop_duplicates()
    first = pd.Timestamp(dates.iloc[-min(TAIL_DATES, len(dates))])
    tail = int(np.searchsorted(rows["date"].to_numpy(), first.to_datetime64()))
    sink = pa.BufferOutputStream()
    with pq.ParquetWriter(sink, table.schema, compression="zstd") as writer:
        for part in (table.slice(0, tail), table.slice(tail)):
            if part.num_rows:
                writer.write_table(part, row_group_size=part.num_rows)
    content: bytes = sink.getvalue().to_pybytes()
    return content
