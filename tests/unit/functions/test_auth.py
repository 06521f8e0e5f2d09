"""What th_auth_start and th_auth_finish read, and which requests th_auth_callback takes for a visit."""

import json
from typing import Any

import pytest
from flask import Request, Response
from werkzeug.test import EnvironBuilder

from tests.unit.serving import door, serve
from tests.unit.support import TOKEN, reply
from tests.unit.windows import CHALLENGE, RETURN_TO, VERIFIER, Windows
from tests.unit.world import UID
from threads.base.errors import Forbidden
from threads.base.validation import MAX_UNKNOWN_NAMED
from threads.functions.auth import (
    _check_navigation,
    finishes_sign_in,
    starts_sign_in,
    th_auth_finish,
    th_auth_start,
)
from threads.functions.request import HttpRequest
from threads.graph.error_codes import Step


def visit(**headers: str) -> HttpRequest:
    """Return a request with these headers, their underscores as hyphens."""
    named = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return HttpRequest(Request(EnvironBuilder(headers=named).get_environ()))


def start(*, uid: str | None = "ada", method: str = "POST", **request: Any) -> Response:
    """Return what th_auth_start answers where people may sign in."""
    world = Windows(SIGN_IN="on")
    caller = door(world).user_unless(starts_sign_in)
    return serve(th_auth_start, world.connections, caller, uid=uid, method=method, **request)


def finish(*, uid: str | None = None, **body: object) -> Response:
    """Return what th_auth_finish answers."""
    world = Windows(SIGN_IN="on")
    caller = door(world).user_unless(finishes_sign_in)
    return serve(th_auth_finish, world.connections, caller, uid=uid, method="POST", json=body)


def complaint(answer: Response) -> tuple[int, list[str]]:
    """Return the status of an error, and the fields that it names."""
    error = json.loads(answer.get_data())["error"]
    return answer.status_code, [problem["field"] for problem in error.get("details", [])]


@pytest.mark.parametrize("value", [1, True, "1", "true", "True"], ids=repr)
def test_redirect_leads_to_the_window(value: object) -> None:
    """Every spelling of true makes the answer a redirect, in the body and in the query."""
    assert start(json={"redirect": value}).status_code == 303
    if isinstance(value, str):
        assert start(method="GET", query_string={"redirect": value}).status_code == 303


@pytest.mark.parametrize("body", [{}, {"redirect": None}, {"redirect": False}], ids=repr)
def test_without_redirect_the_address_is_answered(body: dict[str, object]) -> None:
    """A page that asks with fetch gets JSON."""
    assert start(json=body).status_code == 200


@pytest.mark.parametrize("value", ["", "0", "yes", "TRUE", 0.5, 2, [1], {"x": 1}], ids=repr)
def test_any_other_redirect_is_named(value: object) -> None:
    """A typo is refused: the caller would get JSON instead of a redirect."""
    assert complaint(start(json={"redirect": value})) == (400, ["redirect"])


def test_a_parameter_that_is_not_known_is_named_wherever_it_stands() -> None:
    """A typo is a 400 in the query as in the body: a misspelt ``accountId`` would be ignored unseen."""
    assert complaint(start(method="GET", query_string={"accuontId": "1"})) == (400, ["accuontId"])
    assert complaint(start(query_string={"accuontId": "1"}, json={})) == (400, ["accuontId"])
    many = {str(number): "" for number in range(200)}
    assert len(complaint(start(method="GET", query_string=many))[1]) == MAX_UNKNOWN_NAMED


def test_both_names_of_return_to_at_once_are_refused() -> None:
    """The function does not guess which of two pages is meant."""
    for other in (RETURN_TO, "https://evil.example/", ""):
        body = {"returnTo": RETURN_TO, "return_to": other}
        assert complaint(start(json=body)) == (400, ["return_to"])
        assert complaint(start(method="GET", query_string=body)) == (400, ["return_to"])


def test_an_unreadable_mode_or_verifier_is_named_before_a_user_is_asked_for() -> None:
    """Signing in would not mend a misspelt mode or a malformed verifier, so the answer is 400 and not 401."""
    assert complaint(start(uid=None, json={"mode": "login"})) == (400, ["mode"])
    assert complaint(start(uid=None, json={"mode": ["signin"]})) == (400, ["mode"])
    for verifier in (7, [VERIFIER], "short", "v" * 129):
        assert complaint(finish(handle="h" * 43, verifier=verifier)) == (400, ["verifier"])
    assert complaint(start(uid=None, json={})) == (401, [])
    assert complaint(finish(handle="h" * 43)) == (401, [])
    assert complaint(finish(handle="h" * 43, verifier="")) == (401, [])


def test_ten_thousand_unknown_scopes_are_not_all_named() -> None:
    """An answer is never much larger than its request."""
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
def test_a_visit_is_served(headers: dict[str, str]) -> None:
    """Navigations of browsers, old and new, and requests of programs are served."""
    _check_navigation(visit(**headers))


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
def test_what_is_not_a_visit_is_refused(headers: dict[str, str]) -> None:
    """A page loaded ahead of time, or inside another page, is refused; the message says how to open it."""
    with pytest.raises(Forbidden, match="window of its own"):
        _check_navigation(visit(**headers))


def test_the_log_says_which_lifetime_is_assumed(capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody has said how long this token lasts: an operator can find the account, and nothing fails."""
    world = Windows(CONNECT_MODE="confirm")
    world.graph.always[Step.EXCHANGE_TOKEN] = reply(200, {"access_token": TOKEN})
    handle = world.pending_handle()
    answer = serve(
        th_auth_finish,
        world.connections,
        door(world).user_unless(finishes_sign_in),
        uid=UID,
        method="POST",
        json={"handle": handle},
    )
    assert answer.status_code == 200
    line = json.loads(capsys.readouterr().out)
    assert (line["expiresIn"], line["severity"]) == ("not said: 60 days are assumed", "INFO")
    assert world.saved()["expiresIn"] == 60 * 86400
