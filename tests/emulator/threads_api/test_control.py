"""The controls: the journal, apps, accounts, tokens, and malformed requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.emulator.threads_api.client import APP, CALLBACK, error_of

if TYPE_CHECKING:
    from tests.emulator.threads_api.client import Client


def test_health(client: Client) -> None:
    """The emulator answers with its address."""
    answer = client.get("/_emulator/health").json()
    assert (answer["ok"], answer["url"]) == (True, client.url)


def test_journal_shows_requests_as_they_came(client: Client) -> None:
    """The journal keeps method, path with version, query, form, headers, status and time; no controls."""
    token = client.token()
    client.post("/v1.0/me/threads?via=query", token, media_type="TEXT", text="a b&c")
    client.get("/nonsense")
    first, second = client.see("requests")
    assert (first["method"], first["path"], first["status"]) == ("POST", "/v1.0/me/threads", 200)
    assert first["query"] == {"via": "query"}
    assert first["form"] == {"media_type": "TEXT", "text": "a b&c"}
    assert first["headers"]["Authorization"] == f"Bearer {token}"
    assert first["time"] < second["time"]
    assert (second["path"], second["status"], second["dropped"]) == ("/nonsense", 400, None)
    client.http.post(f"{client.url}/x", data={"scope": ["a", "b"]}, timeout=10)
    assert client.see("requests")[-1]["form"] == {"scope": ["a", "b"]}
    client.delete("/_emulator/requests")
    assert client.see("requests") == []


def test_apps_can_be_added_and_replaced(client: Client) -> None:
    """A test may register an app, or give the first one another redirect URI, until the reset."""
    client.control("apps", id=APP.id, secret="new", redirect_uris=["https://new.example/"])
    client.control("apps", id="2", secret="x", redirect_uris=[])
    assert [app["id"] for app in client.see("apps")] == [APP.id, "2"]
    code = client.control("codes", account_id=client.account())
    assert code["redirect_uri"] == "https://new.example/"
    client.control("reset")
    assert [app["redirect_uris"][0] for app in client.see("apps")] == [CALLBACK]


def test_ids_are_odd_beyond_2_to_53_and_never_used_again(client: Client) -> None:
    """Ids change when they are read as floating-point numbers, and a reset does not bring them back."""
    token = client.token()
    ids = [client.account(), client.publish(token), client.container(token, media_type="TEXT", text="x")]
    assert all(int(one) > 2**53 and int(one) % 2 == 1 for one in ids)
    client.control("reset")
    token = client.token()
    assert client.publish(token) != ids[1]
    assert client.container(token, media_type="TEXT", text="x") != ids[2]


def test_tokens_are_listed(client: Client) -> None:
    """Every token that was issued can be looked at."""
    token = client.token(kind="short", scopes=["threads_basic"])
    listed = client.see("tokens")[-1]
    assert (listed["access_token"], listed["kind"], listed["scopes"]) == (token, "short", ["threads_basic"])


@pytest.mark.parametrize(
    ("control", "body", "complaint"),
    [
        ("tokens", {"account_id": "1"}, "there is no account 1"),
        ("tokens", {"account_id": "{id}", "kind": "medium"}, "kind must be long or short"),
        ("tokens", {"account_id": "{id}", "scopes": ["x"]}, "there is no scope x"),
        ("tokens", {"account_id": "{id}", "scopes": "threads_basic"}, "scopes must be a list"),
        ("tokens", {"account_id": "{id}", "app_id": "9"}, "there is no such app"),
        ("tokens", {"account_id": "{id}", "age": 5}, "unknown fields: age"),
        ("codes", {"account_id": 5}, "account_id must be text"),
        ("accounts", {"username": "a b"}, "username must have"),
        ("accounts", {"username": "mira.okafor"}, "must be new"),
        ("accounts", {"username": "new", "id": "x"}, "an id has only digits"),
        ("accounts/1/revoke", {}, "there is no account 1"),
        ("accounts/{id}/revoke", {"error": 4}, "error must be one of 190, 24, 100"),
        ("accounts/{id}/revoke", {"error": "190"}, "error must be a number"),
        ("accounts/{id}/revoke", {"code": 190}, "unknown fields: code"),
        ("settings", {"text_counts": "bits"}, "text_counts must be one of"),
        ("media", {"error_message": "BROKEN"}, "error_message must be one of"),
        ("media", {"media_type": "TEXT"}, "media_type must be"),
        ("media", {"times": 0}, "times must be a number from 1"),
        ("apps", {"id": "1"}, "the body needs secret"),
    ],
)
def test_malformed_control_request(client: Client, control: str, body: Any, complaint: str) -> None:
    """A control request that is wrong is a 400 that says what is wrong."""
    if isinstance(body, dict) and body.get("account_id") == "{id}":
        body = {**body, "account_id": client.account()}
    control = control.replace("{id}", client.account())
    answer = client.http.post(f"{client.url}/_emulator/{control}", json=body, timeout=10)
    assert answer.status_code == 400
    assert complaint in answer.json()["error"]


def test_unknown_control_is_an_error(client: Client) -> None:
    """A control that does not exist is not mistaken for one that does."""
    assert error_of(client.get("/_emulator/nonsense")) == (2500, None)
