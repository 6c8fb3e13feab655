"""Retention: what the old nights have left is deleted, in an order that a kill cannot spoil."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from lstm_model.champion.retention import Night, nights_that_go, studies_that_go
from lstm_model.config.pipeline import PipelineConfig
from tasks.champion.named_versions import named_versions
from tasks.champion.verdicts import verdicts_of
from tasks.data.retention import unused_data_sets
from tasks.removal import (
    Removal,
    compact,
    folder_size,
    half_removed,
    held_by_one,
    remove_folder,
)
from tasks.search.retention import stored_studies
from tasks.tracking.champion import Registry, champion_of
from tasks.tracking.client import refusals_named
from tasks.tracking.retention import NightFiles, begin_deletion, nights_of, used_by_nights


def delete_old(config: PipelineConfig, keep: int, *, dry_run: bool) -> Iterator[Removal]:
    """Delete what all but the newest `keep` nights of each study have left; yield each removal.

    With `dry_run` the same is yielded, and nothing is changed. Nights that are running stay, and
    those whose version an alias, the ledger or a journal names. A night is marked and loses its
    versions first, so whoever comes after a kill finishes it. Raises StorageError if another one
    deletes now or a store fails, LedgerError if the ledger cannot be read.
    """
    with ExitStack() as stack:
        if not dry_run:
            stack.enter_context(held_by_one(config.data.raw_dir.parent / "gc.lock"))
        with refusals_named(config.tracking.uri):
            registry = champion_of(config)
            going = _begin(config, registry, keep, dry_run=dry_run)
        yield from _nights(config, registry, going, dry_run=dry_run)
        with refusals_named(config.tracking.uri):
            gone = frozenset(night.run_id for night in going)
            data, studies = used_by_nights(registry.client, gone)
        yield from _studies(config, keep, studies, dry_run=dry_run)
        yield from _folders(config, data, dry_run=dry_run)
        if not dry_run:
            for address in (registry.uri, config.search.storage):
                if freed := compact(address):
                    yield Removal(f"free space in {address.rpartition('/')[2]}", freed)


def _begin(
    config: PipelineConfig, registry: Registry, keep: int, *, dry_run: bool
) -> tuple[Night, ...]:
    """Decide which nights go, and delete their versions while nobody can name one of them."""
    with ExitStack() as stack:
        if not dry_run:
            stack.enter_context(verdicts_of(config).lock())
            stack.enter_context(registry.journal.lock())
        nights = nights_of(registry.client, config.tracking.experiment)
        going = nights_that_go(nights, keep, named_versions(config, registry))
        if not dry_run:
            for night in going:
                begin_deletion(registry.client, night)
    return going


def _nights(
    config: PipelineConfig, registry: Registry, going: tuple[Night, ...], *, dry_run: bool
) -> Iterator[Removal]:
    bundles = _bundles(config)
    for night in going:
        with refusals_named(config.tracking.uri):
            files = NightFiles(registry.client, registry.uri, night, bundles)
            versions = "".join(f", version {number}" for _, number in night.versions)
            removal = Removal(
                f"night {night.name} ({night.run_id}){versions}, {files.runs} nested runs",
                files.size(),
            )
            if not dry_run:
                files.delete()
        yield removal


def _studies(
    config: PipelineConfig, keep: int, used: frozenset[str], *, dry_run: bool
) -> Iterator[Removal]:
    with stored_studies(config.search.storage) as studies:
        for study in studies_that_go(studies.ages(), keep, used):
            if dry_run or studies.delete(study):
                yield Removal(f"study {study.key}, {study.finished} finished trials")


def _folders(
    config: PipelineConfig, used: frozenset[tuple[str, str]], *, dry_run: bool
) -> Iterator[Removal]:
    unused = unused_data_sets(config.data.data_dir, used, time.time())
    for folder in (*half_removed(_bundles(config)), *unused):
        removal = Removal(f"folder {folder}", folder_size(folder))
        if not dry_run:
            remove_folder(folder)
        yield removal


def _bundles(config: PipelineConfig) -> Path:
    return config.data.data_dir.parent / "models"
