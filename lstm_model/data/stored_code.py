"""The user's code inside a bundle: loaded by content under a private name, never by `sys.path`.

Two versions of the same module can so be used side by side: `sys.modules` knows each by its hash.
"""

import ast
import importlib
import sys
from dataclasses import dataclass
from importlib.abc import MetaPathFinder
from importlib.machinery import (
    EXTENSION_SUFFIXES,
    ExtensionFileLoader,
    FileFinder,
    ModuleSpec,
    SourceFileLoader,
)
from importlib.util import spec_from_file_location
from pathlib import Path
from types import CodeType, ModuleType

from lstm_model.errors import StorageError
from lstm_model.hashes import content_sha256, files_of

LARGEST_BYTES = 20_000_000
"""Most code that a bundle takes up."""


@dataclass(frozen=True, slots=True)
class StoredCode:
    """A module or package as files: (path that begins with its name, content)."""

    files: tuple[tuple[str, bytes], ...]

    @property
    def sha256(self) -> str:
        """Hash of names and contents."""
        return content_sha256(self.files)

    def write(self, folder: Path) -> None:
        """Write the files below `folder`."""
        for name, content in self.files:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)


def read_code(path: Path) -> StoredCode:
    """Read a file of code, or a package's folder; raises StorageError if it is over 20 MB."""
    if path.is_file():
        return StoredCode(((path.name, path.read_bytes()),))
    size = sum(p.stat().st_size for p in path.rglob("*") if p.is_file())
    if size > LARGEST_BYTES:
        raise StorageError(
            f"a package of features must be <= {LARGEST_BYTES // 10**6} MB but {path.name} has "
            f"{size // 10**6} MB; put the function into a file or package of its own"
        )
    return StoredCode(tuple((f"{path.name}/{name}", content) for name, content in files_of(path)))


def load_stored(module_name: str, folder: Path, sha256: str) -> tuple[StoredCode, ModuleType]:
    """Load a module from the files below `folder`.

    Raises StorageError if they have another hash, and whatever the module raises.
    """
    code = StoredCode(tuple(files_of(folder)))
    if code.sha256 != sha256:
        raise StorageError(
            f"the code of features.custom must have the hash {sha256[:12]} but {folder.name}/ has "
            f"{code.sha256[:12]}; it was changed or lost, so use another version of the model"
        )
    own, _, inner = module_name.partition(".")
    private = f"lstm_hpo_custom_{sha256}"
    _FINDER.places[private] = folder / own
    if _FINDER not in sys.meta_path:
        sys.meta_path.insert(0, _FINDER)
    return code, importlib.import_module(f"{private}.{inner}" if inner else private)


class _StoredCodeFinder(MetaPathFinder):
    """Finds private names alone. `places` maps each to its package's folder or file without .py."""

    def __init__(self) -> None:
        self.places: dict[str, Path] = {}

    def find_spec(
        self,
        fullname: str,
        path: object,  # noqa: ARG002 - Python's signature
        target: ModuleType | None = None,  # noqa: ARG002 - Python's signature
    ) -> ModuleSpec | None:
        """Return where a private module is."""
        private, *inner = fullname.split(".")
        place = self.places.get(private)
        if place is None:
            return None
        if inner:
            folder = place.joinpath(*inner[:-1])
            loaders = ((ExtensionFileLoader, EXTENSION_SUFFIXES), (_SourceOnly, [".py"]))
            return FileFinder(str(folder), *loaders).find_spec(fullname)
        if place.is_dir() and not (place / "__init__.py").exists():
            spec = ModuleSpec(fullname, None, is_package=True)
            spec.submodule_search_locations = [str(place)]
            return spec
        file = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
        locations = [str(place)] if place.is_dir() else None
        return spec_from_file_location(
            fullname,
            file,
            loader=_SourceOnly(fullname, str(file)),
            submodule_search_locations=locations,
        )


_FINDER = _StoredCodeFinder()


class _SourceOnly(SourceFileLoader):
    """Compiles the source that was hashed; reads and writes no compiled files (.pyc)."""

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        private = fullname.partition(".")[0]
        tree = ast.parse(self.get_data(path), path)
        tree = _PrivateImports(_FINDER.places[private].name, private).visit(tree)
        return compile(ast.fix_missing_locations(tree), path, "exec", dont_inherit=True)


class _PrivateImports(ast.NodeTransformer):
    """Lets a package that imports itself by its own name import its private self."""

    def __init__(self, own: str, private: str) -> None:
        self.own, self.private = own, private

    def _renamed(self, name: str) -> str | None:
        top, dot, inner = name.partition(".")
        return f"{self.private}{dot}{inner}" if top == self.own else None

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST:
        if node.level == 0 and node.module is not None:
            node.module = self._renamed(node.module) or node.module
        return node

    def visit_Import(self, node: ast.Import) -> list[ast.stmt]:
        found: list[ast.stmt] = []
        for alias in node.names:
            renamed = self._renamed(alias.name)
            names = [ast.alias(renamed or alias.name, alias.asname)]
            if renamed is not None and alias.asname is None:  # `import own.x` binds `own`
                names.append(ast.alias(self.private, self.own))
            found += [ast.copy_location(ast.Import([name]), node) for name in names]
        return found
