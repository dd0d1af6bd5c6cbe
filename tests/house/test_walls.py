"""What the walls of the house say that import-linter cannot: what is allowed, and what is written down twice."""

from __future__ import annotations

import ast
import importlib
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import gm_core
from gm_core import api

ROOT = Path(__file__).resolve().parents[2]
DOORS = {"gm_core", "gm_core.api", "gm_core.resources"}
PAGES = ("app/page.py", "app/pages/", "app/pageparts/")
"""What may also read the queries and frames of the notes, which import no torch."""


def imports(tree: ast.AST) -> Iterator[str]:
    """The modules that a file imports when it runs, those for type checkers alone left out."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module == "gm_core":
            yield from (f"gm_core.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""
        else:
            yield from imports(node)


@pytest.mark.parametrize("file", sorted((ROOT / "app").rglob("*.py")), ids=lambda file: str(file.relative_to(ROOT)))
def test_the_window_enters_the_core_through_its_door(file: Path) -> None:
    inside = {name for name in imports(ast.parse(file.read_text(encoding="utf-8"))) if name.split(".")[0] == "gm_core"}
    page = str(file.relative_to(ROOT)).startswith(PAGES)
    inside = {name for name in inside if not (page and name.startswith("gm_core.concepts"))}
    assert inside - {"gm_core.__version__"} <= DOORS


def test_the_version_is_written_the_same_in_both_places() -> None:
    assert (
        tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
        == gm_core.__version__
    )


def test_what_the_door_loads_late_is_what_it_promises() -> None:
    """The names that type checkers are told of are those of the table, and each is what its module holds."""
    tree = ast.parse((ROOT / "gm_core" / "api.py").read_text(encoding="utf-8"))
    checked = next(node for node in tree.body if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test))
    told = {
        node.module.rsplit(".", 1)[1]: {alias.name for alias in node.names}
        for node in checked.body
        if isinstance(node, ast.ImportFrom) and node.module
    }
    assert told == {home: set(names.split()) for home, names in api.HOMES.items()}
    for home, names in told.items():
        module = importlib.import_module(f"gm_core.capabilities.{home}")
        assert all(getattr(api, name) is getattr(module, name) for name in names)
    assert all(hasattr(api, name) for name in api.__all__) and dir(api) == sorted(api.__all__)
    with pytest.raises(AttributeError, match="has no 'Nonsense'"):
        _ = api.Nonsense
