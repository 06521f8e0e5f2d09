"""The same manners for every function: methods, origins, headers, errors, and one log line.

A handler gets a ``Call`` and returns an ``Answer`` or raises a ``ServiceError``; what is common to all
requests is dealt with here, so that no handler can forget it.
"""

import json
import re
import sys
import time
import traceback
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, NamedTuple

from flask import Request, Response

from threads.answer import Answer, as_response, json_error
from threads.call import Call
from threads.errors import InternalError, MethodNotAllowed, ServiceError, ThreadsError
from threads.wire import redacted

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

Handler = Callable[[Call], Answer]
"""What serves one function."""

ErrorAnswer = Callable[[Call, ServiceError], Answer]
"""How one function says that it failed."""


def default_error(_call: Call, error: ServiceError) -> Answer:
    """Answer an error as JSON."""
    return json_error(error)


class Endpoint(NamedTuple):
    """One function as HTTP sees it."""

    name: str
    methods: tuple[str, ...]
    handler: Handler
    allowed_origins: tuple[str, ...] = ()
    """Whose pages may call it (CORS)."""
    error_answer: ErrorAnswer = default_error
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
            response = self._answer(call)
        response.headers.update(HEADERS)
        self._allow_origin(request, response)
        self._log(call, response.status_code, time.perf_counter() - started)
        return response

    def _answer(self, call: Call) -> Response:
        if call.request.method not in self.methods:
            return self._failed(call, MethodNotAllowed(self.methods))
        try:
            return as_response(self.handler(call))
        except ServiceError as error:
            return self._failed(call, error)
        except Exception as error:  # noqa: BLE001 - the last line of defence: a mistake's text may hold secrets
            call.notes |= {"exception": type(error).__name__, "stack": _stack(error)}
            return self._failed(call, InternalError())

    def _failed(self, call: Call, error: ServiceError) -> Response:
        call.notes |= error_notes(error)
        return as_response(self.error_answer(call, error))

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


def error_notes(error: ServiceError) -> dict[str, Any]:
    """Return what the log line says of an error."""
    notes: dict[str, Any] = {"error": error.code, "errorMessage": redacted(error.message)}
    if isinstance(error, ThreadsError) and error.evidence:
        notes["graph"] = {
            name: value for name, value in error.evidence._asdict().items() if value not in (None, "")
        }
    cause = error.__cause__
    return notes | ({"cause": type(cause).__name__} if cause else {})


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
