"""Claims about the user's own columns: loaded by name, checked, and refused in one line."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from lstm_model.config.pipeline import FeaturesConfig
from lstm_model.data.bars import Bars
from lstm_model.data.custom_features import code_of, load_custom
from lstm_model.data.features import compute_features
from lstm_model.data.indicators import INDICATORS
from lstm_model.errors import ConfigError

BarMaker = Callable[..., Bars]

MODULE = """
import numpy as np
import pandas as pd

def momentum(bars):
    close = bars.frame["close"]
    return pd.DataFrame({"momentum5": np.log(close / close.shift(5)), "one": 1.0})

def gappy(bars):
    close = bars.frame["close"]
    return pd.DataFrame({"gappy": close.where(close.index != 300)})

def clash(bars):
    return pd.DataFrame({"rsi14": bars.frame["close"]})

def series(bars):
    return bars.frame["close"]

def sorted_down(bars):
    return momentum(bars)[::-1]

def short(bars):
    return momentum(bars)[1:]

def text(bars):
    return pd.DataFrame({"word": ["a"] * len(bars.frame)})

def broken(bars):
    raise KeyError("vwap")

def fickle(bars):
    return pd.DataFrame({bars.tickers[0]: bars.frame["close"]})

constant = 3
"""


@pytest.fixture
def own_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Write a user's module into the current folder."""
    import sys

    (tmp_path / "own_columns.py").write_text(MODULE, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path != str(tmp_path)])
    yield "own_columns"
    sys.modules.pop("own_columns", None)


def test_own_columns_follow_built_in_ones(own_module: str, make_bars: BarMaker) -> None:
    """Each ticker's columns are computed on its own bars and come after the built-in ones."""
    bars = make_bars(400, 350)
    table = compute_features(bars, FeaturesConfig(custom=f"{own_module}:momentum"))
    assert table.names == (*INDICATORS, "momentum5", "one")
    for code, ticker in enumerate(bars.tickers):
        close = bars.of(ticker)["close"]
        found = table.values[table.ticker_of_row == code, -2]
        np.testing.assert_allclose(found, np.log(close / close.shift(5)))
    assert not table.ready[:250].any()
    ((name, _),) = code_of(f"{own_module}:momentum").files
    assert name == "own_columns.py"


def test_rows_without_a_value_are_not_samples(own_module: str, make_bars: BarMaker) -> None:
    """A row is not ready where a column of the user is not finite."""
    bars = make_bars(400)
    table = compute_features(bars, FeaturesConfig(sets=("har",), custom=f"{own_module}:gappy"))
    assert table.names == ("log_variance", "log_variance5", "log_variance22", "gappy")
    assert list(table.ready[298:302]) == [True, True, False, True]


@pytest.mark.parametrize(
    ("function", "message"),
    [
        ("clash", "must give its columns new names but there are two 'rsi14'"),
        ("short", "one row per bar \\(400 of T0\\).* gives a frame of 399 x 2"),
        ("text", "must return a DataFrame of numbers but .*text gives ValueError on T0"),
        ("broken", "must return a DataFrame of numbers but .*broken gives KeyError on T0: 'vwap'"),
        ("series", "a Series instead of a DataFrame"),
        ("sorted_down", "must keep the index of bars.frame"),
        ("fickle", "must give every ticker the same columns"),
        ("constant", "has no 'constant'; write module:function"),
        ("absent", "has no 'absent'"),
    ],
)
def test_anything_but_a_table_of_numbers_is_refused(
    function: str, message: str, own_module: str, make_bars: BarMaker
) -> None:
    """A function that gives something else is refused with its name and what it gave."""
    bars = make_bars(400, 350)
    with pytest.raises(ConfigError, match=message):
        compute_features(bars, FeaturesConfig(custom=f"{own_module}:{function}"))


def test_a_missing_module_is_refused() -> None:
    """The message has the module's name and the error of its import."""
    with pytest.raises(ConfigError, match="'no_such_module' gives ModuleNotFoundError"):
        load_custom("no_such_module:function")


@pytest.mark.parametrize("marked", [True, False])
def test_a_package_travels_whole(
    marked: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A function in a package, with or without __init__.py, brings the whole package along."""
    import sys

    name = f"own_package_{marked}".lower()
    folder = tmp_path / name
    folder.mkdir()
    (folder / "columns.py").write_text(MODULE, encoding="utf-8")
    if marked:
        (folder / "__init__.py").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    files = dict(code_of(f"{name}.columns:momentum").files)
    assert files.keys() == {path.relative_to(tmp_path).as_posix() for path in folder.glob("*.py")}
    assert files[f"{name}/columns.py"].decode() == MODULE


def test_bars_are_handed_over_by_ticker(own_module: str, make_bars: BarMaker) -> None:
    """A ticker's columns do not depend on the other tickers."""
    panel, alone = make_bars(400, 350), make_bars(400)
    features = FeaturesConfig(custom=f"{own_module}:momentum")
    both = compute_features(panel, features).values[:400]
    np.testing.assert_array_equal(both, compute_features(alone, features).values)


def test_what_was_imported_is_stored(own_module: str) -> None:
    """A file that changes during a night is stored as it was when its columns were computed."""
    load_custom(f"{own_module}:momentum")
    Path(f"{own_module}.py").write_text("changed = 1")
    ((_, content),) = code_of(f"{own_module}:momentum").files
    assert content.decode() == MODULE
