"""Forecasts for a whole file of bars, by a registered version's own code, into a Parquet file."""

import os
from dataclasses import dataclass
from pathlib import Path

from lstm_model.config.pipeline import PipelineConfig
from lstm_model.errors import ChampionError, ConfigError, StorageError
from tasks.data.panel_file import read_panel_file
from tasks.files import write_atomically
from tasks.tracking.champion import Registry, champion_of
from tasks.tracking.version import open_version


@dataclass(frozen=True, slots=True)
class Batch:
    """What was forecast: by which version, how many tickers and bars, and the file."""

    model: str
    version: int
    tickers: int
    forecasts: int
    path: Path


def forecast_file(
    config: PipelineConfig, bars: Path, output: Path, version: int | None = None
) -> Batch:
    """Forecast every bar of a file that has enough history, and write the forecasts to `output`.

    The numbers are those of `Bundle.forecast_bars`, to the last bit. version: the champion's if it
    is None. Raises ConfigError for a file that is not there, StorageError if `output` cannot be
    written, BarsError for bars that are refused, ChampionError if there is no such version or it
    cannot forecast.
    """
    _require_place(output, bars)
    raw = read_panel_file(bars)
    registry = champion_of(config)
    number = registry.require_champion() if version is None else _known(registry, version)
    with open_version(registry, number) as opened:
        found = opened.forecast_bars(raw)
    write_atomically(output, lambda partial: found.to_parquet(partial, index=False))
    tickers = found["ticker"].nunique()
    return Batch(registry.model, number, tickers, len(found), output)


def _require_place(output: Path, bars: Path) -> None:
    """Refuse a place that cannot be written before hours are spent on what would be there."""
    if output.is_dir() or output.resolve() == bars.resolve():
        what = "a folder" if output.is_dir() else "the file of bars"
        raise ConfigError(f"--output must be a file of its own but is {what}; name another")
    folder = output.absolute().parent
    there = next(place for place in (folder, *folder.parents) if place.exists())
    if not there.is_dir() or not os.access(there, os.W_OK):
        raise StorageError(
            f"cannot write {output}: {there} is no folder that can be written; name another "
            f"--output"
        )


def _known(registry: Registry, version: int) -> int:
    versions = registry.client.search_model_versions(f"name = '{registry.model}'")
    numbers = sorted(int(found.version) for found in versions)
    if version not in numbers:
        known = ", ".join(map(str, numbers[-10:])) or "none"
        raise ChampionError(
            f"--version must be a registered version of {registry.model!r} but {version} is not; "
            f"there is {known}"
        )
    return version
