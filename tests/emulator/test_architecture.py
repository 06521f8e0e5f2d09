"""The shape of ``emulator/``: what each package may import, no cycles, and complete lists of modules."""

from __future__ import annotations

import ast
import re
import sys
from graphlib import TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
PACKAGES = ("base", "threads_api", "cloud_tasks", "suite")

ALLOWED = {
    "emulator": {"emulator.suite", "flit_core"},
    "emulator.base": {"flask", "werkzeug"},
    "emulator.threads_api": {"emulator.base", "flask", "werkzeug", "cryptography", "pytest"},
    "emulator.cloud_tasks": {
        *("emulator.base", "flask", "werkzeug"),
        *("google", "grpc", "jwt", "cryptography", "yaml"),
    },
    "emulator.suite": {"flask", "google", "markdown_it", "psutil", "requests", "yaml"},
}
"""What each package imports, apart from itself and the standard library."""


def files() -> dict[str, Path]:
    """Return the modules of the emulator by their dotted names."""
    folders = [ROOT / "emulator", *(ROOT / "emulator" / package for package in PACKAGES)]
    found = (path for folder in folders for path in folder.glob("*.py"))
    return {".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in found}


MODULES = files()


def package_of(name: str) -> str:
    """Return the package of a module, or the top package of an outside one."""
    parts = name.split(".")
    if parts[0] != "emulator":
        return parts[0]
    return ".".join(parts[:2]) if len(parts) > 1 and parts[1] in PACKAGES else "emulator"


def imports_of(path: Path) -> Iterator[str]:
    """Yield the modules that a file imports, wherever the import is."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield whole if {whole, f"{whole}.__init__"} & MODULES.keys() else str(node.module)


@pytest.mark.parametrize("package", ALLOWED)
def test_a_package_imports_what_the_table_lists(package: str) -> None:
    """No more, and no less: an import that is not listed fails, and so does an entry that nothing uses."""
    imported = {
        package_of(name)
        for module, path in MODULES.items()
        if package_of(module) == package
        for name in imports_of(path)
    }
    assert imported - {package} - sys.stdlib_module_names == ALLOWED[package]


def test_no_module_imports_itself_through_others() -> None:
    """There are no import cycles, not even of imports for the type checker."""
    graph = {
        module: {f"{name}.__init__" if f"{name}.__init__" in MODULES else name for name in imports_of(path)}
        for module, path in MODULES.items()
    }
    # Raises CycleError, whose message names the modules.
    TopologicalSorter(graph).prepare()


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_lists_its_modules(package: str) -> None:
    """The docstring of each package has one line for each of its modules, and no other."""
    docstring = ast.get_docstring(ast.parse(MODULES[f"emulator.{package}.__init__"].read_text())) or ""
    listed = re.findall(r"^(\w+) {2,}\S", docstring, re.MULTILINE)
    modules = {name.rpartition(".")[2] for name in MODULES if package_of(name) == f"emulator.{package}"}
    assert sorted(listed) == sorted(modules - {"__init__"})


def test_there_is_no_other_package() -> None:
    """A new folder with Python belongs in the table."""
    folders = [it for it in (ROOT / "emulator").iterdir() if it.is_dir() and it.name != "node_modules"]
    with_python = {path.parent for folder in folders for path in folder.rglob("*.py")}
    assert with_python == {ROOT / "emulator" / package for package in PACKAGES}
