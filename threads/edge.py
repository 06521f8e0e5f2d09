"""HTTP: requests to values, values and errors to answers; the same manners for every function.

A handler gets a ``Call`` and returns an ``Answer`` or raises a ``ServiceError``. Methods, origins, sizes,
headers, errors and the log line are dealt with here, so that no handler can forget them.
"""

import html
import json
import re
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from flask import Request, Response
from werkzeug.exceptions import ClientDisconnected

from threads.errors import (
    InternalError,
    InvalidRequest,
    MethodNotAllowed,
    PayloadTooLarge,
    Problem,
    ServiceError,
    ThreadsError,
    Unauthenticated,
    UnsupportedMediaType,
)
from threads.wire import parse_object, redacted

MAX_BODY_BYTES = 64 * 1024

PREFLIGHT_SECONDS = 3600
"""How long a browser may keep a preflight's answer; Chromium keeps none longer than two hours."""

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""On every answer. The callback's URL holds a code and a state, which no cache or referrer may carry on."""

_TRACE = re.compile(r"([0-9a-f]{32})(?:/|$)")
_TRACE_PARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")

_PLATFORM_PATHS = "/__/"
"""Paths of the platform's own, like the Functions emulator's health probe ``/__/health``."""


class Answer(NamedTuple):
    """What a handler answers: an object, a redirect, or a small page."""

    status: int = HTTPStatus.OK
    body: Mapping[str, Any] | None = None
    page: str | None = None
    headers: Mapping[str, str] = MappingProxyType({})


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

    def query(self, *names: str) -> dict[str, str]:
        """Return the named parameters of the query that are there.

        Raises:
            InvalidRequest: one of them stands twice, or is not UTF-8.

        """
        values: dict[str, str] = {}
        try:
            parameters = parse_qsl(
                self.request.query_string.decode(), keep_blank_values=True, errors="strict"
            )
        except ValueError:
            raise InvalidRequest(Problem("query", "invalid_request", "is not valid UTF-8.")) from None
        for name in names:
            given = [value for key, value in parameters if key == name]
            if len(given) > 1:
                raise InvalidRequest(Problem(name, "invalid_request", "stands more than once in the query."))
            if given:
                values[name] = given[0]
        return values

    def has_body(self) -> bool:
        """Say whether the request brings a body (RFC 9112, section 6.3)."""
        return bool(self.request.content_length) or "Transfer-Encoding" in self.request.headers

    def json(self) -> dict[str, Any]:
        """Return the body's object.

        Raises:
            PayloadTooLarge, UnsupportedMediaType, InvalidRequest: there is no acceptable one.

        """
        request = self.request
        if (
            request.mimetype != "application/json"
            or request.headers.get("Content-Encoding", "identity") != "identity"
        ):
            raise UnsupportedMediaType
        body = bytearray()
        while piece := _piece(request, MAX_BODY_BYTES + 1 - len(body)):
            body += piece
            # Not Flask's MAX_CONTENT_LENGTH: functions-framework reads the rest of the body after the answer,
            # and would turn Flask's complaint about it into a 500.
            if len(body) > MAX_BODY_BYTES:
                raise PayloadTooLarge
        return parse_object(bytes(body))


Handler = Callable[[Call], Answer]
"""What serves one function."""

ErrorAnswer = Callable[[Call, ServiceError], Answer]
"""How one function says that it failed."""


def _piece(request: Request, size: int) -> bytes:
    try:
        return request.stream.read(size)
    except ClientDisconnected:
        raise InvalidRequest(Problem("body", "invalid_request", "ends early.")) from None


def json_error(_call: Call, error: ServiceError) -> Answer:
    """Answer an error as JSON: what every function does that does not say otherwise."""
    return Answer(
        status=error.status, body={"ok": False, "error": error.as_json()}, headers=error_headers(error)
    )


def error_headers(error: ServiceError) -> dict[str, str]:
    """Return the headers that HTTP wants with an error (RFC 9110, 10.2.1, 10.2.3 and 11.6.1)."""
    headers = {}
    if error.retry_after is not None:
        headers["Retry-After"] = str(max(1, round(error.retry_after.total_seconds())))
    if isinstance(error, MethodNotAllowed):
        headers["Allow"] = ", ".join(error.allowed)
    if isinstance(error, Unauthenticated):
        headers["WWW-Authenticate"] = "Bearer"
    return headers


class Endpoint(NamedTuple):
    """One function as HTTP sees it."""

    name: str
    methods: tuple[str, ...]
    handler: Handler
    allowed_origins: tuple[str, ...] = ()
    """Whose pages may call it (CORS)."""
    error_answer: ErrorAnswer = json_error
    project: str | None = None
    """The Google Cloud project, for the names of traces."""

    def serve(self, request: Request) -> Response:
        """Answer a request: whatever happens becomes an answer and one line in the log."""
        started = time.perf_counter()
        if request.path.startswith(_PLATFORM_PATHS):
            return Response(status=HTTPStatus.NO_CONTENT, headers=HEADERS)
        call = Call(request)
        if request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers:
            response = self._preflight(request)
        else:
            response = _response(self._answer(call))
        response.headers.update(HEADERS)
        self._allow_origin(request, response)
        self._log(call, response.status_code, time.perf_counter() - started)
        return response

    def _answer(self, call: Call) -> Answer:
        if call.request.method not in self.methods:
            return self._failed(call, MethodNotAllowed(self.methods))
        try:
            return self.handler(call)
        except ServiceError as error:
            return self._failed(call, error)
        except Exception as error:  # noqa: BLE001 - the last line of defence: a mistake's text may hold secrets
            call.notes |= {"exception": type(error).__name__, "stack": _stack(error)}
            return self._failed(call, InternalError())

    def _failed(self, call: Call, error: ServiceError) -> Answer:
        call.notes |= error_notes(error)
        return self.error_answer(call, error)

    def _preflight(self, request: Request) -> Response:
        """Answer a CORS preflight (https://fetch.spec.whatwg.org/#cors-preflight-fetch)."""
        if request.headers.get("Origin") not in self.allowed_origins:
            return Response(status=HTTPStatus.FORBIDDEN)
        return Response(
            status=HTTPStatus.NO_CONTENT,
            headers={
                "Access-Control-Allow-Methods": ", ".join(self.methods),
                "Access-Control-Allow-Headers": "Authorization, Content-Type, Idempotency-Key, Prefer",
                "Access-Control-Max-Age": str(PREFLIGHT_SECONDS),
            },
        )

    def _allow_origin(self, request: Request, response: Response) -> None:
        response.headers.add("Vary", "Origin")
        origin = request.headers.get("Origin")
        if origin is not None and origin in self.allowed_origins:
            response.headers["Access-Control-Allow-Origin"] = origin
            response.headers["Access-Control-Expose-Headers"] = "Retry-After"

    def _log(self, call: Call, status: int, seconds: float) -> None:
        """Write one JSON line as Cloud Logging reads it (https://cloud.google.com/logging/docs/structured-logging)."""
        severity = (
            "ERROR"
            if status == HTTPStatus.INTERNAL_SERVER_ERROR
            else "WARNING"
            if "error" in call.notes
            else "INFO"
        )
        line = {
            "severity": severity,
            "message": f"{self.name} {call.request.method} {status} {call.notes.get('error', '')}".rstrip(),
            "function": self.name,
            "status": status,
            "milliseconds": round(seconds * 1000),
            **_trace(call.request, self.project),
            **call.notes,
        }
        sys.stdout.write(json.dumps(line, default=str) + "\n")
        sys.stdout.flush()


def redirect(url: str) -> Answer:
    """Send the browser on with a GET (RFC 9110, 15.4.4). ``url`` must have been checked."""
    return Answer(status=HTTPStatus.SEE_OTHER, headers={"Location": url})


def page(title: str, text: str, *, status: int = HTTPStatus.OK, reload_after: int | None = None) -> Answer:
    """Answer with a small page for a person; ``reload_after`` seconds it looks again."""
    head = f'<meta http-equiv="refresh" content="{reload_after}">' if reload_after else ""
    return Answer(
        status=status,
        page=_PAGE.format(head=head, title=html.escape(title), text=html.escape(text)),
    )


def error_notes(error: ServiceError) -> dict[str, Any]:
    """Return what the log line says of an error."""
    notes: dict[str, Any] = {"error": error.code, "errorMessage": redacted(error.message)}
    if isinstance(error, ThreadsError) and error.evidence:
        notes["graph"] = {
            name: value for name, value in error.evidence._asdict().items() if value not in (None, "")
        }
    cause = error.__cause__
    return notes | ({"cause": type(cause).__name__} if cause else {})


def _response(answer: Answer) -> Response:
    if answer.page is not None:
        response = Response(answer.page.encode(errors="replace"), content_type="text/html; charset=utf-8")
    elif answer.body is not None:
        text = json.dumps(answer.body, ensure_ascii=False, separators=(",", ":"))
        response = Response(text.encode(errors="replace"), content_type="application/json")
    else:
        response = Response()
        response.headers.remove("Content-Type")
    response.status_code = answer.status
    # Werkzeug would otherwise rewrite the URL, and with it what was checked.
    response.autocorrect_location_header = False
    response.headers.update(answer.headers)
    return response


def _trace(request: Request, project: str | None) -> dict[str, str]:
    """Return the request's trace, from Google's own header before the standard one.

    Sources: https://cloud.google.com/trace/docs/trace-context, https://www.w3.org/TR/trace-context/
    """
    found = _TRACE.match(request.headers.get("X-Cloud-Trace-Context", "")) or _TRACE_PARENT.match(
        request.headers.get("traceparent", "")
    )
    if not found:
        return {}
    return {"logging.googleapis.com/trace": f"projects/{project}/traces/{found[1]}" if project else found[1]}


def _stack(error: BaseException) -> list[str]:
    """Return where it happened, without the exception's text and the values around it."""
    return [
        f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)
    ]


_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
{head}
<title>{title}</title>
<style>
  :root {{ color-scheme: light dark }}
  body {{
    font: 1.05rem/1.5 system-ui, sans-serif; min-height: 100vh; margin: 0;
    display: grid; place-content: center;
  }}
  main {{ max-width: 26rem; padding: 2rem; text-align: center }}
  h1 {{ font-size: 1.4rem; margin: 0 0 .5rem }}
  p {{ margin: 0; opacity: .8 }}
</style>
</head>
<body><main><h1>{title}</h1><p>{text}</p></main></body>
</html>
"""
