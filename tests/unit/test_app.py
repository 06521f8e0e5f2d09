"""The functions as they are deployed: each one serves an endpoint, which asks who is calling."""

import ast
from dataclasses import replace
from pathlib import Path
from threading import Barrier, Event
from types import ModuleType
from typing import Any

import pytest
from flask import Request, Response
from werkzeug.test import EnvironBuilder

from tests.unit.serving import endpoints
from threads.functions.callers import Visitor
from threads.functions.endpoint import Endpoint
from threads.functions.request import HttpRequest
from threads.functions.response import HttpResponse

ROOT = Path(__file__).parents[2]
MAIN = ast.parse((ROOT / "main.py").read_text(encoding="utf-8"))
FUNCTIONS = {node.name: node for node in MAIN.body if isinstance(node, ast.FunctionDef)}

OPEN = {("th_auth_callback", "GET"), ("th_delete_data", "GET")}
"""What every visitor may call. The state of a callback, and the code of a deletion, are checked behind."""

SIGN_IN = {"th_auth_start": {"mode": "signin"}, "th_auth_finish": {"verifier": "v" * 43}}
"""What a visitor may send to sign in. The same functions ask for a user otherwise."""

REFUSALS = {(401, "unauthenticated"), (403, "forbidden"), (400, "invalid_signature")}
"""What a caller without any proof is answered."""

WITHOUT_PROOF: list[dict[str, Any]] = [{"json": {}}, {"data": {"signed_request": ""}}]
"""Bodies of the two types that functions read. They are POST's; other methods get none."""


class Watched:
    """An endpoint with its own check of callers, and a handler that only notes who has reached it."""

    def __init__(self, endpoint: Endpoint[Any]) -> None:
        """Take the endpoint."""
        self.callers: list[Any] = []
        self._endpoint = replace(endpoint, handler=self._handle)

    def serve(self, **request: Any) -> Response:
        """Return the answer to a request."""
        return self._endpoint.serve(Request(EnvironBuilder(**request).get_environ()))

    def _handle(self, _request: HttpRequest, caller: Any) -> HttpResponse:
        self.callers.append(caller)
        return HttpResponse()


def refusal(response: Response) -> tuple[int, str]:
    """Return status and code of an answer."""
    return response.status_code, ((response.get_json(silent=True) or {}).get("error") or {}).get("code", "")


def test_every_function_serves_its_endpoint(app: ModuleType) -> None:
    """A function of main.py does nothing but serve the endpoint of its name, and each endpoint has one."""
    served = {}
    for name, endpoint in endpoints(app).items():
        function = FUNCTIONS[endpoint.name]
        _docstring, *code = function.body
        assert [ast.unparse(line) for line in code] == [f"return app.{name}.serve(request)"]
        served[endpoint.name] = function
    assert served == FUNCTIONS


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_caller_without_proof_reaches_no_handler(name: str, app: ModuleType) -> None:
    """Each method of each function refuses a request that proves nothing, but for those that are listed."""
    [endpoint] = [it for it in endpoints(app).values() if it.name == name]
    for method in endpoint.methods:
        watched = Watched(endpoint)
        bodies = WITHOUT_PROOF if method == "POST" else [{}]
        answers = {refusal(watched.serve(method=method, **body)) for body in bodies}
        if (name, method) in OPEN:
            assert watched.callers == [Visitor()]
        else:
            assert watched.callers == []
            assert answers & REFUSALS
            assert answers <= REFUSALS | {(415, "unsupported_media_type")}


def test_what_is_open_is_there(app: ModuleType) -> None:
    """The list of what every visitor may call has nothing that no function answers."""
    there = {(it.name, method) for it in endpoints(app).values() for method in it.methods}
    assert there >= OPEN
    assert {name for name, _ in there} >= SIGN_IN.keys()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_visitor_may_sign_in_and_nothing_else(name: str, app: ModuleType) -> None:
    """What is sent to sign in opens the two functions that it is for, and no other."""
    [endpoint] = [it for it in endpoints(app).values() if it.name == name]
    for own, body in SIGN_IN.items():
        if "POST" in endpoint.methods:
            watched = Watched(endpoint)
            watched.serve(method="POST", json=body)
            assert watched.callers == ([Visitor()] if name == own else [])


def test_two_things_are_done_at_once_and_neither_is_left_behind(app: ModuleType) -> None:
    """Each waits for the other to have begun. If both fail, both end, and the first error is told."""
    begun, ended = Barrier(2, timeout=5), Event()

    def first() -> None:
        begun.wait()
        raise LookupError

    def second() -> None:
        begun.wait()
        ended.set()
        raise OSError

    with pytest.raises(LookupError):
        app._both(first, second)
    assert ended.is_set()
    assert app._both(lambda: 1, lambda: "two") == (1, "two")
