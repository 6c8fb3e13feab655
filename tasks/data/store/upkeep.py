"""Upkeep of the store: check every file against its hash, and drop what is no longer needed."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from lstm_model.errors import ConfigError, StorageError
from tasks.data.snapshots import Manifest, read_manifest
from tasks.data.store.bars_file import bars_files
from tasks.data.store.folder import Store, set_aside
from tasks.data.store.hashed_file import read_hashed
from tasks.data.store.known_file import known_files, open_known
from tasks.files import refuse_politely


@dataclass(frozen=True, slots=True)
class Verified:
    """What a check of the whole store found.

    tickers, bars_files, snapshots: files that are whole. damaged: a line for each that is not; it
    was set aside.
    """

    tickers: int
    bars_files: int
    snapshots: int
    damaged: tuple[str, ...]


def verify(store: Store) -> Verified:
    """Check revisions, bars and snapshots against their hashes; set aside what is damaged."""
    damaged: list[str] = []
    tickers = panels = snapshots = 0
    for source, ticker in store.tickers():
        folder = store.folder_of(source, ticker)
        files = known_files(folder)
        newest = open_known(folder)
        tickers += newest is not None
        if newest is None or newest.path != files[-1]:
            left = "none is left" if newest is None else f"{newest.path.name} is whole"
            damaged.append(f"{ticker}: {files[-1].name} of {source} is damaged; {left}")
        for path in sorted(folder.glob("bars-*.parquet")):
            if read_hashed(path) is not None:
                panels += 1
            else:
                damaged.append(f"{ticker}: {path.name} of {source} is damaged")
    for path in sorted(store.snapshots.glob("*.json")):
        try:
            read_manifest(path)
            snapshots += 1
        except StorageError as error:
            set_aside(path, "it is no list of bars, or does not match its hash")
            damaged.append(str(error))
    return Verified(tickers, panels, snapshots, tuple(damaged))


def prune(store: Store, keep: int, *, dry_run: bool) -> tuple[Path, ...]:
    """Drop all but the newest `keep` snapshots, and bars that none of them names.

    Revisions stay, so a dropped snapshot's bars can be made again by its night. Returns the files
    that were dropped, or would be.
    """
    if keep < 1:
        raise ConfigError(f"--keep must be at least 1 but is {keep}; keep the newest snapshot")
    with store.writing():
        manifests = [(read_manifest(path), path) for path in store.snapshots.glob("*.json")]
        manifests.sort(key=lambda one: one[0].stored_at, reverse=True)
        named = {path for manifest, _ in manifests[:keep] for path in _bars_of(store, manifest)}
        dropped = [path for _, path in manifests[keep:]]
        dropped += [path for path in sorted(store.root.glob("*/*/bars-*")) if path not in named]
        dropped += sorted(store.root.rglob("*.damaged-*"))
        return _drop(list(dict.fromkeys(dropped)), dry_run=dry_run)


def forget(store: Store, ticker: str, *, dry_run: bool) -> tuple[Path, ...]:
    """Drop everything stored of a ticker, from every source; raises ConfigError if nothing is."""
    with store.writing():
        folders = [store.folder_of(s, name) for s, name in store.tickers() if name == ticker]
        if not folders:
            raise ConfigError(
                f"--ticker must be one that is stored in {store.root} but {ticker} is not; see "
                f"lstm-hpo data list"
            )
        if not dry_run:
            with refuse_politely(str(store.root)):
                for folder in folders:
                    shutil.rmtree(folder)
        return tuple(folders)


def _bars_of(store: Store, manifest: Manifest) -> list[Path]:
    recipes = [manifest.recipe_of(part) for part in manifest.bars]
    return [
        path
        for recipe in recipes
        for path in bars_files(store.folder_of(recipe.source, recipe.ticker), recipe)
    ]


def _drop(paths: list[Path], *, dry_run: bool) -> tuple[Path, ...]:
    if not dry_run:
        with refuse_politely("the store of bars"):
            for path in paths:
                path.unlink(missing_ok=True)
    return tuple(paths)
