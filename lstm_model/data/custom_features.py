"""Columns from the user's own function, named in the configuration as `module:function`."""

import importlib
import sys
from collections.abc import Callable, Collection
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float

from lstm_model.data.bars import Bars
from lstm_model.errors import ConfigError

CustomFeatures = Callable[[Bars], pd.DataFrame]


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
    function = getattr(module, function_name, None)
    if not callable(function):
        raise ConfigError(
            f"features.custom must name a function but {module_name!r} has no {function_name!r}; "
            f"write module:function"
        )
    chosen: CustomFeatures = function
    return chosen


def code_path(name: str) -> Path:
    """Return the file or package of the function's module, which must be shipped with a model.

    Other modules that it imports are not shipped; keep them in the same file or package.
    """
    load_custom(name)
    module = sys.modules[name.partition(":")[0].partition(".")[0]]
    if module.__file__ is None:  # a folder without __init__.py
        return Path(next(iter(module.__path__)))
    file = Path(module.__file__)
    return file.parent if file.name == "__init__.py" else file


def custom_columns(
    bars: Bars, name: str, taken: Collection[str]
) -> tuple[tuple[str, ...], Float[np.ndarray, "row column"]]:
    """Call the function for each ticker, and return its columns in the panel's order.

    It gets the Bars of one ticker (raw prices, splits and dividends as columns; `bars.adjust` gives
    adjusted prices), so no column can depend on the other tickers of the panel. Raises ConfigError
    if the function raises, or does not return a DataFrame with one row per bar and numeric columns
    whose names are new.
    """
    function = load_custom(name)
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
