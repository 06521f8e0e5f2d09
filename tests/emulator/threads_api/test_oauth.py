"""Codes and tokens: who gets which, and for how long."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.emulator.threads_api.client import APP, CALLBACK, error_of, race

if TYPE_CHECKING:
    import requests

    from tests.emulator.threads_api.client import Client

HOUR = 3600
DAY = 24 * HOUR


def code_form(client: Client, **changes: str) -> dict[str, str]:
    """Return a correct form for the exchange of a fresh code, with changes."""
    code = client.control("codes", account_id=client.account(), redirect_uri=CALLBACK)["code"]
    return {
        "client_id": APP.id,
        "client_secret": APP.secret,
        "grant_type": "authorization_code",
        "redirect_uri": CALLBACK,
        "code": code,
        **changes,
    }


def exchange(client: Client, token: str, **changes: str) -> requests.Response:
    """Ask for a long-lived token."""
    query = {"grant_type": "th_exchange_token", "client_secret": APP.secret, "access_token": token, **changes}
    return client.get("/access_token", **query)


def refresh(client: Client, token: str) -> requests.Response:
    """Ask for a refreshed token."""
    return client.get("/refresh_access_token", grant_type="th_refresh_token", access_token=token)


def debug(client: Client, asking: str, inspected: str) -> Any:
    """Return what debug_token says."""
    return client.get("/v1.0/debug_token", asking, input_token=inspected).json()["data"]


def test_code_exchange_answers_with_token_and_bare_integer_only(client: Client) -> None:
    """The exchange answers with a token and a bare integer beyond 2^53, and says nothing of an expiry."""
    answer = client.post("/oauth/access_token", **code_form(client))
    assert set(answer.json()) == {"access_token", "user_id"}
    assert answer.text.rstrip().endswith(f'"user_id":{client.account()}}}')
    assert answer.json()["user_id"] > 2**53
    assert int(float(answer.json()["user_id"])) != answer.json()["user_id"]


def test_code_works_once(client: Client) -> None:
    """The second exchange of a code is refused in the token endpoint's own envelope."""
    form = code_form(client)
    assert client.post("/oauth/access_token", **form).status_code == 200
    again = client.post("/oauth/access_token", **form)
    assert again.status_code == 400
    assert again.json() == {
        "error_type": "OAuthException",
        "code": 400,
        "error_message": "Matching code was not found or was already used",
    }


def test_one_of_twenty_racers_gets_the_token(client: Client) -> None:
    """Of twenty exchanges of one code at the same time, exactly one wins."""
    form = code_form(client)
    assert race(f"{client.url}/oauth/access_token", form) == [200] + [400] * 19


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"client_id": "999"}, "Invalid platform app"),
        ({"client_id": ""}, "Missing required field client_id"),
        ({"client_secret": "wrong"}, "Error validating client secret."),
        ({"grant_type": "password"}, "Invalid grant_type: password"),
        ({"redirect_uri": "https://app.example/other"}, "redirect_uri is identical"),
        ({"code": "unknown"}, "Matching code was not found or was already used"),
    ],
)
def test_exchange_checks_every_parameter(client: Client, changes: dict[str, str], message: str) -> None:
    """A wrong parameter is refused, and does not use up the code."""
    form = code_form(client)
    refused = client.post("/oauth/access_token", **{**form, **changes})
    assert refused.status_code == 400
    assert message in refused.json()["error_message"]
    assert client.post("/oauth/access_token", **form).status_code == 200


def test_code_with_fragment_is_not_found(client: Client) -> None:
    """A code that still carries the ``#_`` of the redirect is another code."""
    form = code_form(client)
    assert client.post("/oauth/access_token", **{**form, "code": form["code"] + "#_"}).status_code == 400


def test_code_lives_for_an_hour(client: Client) -> None:
    """A code that is an hour old is refused."""
    form = code_form(client)
    client.advance(HOUR)
    assert "expired" in client.post("/oauth/access_token", **form).json()["error_message"]


def test_short_lived_token_becomes_a_long_lived_one(client: Client) -> None:
    """The exchange of a short-lived token answers with one for sixty days."""
    answer = exchange(client, client.token(kind="short"))
    assert answer.json() == {
        "access_token": answer.json()["access_token"],
        "token_type": "bearer",
        "expires_in": 5183944,
    }
    client.advance(5183944 - 60)
    assert client.get("/v1.0/me", answer.json()["access_token"]).status_code == 200


@pytest.mark.parametrize(
    "changes", [{"client_secret": "wrong"}, {"client_secret": ""}, {"grant_type": "th_refresh_token"}]
)
def test_exchange_for_long_lived_checks_secret_and_grant(client: Client, changes: dict[str, str]) -> None:
    """Only the app's secret and the right grant type make a long-lived token."""
    assert exchange(client, client.token(kind="short"), **changes).status_code == 400


def test_long_lived_token_is_not_exchanged_again(client: Client) -> None:
    """What is long-lived already is refreshed, not exchanged."""
    assert error_of(exchange(client, client.token())) == (100, None)


def test_refresh_gives_sixty_days_from_now(client: Client) -> None:
    """A token that is a day old is refreshed, and the new one lasts from now on."""
    answer = refresh(client, client.token(age_seconds=DAY))
    assert answer.json()["expires_in"] == 5183944
    client.advance(59 * DAY)
    assert client.get("/v1.0/me", answer.json()["access_token"]).status_code == 200


@pytest.mark.parametrize(
    ("token", "error"),
    [
        ({"age_seconds": DAY - 60}, (100, None)),
        ({"age_seconds": 61 * DAY}, (190, 463)),
        ({"age_seconds": DAY, "scopes": ["threads_content_publish"]}, (10, None)),
        ({"kind": "short"}, (100, None)),
    ],
)
def test_refresh_refuses(client: Client, token: dict[str, Any], error: tuple[int, int | None]) -> None:
    """Too young, expired, without threads_basic, short-lived: none of these is refreshed."""
    assert error_of(refresh(client, client.token(**token))) == error


@pytest.mark.parametrize(("setting", "status"), [(False, 200), (True, 400)])
def test_refresh_may_end_the_old_token(client: Client, *, setting: bool, status: int) -> None:
    """A setting decides whether the refreshed token goes on working."""
    client.control("settings", refresh_ends_old_token=setting)
    token = client.token(age_seconds=DAY)
    refresh(client, token)
    assert client.get("/v1.0/me", token).status_code == status


def test_short_lived_token_lasts_an_hour(client: Client) -> None:
    """A short-lived token dies after an hour, with subcode 463."""
    token = client.token(kind="short")
    client.advance(HOUR - 1)
    assert client.get("/v1.0/me", token).status_code == 200
    client.advance(1)
    assert error_of(client.get("/v1.0/me", token)) == (190, 463)


@pytest.mark.parametrize("token", [None, "unknown"])
def test_calls_need_a_known_token(client: Client, token: str | None) -> None:
    """Without a token, or with an unknown one, every call is error 190 in the documented envelope."""
    answer = client.get("/v1.0/me", token)
    error = answer.json()["error"]
    assert answer.status_code == 400
    assert set(error) == {"message", "type", "code", "is_transient", "fbtrace_id"}
    assert (error["type"], error["code"], error["is_transient"]) == ("OAuthException", 190, False)


def test_every_error_has_a_trace_of_its_own(client: Client) -> None:
    """No two errors share an fbtrace_id."""
    traces = {client.get("/v1.0/me").json()["error"]["fbtrace_id"] for _ in range(5)}
    assert len(traces) == 5


def test_status_of_token_errors_is_a_setting(client: Client) -> None:
    """A setting chooses the status of an ended token, such as 401."""
    client.control("settings", token_error_status=401)
    assert client.get("/v1.0/me").status_code == 401


def test_token_may_come_in_three_ways(client: Client) -> None:
    """Bearer header, query and form are all accepted."""
    token = client.token()
    answers = [
        client.get("/v1.0/me", token),
        client.get("/v1.0/me", access_token=token),
        client.post("/v1.0/me/threads", media_type="TEXT", text="hi", access_token=token),
    ]
    assert [answer.status_code for answer in answers] == [200] * 3


def test_revoked_account_loses_its_tokens(client: Client) -> None:
    """Revoking ends all tokens of that account with subcode 460, and no others."""
    mine, theirs = client.token(), client.token(account_id=client.account(username="other"))
    assert client.control(f"accounts/{client.account()}/revoke")["revoked"] == 1
    assert error_of(client.get("/v1.0/me", mine)) == (190, 460)
    assert client.get("/v1.0/me", theirs).status_code == 200


@pytest.mark.parametrize(("code", "subcode"), [(190, 460), (24, 4279009), (100, 33)])
def test_a_dead_token_may_be_refused_in_three_ways(client: Client, code: int, subcode: int) -> None:
    """Every call with it gets the same error, the witnesses among them; a new token works."""
    token, old = client.token(), client.token(age_seconds=2 * DAY)
    assert client.control(f"accounts/{client.account()}/revoke", error=code)["revoked"] == 2
    answers = [
        client.get("/v1.0/me", token),
        client.get("/v1.0/debug_token", token, input_token=token),
        client.get("/v1.0/me/threads", token),
        client.get("/v1.0/me/threads_publishing_limit", token),
        client.get("/refresh_access_token", grant_type="th_refresh_token", access_token=old),
        client.post("/v1.0/me/threads", media_type="TEXT", text="hi", access_token=token),
        client.post("/v1.0/me/threads_publish", creation_id="1", access_token=token),
    ]
    assert [error_of(answer) for answer in answers] == [(code, subcode)] * len(answers)
    fresh = client.token()
    assert client.get("/v1.0/me", fresh).status_code == 200
    assert debug(client, fresh, token)["is_valid"] is False


def test_debug_token_shows_granted_scopes(client: Client) -> None:
    """A token may debug itself, and sees what the documentation lists."""
    token = client.token(scopes=["threads_basic"])
    seen = debug(client, token, token)
    assert seen["scopes"] == ["threads_basic"]
    assert (seen["type"], seen["application"], seen["is_valid"]) == ("USER", APP.name, True)
    assert seen["user_id"] == client.account()
    assert seen["expires_at"] - seen["issued_at"] == 5183944
    assert seen["data_access_expires_at"] > seen["expires_at"]


def test_debug_token_tells_dead_tokens(client: Client) -> None:
    """An expired, a revoked, a removed app's and an unknown token are not valid."""
    expired = client.token(age_seconds=61 * DAY)
    other = client.account(username="other")
    revoked = client.token(account_id=other)
    client.control(f"accounts/{other}/revoke")
    third = client.account(username="third")
    removed = client.token(account_id=third)
    client.control(f"accounts/{third}/deauthorize")
    asking = client.token()
    dead = (expired, revoked, removed, "unknown")
    assert [debug(client, asking, token)["is_valid"] for token in dead] == [False] * 4


def test_app_may_read_its_users_entries_for_ninety_days(client: Client) -> None:
    """The access to data ends ninety days after the token was issued, the token after sixty."""
    token = client.token(age_seconds=DAY)
    seen = debug(client, token, token)
    assert seen["data_access_expires_at"] - seen["issued_at"] == 90 * DAY


def test_an_app_has_tokens_of_its_own(client: Client) -> None:
    """A generated one, or id and secret, debugs the app's tokens; a user's data needs a user's token."""
    secret = {"client_id": APP.id, "client_secret": APP.secret}
    generated = client.get("/oauth/access_token", grant_type="client_credentials", **secret).json()
    assert generated.keys() == {"access_token", "token_type"}
    assert generated["access_token"].startswith(f"TH|{APP.id}|")
    assert APP.secret not in generated["access_token"]
    for token in (generated["access_token"], f"TH|{APP.id}|{APP.secret}"):
        assert debug(client, token, client.token())["is_valid"] is True
        assert debug(client, token, token)["type"] == "APP"
        assert error_of(client.get("/me", token)) == (2500, None)
    for wrong in (f"TH|{APP.id}|no", f"TH|7|{APP.secret}", "TH|"):
        assert error_of(client.get("/debug_token", wrong, input_token="x")) == (190, None)
    secret["client_secret"] = "no"
    assert error_of(client.get("/oauth/access_token", grant_type="client_credentials", **secret)) == (
        101,
        None,
    )
