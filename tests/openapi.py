"""docs/openapi.yaml as tests use it: its schemas, its operations, and which answers it promises.

Every answer of the end-to-end tests, and of the hostile ones, goes through ``check_answer``.
"""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import jsonschema_rs
import yaml

PATH = Path(__file__).parent.parent / "docs" / "openapi.yaml"
SPEC: Mapping[str, Any] = yaml.safe_load(PATH.read_text(encoding="utf-8"))
SCHEMAS: Mapping[str, Any] = SPEC["components"]["schemas"]

METHODS = ("get", "post", "patch", "delete", "put", "head", "options", "trace")

_BASE = "https://openapi.example/"
_REGISTRY = jsonschema_rs.Registry([(_BASE, dict(SPEC))], draft=jsonschema_rs.Draft202012)


class Operation(NamedTuple):
    """One method of one function."""

    function: str
    method: str
    described: Mapping[str, Any]

    @property
    def pointer(self) -> str:
        """Where it stands in the file."""
        return f"/paths/~1{self.function}/{self.method.lower()}"


def operations() -> Iterator[Operation]:
    """Yield every operation, with its method in capitals."""
    for path, item in SPEC["paths"].items():
        for method in METHODS:
            if method in item:
                yield Operation(path.removeprefix("/"), method.upper(), item[method])


def resolved(described: Any) -> Any:
    """Return what a reference leads to, or the thing itself."""
    while isinstance(described, Mapping) and "$ref" in described:
        place: Any = SPEC
        for part in described["$ref"].removeprefix("#/").split("/"):
            place = place[part]
        described = place
    return described


def properties(name: str) -> dict[str, Any]:
    """Return the members of a named schema, with those of the schemas that it consists of."""
    return _members(SCHEMAS[name])


def _members(schema: Any) -> dict[str, Any]:
    schema = resolved(schema)
    parts = [_members(part) for part in schema.get("allOf", ())]
    return {name: it for part in [*parts, schema.get("properties", {})] for name, it in part.items()}


def wrong_with(value: Any, pointer: str) -> str:
    """Return what is wrong with a value for the schema at a place of the file, or an empty text."""
    error = next(_validator(pointer).iter_errors(value), None)
    while error and isinstance(error.kind, jsonschema_rs.ValidationErrorKind.AnyOf):
        within = [inner for branch in error.kind.context for inner in branch]
        error = max(within, key=lambda it: len(it.instance_path))  # the alternative that comes nearest
    return f"{'/'.join(map(str, error.instance_path))}: {error.message}" if error else ""


@cache
def _validator(pointer: str) -> jsonschema_rs.Validator:
    return jsonschema_rs.Draft202012Validator(
        {"$ref": f"{_BASE}#{pointer}"}, registry=_REGISTRY, validate_formats=True
    )


# --- answers ------------------------------------------------------------------------------------------------


def check_answer(function: str, method: str, status: int, headers: Mapping[str, str], body: str) -> None:
    """Fail if the file does not promise this answer: its status, its headers, its type and its content."""
    place = f"{function} {method} {status}"
    given = {name.lower(): value for name, value in headers.items()}
    if method == "HEAD" or (method == "OPTIONS" and status != 405) or (status in {204, 404} and not body):
        return  # no body, a preflight, or a path that is no function's
    response = _response(function, method, status)
    assert response, f"{place} is not described"
    pointer, described = response
    kinds = described.get("content", {})
    kind = given.get("content-type", "").partition(";")[0]
    assert (kind in kinds) if kinds else not body, f"{place} is {kind or 'of no type'}"
    for name, header in described.get("headers", {}).items():
        if resolved(header).get("required"):
            assert name.lower() in given, f"{place} has no {name}"
    if kind == "application/json":
        answer = json.loads(body)
        wrong = wrong_with(answer, f"{pointer}/content/application~1json/schema")
        assert not wrong, f"{place} {wrong}: {body[:500]}"
        _check_error(place, status, given, answer)


def _response(function: str, method: str, status: int) -> tuple[str, Mapping[str, Any]] | None:
    """Return the described answer, and where it stands in the file."""
    name, described = _METHOD_NOT_ALLOWED
    for operation in operations():
        if (operation.function, operation.method) == (function, method):
            described = operation.described["responses"].get(str(status))
            name = f"{operation.pointer}/responses/{status}"
    if described and "$ref" in described:
        return described["$ref"].removeprefix("#"), resolved(described)
    return (name, described) if described else None


_METHOD_NOT_ALLOWED = (
    "/components/responses/MethodNotAllowed",
    SPEC["components"]["responses"]["MethodNotAllowed"],
)
"""What every function answers to a method that it does not have."""


def _check_error(place: str, status: int, headers: Mapping[str, str], answer: Any) -> None:
    """Fail if an error does not say when to come again, or says so for nothing."""
    error = answer.get("error")
    if status >= 400 and isinstance(error, dict):
        assert error["retryable"] is ("retry-after" in headers), f"{place} and Retry-After do not agree"


# --- bodies -------------------------------------------------------------------------------------------------


def is_body_valid(case: Any) -> bool:
    """Return whether a body is one that the file allows, once what counts as absent is left out."""
    place = (
        f"/paths/~1{case.path.strip('/')}/{case.method.lower()}/requestBody/content/application~1json/schema"
    )
    return isinstance(case.body, dict) and not wrong_with(_present(case.body), place)


def _present(value: Any) -> Any:
    """Return a value without the members that count as left out, at any depth."""
    if isinstance(value, dict):
        # A number is there, also if it is 0, which Python calls equal to False.
        return {name: _present(it) for name, it in value.items() if it is not False and it not in (None, "")}
    return [_present(it) for it in value] if isinstance(value, list) else value
