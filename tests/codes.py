"""Every error that the service can answer, gathered from its source: what pages and schemas must name."""

import ast
from collections.abc import Iterator
from pathlib import Path

from threads.base import errors

PACKAGE = Path(__file__).parent.parent / "threads"

_CODE_AT = {"problem": 1, "Problem": 1, "wrong": 1, "Exclusion": 2}
"""Where the code stands among the arguments of what notes a broken rule."""


def error_classes(
    base: type[errors.ServiceError] = errors.ServiceError,
) -> Iterator[type[errors.ServiceError]]:
    """Yield the errors of the service that have a code."""
    for kind in base.__subclasses__():
        if kind.__module__ == errors.__name__:
            if hasattr(kind, "code"):
                yield kind
            yield from error_classes(kind)


def rule_codes() -> set[str]:
    """Return the codes of broken rules. ``invalid_request`` is one of them."""
    found: set[str] = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            found |= {str(it.value) for it in _named(node) if isinstance(it, ast.Constant)}
    return found


def _named(node: ast.AST) -> Iterator[ast.expr]:
    """Yield what stands in the code's place: in a call, in an option's row, in what a generator yields."""
    if isinstance(node, ast.Call):
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if len(node.args) > _CODE_AT.get(name, len(node.args)):
            yield node.args[_CODE_AT[name]]
        if name in {"Option", "read"}:
            yield from (keyword.value for keyword in node.keywords if keyword.arg == "code")
    if isinstance(node, ast.Yield) and isinstance(node.value, ast.Tuple) and len(node.value.elts) == 3:
        yield node.value.elts[1]
