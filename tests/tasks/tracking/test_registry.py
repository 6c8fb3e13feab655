"""Claims about the registered model's requirements."""

import ast
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

from tasks.tracking.registry import REQUIREMENTS

ROOT = Path(__file__).resolve().parents[3]


def imports_of(path: Path) -> Iterator[str]:
    """Yield every module that a file imports, also inside functions, but for those of a search."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in tree.body if path.parent.name == "search" else ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def reached(start: Path) -> set[str]:
    """Return the top-level names of all foreign modules that a file of ours can come to import."""
    found, seen, waiting = set(), set(), [start]
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        for name in imports_of(path):
            own = ROOT / Path(*name.split("."))
            if name.startswith("lstm_model"):
                waiting += [p for p in (own.with_suffix(".py"), own / "__init__.py") if p.exists()]
            else:
                found.add(name.split(".")[0])
    return found - set(sys.stdlib_module_names)


def test_every_package_that_serving_imports_is_required() -> None:
    """What the bundle can import, also when it is first called, is installed where it serves."""
    required = {name.lower() for name in REQUIREMENTS}
    distributions = packages_distributions()
    for module in reached(ROOT / "lstm_model" / "model" / "bundle.py"):
        names = {name.lower().replace("-", "_") for name in distributions[module]}
        assert names & {name.replace("-", "_") for name in required}, module
