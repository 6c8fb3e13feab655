"""One ticker's cleaned bars on disk, named by what they were made from."""

import datetime as dt
import hashlib
import json
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from lstm_model.data import bars as bars_module
from lstm_model.data import cleaning
from lstm_model.data.bars import Bars, Finding
from lstm_model.data.cleaning import CleaningRules, TidyBars, clean_tidy
from lstm_model.data.revisions.known import KnownBars
from tasks.data.store.hashed_file import read_hashed, write_hashed

_METADATA = b"lstm_hpo"


@dataclass(frozen=True, slots=True)
class Recipe:
    """From what a ticker's bars are made; the same recipe gives the same bars.

    learnt: the newest revision that counts, in UTC. start, end: dates of the first and last bar
    that count; None takes all. rules: of the cleaning, without the time of the call.
    """

    source: str
    ticker: str
    learnt: dt.datetime
    start: dt.date | None
    end: dt.date | None
    rules: CleaningRules

    @property
    def name(self) -> str:
        """Beginning of the file's name: a hash of all this and of the cleaning's code."""
        facts = [
            self.source, self.ticker, self.learnt.isoformat(), str(self.start), str(self.end),
            str(self.rules), _code_sha256(),
        ]  # fmt: skip
        return f"bars-{hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]}"

    def make(self, known: KnownBars) -> Bars:
        """Make the bars; raises BarsError as the cleaning does."""
        raw = known.as_of(self.learnt)
        first, last = (pd.Timestamp(date) if date else None for date in (self.start, self.end))
        keep = np.ones(len(raw), dtype=bool)
        if first is not None:
            keep &= (raw["date"] >= first).to_numpy()
        if last is not None:
            keep &= (raw["date"] <= last).to_numpy()
        tidy = TidyBars(raw[keep].reset_index(drop=True))
        return clean_tidy(tidy, self.ticker, self.rules)


@dataclass(frozen=True, slots=True)
class BarsFacts:
    """What a file of bars says of itself.

    sha256: hash of the bars' values. rows, first, last: their number and dates.
    findings: of the cleaning.
    """

    ticker: str
    sha256: str
    rows: int
    first: str
    last: str
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class BarsFile:
    """A file of bars that matches the hash in its name."""

    facts: BarsFacts
    file: pq.ParquetFile

    def frame(self) -> pd.DataFrame:
        """Read the rows, in the form of Bars."""
        frame: pd.DataFrame = self.file.read(use_threads=False).to_pandas()
        frame.insert(0, "ticker", pd.Series(self.facts.ticker, index=frame.index, dtype=str))
        return frame


def write_bars(folder: Path, recipe: Recipe, bars: Bars) -> BarsFacts:
    """Store one ticker's cleaned bars."""
    frame = bars.frame.drop(columns="ticker")
    days = frame["date"]
    facts = BarsFacts(
        recipe.ticker, bars_sha256(bars.frame), len(frame), f"{days.iloc[0]:%Y-%m-%d}",
        f"{days.iloc[-1]:%Y-%m-%d}", bars.findings,
    )  # fmt: skip
    table = pa.Table.from_pandas(frame, preserve_index=False)
    metadata = {**(table.schema.metadata or {}), _METADATA: json.dumps(asdict(facts)).encode()}
    sink = pa.BufferOutputStream()
    pq.write_table(table.replace_schema_metadata(metadata), sink, compression="zstd")
    write_hashed(folder, recipe.name, sink.getvalue().to_pybytes())
    return facts


def open_bars_file(folder: Path, recipe: Recipe) -> BarsFile | None:
    """Open the bars of a recipe; None if there are none or they are damaged."""
    for path in bars_files(folder, recipe):
        content = read_hashed(path)
        if content is not None:
            return _open(content)
    return None


def bars_files(folder: Path, recipe: Recipe) -> list[Path]:
    """Return the files of a recipe: one, or none."""
    return sorted(folder.glob(f"{recipe.name}-*.parquet"))


def _open(content: bytes) -> BarsFile:
    file = pq.ParquetFile(pa.BufferReader(content))
    facts = json.loads(file.schema_arrow.metadata[_METADATA])
    findings = tuple(Finding(**finding) for finding in facts.pop("findings"))
    return BarsFile(BarsFacts(**facts, findings=findings), file)


def bars_sha256(frame: pd.DataFrame) -> str:
    """Hash the values of bars, not the file: Parquet's bytes depend on the library's version."""
    digest = hashlib.sha256()
    for name in frame.columns:
        digest.update(name.encode())
        if name == "ticker":
            digest.update("\n".join(frame[name].unique()).encode())
        elif name == "date":
            digest.update(frame[name].to_numpy().astype("datetime64[D]").astype(np.int64).data)
        else:
            digest.update(np.ascontiguousarray(frame[name], dtype=np.float64).data)
    return digest.hexdigest()


@lru_cache(maxsize=1)
def _code_sha256() -> str:
    """Hash the code that makes bars: bars of other rules are never taken for those of today's."""
    folder = Path(str(cleaning.__file__)).parent
    files = [*sorted(folder.glob("*.py")), Path(str(bars_module.__file__))]
    return hashlib.sha256(b"\n".join(file.read_bytes() for file in files)).hexdigest()
