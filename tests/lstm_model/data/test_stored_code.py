"""Claims about a user's code in a bundle: loaded by content, side by side, never by sys.path."""

import sys
from pathlib import Path

import pytest

from lstm_model.data import stored_code
from lstm_model.data.custom_features import load_stored_features
from lstm_model.data.stored_code import load_stored, read_code
from lstm_model.errors import StorageError

PACKAGE = {
    "__init__.py": "",
    "number.py": "VALUE = {value}",
    "columns.py": (
        "import own.number\nimport own.number as again\nfrom own import number\n"
        "from .number import VALUE\nimport os.path, json as text\n\n"
        "def function(bars):\n    from own.number import VALUE as late\n"
        "    return [own.number.VALUE, again.VALUE, number.VALUE, VALUE, late]\n"
    ),
}


def write_package(folder: Path, value: int, *, marked: bool = True) -> Path:
    package = folder / "own"
    package.mkdir(parents=True)
    for name, source in PACKAGE.items():
        if marked or name != "__init__.py":
            (package / name).write_text(source.format(value=value))
    return package


@pytest.mark.parametrize("marked", [True, False])
def test_two_packages_of_one_name_stay_apart(marked: bool, tmp_path: Path) -> None:
    """A package that imports itself in any way, also late, gets itself; sys.path has no part."""
    known, path = set(sys.modules), list(sys.path)
    functions = {}
    for value in (1, 2):
        folder = tmp_path / str(value)
        write_package(folder, value, marked=marked)
        code = read_code(folder / "own")
        functions[value] = load_stored_features("own.columns:function", folder, code.sha256)
    for value in (1, 2):
        assert functions[value].function(None) == [value] * 5  # type: ignore[arg-type]
    assert sys.path == path
    assert not [name for name in set(sys.modules) - known if name.partition(".")[0] == "own"]
    assert not list(tmp_path.rglob("__pycache__"))


def test_compiled_code_is_not_run(tmp_path: Path) -> None:
    """What lies compiled beside the source is not looked at: the source was hashed."""
    package = write_package(tmp_path, 1)
    digest = read_code(package).sha256
    cache = package / "__pycache__"
    cache.mkdir()
    (cache / f"number.{sys.implementation.cache_tag}.pyc").write_bytes(b"not code")
    stored = load_stored_features("own.columns:function", tmp_path, digest)
    assert stored.function(None) == [1] * 5  # type: ignore[arg-type]


def test_changed_code_is_refused(tmp_path: Path) -> None:
    """Code with another hash is refused in one line, also if a file is only added or gone."""
    package = write_package(tmp_path, 1)
    digest = read_code(package).sha256
    for change in (
        lambda: (package / "number.py").write_text("VALUE = 3"),
        (package / "more.py").touch,
        (package / "number.py").unlink,
    ):
        change()
        with pytest.raises(StorageError, match="must have the hash") as refused:
            load_stored("own.columns", tmp_path, digest)
        assert "\n" not in str(refused.value)


def test_code_that_needs_what_is_not_here_is_refused(tmp_path: Path) -> None:
    """A module that cannot be imported where a model is used is named with the reason."""
    (tmp_path / "columns.py").write_text("import no_such_library")
    digest = read_code(tmp_path / "columns.py").sha256
    with pytest.raises(StorageError, match=r"columns:f gives ModuleNotFoundError.*install what"):
        load_stored_features("columns:f", tmp_path, digest)


def test_a_large_package_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Code is stored in every bundle, so it has a largest size."""
    monkeypatch.setattr(stored_code, "LARGEST_BYTES", 10)
    with pytest.raises(StorageError, match="a package of features must be <= 0 MB but own has"):
        read_code(write_package(tmp_path, 1))
