"""Snapshots: small lists of the bars that a night ran on, named by the hash of their content."""

import datetime as dt
import hashlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd
from pydantic import BaseModel, ConfigDict, ValidationError

from lstm_model.config.data import DataConfig
from lstm_model.data.bars import Bars, Finding
from lstm_model.data.cleaning import CleaningRules
from lstm_model.errors import BarsError, ConfigError, StorageError
from tasks.data.clean import rules_now
from tasks.data.store.bars_file import Recipe, open_bars_file, write_bars
from tasks.data.store.folder import Store
from tasks.data.store.known_file import open_known
from tasks.data.store.refresh import TickerBars
from tasks.data.universe import covers
from tasks.files import write_atomically

TICKERS_A_GROUP = 16
"""Tickers read together: few save memory, many save time."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A stored panel of bars.

    path: of the list of its bars. sha256: hash of the bars.
    tickers: in the order of the rows. rows: number of bars over all tickers.
    first, last: dates of the first and the last bar.
    source: where the bars come from. findings: number of defects found in the bars.
    """

    path: str
    sha256: str
    tickers: tuple[str, ...]
    rows: int
    first: str
    last: str
    source: str
    findings: int


class Manifest(BaseModel):
    """The file of a snapshot: which bars, made by which rules.

    start, end: span of the dates that were asked for. rules: of the cleaning. left_out: a finding
    for each ticker that the panel lacks. stored_at: ISO time, in UTC.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    sha256: str
    source: str
    start: dt.date | None
    end: dt.date | None
    rules: CleaningRules
    bars: tuple[TickerBars, ...]
    left_out: tuple[Finding, ...]
    stored_at: dt.datetime

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All findings, those of missing tickers first."""
        return (*self.left_out, *(finding for part in self.bars for finding in part.findings))

    def recipe_of(self, part: TickerBars) -> Recipe:
        """Return from what a ticker's bars are made."""
        learnt = dt.datetime.fromisoformat(part.learnt)
        return Recipe(self.source, part.ticker, learnt, self.start, self.end, self.rules)

    def snapshot(self, path: Path) -> Snapshot:
        """Return the reference to this snapshot at its place on disk."""
        return Snapshot(
            path=str(path),
            sha256=self.sha256,
            tickers=tuple(part.ticker for part in self.bars),
            rows=sum(part.rows for part in self.bars),
            first=min(part.first for part in self.bars),
            last=max(part.last for part in self.bars),
            source=self.source,
            findings=len(self.findings),
        )


def store_snapshot(
    data: DataConfig, parts: Sequence[TickerBars], left_out: Sequence[Finding] = ()
) -> Snapshot:
    """Store which bars a night runs on; `left_out` has the tickers that it lacks.

    A snapshot of the same bars is written again, with tonight's findings and time.
    """
    tickers = [part.ticker for part in parts]
    for ticker in tickers:
        if tickers.count(ticker) > 1:
            raise BarsError(
                f"a snapshot must have each ticker once but has {ticker} twice; drop one"
            )
    manifest = Manifest(
        sha256=panel_sha256(parts),
        source=data.source,
        start=data.start,
        end=data.end,
        rules=replace(rules_now(data), now=None),
        bars=tuple(parts),
        left_out=tuple(left_out),
        stored_at=dt.datetime.now(dt.UTC).replace(tzinfo=None),
    )
    path = Store(data.raw_dir).snapshots / f"{manifest.sha256[:16]}.json"
    text = manifest.model_dump_json(indent=1)
    write_atomically(path, lambda partial: partial.write_text(text, encoding="utf-8"))
    return manifest.snapshot(path)


def panel_sha256(parts: Sequence[TickerBars]) -> str:
    """Return the hash of a panel, from its tickers in their order and the hashes of their bars."""
    text = "".join(f"{part.ticker}\n{part.bars_sha256}\n" for part in parts)
    return hashlib.sha256(text.encode()).hexdigest()


def find_snapshot(data: DataConfig, prefix: str) -> Snapshot:
    """Return the stored snapshot whose hash begins with `prefix`.

    Raises StorageError if there is none, ConfigError if its tickers are not the configured ones.
    """
    snapshot = snapshot_named(data.raw_dir, prefix)
    if not covers(data, snapshot.tickers):
        raise ConfigError(
            f"data.snapshot {prefix} has {', '.join(snapshot.tickers)} but data.tickers "
            f"has {', '.join(data.tickers)}; make them equal"
        )
    return snapshot


def snapshot_named(raw_dir: Path, prefix: str) -> Snapshot:
    """Return the newest snapshot whose hash begins with `prefix`; raises StorageError if none."""
    for snapshot in stored_snapshots(raw_dir):
        if snapshot.sha256.startswith(prefix):
            return snapshot
    raise StorageError(
        f"data.snapshot must name a stored snapshot but none in {raw_dir} begins with "
        f"{prefix!r}; leave it out to fetch bars"
    )


@dataclass(frozen=True, slots=True)
class StoredBars:
    """The bars of a snapshot; iteration reads a few whole tickers at a time.

    Bars that are missing or damaged are made again from the revisions. Iteration raises
    StorageError if that fails, or does not give the same bars.
    """

    store: Store
    manifest: Manifest

    def __iter__(self) -> Iterator[Bars]:
        parts = self.manifest.bars
        for first in range(0, len(parts), TICKERS_A_GROUP):
            group = parts[first : first + TICKERS_A_GROUP]
            frame = pd.concat([self._frame(part) for part in group], ignore_index=True)
            yield Bars.trusted(frame, tuple(f for part in group for f in part.findings))

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All findings of the snapshot."""
        return self.manifest.findings

    def _frame(self, part: TickerBars) -> pd.DataFrame:
        recipe = self.manifest.recipe_of(part)
        folder = self.store.folder_of(recipe.source, recipe.ticker)
        stored = open_bars_file(folder, recipe)
        if stored is not None and stored.facts.sha256 == part.bars_sha256:
            return stored.frame()
        return self._make_again(part, recipe, folder)

    def _make_again(self, part: TickerBars, recipe: Recipe, folder: Path) -> pd.DataFrame:
        file = open_known(folder)
        place = f"the bars of {part.ticker} in snapshot {self.manifest.sha256[:16]}"
        if file is None:
            raise StorageError(f"{place} must be stored but {folder} has no revisions; fetch again")
        try:
            bars = recipe.make(file.whole())
        except BarsError as error:
            raise StorageError(f"{place} cannot be made again: {error}; fetch again") from error
        with self.store.writing():
            facts = write_bars(folder, recipe, bars)
        if facts.sha256 != part.bars_sha256:
            raise StorageError(
                f"{place} must have hash {part.bars_sha256[:16]} but {facts.sha256[:16]} was made "
                f"from the revisions; the rules of cleaning changed since, or a revision was lost: "
                f"fetch again"
            )
        return bars.frame


def open_bars(snapshot: Snapshot) -> StoredBars:
    """Open a snapshot; raises StorageError if its list cannot be read or was changed."""
    path = Path(snapshot.path)
    manifest = read_manifest(path)
    if manifest.sha256 != snapshot.sha256:
        raise StorageError(
            f"snapshot {path} must have hash {snapshot.sha256[:16]} but has "
            f"{manifest.sha256[:16]}; fetch again"
        )
    return StoredBars(Store(path.parent.parent), manifest)


def read_bars(snapshot: Snapshot) -> Bars:
    """Read a whole snapshot into memory; raises what iteration over it raises."""
    stored = open_bars(snapshot)
    frame = pd.concat([bars.frame for bars in stored], ignore_index=True)
    return Bars.trusted(frame, tuple(f for part in stored.manifest.bars for f in part.findings))


def read_manifest(path: Path) -> Manifest:
    """Read the file of a snapshot; raises StorageError if it is damaged."""
    try:
        manifest = Manifest.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        reason = " ".join(str(error).split())[:160]
        raise StorageError(
            f"cannot read snapshot {path}: {reason}; delete it and fetch again"
        ) from error
    if panel_sha256(manifest.bars) != manifest.sha256:
        raise StorageError(
            f"snapshot {path} must match its hash {manifest.sha256[:16]} but does not; "
            f"delete it and fetch again"
        )
    return manifest


def stored_snapshots(raw_dir: Path) -> list[Snapshot]:
    """List the stored snapshots, newest first."""
    found = [(read_manifest(path), path) for path in Store(raw_dir).snapshots.glob("*.json")]
    found.sort(key=lambda one: one[0].stored_at, reverse=True)
    return [manifest.snapshot(path) for manifest, path in found]


def what_is_stored(data: DataConfig) -> str:
    """Return what a user can do whose source does not answer: run on the last good snapshot."""
    stored: list[Snapshot] = []
    with suppress(StorageError):  # a damaged list must not hide that the source is down
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
