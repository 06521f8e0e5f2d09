"""What th_auth_start and th_auth_finish read, and what th_auth_callback takes for somebody's visit."""

import json
from typing import Any

import pytest
from flask import Request, Response
from werkzeug.test import EnvironBuilder

from tests.unit.serving import serve
from tests.unit.windows import CHALLENGE, RETURN_TO, VERIFIER, Windows
from threads.call import Call
from threads.connecting import _check_navigation, th_auth_finish, th_auth_start
from threads.errors import Forbidden
from threads.wire import MAX_UNKNOWN_NAMED


def call(**headers: str) -> Call:
    """Return a request with these headers, their underscores as hyphens."""
    named = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return Call(Request(EnvironBuilder(headers=named).get_environ()))


def start(*, uid: str | None = "ada", method: str = "POST", **request: Any) -> Response:
    """Return what th_auth_start answers where people may sign in."""
    return serve(th_auth_start, Windows(SIGN_IN="on"), uid=uid, method=method, **request)


def finish(*, uid: str | None = None, **body: object) -> Response:
    """Return what th_auth_finish answers."""
    return serve(th_auth_finish, Windows(SIGN_IN="on"), uid=uid, method="POST", json=body)


def complaint(answer: Response) -> tuple[int, list[str]]:
    """Return the status of an error, and the fields that it names."""
    error = json.loads(answer.get_data())["error"]
    return answer.status_code, [problem["field"] for problem in error.get("details", [])]


@pytest.mark.parametrize("value", [1, True, "1", "true", "True"], ids=repr)
def test_redirect_leads_to_the_window(value: object) -> None:
    """What stands for true makes a redirect of the answer, in the body and in the query."""
    assert start(json={"redirect": value}).status_code == 303
    if isinstance(value, str):
        assert start(method="GET", query_string={"redirect": value}).status_code == 303


@pytest.mark.parametrize("body", [{}, {"redirect": None}, {"redirect": False}], ids=repr)
def test_without_redirect_the_address_is_answered(body: dict[str, object]) -> None:
    """A page that asks with fetch gets JSON."""
    assert start(json=body).status_code == 200


@pytest.mark.parametrize("value", ["", "0", "yes", "TRUE", 0.5, 2, [1], {"x": 1}], ids=repr)
def test_any_other_redirect_is_named(value: object) -> None:
    """Nobody gets JSON instead of a redirect because of a typo."""
    assert complaint(start(json={"redirect": value})) == (400, ["redirect"])


def test_a_parameter_that_is_not_known_is_named_wherever_it_stands() -> None:
    """A typo in the query is a 400 as it is in the body: an account that is meant would go unnoticed."""
    assert complaint(start(method="GET", query_string={"accuontId": "1"})) == (400, ["accuontId"])
    assert complaint(start(query_string={"accuontId": "1"}, json={})) == (400, ["accuontId"])
    many = {str(number): "" for number in range(200)}
    assert len(complaint(start(method="GET", query_string=many))[1]) == MAX_UNKNOWN_NAMED


def test_both_names_of_return_to_at_once_are_refused() -> None:
    """Which of two pages is meant is not guessed."""
    for other in (RETURN_TO, "https://evil.example/", ""):
        body = {"returnTo": RETURN_TO, "return_to": other}
        assert complaint(start(json=body)) == (400, ["return_to"])
        assert complaint(start(method="GET", query_string=body)) == (400, ["return_to"])


def test_what_cannot_be_read_is_named_before_anybody_is_asked_who_they_are() -> None:
    """A typo in the mode is no question of who is signed in, and neither is a verifier of another kind."""
    assert complaint(start(uid=None, json={"mode": "login"})) == (400, ["mode"])
    assert complaint(start(uid=None, json={"mode": ["signin"]})) == (400, ["mode"])
    for verifier in (7, [VERIFIER], "short", "v" * 129):
        assert complaint(finish(handle="h" * 43, verifier=verifier)) == (400, ["verifier"])
    assert complaint(start(uid=None, json={})) == (401, [])
    assert complaint(finish(handle="h" * 43)) == (401, [])
    assert complaint(finish(handle="h" * 43, verifier="")) == (401, [])


def test_ten_thousand_unknown_scopes_are_not_all_named() -> None:
    """An answer stays of the size of a request, whatever is asked for."""
    scopes = [
        " ".join(f"{number:x}" for number in range(first, first + 500)) for first in range(0, 9000, 500)
    ]
    body = {"mode": "signin", "challenge": CHALLENGE, "returnTo": RETURN_TO, "scopes": scopes}
    assert len(json.dumps(body)) > 40_000
    answer = start(uid=None, json=body)
    assert complaint(answer) == (400, ["scopes"] * MAX_UNKNOWN_NAMED)
    assert len(answer.get_data()) < 20_000


VISITS: list[dict[str, str]] = [
    {},
    {"Sec_Fetch_Dest": "document", "Sec_Fetch_Mode": "navigate", "Sec_Fetch_Site": "cross-site"},
    {"Sec_Fetch_Dest": "empty", "Sec_Fetch_Mode": "cors"},
    {"Purpose": "", "Sec_Purpose": ""},
    {"Sec_Fetch_User": "?1"},
]


@pytest.mark.parametrize("headers", VISITS)
def test_a_visit_passes(headers: dict[str, str]) -> None:
    """A navigation of a browser, old or new, and the request of a program are served."""
    _check_navigation(call(**headers))


NO_VISITS: list[dict[str, str]] = [
    {"Sec_Purpose": "prefetch"},
    {"Sec_Purpose": "prefetch;prerender"},
    {"Sec_Purpose": "prefetch;anonymous-client-ip"},
    {"Sec_Purpose": "Prefetch"},
    {"Purpose": "prefetch"},
    {"Purpose": "preview"},
    {"X_Purpose": "preview"},
    {"X_Moz": "prefetch"},
    {"Sec_Purpose": "prefetch", "Sec_Fetch_Dest": "document"},
    *(
        {"Sec_Fetch_Dest": kind}
        for kind in ("iframe", "frame", "embed", "object", "image", "script", "style")
    ),
    {"Sec_Fetch_Dest": ""},
]


@pytest.mark.parametrize("headers", NO_VISITS)
def test_what_is_no_visit_does_not(headers: dict[str, str]) -> None:
    """A page that is loaded ahead of time or into another one is refused, and told how to open it."""
    with pytest.raises(Forbidden, match="window of its own"):
        _check_navigation(call(**headers))
