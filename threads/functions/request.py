"""Reading an HTTP request: its parameters, its body, what it accepts. Nothing here answers."""

import io
import socket
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from threading import Timer
from typing import Any
from urllib.parse import parse_qsl

from flask import Request

from threads.base.errors import InvalidRequest, PayloadTooLarge, Problem, UnsupportedMediaType
from threads.base.validation import Fields, parse_object

JSON = "application/json"

MAX_BODY_BYTES = 64 * 1024

BODY_TIME = timedelta(seconds=5)
"""How long the service waits for a body in all. A slow mobile line (100 kbit/s) brings the longest body that
a user may send in this time. A client that takes longer holds a thread which others need."""

_PIECE_BYTES = 64 * 1024

MAX_COUNT_DIGITS = 6
"""Cloud Tasks tries nothing a million times, so a longer number is not a count."""


class HttpRequest:
    """The parts of a request that handlers need. ``notes`` become part of its log line."""

    def __init__(self, request: Request) -> None:
        """Take the request as Flask sees it."""
        self.flask = request
        self.notes: dict[str, Any] = {}
        self._incoming = Incoming(request)
        self._body: bytes | None = None
        self._object: dict[str, Any] | None = None

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
        return self.untyped_json()

    def optional_json(self) -> dict[str, Any]:
        """Return the JSON object in the body, or an empty one if there is no body.

        Raises:
            PayloadTooLarge, UnsupportedMediaType, InvalidRequest: there is a body, but no acceptable object.

        """
        return self.json() if self.raw_body() else {}

    def untyped_json(self) -> dict[str, Any]:
        """Return the JSON object in the body, whatever its content type is. Cloud Tasks sets none.

        Raises:
            PayloadTooLarge, InvalidRequest: there is no acceptable object.

        """
        if self._object is None:  # it is parsed only once
            self._object = parse_object(self.raw_body())
        return self._object

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
            InvalidRequest: the body is broken, ends early, or does not arrive within ``BODY_TIME``.

        """
        if self._body is None:
            self._body = self._incoming.read(limit)
        return self._body

    def leave_body(self) -> None:
        """Let go of what is left of the body, before the answer is sent."""
        self._incoming.leave()


class Incoming:
    """The body of a request as it arrives. Only here is it read, and never for longer than ``BODY_TIME``.

    A time limit for each read would not do, because a client that sends a byte now and then never meets it.
    So a timer ends the reading: it closes the connection's incoming side, whatever reads from it. That is
    final: nothing more is read from a connection whose body has not come to a good end.
    """

    def __init__(self, request: Request) -> None:
        """Take the request. Nothing is read yet."""
        self._request = request
        # gunicorn's name for the connection. Under another server, there is no time limit.
        self._connection: socket.socket | None = request.environ.get("gunicorn.socket")
        self._length = request.content_length or 0
        self._is_over = not self._length and "HTTP_TRANSFER_ENCODING" not in request.environ
        self._seconds = BODY_TIME.total_seconds()

    def read(self, limit: int) -> bytes:
        """Return the body, up to a limit in bytes.

        Raises:
            PayloadTooLarge: the body is longer than the limit.
            InvalidRequest: the body is broken, ends early, or comes too late.

        """
        body = bytearray()
        try:
            with self._in_time():
                while len(body) <= limit and (piece := self._request.stream.read(limit + 1 - len(body))):
                    body += piece
        except Exception as error:  # the stream has nothing of ours: what it raises is about the body
            raise self._broken() from error
        if len(body) > limit:
            raise PayloadTooLarge(f"The body is larger than {limit // 1024} KiB.")
        if len(body) < self._length:
            raise self._broken()
        self._is_over = True
        return bytes(body)

    def leave(self) -> None:
        """Read what is left, and forget it: a client that is still sending might not see its answer.

        Otherwise functions-framework would do so, for as long as the client likes, and keep it all in memory.
        """
        if not self._is_over:
            with suppress(Exception), self._in_time():  # broken or not, nobody wants it
                while self._request.stream.read(_PIECE_BYTES):
                    pass
        self._request.stream = io.BytesIO()

    @contextmanager
    def _in_time(self) -> Iterator[None]:
        """Read while there is time left."""
        started = time.monotonic()
        timer = Timer(self._seconds, self._hang_up)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            self._seconds -= time.monotonic() - started

    def _broken(self) -> InvalidRequest:
        self._is_over = True
        self._hang_up()
        if self._seconds <= 0:
            what = f"did not arrive within {BODY_TIME.total_seconds():g} seconds."
        else:
            what = "ends early, or breaks the rules of HTTP."
        return InvalidRequest(Problem("body", "invalid_request", what))

    def _hang_up(self) -> None:
        """Close the connection's incoming side. A read that waits ends at once; the answer still goes out."""
        if self._connection is not None:
            with suppress(OSError):
                self._connection.shutdown(socket.SHUT_RD)


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
