"""What every function does in the same way: methods, origins, headers, errors, and one log line.

A handler gets the request and its verified caller. It returns a response or raises a ``ServiceError``. What
all requests need happens here, so that no handler can forget it.
"""

import json
import re
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from threading import Lock
from typing import Any, Generic, TypeVar

from flask import Request, Response

from threads.base.errors import InternalError, MethodNotAllowed, ServiceError, ThreadsError
from threads.base.secret import redacted
from threads.functions.request import HttpRequest
from threads.functions.response import HttpResponse, as_flask, json_error, with_help

PREFLIGHT_SECONDS = 3600
"""How long a browser may cache the answer to a preflight. Chromium caches none longer than two hours."""

HTTPS_SECONDS = 365 * 24 * 3600
"""How long a browser uses nothing but HTTPS for this host: a year, as in RFC 6797's examples. Hosts below it
are not ours to speak for (``includeSubDomains``)."""

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Strict-Transport-Security": f"max-age={HTTPS_SECONDS}",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""On every answer. The callback's URL holds a code and a state, so no cache or referrer may pass it on.
Browsers heed the header about HTTPS only if it came by HTTPS."""

READ_HEADERS = (
    *("Authorization", "Content-Type", "Idempotency-Key", "Prefer", "X-Firebase-AppCheck"),
    *("traceparent", "tracestate", "baggage", "sentry-trace"),
)
"""The headers that the app's pages may send. Tools that follow a request through all services, such as
OpenTelemetry and Sentry, add those of the second line. If they were not allowed, no call would be sent."""

MAX_ORIGIN = 200
"""The most characters of an origin in the log."""

MAX_NAMED = 10
"""The most refused headers that the log names."""

_TRACE = re.compile(r"([0-9a-f]{32})(?:/|$)")
_TRACE_PARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")

_writing = Lock()
"""A line that is longer than a pipe takes at once is written in several pieces."""

_PLATFORM_PATHS = "/__/"
"""The platform's own paths, such as the Functions emulator's health probe ``/__/health``."""

Caller = TypeVar("Caller")
"""What a check of ``callers`` returns: the verified caller."""

ErrorAnswer = Callable[[HttpRequest, ServiceError], HttpResponse]
"""How one function answers an error."""


def default_error(_request: HttpRequest, error: ServiceError) -> HttpResponse:
    """Answer an error as JSON."""
    return json_error(error)


@dataclass(frozen=True, kw_only=True)
class Endpoint(Generic[Caller]):
    """One function as HTTP sees it. Without a check of its caller, it cannot be created."""

    name: str
    methods: tuple[str, ...]
    caller: Callable[[HttpRequest], Caller]
    """The check of ``callers`` that returns the verified caller, or raises."""
    handler: Callable[[HttpRequest, Caller], HttpResponse]
    """Answers the request of a verified caller."""
    allowed_origins: tuple[str, ...] = ()
    """The origins whose pages may call it (CORS)."""
    error_answer: ErrorAnswer = default_error
    errors_url: str | None = None
    """The page that explains every error."""
    project: str | None = None
    """The Google Cloud project, for the names of traces."""

    def serve(self, request: Request) -> Response:
        """Answer a request. Whatever happens becomes an answer and one line in the log."""
        started = time.perf_counter()
        if request.path.startswith(_PLATFORM_PATHS):
            return bare(request, HTTPStatus.NO_CONTENT)
        called = HttpRequest(request)
        if request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers:
            response = self._preflight(called)
        else:
            response = self._answer(called)
        called.leave_body()
        response.headers.update(HEADERS)
        self._allow_origin(called, response)
        self._log(called, response.status_code, time.perf_counter() - started)
        return response

    def _answer(self, request: HttpRequest) -> Response:
        if request.method not in self.methods:
            return self._failed(request, MethodNotAllowed(self.methods))
        try:
            return self._sent(self.handler(request, self.caller(request)))
        except ServiceError as error:
            return self._failed(request, error)
        except Exception as error:  # noqa: BLE001 - the text of a bug's exception may hold secrets
            request.notes |= {"exception": type(error).__name__, "stack": _stack(error)}
            return self._failed(request, InternalError())

    def _failed(self, request: HttpRequest, error: ServiceError) -> Response:
        request.notes |= error_notes(error)
        return self._sent(self.error_answer(request, error))

    def _sent(self, answer: HttpResponse) -> Response:
        return as_flask(answer._replace(body=answer.body and with_help(answer.body, self.errors_url)))

    def _preflight(self, request: HttpRequest) -> Response:
        """Answer a CORS preflight (https://fetch.spec.whatwg.org/#cors-preflight-fetch).

        What is refused is told in the log: a page cannot read the answer, so the browser tells it nothing.
        """
        origin = request.flask.headers.get("Origin")
        if origin not in self.allowed_origins:
            request.notes |= {"error": "origin_refused", "errorMessage": self._why_refused(origin)}
            return Response(status=HTTPStatus.FORBIDDEN)
        if refused := _unreadable(request.flask.headers.get("Access-Control-Request-Headers", "")):
            told = f"No page may send {', '.join(refused)}. No variable allows it: leave it out."
            request.notes |= {"error": "header_refused", "errorMessage": told}
        return Response(
            status=HTTPStatus.NO_CONTENT,
            headers={
                "Access-Control-Allow-Methods": ", ".join(self.methods),
                "Access-Control-Allow-Headers": ", ".join(READ_HEADERS),
                "Access-Control-Max-Age": str(PREFLIGHT_SECONDS),
            },
        )

    def _allow_origin(self, request: HttpRequest, response: Response) -> None:
        response.headers.add("Vary", "Origin")
        origin = request.flask.headers.get("Origin")
        if origin is not None and origin in self.allowed_origins:
            response.headers["Access-Control-Allow-Origin"] = origin
            response.headers["Access-Control-Expose-Headers"] = "Retry-After"
        elif origin:
            request.notes["refusedOrigin"] = redacted(origin, limit=MAX_ORIGIN)

    def _why_refused(self, origin: str | None) -> str:
        if not self.allowed_origins:
            return "No page may call this function. For those of the app, set ALLOWED_ORIGINS."
        shown = redacted(origin or "", limit=MAX_ORIGIN)
        return f"ALLOWED_ORIGINS does not have {shown or 'an empty origin'}."

    def _log(self, request: HttpRequest, status: int, seconds: float) -> None:
        """Write one JSON line as Cloud Logging reads it (https://cloud.google.com/logging/docs/structured-logging)."""
        severity = (
            "ERROR"
            if status == HTTPStatus.INTERNAL_SERVER_ERROR
            else "WARNING"
            if "error" in request.notes
            else "INFO"
        )
        line = {
            "severity": severity,
            "message": f"{self.name} {request.method} {status} {request.notes.get('error', '')}".rstrip(),
            "function": self.name,
            "status": status,
            "milliseconds": round(seconds * 1000),
            **_trace(request.flask, self.project),
            **request.notes,
        }
        write_line(line)


def write_line(line: Mapping[str, Any]) -> None:
    """Write one JSON line to the log, in one piece.

    With LOG_EXECUTION_ID, which every deployment sets, functions-framework puts a stream of its own in front
    of the process's. It writes a line in two pieces, so that of 60 requests at once every fourth line was no
    JSON any more, and lost its severity. Its ``stream`` is the one that it replaces.
    """
    stream = getattr(sys.stdout, "stream", sys.stdout)
    text = json.dumps(line, default=str) + "\n"
    with _writing:
        stream.write(text)
        stream.flush()


def bare(request: Request, status: HTTPStatus) -> Response:
    """Answer a request that is for no function with a status alone."""
    HttpRequest(request).leave_body()
    return Response(status=status, headers=HEADERS)


def error_notes(error: ServiceError) -> dict[str, Any]:
    """Return the fields of the log line about an error."""
    notes: dict[str, Any] = {"error": error.code, "errorMessage": redacted(error.told)}
    if isinstance(error, ThreadsError) and error.evidence:
        notes["graph"] = error.evidence.for_log()
    cause = error.__cause__
    return notes | ({"cause": type(cause).__name__} if cause else {})


def _unreadable(asked: str) -> list[str]:
    """Return the headers that a page asks for and may not send, of at most ``MAX_NAMED``."""
    readable = {name.lower() for name in READ_HEADERS}
    names = [name.strip() for name in asked.split(",")]
    refused = [name for name in names if name and name.lower() not in readable]
    return [redacted(name, limit=60) for name in refused[:MAX_NAMED]]


def lifetime_notes(*, is_known: bool) -> dict[str, Any]:
    """Return the field of the log line that tells if Threads has not said how long a token lasts."""
    return {} if is_known else {"expiresIn": "not said: 60 days are assumed"}


def _trace(request: Request, project: str | None) -> dict[str, str]:
    """Return the request's trace. Google's own header comes before the standard one.

    Sources: https://cloud.google.com/trace/docs/trace-context, https://www.w3.org/TR/trace-context/
    """
    found = _TRACE.match(request.headers.get("X-Cloud-Trace-Context", "")) or _TRACE_PARENT.match(
        request.headers.get("traceparent", "")
    )
    if not found:
        return {}
    return {"logging.googleapis.com/trace": f"projects/{project}/traces/{found[1]}" if project else found[1]}


def _stack(error: BaseException) -> list[str]:
    """Return where an exception was raised, without its text and the values around it."""
    return [
        f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)
    ]
