"""Reading an HTTP request: its parameters, its body, what it accepts. Nothing here answers."""

from collections.abc import Collection
from typing import Any
from urllib.parse import parse_qsl

from flask import Request
from werkzeug.exceptions import ClientDisconnected

from threads.errors import InvalidRequest, PayloadTooLarge, Problem, UnsupportedMediaType
from threads.wire import Fields, parse_object

JSON = "application/json"

MAX_BODY_BYTES = 64 * 1024

MAX_COUNT_DIGITS = 6
"""Nothing is tried a million times."""


class Call:
    """A request, as far as handlers need to know it. ``notes`` become part of its log line."""

    def __init__(self, request: Request) -> None:
        """Take the request as Flask sees it."""
        self.request = request
        self.notes: dict[str, Any] = {}

    @property
    def authorization(self) -> str | None:
        """The header of that name, not verified."""
        return self.request.headers.get("Authorization")

    def accepts_json(self) -> bool:
        """Say whether the client prefers JSON to a page; a browser's navigation does not."""
        accepted = self.request.accept_mimetypes
        return accepted.best_match(["text/html", "application/json"], "text/html") == "application/json"

    def retry_count(self) -> int:
        """Return how often Cloud Tasks has brought this task before; meaningful only once it is verified.

        Source: https://cloud.google.com/tasks/docs/creating-http-target-tasks#handler
        """
        count = self.request.headers.get("X-CloudTasks-TaskRetryCount", "")
        return int(count) if count.isascii() and count.isdigit() and len(count) <= MAX_COUNT_DIGITS else 0

    def query(self, *names: str) -> dict[str, str]:
        """Return the named parameters of the query that are there.

        Raises:
            InvalidRequest: one of them stands twice, or is not UTF-8.

        """
        return _parameters("query", self.request.query_string, names)

    def known_query(self, *names: str) -> dict[str, str]:
        """Return the named parameters of the query that are there, when there are no others.

        Raises:
            InvalidRequest: there are others; or as in ``query``.

        """
        given = self.query(*names)
        Fields(dict.fromkeys(self.request.args), known=names).check()
        return given

    def form(self, *names: str) -> dict[str, str]:
        """Return the named fields of the body's form that are there.

        Raises:
            PayloadTooLarge, UnsupportedMediaType: there is no acceptable one.
            InvalidRequest: a field stands twice, or is not UTF-8.

        """
        self._check_type("application/x-www-form-urlencoded")
        return _parameters("body", self.raw_body(), names)

    def json(self) -> dict[str, Any]:
        """Return the body's object.

        Raises:
            PayloadTooLarge, UnsupportedMediaType, InvalidRequest: there is no acceptable one.

        """
        self._check_type(JSON)
        return parse_object(self.raw_body())

    def optional_json(self) -> dict[str, Any]:
        """Return the body's object, an empty one when there is no body.

        Raises:
            PayloadTooLarge, UnsupportedMediaType, InvalidRequest: there is one, but it is not acceptable.

        """
        body = self.raw_body()
        if not body:
            return {}
        self._check_type(JSON)
        return parse_object(body)

    def untyped_json(self) -> dict[str, Any]:
        """Return the body's object whatever type it claims: Cloud Tasks sets none.

        Raises:
            PayloadTooLarge, InvalidRequest: there is no acceptable one.

        """
        return parse_object(self.raw_body())

    def _check_type(self, expected: str) -> None:
        """Insist on a type: with that of JSON a browser asks first before it sends another site's request."""
        encoding = self.request.headers.get("Content-Encoding", "identity")
        if self.request.mimetype != expected or encoding != "identity":
            raise UnsupportedMediaType(None if expected == JSON else f"Send the body as {expected}.")

    def raw_body(self, *, limit: int = MAX_BODY_BYTES) -> bytes:
        """Return the body as it came, up to a limit in bytes.

        Not with Flask's MAX_CONTENT_LENGTH: functions-framework reads the rest of the body after the answer,
        and would turn Flask's complaint about it into a 500.

        Raises:
            PayloadTooLarge, InvalidRequest: it is longer, or ends early.

        """
        body = bytearray()
        while piece := _piece(self.request, limit + 1 - len(body)):
            body += piece
            if len(body) > limit:
                raise PayloadTooLarge(f"The body is larger than {limit // 1024} KiB.")
        return bytes(body)


def _parameters(place: str, encoded: bytes, names: Collection[str]) -> dict[str, str]:
    """Return the named parameters that stand in a query, or in a form."""
    values: dict[str, str] = {}
    try:
        parameters = parse_qsl(encoded.decode(), keep_blank_values=True, errors="strict")
    except ValueError:
        raise InvalidRequest(Problem(place, "invalid_request", "is not valid UTF-8.")) from None
    for name in names:
        given = [value for key, value in parameters if key == name]
        if len(given) > 1:
            raise InvalidRequest(Problem(name, "invalid_request", f"stands more than once in the {place}."))
        if given:
            values[name] = given[0]
    return values


def _piece(request: Request, size: int) -> bytes:
    try:
        return request.stream.read(size)
    except (ClientDisconnected, OSError):  # gunicorn's own errors for chunks are OSErrors
        raise InvalidRequest(Problem("body", "invalid_request", "ends early.")) from None
