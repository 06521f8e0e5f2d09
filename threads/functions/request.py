"""Reading an HTTP request: its parameters, its body, what it accepts. Nothing here answers."""

from collections.abc import Collection
from typing import Any
from urllib.parse import parse_qsl

from flask import Request
from werkzeug.exceptions import ClientDisconnected

from threads.base.errors import InvalidRequest, PayloadTooLarge, Problem, UnsupportedMediaType
from threads.base.validation import Fields, parse_object

JSON = "application/json"

MAX_BODY_BYTES = 64 * 1024

MAX_COUNT_DIGITS = 6
"""Cloud Tasks tries nothing a million times, so a longer number is not a count."""


class HttpRequest:
    """The parts of a request that handlers need. ``notes`` become part of its log line."""

    def __init__(self, request: Request) -> None:
        """Take the request as Flask sees it."""
        self.flask = request
        self.notes: dict[str, Any] = {}
        self._body: bytes | None = None

    @property
    def method(self) -> str:
        """The HTTP method."""
        return self.flask.method

    @property
    def authorization(self) -> str | None:
        """The header Authorization, unverified."""
        return self.flask.headers.get("Authorization")

    def accepts_json(self) -> bool:
        """Return whether the client prefers JSON to a page. A browser that navigates does not."""
        accepted = self.flask.accept_mimetypes
        return accepted.best_match(["text/html", "application/json"], "text/html") == "application/json"

    def retry_count(self) -> int:
        """Return how often Cloud Tasks has tried this task before. Believe it only if the caller is verified.

        Source: https://cloud.google.com/tasks/docs/creating-http-target-tasks#handler
        """
        count = self.flask.headers.get("X-CloudTasks-TaskRetryCount", "")
        return int(count) if count.isascii() and count.isdigit() and len(count) <= MAX_COUNT_DIGITS else 0

    def query(self, *names: str) -> dict[str, str]:
        """Return those of the named parameters that the query has.

        Raises:
            InvalidRequest: a parameter appears twice, or is not UTF-8.

        """
        return _parameters("query", self.flask.query_string, names)

    def known_query(self, *names: str) -> dict[str, str]:
        """Return those of the named parameters that the query has, and refuse all others.

        Raises:
            InvalidRequest: there are other parameters; or as in ``query``.

        """
        given = self.query(*names)
        Fields(dict.fromkeys(self.flask.args), known=names).check()
        return given

    def form(self, *names: str) -> dict[str, str]:
        """Return those of the named fields that the form in the body has.

        Raises:
            PayloadTooLarge, UnsupportedMediaType: the body is too large, or not a form.
            InvalidRequest: a field appears twice, or is not UTF-8.

        """
        self._check_type("application/x-www-form-urlencoded")
        return _parameters("body", self.raw_body(), names)

    def json(self) -> dict[str, Any]:
        """Return the JSON object in the body.

        Raises:
            PayloadTooLarge, UnsupportedMediaType, InvalidRequest: there is no acceptable object.

        """
        self._check_type(JSON)
        return parse_object(self.raw_body())

    def optional_json(self) -> dict[str, Any]:
        """Return the JSON object in the body, or an empty one if there is no body.

        Raises:
            PayloadTooLarge, UnsupportedMediaType, InvalidRequest: there is a body, but no acceptable object.

        """
        body = self.raw_body()
        if not body:
            return {}
        self._check_type(JSON)
        return parse_object(body)

    def untyped_json(self) -> dict[str, Any]:
        """Return the JSON object in the body, whatever its content type is. Cloud Tasks sets none.

        Raises:
            PayloadTooLarge, InvalidRequest: there is no acceptable object.

        """
        return parse_object(self.raw_body())

    def _check_type(self, expected: str) -> None:
        """Require a content type. For JSON, a browser sends a preflight before another site's request."""
        encoding = self.flask.headers.get("Content-Encoding", "identity")
        if self.flask.mimetype != expected or encoding != "identity":
            raise UnsupportedMediaType(None if expected == JSON else f"Send the body as {expected}.")

    def raw_body(self, *, limit: int = MAX_BODY_BYTES) -> bytes:
        """Return the body as it came, up to a limit in bytes. It is read only once.

        Flask's MAX_CONTENT_LENGTH cannot be used: functions-framework reads the rest of the body after the
        answer, and would turn Flask's error about it into a 500.

        Raises:
            PayloadTooLarge: the body is longer than the limit.
            InvalidRequest: the body ends early.

        """
        if self._body is None:
            self._body = _read(self.flask, limit)
        return self._body


def _read(request: Request, limit: int) -> bytes:
    body = bytearray()
    while piece := _piece(request, limit + 1 - len(body)):
        body += piece
        if len(body) > limit:
            raise PayloadTooLarge(f"The body is larger than {limit // 1024} KiB.")
    return bytes(body)


def _parameters(place: str, encoded: bytes, names: Collection[str]) -> dict[str, str]:
    """Return those of the named parameters that an encoded query or form has."""
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
    except (ClientDisconnected, OSError):  # gunicorn's errors for chunks are OSErrors
        raise InvalidRequest(Problem("body", "invalid_request", "ends early.")) from None
