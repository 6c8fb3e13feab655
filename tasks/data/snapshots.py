"""Snapshots of bars: a Parquet file named by the hash of its content, and a manifest."""

import datetime as dt
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from prefect import task
from prefect.cache_policies import NO_CACHE

from lstm_model.config.pipeline import DataConfig
from lstm_model.data.bars import Bars, Finding, join_panel
from lstm_model.errors import BarsError, ConfigError, SourceUnreachable, StorageError
from tasks.data.fetch import fetch_ticker
from tasks.data.universe import covers
from tasks.files import write_atomically

TICKERS_A_GROUP = 16
"""Tickers stored and read together: few save memory, many save checks of the schema."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A stored panel of bars.

    path: of the Parquet file.
    sha256: hash of the bars.
    tickers: in the order of the rows.
    rows: number of bars over all tickers.
    first, last: dates of the first and the last bar.
    source: where the bars come from.
    findings: number of defects found in the bars.
    """

    path: str
    sha256: str
    tickers: tuple[str, ...]
    rows: int
    first: str
    last: str
    source: str
    findings: int


def _is_transient(_task: object, _run: object, state: object) -> bool:
    """Tell Prefect to retry only if the source did not answer."""
    try:
        state.result()  # type: ignore[attr-defined]
    except SourceUnreachable:
        return True
    except Exception:  # every other failure is final
        return False
    return False


@task(
    name="fetch-bars",
    retries=2,
    retry_delay_seconds=[2, 8],
    retry_condition_fn=_is_transient,
    cache_policy=NO_CACHE,
)
def fetch_bars(data: DataConfig, ticker: str) -> Bars:
    """Fetch and clean one ticker's bars."""
    try:
        return fetch_ticker(data, ticker)
    except SourceUnreachable as error:
        raise SourceUnreachable(f"{error}; {_what_is_cached(data)}") from error


@task(name="store-snapshot", cache_policy=NO_CACHE)
def store_snapshot(
    data: DataConfig, parts: Sequence[Bars], left_out: Sequence[Finding] = ()
) -> Snapshot:
    """Store the panel under the hash of its content; `left_out` has the tickers that it lacks.

    An existing file is written again, which repairs a damaged one and updates its time.
    """
    frames = [part.frame for part in parts]
    tickers = tuple(ticker for part in parts for ticker in part.tickers)
    for ticker in tickers:
        if tickers.count(ticker) > 1:
            raise BarsError(
                f"a snapshot must have each ticker once but has {ticker} twice; drop one"
            )
    findings = [*left_out, *(finding for part in parts for finding in part.findings)]
    sha256 = _sha256(frames[0].columns, lambda name: (frame[name] for frame in frames))
    path = data.raw_dir / f"bars-{sha256[:16]}.parquet"
    snapshot = Snapshot(
        path=str(path),
        sha256=sha256,
        tickers=tickers,
        rows=sum(map(len, frames)),
        first=f"{min(frame['date'].min() for frame in frames):%Y-%m-%d}",
        last=f"{max(frame['date'].max() for frame in frames):%Y-%m-%d}",
        source=data.source,
        findings=len(findings),
    )
    write_atomically(path, lambda partial: _write_parquet(partial, frames))
    manifest = asdict(snapshot) | {
        "findings": [asdict(finding) for finding in findings],
        "stored_at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
    }
    text = json.dumps(manifest, indent=2)
    write_atomically(
        path.with_suffix(".json"), lambda partial: partial.write_text(text, encoding="utf-8")
    )
    return snapshot


@task(name="find-snapshot", cache_policy=NO_CACHE)
def find_snapshot(data: DataConfig, prefix: str) -> Snapshot:
    """Return the stored snapshot whose hash begins with `prefix`.

    Raises StorageError if there is none, ConfigError if its tickers are not the configured ones.
    """
    for snapshot in stored_snapshots(data.raw_dir):
        if snapshot.sha256.startswith(prefix):
            if not covers(data, snapshot.tickers):
                raise ConfigError(
                    f"data.snapshot {prefix} has {', '.join(snapshot.tickers)} but data.tickers "
                    f"has {', '.join(data.tickers)}; make them equal"
                )
            return snapshot
    raise StorageError(
        f"data.snapshot must name a stored snapshot but none in {data.raw_dir} begins with "
        f"{prefix!r}; leave it out to fetch bars"
    )


@dataclass(frozen=True, slots=True)
class StoredBars:
    """A snapshot that matches its hash; iteration reads a few whole tickers at a time.

    Iteration raises StorageError if the file cannot be read.
    """

    file: pq.ParquetFile
    path: str
    findings: tuple[Finding, ...]

    def __iter__(self) -> Iterator[Bars]:
        last = None
        for group in range(self.file.num_row_groups):
            with _readable(self.path):
                frame = self.file.read_row_group(group, use_threads=False).to_pandas()
            tickers = frame["ticker"].unique()
            if tickers[0] == last:
                raise StorageError(
                    f"a row group of a snapshot must have whole tickers but in {self.path} one "
                    f"ends within {last}; delete it and fetch again"
                )
            last = tickers[-1]
            yield Bars(frame, tuple(f for f in self.findings if f.ticker in set(tickers)))


def open_bars(snapshot: Snapshot) -> StoredBars:
    """Open a snapshot; raises StorageError if the file does not match its hash."""
    with _readable(snapshot.path):
        file = pq.ParquetFile(snapshot.path)
        manifest = json.loads(Path(snapshot.path).with_suffix(".json").read_text("utf-8"))
        found = Path(snapshot.path).stat()
        sha256 = _file_sha256(snapshot.path, found.st_mtime_ns, found.st_size)
    if sha256 != snapshot.sha256:
        raise StorageError(
            f"snapshot {snapshot.path} must match its hash {snapshot.sha256[:16]} but does not; "
            f"delete it and fetch again"
        )
    findings = tuple(Finding(**finding) for finding in manifest["findings"])
    return StoredBars(file, snapshot.path, findings)


def read_bars(snapshot: Snapshot) -> Bars:
    """Read a whole snapshot into memory; raises what `open_bars` raises."""
    return join_panel(list(open_bars(snapshot)))


@contextmanager
def _readable(path: str) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise StorageError(f"cannot read snapshot {path}: {reason}; fetch again") from error


@lru_cache(maxsize=16)
def _file_sha256(path: str, modified_ns: int, size: int) -> str:  # noqa: ARG001 - they are the key
    """Hash the content of a file, once until the file changes."""
    file = pq.ParquetFile(path)
    return _sha256(file.schema_arrow.names, lambda name: _column(file, name))


def _column(file: pq.ParquetFile, name: str) -> "Iterator[pd.Series[Any]]":
    for group in range(file.num_row_groups):
        yield file.read_row_group(group, columns=[name], use_threads=False).to_pandas()[name]


def _write_parquet(path: Path, frames: list[pd.DataFrame]) -> None:
    schema = pa.Schema.from_pandas(frames[0], preserve_index=False)
    with pq.ParquetWriter(path, schema) as writer:
        for first in range(0, len(frames), TICKERS_A_GROUP):
            group = pd.concat(frames[first : first + TICKERS_A_GROUP], ignore_index=True)
            table = pa.Table.from_pandas(group, schema, preserve_index=False)
            writer.write_table(table, row_group_size=len(group))


def stored_snapshots(raw_dir: Path) -> list[Snapshot]:
    """List the stored snapshots, newest first."""
    manifests = []
    for path in raw_dir.glob("bars-*.json"):
        try:
            manifest = json.loads(path.read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise StorageError(
                f"cannot read manifest {path}: {error}; delete it and fetch again"
            ) from error
        stored_at = manifest.pop("stored_at")
        manifest |= {"findings": len(manifest["findings"]), "tickers": tuple(manifest["tickers"])}
        # The folder may have moved since, but the file is next to its manifest.
        manifest["path"] = str(path.with_suffix(".parquet"))
        manifests.append((stored_at, Snapshot(**manifest)))
    return [snapshot for _, snapshot in sorted(manifests, key=lambda m: m[0], reverse=True)]


def _sha256(names: Iterable[str], column: "Callable[[str], Iterable[pd.Series[Any]]]") -> str:
    """Hash a panel column by column in parts, so that it does not need to be a single frame.

    The values are hashed, not the file: Parquet's bytes depend on the library's version.
    """
    digest = hashlib.sha256()
    for name in names:
        digest.update(name.encode())
        for number, part in enumerate(column(name)):
            if name == "ticker":
                digest.update(("\n" * (number > 0) + "\n".join(part.tolist())).encode())
            elif name == "date":
                digest.update(part.to_numpy().astype("datetime64[D]").astype(np.int64).data)
            else:
                digest.update(np.ascontiguousarray(part, dtype=np.float64).data)
    return digest.hexdigest()


def _what_is_cached(data: DataConfig) -> str:
    stored: list[Snapshot] = []
    with suppress(StorageError):  # a damaged manifest must not hide that the source is down
        stored = stored_snapshots(data.raw_dir)
    for snapshot in stored:
        if snapshot.source == data.source and covers(data, snapshot.tickers):
            return (
                f"try again later, or run on the last good snapshot ({snapshot.first} .. "
                f"{snapshot.last}) with --set data.snapshot={snapshot.sha256[:16]}"
            )
    return (
        "nothing is cached for these tickers; check the network and try again, or set data.source "
        "to csv or bundled"
    )
