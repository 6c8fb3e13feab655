"""Snapshots of bars: parquet named by its content's hash, a manifest beside it."""

import datetime as dt
import hashlib
import json
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from prefect import task
from prefect.cache_policies import NO_CACHE

from lstm_model.bars import Bars, Finding, join_panel
from lstm_model.cleaning import clean_bars
from lstm_model.config import DataConfig
from lstm_model.errors import ConfigError, SourceUnreachable, StorageError
from tasks.files import write_atomically
from tasks.sources import open_source


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A stored panel of bars: where it is, what it holds, which hash names it."""

    path: str
    sha256: str
    tickers: tuple[str, ...]
    rows: int
    first: str
    last: str
    source: str
    findings: int


def _is_transient(_task: object, _run: object, state: object) -> bool:
    """Tell Prefect to try again only where the source did not answer."""
    try:
        state.result()  # type: ignore[attr-defined]
    except SourceUnreachable:
        return True
    except Exception:  # every other failure is final, whatever it is
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
        raw = open_source(data).fetch(ticker, data.start, data.end)
    except SourceUnreachable as error:
        raise SourceUnreachable(f"{error}; {_what_is_cached(data)}") from error
    return clean_bars(raw, ticker)


@task(name="store-snapshot", cache_policy=NO_CACHE)
def store_snapshot(data: DataConfig, parts: list[Bars]) -> Snapshot:
    """Store the panel under its content's hash.

    Content that is there already is written anew, which mends a damaged file and renews its time.
    """
    bars = join_panel(parts)
    sha256 = frame_sha256(bars.frame)
    path = data.raw_dir / f"bars-{sha256[:16]}.parquet"
    snapshot = Snapshot(
        path=str(path),
        sha256=sha256,
        tickers=bars.tickers,
        rows=len(bars.frame),
        first=f"{bars.frame['date'].min():%Y-%m-%d}",
        last=f"{bars.frame['date'].max():%Y-%m-%d}",
        source=data.source,
        findings=len(bars.findings),
    )
    write_atomically(path, lambda partial: bars.frame.to_parquet(partial, index=False))
    manifest = asdict(snapshot) | {
        "findings": [asdict(finding) for finding in bars.findings],
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

    Raises StorageError where there is none, ConfigError where it holds other tickers than asked.
    """
    for snapshot in stored_snapshots(data.raw_dir):
        if snapshot.sha256.startswith(prefix):
            if set(snapshot.tickers) != set(data.tickers):
                raise ConfigError(
                    f"data.snapshot {prefix} holds {', '.join(snapshot.tickers)} but data.tickers "
                    f"names {', '.join(data.tickers)}; make them equal"
                )
            return snapshot
    raise StorageError(
        f"data.snapshot names a stored snapshot but none in {data.raw_dir} begins with {prefix!r}; "
        f"leave it out to fetch bars"
    )


def read_bars(snapshot: Snapshot) -> Bars:
    """Read a snapshot back; raises StorageError where the file no longer has its hash."""
    try:
        frame = pd.read_parquet(snapshot.path)
        manifest = json.loads(Path(snapshot.path).with_suffix(".json").read_text("utf-8"))
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise StorageError(
            f"cannot read snapshot {snapshot.path}: {reason}; fetch again"
        ) from error
    if frame_sha256(frame) != snapshot.sha256:
        raise StorageError(
            f"snapshot {snapshot.path} does not hold what its hash {snapshot.sha256[:16]} says; "
            f"delete it and fetch again"
        )
    return Bars(frame, tuple(Finding(**finding) for finding in manifest["findings"]))


def stored_snapshots(raw_dir: Path) -> list[Snapshot]:
    """List what is stored, newest first."""
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
        # The folder may have been moved since: the file lies beside its manifest.
        manifest["path"] = str(path.with_suffix(".parquet"))
        manifests.append((stored_at, Snapshot(**manifest)))
    return [snapshot for _, snapshot in sorted(manifests, key=lambda m: m[0], reverse=True)]


def frame_sha256(frame: pd.DataFrame) -> str:
    """Hash the values, not the file: parquet bytes depend on the library's version."""
    digest = hashlib.sha256()
    for name in frame.columns:
        column = frame[name]
        digest.update(name.encode())
        if name == "ticker":
            digest.update("\n".join(column).encode())
        elif name == "date":
            digest.update(column.to_numpy().astype("datetime64[D]").astype(np.int64).tobytes())
        else:
            digest.update(column.to_numpy(dtype=np.float64).tobytes())
    return digest.hexdigest()


def _what_is_cached(data: DataConfig) -> str:
    stored: list[Snapshot] = []
    with suppress(StorageError):  # a damaged manifest must not hide that the source is out
        stored = stored_snapshots(data.raw_dir)
    for snapshot in stored:
        if snapshot.source == data.source and set(data.tickers) == set(snapshot.tickers):
            return (
                f"try again later, or run on the last good snapshot ({snapshot.first} .. "
                f"{snapshot.last}) with --set data.snapshot={snapshot.sha256[:16]}"
            )
    return (
        "nothing is cached for these tickers; check the network and try again, or set data.source "
        "to csv or bundled"
    )
