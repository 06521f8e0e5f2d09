"""What a function answers: an object, an error, a redirect, a plain text, or a small page for a person."""

import html
import json
from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, NamedTuple

from flask import Response

from threads.base.errors import MethodNotAllowed, ServiceError, Unauthenticated


class HttpResponse(NamedTuple):
    """What a handler returns: an object, a redirect, a plain text, or a small page."""

    status: int = HTTPStatus.OK
    body: Mapping[str, Any] | None = None
    page: str | None = None
    text: str | None = None
    headers: Mapping[str, str] = MappingProxyType({})


def json_error(error: ServiceError) -> HttpResponse:
    """Answer an error as JSON. Every function does so unless it has an answer of its own."""
    return HttpResponse(
        status=error.status, body={"ok": False, "error": error.as_json()}, headers=error_headers(error)
    )


def error_headers(error: ServiceError) -> dict[str, str]:
    """Return the headers that HTTP requires with an error (RFC 9110, 10.2.1, 10.2.3 and 11.6.1)."""
    headers = {}
    if error.retry_after is not None:
        headers["Retry-After"] = str(max(1, round(error.retry_after.total_seconds())))
    if isinstance(error, MethodNotAllowed):
        headers["Allow"] = ", ".join(error.allowed)
    if isinstance(error, Unauthenticated):
        headers["WWW-Authenticate"] = "Bearer"
    return headers


def with_help(body: Mapping[str, Any], page: str | None) -> Mapping[str, Any]:
    """Return an object whose ``error``, if it has one, leads to the page that explains it (``helpUrl``)."""
    error = body.get("error")
    if not page or not isinstance(error, Mapping):
        return body
    return {**body, "error": {**error, "helpUrl": f"{page}#{error.get('code')}"}}


def redirect(url: str) -> HttpResponse:
    """Redirect the browser with a GET (RFC 9110, 15.4.4). ``url`` must have been checked."""
    return HttpResponse(status=HTTPStatus.SEE_OTHER, headers={"Location": url})


def page(
    title: str, text: str, *, status: int = HTTPStatus.OK, reload_after: int | None = None
) -> HttpResponse:
    """Answer with a small page for a person. It reloads itself after ``reload_after`` seconds."""
    head = f'<meta http-equiv="refresh" content="{reload_after}">' if reload_after else ""
    return HttpResponse(
        status=status,
        page=_PAGE.format(head=head, title=html.escape(title), text=html.escape(text)),
    )


def as_flask(answer: HttpResponse) -> Response:
    """Return the answer as Flask sends it."""
    if answer.page is not None:
        response = Response(answer.page.encode(errors="replace"), content_type="text/html; charset=utf-8")
    elif answer.text is not None:
        response = Response(answer.text.encode(errors="replace"), content_type="text/plain; charset=utf-8")
    elif answer.body is not None:
        response = Response(encoded(answer.body), content_type="application/json")
    else:
        response = Response()
        response.headers.remove("Content-Type")
    response.status_code = answer.status
    # Otherwise Werkzeug would rewrite the URL after it was checked.
    response.autocorrect_location_header = False
    response.headers.update(answer.headers)
    return response


def encoded(body: Mapping[str, Any]) -> bytes:
    """Return an object as it is sent."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")


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
