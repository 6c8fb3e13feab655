"""Columns from the user's own function, named in the configuration as `module:function`."""

import importlib
import sys
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from weakref import WeakKeyDictionary

import numpy as np
import pandas as pd
from jaxtyping import Float

from lstm_model.data.bars import Bars
from lstm_model.data.stored_code import StoredCode, load_stored, read_code
from lstm_model.errors import ConfigError, StorageError

CustomFeatures = Callable[[Bars], pd.DataFrame]

_AS_IMPORTED: WeakKeyDictionary[ModuleType, StoredCode] = WeakKeyDictionary()
"""The code of each module when it was imported: what computes a night's columns is what is stored,
even if the file changes in the meantime."""


@dataclass(frozen=True, slots=True)
class StoredFeatures:
    """The user's function as a bundle has it, with the code that it was loaded from."""

    code: StoredCode
    function: CustomFeatures


def load_custom(name: str) -> CustomFeatures:
    """Import the function; the current folder comes last in the search path.

    Raises ConfigError if there is no such module or function.
    """
    module_name, _, function_name = name.partition(":")
    if str(Path.cwd()) not in sys.path:
        sys.path.append(str(Path.cwd()))
    try:
        module = importlib.import_module(module_name)
    except Exception as error:  # the user's module may raise anything on import
        raise ConfigError(
            f"features.custom must name a module that can be imported but {module_name!r} gives "
            f"{type(error).__name__}: {error}; run from its folder, or fix it"
        ) from error
    root = sys.modules[module_name.partition(".")[0]]
    if root not in _AS_IMPORTED:
        try:
            _AS_IMPORTED[root] = read_code(_path_of(root))
        except (StorageError, OSError) as error:
            raise ConfigError(f"features.custom cannot be stored with a model: {error}") from error
    return _function_of(module, module_name, function_name)


def _function_of(module: ModuleType, module_name: str, function_name: str) -> CustomFeatures:
    function = getattr(module, function_name, None)
    if not callable(function):
        raise ConfigError(
            f"features.custom must name a function but {module_name!r} has no {function_name!r}; "
            f"write module:function"
        )
    chosen: CustomFeatures = function
    return chosen


def load_stored_features(name: str, folder: Path, sha256: str) -> StoredFeatures:
    """Load the function from the code that a bundle has in `folder`.

    Raises StorageError if the code has another hash, or cannot be imported.
    """
    module_name, _, function_name = name.partition(":")
    try:
        code, module = load_stored(module_name, folder, sha256)
        return StoredFeatures(code, _function_of(module, module_name, function_name))
    except (StorageError, ConfigError):
        raise
    except Exception as error:  # the user's module may raise anything on import
        raise StorageError(
            f"the code of features.custom must be importable where a model is used but {name} "
            f"gives {type(error).__name__}: {error}; install what it imports"
        ) from error


def code_of(name: str) -> StoredCode:
    """Return the code of the function's file or package, as it was when it was imported here.

    Other modules that it imports are not part of it; keep them in the same file or package.
    """
    load_custom(name)
    return _AS_IMPORTED[sys.modules[name.partition(":")[0].partition(".")[0]]]


def _path_of(module: ModuleType) -> Path:
    if module.__file__ is None:  # a folder without __init__.py
        return Path(next(iter(module.__path__)))
    file = Path(module.__file__)
    return file.parent if file.name == "__init__.py" else file


def custom_columns(
    bars: Bars, name: str, taken: Collection[str], stored: StoredFeatures | None = None
) -> tuple[tuple[str, ...], Float[np.ndarray, "row column"]]:
    """Call the function for each ticker, and return its columns in the panel's order.

    It gets the Bars of one ticker (raw prices, splits and dividends as columns; `bars.adjust` gives
    adjusted prices), so no column can depend on the other tickers of the panel. `stored` is the
    function of a bundle; without it, the one that can be imported by `name`. Raises ConfigError
    if the function raises, or does not return a DataFrame with one row per bar and numeric columns
    whose names are new.
    """
    function = load_custom(name) if stored is None else stored.function
    frames = [
        _call(function, name, ticker, Bars(frame, bars.findings))
        for ticker, frame in bars.by_ticker()
    ]
    names = tuple(str(column) for column in frames[0].columns)
    clash = next((n for n in names if n in taken or names.count(n) > 1), None)
    if clash is not None:
        raise ConfigError(
            f"features.custom must give its columns new names but there are two {clash!r}; "
            f"rename it in {name}"
        )
    if any(tuple(frame.columns) != tuple(frames[0].columns) for frame in frames):
        raise ConfigError(
            f"features.custom must give every ticker the same columns but {name} gives "
            f"{[list(frame.columns) for frame in frames][:2]}; fix it"
        )
    return names, np.concatenate([frame.to_numpy(dtype=float) for frame in frames])


def _call(function: CustomFeatures, name: str, ticker: str, bars: Bars) -> pd.DataFrame:
    try:
        frame = function(bars)
        if not isinstance(frame, pd.DataFrame):
            raise TypeError(f"a {type(frame).__name__} instead of a DataFrame")  # noqa: TRY301
        values = frame.to_numpy(dtype=float)
    except Exception as error:  # the user's function may raise or return anything
        raise ConfigError(
            f"features.custom must return a DataFrame of numbers but {name} gives "
            f"{type(error).__name__} on {ticker}: {' '.join(str(error).split())[:200]}; fix it"
        ) from error
    if len(values) != len(bars.frame) or not values.shape[1]:
        raise ConfigError(
            f"features.custom must return one row per bar ({len(bars.frame)} of {ticker}) and at "
            f"least one column but {name} gives a frame of {values.shape[0]} x {values.shape[1]}; "
            f"fix it"
        )
    if not frame.index.equals(bars.frame.index):
        raise ConfigError(
            f"features.custom must keep the index of bars.frame, which assigns rows to bars, but "
            f"{name} gives another on {ticker}; sort or reindex its frame"
        )
    return frame
