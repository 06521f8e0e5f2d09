"""The shape of the package: which way imports go, who may touch what, and the table of errors."""

import ast
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.codes import error_classes
from tests.unit.support import ENVIRONMENT
from threads.base.errors import ServiceError

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "threads"
MODULES = {
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts): path
    for path in sorted(PACKAGE.rglob("*.py"))
    if path.stem != "__init__"
}
SOURCES = [*sorted(PACKAGE.rglob("*.py")), ROOT / "main.py"]

MAY_IMPORT: dict[str, set[str]] = {
    "base": set(),
    "cloud": {"base"},
    "graph": {"base"},
    "posts": {"cloud", "base"},
    "accounts": {"graph", "cloud", "base"},
    "publishing": {"posts", "accounts", "graph", "base"},
    "connections": {"accounts", "posts", "graph", "cloud", "base"},
    "functions": {"publishing", "connections", "posts", "accounts", "graph", "base"},
    "app": {"functions", "publishing", "connections", "posts", "accounts", "graph", "cloud", "base"},
}
"""The packages, from the ground up, and what each may import beside itself."""

SIGNATURES = {"graph.signed_request", "graph.webhook"}
"""All that ``functions`` may know of Meta's side: who has signed what came in."""

SHELL = {"graph.client", "cloud.firestore", "cloud.tasks", "cloud.users", "accounts.vault"}
"""The modules that each speak to one outside system."""

ERROR_TABLE = {
    (400, "invalid_request"),
    (400, "missing_account"),
    (400, "invalid_state"),
    (400, "invalid_return_to"),
    (401, "unauthenticated"),
    (403, "forbidden"),
    (403, "missing_scope"),
    (404, "account_not_found"),
    (404, "post_not_found"),
    (405, "method_not_allowed"),
    (409, "idempotency_mismatch"),
    (409, "in_progress"),
    (409, "reconnect_required"),
    (413, "payload_too_large"),
    (415, "unsupported_media_type"),
    (422, "rejected_by_threads"),
    (429, "quota_exceeded"),
    (429, "rate_limited"),
    (429, "too_many_waiting"),
    (503, "threads_unavailable"),
}
"""What callers are promised."""

UNNAMED = {
    (503, "service_unavailable"),
    (500, "internal"),
    (409, "cancelled"),
    (409, "outcome_unknown"),
    (422, "given_up"),
    (400, "invalid_handle"),
    (400, "invalid_signature"),
    (404, "deletion_not_found"),
    (409, "wrong_account"),
}
"""Promised without a name ("every other transient fault"), the one that must not happen, and what a post that
ended without being published answers to the request that began it."""


def imports_of(path: Path) -> Iterator[str]:
    """Yield the dotted names of every import in a file, wherever it stands."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name} has a relative import"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def own_imports(path: Path) -> set[str]:
    """Return the modules of the package that a file imports, by their names below ``threads``."""
    named = {name.removeprefix("threads.") for name in imports_of(path) if name.startswith("threads.")}
    return named & MODULES.keys()


def package_of(module: str) -> str:
    """Return the package that a module belongs to; what lies on top is its own."""
    return module.partition(".")[0]


def trespasses(module: str, imported: set[str]) -> set[str]:
    """Return what a module imports although the table does not have it."""
    package = package_of(module)
    allowed = MAY_IMPORT.get(package, set()) | {package}
    beyond = {name for name in imported if package_of(name) not in allowed}
    if package == "functions":
        beyond |= {name for name in imported if package_of(name) == "graph" and name not in SIGNATURES}
    return beyond


def test_the_table_lists_every_package() -> None:
    """A package that is not in the table fails, and so does a row without a package."""
    assert {package_of(module) for module in MODULES} == set(MAY_IMPORT)


@pytest.mark.parametrize("module", MODULES)
def test_imports_follow_the_table(module: str) -> None:
    """A module imports from its own package, and from those that the table allows."""
    assert not trespasses(module, own_imports(MODULES[module]))


def test_an_import_that_the_table_does_not_have_is_found() -> None:
    """The check sees an import upwards, one across a floor, and one of the rest of ``graph``."""
    assert trespasses("base.errors", {"graph.client"}) == {"graph.client"}
    assert trespasses("publishing.publish", {"connections.start"}) == {"connections.start"}
    assert trespasses("functions.meta", {"graph.client", "graph.webhook"}) == {"graph.client"}


def test_no_floor_imports_a_higher_one() -> None:
    """The table itself goes one way: each package may import only those that stand above it in the table."""
    names = list(MAY_IMPORT)
    for number, name in enumerate(names):
        assert MAY_IMPORT[name] <= set(names[:number]), name


def test_modules_do_not_import_each_other() -> None:
    """Within a package, too, imports form no circle."""
    left = {module: own_imports(path) for module, path in MODULES.items()}
    while free := {module for module, imported in left.items() if not imported & left.keys()}:
        left = {module: imported for module, imported in left.items() if module not in free}
    assert not left


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: path.stem)
def test_own_modules_are_imported_at_the_top(path: Path) -> None:
    """No function imports a module of ours: what a function needs is loaded before the process forks."""
    functions = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)]
    late = {
        inner.module
        for node in functions
        for inner in ast.walk(node)
        if isinstance(inner, ast.ImportFrom) and (inner.module or "").startswith("threads")
    }
    assert not late


@pytest.mark.parametrize("package", [*(package for package in MAY_IMPORT if package != "app"), "deploy"])
def test_a_package_lists_its_modules(package: str) -> None:
    """The docstring of a package names each of its modules, and none that is not there."""
    folder = ROOT / package if package == "deploy" else PACKAGE / package
    listed = re.findall(r"^(\w+)  +\S", (folder / "__init__.py").read_text(), re.MULTILINE)
    assert sorted(listed) == sorted(path.stem for path in folder.glob("[!_]*.py"))


@pytest.mark.parametrize("name", sorted(SHELL))
def test_outside_systems_do_not_know_each_other(name: str) -> None:
    """The modules that each speak to one outside system do not import one another."""
    assert not own_imports(MODULES[name]) & (SHELL - {name})


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_the_service_knows_neither_emulator_nor_tests(path: Path) -> None:
    """Nothing that is deployed imports what only this machine has."""
    assert not {name.split(".")[0] for name in imports_of(path)} & {"emulator", "tests", "deploy"}


def test_the_deployment_reads_configurations_as_the_service_does() -> None:
    """``deploy`` knows of the service what it can decide without running it, and no emulator or test."""
    imported = {name for path in (ROOT / "deploy").glob("*.py") for name in imports_of(path)}
    own = {name.removeprefix("threads.") for name in imported if name.startswith("threads.")}
    assert {package_of(module) for module in own} == {"base"}
    assert not {name.split(".")[0] for name in imported} & {"emulator", "tests"}


def test_the_emulator_shares_no_code_with_the_service() -> None:
    """The emulator cannot agree with the service by being the service."""
    files = [path for path in (ROOT / "emulator").rglob("*.py") if "node_modules" not in path.parts]
    assert files
    assert not [path for path in files if "threads" in {name.split(".")[0] for name in imports_of(path)}]


def test_one_file_names_the_host_of_threads() -> None:
    """Another address for Threads is a matter of one file."""
    assert [path.name for path in SOURCES if "threads.net" in path.read_text()] == ["config.py"]


SPEAKS_HTTP = {"requests", "urllib3", "httpx", "http.client", "urllib.request", "jwt.PyJWKClient"}


def test_the_environment_is_read_where_a_process_begins() -> None:
    """The functions' app and the command each read it once; nothing else does."""
    readers = [
        path.name for path in SOURCES if re.search(r"(?<!request\.)\benviron\b|\bgetenv\b", _code(path))
    ]
    assert sorted(readers) == ["app.py", "reseal.py"]


def test_only_two_modules_speak_http() -> None:
    """Only the Graph client and the fetching of signing keys make calls; the rest is Google's libraries."""
    speakers = {path.stem for path in SOURCES if SPEAKS_HTTP & set(imports_of(path))}
    assert speakers == {"client", "signing_keys"}


def _code(path: Path) -> str:
    """Return a file's code without comments and docstrings."""
    return "\n".join(
        ast.unparse(node)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute | ast.Name)
    )


HEAVY = ("google.cloud.firestore", "firebase_admin", "google.cloud.tasks", "grpc")


@pytest.mark.parametrize(
    ("module", "target", "expected"),
    [
        ("threads.app", "th_auth_start", []),
        ("main", "th_auth_start", ["google.cloud.firestore", "firebase_admin", "grpc"]),
        ("main", "th_auth_callback", ["google.cloud.firestore", "grpc"]),
    ],
)
def test_a_process_loads_what_its_function_needs(module: str, target: str, expected: list[str]) -> None:
    """The package itself loads no client; main.py loads those that its function's first request needs."""
    script = f"""
import gc, json, sys, {module}
assert gc.isenabled()
print(json.dumps([name for name in {HEAVY!r} if name in sys.modules]))
"""
    loaded = subprocess.run(  # noqa: S603 - this interpreter, with the lines above
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **ENVIRONMENT, "FUNCTION_TARGET": target},
        capture_output=True,
        check=True,
    )
    assert json.loads(loaded.stdout) == expected


def test_errors_are_the_promised_table() -> None:
    """Status and code of every error are a row of the promised table, and every row has its error."""
    assert {(error.status, error.code) for error in error_classes()} == ERROR_TABLE | UNNAMED


@pytest.mark.parametrize("error", list(error_classes()))
def test_every_error_says_what_to_do(error: type[ServiceError]) -> None:
    """An error has a text of its own, and one that may pass says when to come again."""
    assert error.__doc__
    assert error.__doc__.strip().endswith((".", '".'))
    assert error.retryable is (error.retry_after is not None)
    assert error.retryable or error.status not in {429, 503}


def test_the_tree_of_errors_is_drawn_whole() -> None:
    """Every error stands in the picture at the top of its file."""
    picture = ast.get_docstring(ast.parse(MODULES["base.errors"].read_text())) or ""
    assert not [error.__name__ for error in error_classes() if error.__name__ not in picture]
