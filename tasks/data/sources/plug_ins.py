"""Sources by name: entry points of our own package, and in the same way of any other."""

import difflib
import sys
from collections.abc import Callable
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points

from lstm_model.config.data import DataConfig
from lstm_model.errors import ConfigError, LstmHpoError
from tasks.data.sources.bar_source import BarSource
from tasks.data.sources.network_source import NetworkSource
from tasks.data.sources.request_rate import rate_of

GROUP = "lstm_hpo.sources"
"""Group of entry points: each is a function from a DataConfig to a BarSource."""

PACKAGE = "lstm-hpo"
OURS = {
    "bundled": "tasks.data.sources.bundled:open_bundled",
    "csv": "tasks.data.sources.csv_folder:open_csv",
    "parquet": "tasks.data.sources.parquet_folder:open_parquet",
    "yahoo": "tasks.data.sources.yahoo:open_yahoo",
}
"""Our sources, as pyproject.toml declares them; an editable installation that is older than the
checkout does not list new ones until it is installed again."""

ATTRIBUTES = ("incremental", "network", "findings", "fetch")


def open_source(data: DataConfig) -> BarSource:
    """Return the source that the configuration names; one over a network is spaced.

    Raises ConfigError if no installed package has it, if two have it, or if it cannot be opened.
    """
    entry = _entry_of("data.source", data.source)
    source = _open(entry, data)
    if not source.network:
        return source
    rate = None
    if data.requests_per_minute is not None:
        rate = rate_of(data.source, float(data.requests_per_minute))
    return NetworkSource(source, data.source, rate)


def require_sources(data: DataConfig) -> None:
    """Raise ConfigError if a source that a run would open is not installed."""
    if data.snapshot is None:
        _entry_of("data.source", data.source)
    if data.cross_check is not None:
        _entry_of("data.cross_check", data.cross_check)


@lru_cache(maxsize=4)
def _installed(_path: tuple[str, ...]) -> dict[str, tuple[EntryPoint, ...]]:
    """Return the sources of all installed packages by name; reading them takes 10 ms."""
    listed = list(entry_points(group=GROUP))
    known = {entry.name for entry in listed if _package_of(entry) == PACKAGE}
    listed += [EntryPoint(name, OURS[name], GROUP) for name in OURS if name not in known]
    found: dict[str, tuple[EntryPoint, ...]] = {}
    for entry in sorted(listed, key=lambda entry: entry.value):
        found[entry.name] = (*found.get(entry.name, ()), entry)
    return found


def _entry_of(key: str, name: str) -> EntryPoint:
    installed = _installed(tuple(sys.path))
    if name not in installed:
        nearest = difflib.get_close_matches(name, installed, n=1)
        remedy = f"did you mean {nearest[0]!r}?" if nearest else "install the package that has it"
        raise ConfigError(
            f"{key} must be an installed source ({', '.join(sorted(installed))}) but is {name!r}; "
            f"{remedy}"
        )
    first, *others = installed[name]
    if others:
        packages = " and ".join(map(_package_of, installed[name]))
        raise ConfigError(
            f"{key} must name one source but {packages} both have {name!r}; uninstall one"
        )
    return first


def _open(entry: EntryPoint, data: DataConfig) -> BarSource:
    """Call a source's factory; what fails in another's code is told in one line."""
    try:
        factory: Callable[[DataConfig], BarSource] = entry.load()
        source = factory(data)
    except LstmHpoError:
        raise
    except Exception as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise ConfigError(
            f"source {entry.name!r} of {_package_of(entry)} must open but does not: {reason}; "
            f"correct {entry.value}"
        ) from error
    missing = [name for name in ATTRIBUTES if not hasattr(source, name)]
    if missing:
        raise ConfigError(
            f"source {entry.name!r} of {_package_of(entry)} must have {', '.join(ATTRIBUTES)} but "
            f"lacks {', '.join(missing)}; correct {entry.value}"
        )
    return source


def _package_of(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist is not None else PACKAGE
