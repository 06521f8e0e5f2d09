"""What an account's owner does to an app: she removes it, or asks for the deletion of her data."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from emulator.threads_api import World, serve
from emulator.threads_api.callbacks import signed_request
from tests.emulator.threads_api.app import app_server, settled
from tests.emulator.threads_api.client import APP, CALLBACK, Client, error_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from werkzeug.wrappers import Request

    from tests.emulator.threads_api.app import Answer, AppServer


@pytest.fixture
def app(client: Client) -> Iterator[AppServer]:
    """Return the server of the app."""
    with app_server(client) as serving:
        yield serving


def opened(signed: str) -> Any:
    """Check a signed request as Meta's sample does, and return its payload."""
    signature, payload = signed.split(".")
    expected = hmac.new(APP.secret.encode(), payload.encode(), hashlib.sha256).digest()
    assert base64.urlsafe_b64encode(expected).decode().rstrip("=") == signature
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


def test_signed_request_is_the_known_one() -> None:
    """For a known secret, account and moment it is, letter for letter, what an app's own tests have."""
    expected = (
        "GMVHOD79J1g7xutIB9E9M5XatUZKsZOD2U4cISyiSZc.eyJhbGdvcml0aG0iOiJITUFDLVNIQTI1NiIsImlzc3VlZF9hdCI6MTcwM"
        "DAwMDAwMCwidXNlcl9pZCI6IjE3ODQxNDAwMDAwMDAwMDAwIn0"
    )
    moment = datetime.fromtimestamp(1_700_000_000, UTC)
    assert signed_request("0123456789abcdef0123456789abcdef", "17841400000000000", moment) == expected


def test_removing_an_app_ends_its_tokens_and_tells_it(client: Client, app: AppServer) -> None:
    """Tokens die with 190/458, unused codes with them; the app gets a signed form that names the account."""
    token, account = client.token(), client.account()
    code = client.control("codes", account_id=account, redirect_uri=CALLBACK)["code"]
    removed = client.control(f"accounts/{account}/deauthorize")
    assert removed["revoked"] == 1
    assert (removed["delivery"]["kind"], removed["delivery"]["status"]) == ("deauthorize", 200)
    assert error_of(client.get("/v1.0/me", token)) == (190, 458)
    form = {
        "client_id": APP.id,
        "client_secret": APP.secret,
        "grant_type": "authorization_code",
        "redirect_uri": CALLBACK,
        "code": code,
    }
    assert client.post("/oauth/access_token", **form).status_code == 400
    assert app.paths() == ["/deauthorize"]
    payload = opened(app.signed_requests()[0])
    assert payload["algorithm"] == "HMAC-SHA256"
    assert payload["user_id"] == account
    assert payload["issued_at"] == pytest.approx(time.time(), abs=30)


def test_removing_touches_nobody_else(client: Client, app: AppServer) -> None:
    """Other accounts keep the app, and the account keeps its other apps."""
    app.register(id="2", secret="other", deauthorize_url=None)
    theirs = client.token(account_id=client.account(username="other"))
    other_app = client.token(app_id="2")
    client.control(f"accounts/{client.account()}/deauthorize", app_id=APP.id)
    assert [client.get("/v1.0/me", token).status_code for token in (theirs, other_app)] == [200, 200]


def test_removed_app_may_be_authorized_again(client: Client, app: AppServer) -> None:
    """A removal ends what there was, not what comes."""
    client.control(f"accounts/{client.account()}/deauthorize")
    assert client.get("/v1.0/me", client.token()).status_code == 200
    assert app.paths() == ["/deauthorize"]


def test_deletion_answers_with_what_the_app_confirmed(client: Client, app: AppServer) -> None:
    """The control has the address and the code that the app gave; the app was removed first."""
    client.token()
    answer = client.control(f"accounts/{client.account()}/delete_data")
    assert (answer["url"], answer["confirmation_code"]) == ("https://app.example/deletions/7", "c0de7")
    assert answer["revoked"] == 1
    assert app.paths() == ["/deauthorize", "/delete"]
    assert {opened(signed)["user_id"] for signed in app.signed_requests()} == {client.account()}


def test_deletion_after_a_removal_is_the_deletion_alone(client: Client, app: AppServer) -> None:
    """Who has removed the app already is not said to have removed it again."""
    client.token()
    for action in ("deauthorize", "delete_data"):
        client.control(f"accounts/{client.account()}/{action}")
    assert app.paths() == ["/deauthorize", "/delete"]


@pytest.mark.parametrize(
    "answer",
    [
        (500, "Oh no"),
        (200, ""),
        (200, "[]"),
        (200, '{"url": "https://app.example/7"}'),
        (200, '{"url": "javascript:alert(1)", "confirmation_code": "7"}'),
        (200, '{"url": 7, "confirmation_code": "7"}'),
        (200, '{"url": "https://app.example/7", "confirmation_code": 7}'),
        (200, '{"url": "", "confirmation_code": "7"}'),
    ],
)
def test_answer_that_confirms_nothing_is_told_as_it_is(
    client: Client, app: AppServer, answer: Answer
) -> None:
    """An app that does not answer as Meta wants it shows as that, not as a confirmation."""
    app.answer = lambda _: answer
    told = client.control(f"accounts/{client.account()}/delete_data")
    assert (told["url"], told["confirmation_code"]) == (None, None)
    assert (told["delivery"]["status"], told["delivery"]["answer"]) == answer


def test_nothing_is_sent_without_an_address(client: Client, app: AppServer) -> None:
    """An app without addresses gets no callbacks, but its tokens end."""
    app.register(deauthorize_url=None, delete_url="")
    token = client.token()
    assert client.control(f"accounts/{client.account()}/deauthorize") == {
        "ok": True,
        "revoked": 1,
        "delivery": None,
    }
    assert client.control(f"accounts/{client.account()}/delete_data")["delivery"] is None
    assert error_of(client.get("/v1.0/me", token)) == (190, 458)
    assert (app.received, client.see("deliveries")) == ([], [])


def test_app_may_call_the_api_before_it_answers(client: Client, app: AppServer) -> None:
    """While an app works at a callback the API serves it, and everybody else."""
    seen = []

    def calling(_: Request) -> Answer:
        seen.append(client.get("/v1.0/me").status_code)
        return 200, ""

    app.answer = calling
    assert client.control(f"accounts/{client.account()}/deauthorize")["delivery"]["status"] == 200
    assert seen == [400]


def test_slow_app_is_given_up(client: Client, app: AppServer) -> None:
    """An app has its time; then the delivery says that there was no answer, and the control with it."""
    client.control("settings", app_answer_seconds=0.2)
    app.gate.clear()
    delivery = client.control(f"accounts/{client.account()}/deauthorize")["delivery"]
    assert (delivery["status"], delivery["error"]) == (None, "no answer within 0.2 s")


def test_app_that_is_not_there_is_told(client: Client, app: AppServer) -> None:
    """A refused connection is what the delivery says."""
    app.register(deauthorize_url="http://127.0.0.1:1/")
    delivery = client.control(f"accounts/{client.account()}/deauthorize")["delivery"]
    assert delivery["error"].startswith("ConnectionRefusedError")


def test_redirects_are_not_followed_and_long_answers_not_kept(client: Client, app: AppServer) -> None:
    """What an app answers is noted as it comes, up to a length."""
    app.answer = lambda _: (302, "x" * 100_000)
    delivery = client.control(f"accounts/{client.account()}/deauthorize")["delivery"]
    assert (delivery["status"], len(delivery["answer"])) == (302, 2000)
    assert len(app.received) == 1


def test_deliveries_are_in_a_journal_until_it_is_emptied(client: Client, app: AppServer) -> None:
    """The journal has what was sent and what the app answered, the oldest first."""
    client.token()
    client.control(f"accounts/{client.account()}/delete_data")
    first, second = settled(client)
    assert (first["kind"], second["kind"]) == ("deauthorize", "delete_data")
    assert second["url"] == f"{app.url}/delete"
    assert second["headers"] == {"Content-Type": "application/x-www-form-urlencoded"}
    assert second["body"] == f"signed_request={app.signed_requests()[1]}"
    assert "c0de7" in second["answer"]
    client.delete("/_emulator/deliveries")
    assert client.see("deliveries") == []


def test_stopping_does_not_wait_for_an_app() -> None:
    """The emulator ends at once although an app has not answered yet."""
    with ExitStack() as stack:
        with serve(World([APP])) as emulator:
            client = Client(emulator.url)
            app = stack.enter_context(app_server(client))
            app.gate.clear()
            client.publish(client.token())
            while not app.received:
                time.sleep(0.01)
            leaving = time.monotonic()
        assert time.monotonic() - leaving < 1


@pytest.mark.parametrize(
    ("control", "body", "complaint"),
    [
        ("accounts/1/deauthorize", {}, "there is no account 1"),
        ("accounts/{id}/deauthorize", {"app_id": "9"}, "there is no such app"),
        ("accounts/{id}/delete_data", {"now": True}, "unknown fields: now"),
        ("accounts/{id}/delete_data", [], "must be a JSON object"),
        ("apps", {"id": "1", "secret": "s", "redirect_uris": [], "delete_url": "/x"}, "absolute http"),
        ("apps", {"id": "1", "secret": "s", "redirect_uris": [], "webhook_url": "ftp://x"}, "absolute http"),
        ("apps", {"id": "1", "secret": "s", "redirect_uris": [], "webhook_url": "http://["}, "absolute http"),
        ("settings", {"webhooks": 1}, "webhooks must be like True"),
    ],
)
def test_malformed_request_is_told(client: Client, control: str, body: Any, complaint: str) -> None:
    """A control request that is wrong is a 400 that says what is wrong."""
    path = control.replace("{id}", client.account())
    answer = client.http.post(f"{client.url}/_emulator/{path}", json=body, timeout=10)
    assert answer.status_code == 400
    assert complaint in answer.json()["error"]


def test_body_may_be_left_out_but_not_be_nonsense(client: Client) -> None:
    """A removal without a body is one from the first app; half a body is a 400."""
    path = f"{client.url}/_emulator/accounts/{client.account()}/deauthorize"
    assert client.http.post(path, timeout=10).status_code == 200
    assert client.http.post(path, data="{", timeout=10).status_code == 400
