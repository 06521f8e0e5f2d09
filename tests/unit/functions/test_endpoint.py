"""HTTP manners: what every function does whatever its handler does."""

import gzip
import io
import json
import secrets
from collections.abc import Callable
from datetime import timedelta
from typing import Any, NamedTuple

import pytest
from flask import Request, Response
from werkzeug.test import EnvironBuilder

from tests.unit.support import TOKEN
from threads.base.errors import (
    Evidence,
    Forbidden,
    InProgress,
    InvalidRequest,
    Problem,
    RateLimited,
    RejectedByThreads,
    ServiceError,
    Unauthenticated,
)
from threads.functions.callers import User, Visitor, anybody
from threads.functions.endpoint import HEADERS, Endpoint
from threads.functions.request import MAX_BODY_BYTES, HttpRequest
from threads.functions.response import HttpResponse, page, redirect

ORIGIN = "https://app.example"

Handler = Callable[[HttpRequest], HttpResponse]
"""A handler that does not care who is calling."""


class Served(NamedTuple):
    """What came of a request."""

    response: Response
    log: str

    @property
    def status(self) -> int:
        """The answer's status."""
        return self.response.status_code

    @property
    def error(self) -> str:
        """The error's code."""
        return str((self.response.get_json() or {})["error"]["code"])

    @property
    def line(self) -> dict[str, Any]:
        """The one line of the log."""
        assert self.log.endswith("\n")
        assert self.log.count("\n") == 1, self.log
        return dict(json.loads(self.log))


@pytest.fixture
def serve(capsys: pytest.CaptureFixture[str]) -> "Serve":
    """Return what sends a request through an endpoint."""
    return Serve(capsys)


class Serve:
    """Sends requests through an endpoint that may be called from one origin."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Take what catches the log."""
        self.capsys = capsys

    def __call__(
        self,
        handler: Handler,
        *,
        origins: tuple[str, ...] = (ORIGIN,),
        errors_url: str | None = None,
        environ: Any = None,
        **request: Any,
    ) -> Served:
        """Return answer and log of one request."""
        endpoint = Endpoint(
            name="th_example",
            methods=("GET", "POST"),
            caller=anybody,
            handler=lambda request, _caller: handler(request),
            allowed_origins=origins,
            errors_url=errors_url,
        )
        built = EnvironBuilder(**request).get_environ() | (environ or {})
        response = endpoint.serve(Request(built))
        captured = self.capsys.readouterr()
        assert captured.err == ""
        return Served(response, captured.out)


def fine(_request: HttpRequest) -> HttpResponse:
    """Answer that all is well."""
    return HttpResponse(body={"ok": True, "text": "é 🦊"})


def echo(request: HttpRequest) -> HttpResponse:
    """Answer with the body that was sent."""
    return HttpResponse(body=request.json())


def raising(error: BaseException) -> Handler:
    """Return a handler that fails."""

    def fail(_request: HttpRequest) -> HttpResponse:
        raise error

    return fail


# --- who is calling -----------------------------------------------------------------------------------------


def test_an_error_leads_to_the_page_that_explains_it(serve: Serve) -> None:
    """Whether it is raised, or answered as a part of something else. What is no error leads nowhere."""
    page, body = "https://docs.example/errors.md", {"ok": False, "error": {"code": "cancelled"}}
    raised = serve(raising(Forbidden()), errors_url=page)
    answered = serve(lambda _request: HttpResponse(body=body), errors_url=page)
    told = [(it.response.get_json() or {})["error"]["helpUrl"] for it in (raised, answered)]
    assert told == [f"{page}#forbidden", f"{page}#cancelled"]
    assert "helpUrl" not in serve(fine, errors_url=page).response.get_data(as_text=True)


def test_an_endpoint_says_who_may_call_it() -> None:
    """An endpoint without a check of its callers cannot be made."""
    with pytest.raises(TypeError, match="caller"):
        Endpoint(name="th_example", methods=("GET",), handler=lambda _request, _caller: HttpResponse())  # type: ignore[call-arg]


def test_a_handler_gets_its_verified_caller() -> None:
    """What the check returns is what the handler is called with."""
    endpoint = Endpoint(
        name="th_example",
        methods=("GET",),
        caller=lambda _request: User("ada"),
        handler=lambda _request, user: HttpResponse(body={"uid": user.uid}),
    )
    assert endpoint.serve(Request(EnvironBuilder().get_environ())).get_json() == {"uid": "ada"}


REFUSALS: dict[str, tuple[Exception, int]] = {
    "no token": (Unauthenticated(), 401),
    "another's": (Forbidden(), 403),
    "a mistake of ours": (RuntimeError(), 500),
}


@pytest.mark.parametrize(("refusal", "status"), REFUSALS.values(), ids=REFUSALS)
def test_no_handler_runs_without_its_caller(refusal: Exception, status: int) -> None:
    """A check that raises ends the request, whatever it raises: the handler is not called."""
    reached: list[Visitor] = []

    def check(_request: HttpRequest) -> Visitor:
        raise refusal

    def handler(_request: HttpRequest, caller: Visitor) -> HttpResponse:
        reached.append(caller)
        return HttpResponse()

    endpoint = Endpoint(name="th_example", methods=("GET",), caller=check, handler=handler)
    assert endpoint.serve(Request(EnvironBuilder().get_environ())).status_code == status
    assert reached == []


# --- methods and origins ------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_function_answers_its_methods(method: str, serve: Serve) -> None:
    """The methods of a function reach its handler, and the answer is JSON in UTF-8."""
    served = serve(fine, method=method)
    assert (served.status, served.response.content_type) == (200, "application/json")
    assert served.response.get_data() == '{"ok":true,"text":"é 🦊"}'.encode()


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "X\u00e9"])
def test_other_methods_are_405_with_allow(method: str, serve: Serve) -> None:
    """Every other method is refused before the handler runs, with the methods that there are."""
    served = serve(raising(AssertionError()), environ={"REQUEST_METHOD": method})
    assert (served.status, served.response.headers["Allow"]) == (405, "GET, POST")
    assert served.error == "method_not_allowed"


def preflight(origin: str | None) -> dict[str, Any]:
    """Return a browser's preflight."""
    headers = {"Access-Control-Request-Method": "POST", **({"Origin": origin} if origin else {})}
    return {"method": "OPTIONS", "headers": headers}


def test_the_apps_preflight_is_answered(serve: Serve) -> None:
    """The app's own pages may send the function's methods, tokens and JSON."""
    response = serve(raising(AssertionError()), **preflight(ORIGIN)).response
    assert (response.status_code, response.get_data()) == (204, b"")
    assert response.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert response.headers["Access-Control-Allow-Methods"] == "GET, POST"
    allowed = set(response.headers["Access-Control-Allow-Headers"].lower().split(", "))
    assert {"authorization", "content-type", "idempotency-key", "x-firebase-appcheck"} <= allowed
    assert {"traceparent", "tracestate", "baggage", "sentry-trace"} <= allowed
    assert "Access-Control-Allow-Credentials" not in response.headers


FOREIGN = [
    "https://evil.example",
    "https://app.example.evil.example",
    "https://app.example:8443",
    "http://app.example",
    "https://APP.example",
    "https://app.example/",
    "null",
    "*",
    "",
    None,
]


@pytest.mark.parametrize("origin", FOREIGN)
def test_foreign_pages_are_not_allowed(origin: str | None, serve: Serve) -> None:
    """A page of another origin gets no preflight, and no answer that its browser would let it read."""
    headers = {} if origin is None else {"Origin": origin}
    asked = serve(raising(AssertionError()), **preflight(origin))
    got = serve(fine, headers=headers)
    assert (asked.status, got.status) == (403, 200)
    for response in (asked.response, got.response):
        assert not [name for name, _ in response.headers if name.startswith("Access-Control")]
        assert "Origin" in response.headers["Vary"]


def test_a_function_without_origins_answers_no_preflight(serve: Serve) -> None:
    """No page may call it."""
    served = serve(fine, origins=(), **preflight(ORIGIN))
    assert served.status == 403
    assert "ALLOWED_ORIGINS" in served.line["errorMessage"]


def test_what_a_preflight_refuses_is_in_the_log(serve: Serve) -> None:
    """A page learns nothing of a refusal. The line names the origin or the header, and the variable."""
    line = serve(fine, **preflight("https://evil.example")).line
    assert (line["severity"], line["error"]) == ("WARNING", "origin_refused")
    assert line["errorMessage"] == "ALLOWED_ORIGINS does not have https://evil.example."
    assert serve(fine, headers={"Origin": "null"}).line["refusedOrigin"] == "null"
    asked = preflight(ORIGIN)
    asked["headers"]["Access-Control-Request-Headers"] = "authorization, x-app-version,TraceParent"
    served = serve(fine, **asked)
    assert (served.status, served.line["error"]) == (204, "header_refused")
    assert "x-app-version" in served.line["errorMessage"]
    assert "TraceParent" not in served.line["errorMessage"]
    assert "error" not in serve(fine, **preflight(ORIGIN)).line


@pytest.mark.parametrize("handler", [fine, raising(Forbidden()), raising(RuntimeError())])
def test_the_app_can_read_answers_and_errors(handler: Handler, serve: Serve) -> None:
    """The app's pages can read every answer and when to come again, and no cache mixes up origins."""
    response = serve(handler, headers={"Origin": ORIGIN}).response
    assert response.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert response.headers["Access-Control-Expose-Headers"] == "Retry-After"
    assert "Origin" in response.headers["Vary"]


# --- bodies -------------------------------------------------------------------------------------------------

JSON_BODY: dict[str, Any] = {"method": "POST", "content_type": "application/json"}
PADDING = len(b'{"a":""}')


@pytest.mark.parametrize(("extra", "status"), [(0, 200), (1, 413), (1 << 20, 413)])
@pytest.mark.parametrize("chunked", ["", "chunked"])
def test_a_body_has_at_most_64_kib(extra: int, status: int, chunked: str, serve: Serve) -> None:
    """65,536 bytes are read, one more is refused, whether or not the length was announced."""
    body = b'{"a":"' + b"x" * (65_536 - PADDING + extra) + b'"}'
    without_length = {
        "wsgi.input": io.BytesIO(body),
        "wsgi.input_terminated": True,
        "HTTP_TRANSFER_ENCODING": "chunked",
    }
    served = (
        serve(echo, **JSON_BODY, environ=without_length) if chunked else serve(echo, **JSON_BODY, data=body)
    )
    assert (MAX_BODY_BYTES, served.status) == (65_536, status)
    assert status == 200 or served.error == "payload_too_large"


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "text/json",
        "json",
    ],
)
def test_only_json_is_read(content_type: str, serve: Serve) -> None:
    """A body of another type is 415: a foreign page could send those without a preflight."""
    served = serve(echo, method="POST", data=b"{}", content_type=content_type)
    assert (served.status, served.error) == (415, "unsupported_media_type")


@pytest.mark.parametrize(
    "content_type", ["application/json", "application/json; charset=utf-8", "Application/JSON"]
)
def test_json_is_read_however_its_type_is_written(content_type: str, serve: Serve) -> None:
    """The type may have a charset and any case."""
    assert serve(echo, method="POST", data=b'{"a": 1}', content_type=content_type).response.get_json() == {
        "a": 1
    }


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate", "gzip, identity"])
def test_compressed_bodies_are_refused(encoding: str, serve: Serve) -> None:
    """A body that would have to be unpacked is 415: 64 KiB could become anything."""
    body = gzip.compress(b"{}")
    assert serve(echo, **JSON_BODY, data=body, headers={"Content-Encoding": encoding}).status == 415


BROKEN_BODIES = [
    b"",
    b"[]",
    b"{",
    b"\xff",
    b'{"a": 1, "a": 1}',
    b"[" * 60_000,
    rb'{"\ud800": 1, "\ud800": 1}',
]


@pytest.mark.parametrize("body", BROKEN_BODIES, ids=range(len(BROKEN_BODIES)))
def test_a_broken_body_is_a_400(body: bytes, serve: Serve) -> None:
    """Every broken body is answered as the caller's mistake."""
    served = serve(echo, **JSON_BODY, data=body)
    assert (served.status, served.error) == (400, "invalid_request")


def test_a_body_that_ends_early_is_a_400(serve: Serve) -> None:
    """Less than the announced length is the client's mistake, not ours."""
    short = {"wsgi.input": io.BytesIO(b'{"a":'), "CONTENT_LENGTH": "100"}
    served = serve(echo, **JSON_BODY, environ=short)
    assert (served.status, served.error) == (400, "invalid_request")
    assert served.line["severity"] != "ERROR"


class Broken(io.RawIOBase):
    """A body whose server raises an error of its own."""

    def read(self, _size: int = -1) -> bytes:
        """Fail."""
        raise LookupError(TOKEN)


@pytest.mark.parametrize(("handler", "status"), [(echo, 400), (fine, 200)], ids=["read", "not read"])
def test_whatever_breaks_while_a_body_is_read_is_the_clients_mistake(
    handler: Handler, status: int, serve: Serve
) -> None:
    """Servers have errors of their own for a broken body: each is a 400, if the body is wanted at all."""
    broken = {"wsgi.input": Broken(), "wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}
    served = serve(handler, **JSON_BODY, environ=broken)
    assert served.status == status
    assert served.line.get("cause") == ("LookupError" if status == 400 else None)
    assert TOKEN not in served.log + served.response.get_data(as_text=True)


@pytest.mark.parametrize("length", ["", "x", "-1", "0"])
def test_a_senseless_length_is_no_body(length: str, serve: Serve) -> None:
    """A Content-Length that is no number does not make the function fail."""
    assert serve(echo, **JSON_BODY, environ={"CONTENT_LENGTH": length}).status == 400


# --- queries ------------------------------------------------------------------------------------------------


def query_of(request: HttpRequest) -> HttpResponse:
    """Answer with the parameters a and b."""
    return HttpResponse(body=request.query("a", "b"))


@pytest.mark.parametrize(
    ("query", "expected"),
    [("", {}), ("a=1&c=2&c=3", {"a": "1"}), ("a=&b=%C3%A9+x", {"a": "", "b": "é x"}), ("%61=1", {"a": "1"})],
)
def test_parameters_are_read_by_name(query: str, expected: dict[str, str], serve: Serve) -> None:
    """The named parameters are read; others are not looked at."""
    assert serve(query_of, query_string=query).response.get_json() == expected


@pytest.mark.parametrize("query", ["a=1&a=1", "a=1&%61=2", "a=%ff", "b=%ED%A0%80"])
def test_unclear_parameters_are_a_400(query: str, serve: Serve) -> None:
    """A parameter that stands twice, or is not UTF-8, is refused, in a query and in a form."""
    assert (serve(query_of, query_string=query).status) == 400
    assert (serve(form_of, method="POST", data=query, content_type=FORM).status) == 400


def known_query_of(request: HttpRequest) -> HttpResponse:
    """Answer with the parameters a and b; refuse others."""
    return HttpResponse(body=request.known_query("a", "b"))


def test_a_misspelt_parameter_is_not_ignored(serve: Serve) -> None:
    """A function that knows all its parameters refuses every other one by its name."""
    assert serve(known_query_of, query_string="a=1").response.get_json() == {"a": "1"}
    refused = serve(known_query_of, query_string="a=1&c=2&d=%ff").response
    assert refused.status_code == 400
    # A query that cannot be read is refused as a whole.
    assert (
        serve(known_query_of, query_string="a=1&c=2").response.get_json()["error"]["code"] == "unknown_field"
    )


# --- forms --------------------------------------------------------------------------------------------------

FORM = "application/x-www-form-urlencoded"


def form_of(request: HttpRequest) -> HttpResponse:
    """Answer with the fields a and b."""
    return HttpResponse(body=request.form("a", "b"))


@pytest.mark.parametrize("content_type", [FORM, f"{FORM}; charset=utf-8", FORM.upper()])
def test_a_form_is_read_by_name(content_type: str, serve: Serve) -> None:
    """The named fields of a form are read, however its type is written; others are not looked at."""
    served = serve(form_of, method="POST", data="a=1+2&c=3&b=%C3%A9", content_type=content_type)
    assert served.response.get_json() == {"a": "1 2", "b": "é"}


@pytest.mark.parametrize(
    "content_type", ["", "application/json", "text/plain", "multipart/form-data; boundary=x"]
)
def test_only_a_form_is_read_as_one(content_type: str, serve: Serve) -> None:
    """A body of another type is 415, and the answer says which one it should be."""
    served = serve(form_of, method="POST", data="a=1", content_type=content_type)
    assert (served.status, served.error) == (415, "unsupported_media_type")
    assert FORM in (served.response.get_json() or {})["error"]["message"]


def test_a_form_has_the_limits_of_a_body(serve: Serve) -> None:
    """A form is read up to 64 KiB, and packed ones not at all."""
    form: dict[str, Any] = {"method": "POST", "content_type": FORM}
    assert serve(form_of, **form, data="a=" + "x" * MAX_BODY_BYTES).status == 413
    assert serve(form_of, **form, data="a=1", headers={"Content-Encoding": "gzip"}).status == 415


def test_a_text_is_answered_as_it_is(serve: Serve) -> None:
    """A plain text is not a page: nothing in it is markup."""
    response = serve(lambda _request: HttpResponse(text="<b>é")).response
    assert (response.content_type, response.get_data()) == ("text/plain; charset=utf-8", "<b>é".encode())


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, False),
        ("*/*", False),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", False),
        ("application/json", True),
        ("application/json, text/plain, */*", True),
        ("text/html;q=0.1, application/json", True),
        ("image/png", False),
        (";;;,", False),
    ],
)
def test_programs_get_json_and_browsers_pages(accept: str | None, expected: bool) -> None:  # noqa: FBT001
    """A caller gets JSON if it prefers that to a page."""
    environ = EnvironBuilder().get_environ() | ({} if accept is None else {"HTTP_ACCEPT": accept})
    assert HttpRequest(Request(environ)).accepts_json() is expected


# --- every answer -------------------------------------------------------------------------------------------

ANSWERS: dict[str, tuple[Handler, dict[str, Any]]] = {
    "object": (fine, {}),
    "page": (lambda _request: page("a", "b"), {}),
    "redirect": (lambda _request: redirect("https://app.example/"), {}),
    "error": (raising(Forbidden()), {}),
    "mistake": (raising(RuntimeError()), {}),
    "other method": (fine, {"method": "PUT"}),
    "preflight": (fine, preflight(ORIGIN)),
    "foreign preflight": (fine, preflight("https://evil.example")),
    "health probe": (fine, {"path": "/__/health"}),
}


@pytest.mark.parametrize(("handler", "request_"), ANSWERS.values(), ids=ANSWERS)
def test_security_headers_are_on_every_answer(
    handler: Handler, request_: dict[str, Any], serve: Serve
) -> None:
    """No answer may be cached, framed or sniffed, or leak its address by a referrer."""
    headers = serve(handler, **request_).response.headers
    assert {name: headers.get(name) for name in HEADERS} == HEADERS
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Strict-Transport-Security"] == "max-age=31536000"
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]


@pytest.mark.parametrize("path", ["/__/health", "/__/"])
def test_the_platforms_probe_does_nothing(path: str, serve: Serve) -> None:
    """The emulator's health probe reaches no handler and writes no line."""
    served = serve(raising(AssertionError()), path=path)
    assert (served.status, served.response.get_data(), served.log) == (204, b"", "")


def test_a_redirect_is_as_it_was_checked(serve: Serve) -> None:
    """The browser is sent on with a GET, to the very text that was checked."""
    url = "https://app.example//x/../y?a=%7e&b=[]|^#part"
    response = serve(lambda _request: redirect(url)).response
    assert (response.status_code, response.headers["Location"], response.get_data()) == (303, url, b"")


def test_a_page_is_escaped(serve: Serve) -> None:
    """Nothing that a page shows can become part of it."""
    hostile = "<script>alert('x')</script>\"&{title}"
    served = serve(lambda _request: page(hostile, hostile, status=409, reload_after=2))
    text = served.response.get_data(as_text=True)
    assert (served.status, served.response.content_type) == (409, "text/html; charset=utf-8")
    assert "<script" not in text
    assert text.count("&lt;script&gt;alert(&#x27;x&#x27;)&lt;/script&gt;&quot;&amp;{title}") == 3
    assert '<meta http-equiv="refresh" content="2">' in text


# --- errors -------------------------------------------------------------------------------------------------

ERRORS: list[tuple[ServiceError, int, dict[str, str]]] = [
    (Forbidden(), 403, {}),
    (Unauthenticated(), 401, {"WWW-Authenticate": "Bearer"}),
    (InProgress(), 409, {"Retry-After": "2"}),
    (RateLimited(), 429, {"Retry-After": "60"}),
    (RateLimited(retry_after=timedelta(seconds=90.6)), 429, {"Retry-After": "91"}),
    (RateLimited(retry_after=timedelta(milliseconds=1)), 429, {"Retry-After": "1"}),
]


@pytest.mark.parametrize(("error", "status", "headers"), ERRORS)
def test_an_error_has_its_status_and_headers(
    error: ServiceError, status: int, headers: dict[str, str], serve: Serve
) -> None:
    """An error is answered by its row of the table, with the headers that HTTP wants."""
    served = serve(raising(error))
    assert served.status == status
    assert served.response.get_json() == {
        "ok": False,
        "error": {
            "code": error.code,
            "message": error.message,
            "retryable": error.retryable,
            **({"nextAction": error.next_action} if error.next_action else {}),
        },
    }
    names = ("WWW-Authenticate", "Retry-After", "Allow")
    assert {
        name: served.response.headers[name] for name in names if name in served.response.headers
    } == headers


def test_an_error_tells_every_broken_rule(serve: Serve) -> None:
    """Details and Meta's trace id are part of the answer."""
    two = InvalidRequest(Problem("a", "x", "is wrong."), Problem("b", "y", "is, too."))
    details = (serve(raising(two)).response.get_json() or {})["error"]["details"]
    assert details == [
        {"field": "a", "code": "x", "message": "is wrong."},
        {"field": "b", "code": "y", "message": "is, too."},
    ]
    refused = RejectedByThreads(evidence=Evidence("create_container", 400, fbtrace_id="AbC"))
    assert (serve(raising(refused)).response.get_json() or {})["error"]["fbtraceId"] == "AbC"


HALF = "x\ud83d"


@pytest.mark.parametrize(
    "handler",
    [
        raising(RejectedByThreads(HALF)),
        raising(InvalidRequest(Problem(HALF, "unknown_field", HALF))),
        lambda _request: HttpResponse(body={"name": HALF}),
        lambda _request: page(HALF, HALF),
    ],
)
def test_there_is_an_answer_whatever_its_text(handler: Handler, serve: Serve) -> None:
    """Half of a surrogate pair in a text does not leave the caller without an answer."""
    served = serve(handler)
    assert served.response.get_data()
    assert served.line["function"] == "th_example"


def secretive(request: HttpRequest) -> HttpResponse:
    """Fail with a secret in the text, in its cause's and in a local variable."""
    request.notes["uid"] = "u"
    held = f"Bearer {TOKEN}"
    raise KeyError(f"https://graph.example/?access_token={TOKEN}", held) from ValueError(held)


def test_a_mistakes_text_goes_nowhere(serve: Serve) -> None:
    """An unexpected exception is a 500 that says nothing, and a log line with its kind and where it was."""
    served = serve(secretive, headers={"Authorization": f"Bearer {TOKEN}"}, query_string=f"code={TOKEN}")
    assert (served.status, served.error) == (500, "internal")
    assert TOKEN[:12] not in served.response.get_data(as_text=True)
    assert TOKEN[:12] not in served.log
    assert (served.line["severity"], served.line["exception"]) == ("ERROR", "KeyError")
    assert any("secretive" in frame for frame in served.line["stack"])


# --- the log ------------------------------------------------------------------------------------------------


def test_a_request_is_one_line(serve: Serve) -> None:
    """Each request leaves one JSON object that says which function, how it ended and how long it took."""

    def noting(request: HttpRequest) -> HttpResponse:
        request.notes |= {"uid": "u\n1", "text": "é\u2028"}
        return HttpResponse(status=202, body={})

    line = serve(noting, query_string="code=abcdefgh&state=ijklmnop").line
    assert {name: line[name] for name in ("severity", "message", "function", "status", "uid", "text")} == {
        "severity": "INFO",
        "message": "th_example GET 202",
        "function": "th_example",
        "status": 202,
        "uid": "u\n1",
        "text": "é\u2028",
    }
    assert line["milliseconds"] >= 0


@pytest.mark.parametrize(
    ("error", "severity"),
    [(Forbidden(), "WARNING"), (RateLimited(), "WARNING"), (RuntimeError(), "ERROR")],
)
def test_failures_are_told_by_severity(error: Exception, severity: str, serve: Serve) -> None:
    """Only a mistake of ours is an ERROR; the line has the code of each failure."""
    line = serve(raising(error)).line
    assert (line["severity"], line["error"]) == (severity, getattr(error, "code", "internal"))


def test_the_log_has_the_evidence_of_threads(serve: Serve) -> None:
    """What Threads answered stands in the log line, as far as it may."""
    evidence = Evidence(
        "create_container", 400, code=24, subcode=4279009, fbtrace_id="AbC", excerpt="excerpt"
    )
    line = serve(raising(RejectedByThreads(f"no {TOKEN}", evidence=evidence))).line
    assert line["graph"] == {
        "step": "create_container",
        "status": 400,
        "code": 24,
        "subcode": 4279009,
        "fbtrace_id": "AbC",
        "excerpt": "excerpt",
    }
    assert TOKEN[:12] not in json.dumps(line)


TRACE, OTHER_TRACE = secrets.token_hex(16), secrets.token_hex(16)
TRACES: list[tuple[dict[str, str], str | None]] = [
    ({"X-Cloud-Trace-Context": f"{TRACE}/123;o=1"}, TRACE),
    ({"X-Cloud-Trace-Context": TRACE}, TRACE),
    ({"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}, TRACE),
    ({"X-Cloud-Trace-Context": f"{TRACE}/1", "traceparent": f"00-{OTHER_TRACE}-00f067aa0ba902b7-01"}, TRACE),
    ({"X-Cloud-Trace-Context": "nonsense", "traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}, TRACE),
    ({"traceparent": f"00-{TRACE}"}, None),
    ({"X-Cloud-Trace-Context": f"{TRACE}0/1"}, None),
    ({"traceparent": '00-"}-x-01'}, None),
    ({}, None),
]


@pytest.mark.parametrize(("headers", "expected"), TRACES, ids=range(len(TRACES)))
def test_the_line_belongs_to_its_trace(headers: dict[str, str], expected: str | None, serve: Serve) -> None:
    """The request's trace stands in the field by which Cloud Logging groups lines, from either header."""
    line = serve(fine, headers=headers).line
    trace = line.get("logging.googleapis.com/trace")
    assert (trace.rpartition("/")[2] if trace else None) == expected
