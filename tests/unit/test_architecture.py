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

import threads
from tests.unit.support import ENVIRONMENT
from threads.errors import ServiceError

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "threads"
MODULES = {path.stem: path for path in sorted(PACKAGE.glob("*.py")) if path.stem != "__init__"}
SOURCES = [*MODULES.values(), PACKAGE / "__init__.py", ROOT / "main.py"]

SHELL = {"client", "store", "records", "tasks", "identity", "users", "vault"}

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


def drawn_order() -> list[str]:
    """Return the modules as the package's docstring draws them, from the first line to the last."""
    picture = (threads.__doc__ or "").partition("to the last:\n\n")[2]
    column = "\n".join(re.split(r"\s{3,}", line.strip())[0] for line in picture.splitlines())
    return re.findall(r"\w+", column)


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
    """Return the modules of the package that a file imports."""
    parts = (name.split(".") for name in imports_of(path))
    return {name[1] for name in parts if name[0] == "threads" and len(name) > 1 and name[1] in MODULES}


def error_classes(base: type[ServiceError] = ServiceError) -> Iterator[type[ServiceError]]:
    """Yield the subclasses that can be raised: the leaves of the tree."""
    for error in base.__subclasses__():
        if error.__subclasses__():
            yield from error_classes(error)
        elif error.__module__ == "threads.errors":
            yield error


def test_every_module_has_its_place_in_the_picture() -> None:
    """The package's docstring draws every module, and none that is not there."""
    assert sorted(drawn_order()) == sorted(MODULES)


@pytest.mark.parametrize("name", MODULES)
def test_imports_go_one_way(name: str) -> None:
    """A module imports only what the picture draws before it."""
    order = drawn_order()
    before = order[: order.index(name)] if name in order else MODULES.keys() - {"edge", "app"}
    assert own_imports(MODULES[name]) & set(order) <= set(before)


@pytest.mark.parametrize("name", sorted(SHELL))
def test_outside_systems_do_not_know_each_other(name: str) -> None:
    """The modules that each speak to one outside system do not import one another."""
    assert not own_imports(MODULES[name]) & SHELL


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_the_service_knows_neither_emulator_nor_tests(path: Path) -> None:
    """Nothing that is deployed imports what only this machine has."""
    assert not {name.split(".")[0] for name in imports_of(path)} & {"emulator", "tests"}


def test_the_emulator_shares_no_code_with_the_service() -> None:
    """The emulator cannot agree with the service by being the service."""
    files = [path for path in (ROOT / "emulator").rglob("*.py") if "node_modules" not in path.parts]
    assert files
    assert not [path for path in files if "threads" in {name.split(".")[0] for name in imports_of(path)}]


def test_one_file_names_the_host_of_threads() -> None:
    """Another address for Threads is a matter of one file."""
    assert [path.name for path in SOURCES if "threads.net" in path.read_text()] == ["config.py"]


def test_the_environment_is_read_where_a_process_begins() -> None:
    """The functions' app and the command each read it once; nothing else does."""
    readers = [path.name for path in SOURCES if re.search(r"\benviron\b|\bgetenv\b", _code(path))]
    assert readers == ["app.py", "reseal.py"]


def test_only_two_modules_speak_http() -> None:
    """Calls leave the service through the Graph client and the fetching of signing keys alone."""
    speakers = {
        path.stem
        for path in SOURCES
        if {name.split(".")[0] for name in imports_of(path)} & {"requests", "urllib3", "httpx"}
    }
    assert speakers == {"client", "identity"}


def _code(path: Path) -> str:
    """Return a file's code without comments and docstrings."""
    return "\n".join(
        ast.unparse(node)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute | ast.Name)
    )


HEAVY = ("google.cloud.firestore", "firebase_admin", "google.cloud.tasks", "jwt")


@pytest.mark.parametrize(
    ("module", "target", "expected"),
    [
        ("threads.app", "th_auth_start", []),
        ("main", "th_auth_start", ["google.cloud.firestore", "firebase_admin"]),
        ("main", "th_auth_callback", ["google.cloud.firestore"]),
    ],
)
def test_a_process_loads_what_its_function_needs(module: str, target: str, expected: list[str]) -> None:
    """The package itself is light; main.py loads what the served function's first request needs, no more."""
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
    picture = ast.get_docstring(ast.parse(MODULES["errors"].read_text())) or ""
    assert not [error.__name__ for error in error_classes() if error.__name__ not in picture]
