"""Connecting an account: th_auth_start, the window, th_auth_callback."""

import html
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from emulator.suite.addresses import REGION
from tests.e2e.conftest import APP_ORIGIN
from tests.e2e.functions import Function
from tests.e2e.world import Firebase, SignedIn, Threads, account_path, seconds_between, summary_path

RETURN_TO = f"{APP_ORIGIN}/settings?tab=social"
JSON = {"Accept": "application/json"}
FOUR_CALLS = [
    "POST /oauth/access_token",
    "GET /access_token",
    "GET /v1.0/me",
    "GET /v1.0/debug_token",
]


def calls_of(threads: Threads) -> list[str]:
    """Return the calls of connections; the profile and the permissions are asked for side by side."""
    calls = threads.calls()
    return calls[:2] + sorted(calls[2:], reverse=True)


def begin(start: Function, user: SignedIn, **body: Any) -> str:
    """Return the authorize URL that th_auth_start answers."""
    answer = start.post(headers=user.headers, json=body)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["authUrl"])


def state_of(auth_url: str) -> str:
    """Return the state in an authorize URL."""
    return parse_qs(urlsplit(auth_url).query)["state"][0]


def outcome(answer: requests.Response) -> dict[str, str]:
    """Return what the callback tells the app, after checking that the browser is sent back to it."""
    assert answer.status_code == 303, answer.text
    where = urlsplit(answer.headers["Location"])
    assert f"{where.scheme}://{where.netloc}{where.path}" == f"{APP_ORIGIN}/settings"
    query = {name: values[0] for name, values in parse_qs(where.query).items()}
    assert query.pop("tab") == "social"
    assert where.fragment, "without a fragment of its own, the browser would keep Threads' #_"
    return query


def test_start_answers_the_documented_authorize_url_and_writes_the_state(
    th_auth_start: Function, firebase: Firebase, user: SignedIn, suite: Any
) -> None:
    """The URL has the contract's form, and its state is a document that says whose it is and until when."""
    answer = th_auth_start.post(
        headers=user.headers, json={"returnTo": RETURN_TO, "scopes": "threads_delete"}
    )
    body = answer.json()
    state = state_of(body["authUrl"])
    callback = (
        f"http%3A%2F%2F127.0.0.1%3A{suite.ports.functions}%2Fdemo-threads%2F{REGION}%2Fth_auth_callback"
    )
    assert body == {"ok": True, "authUrl": body["authUrl"], "expiresIn": 600}
    assert body["authUrl"] == (
        f"{suite.threads_url}/oauth/authorize?client_id={suite.app_id}&redirect_uri={callback}"
        f"&response_type=code&scope=threads_basic,threads_content_publish,threads_delete&state={state}"
    )
    document = firebase.read(f"oauthStates/{state}") or {}
    assert {name: document[name] for name in ("uid", "provider", "returnTo")} == {
        "uid": user.uid,
        "provider": "threads",
        "returnTo": RETURN_TO,
    }
    assert document["scopes"] == ["threads_basic", "threads_content_publish", "threads_delete"]
    assert seconds_between(document["createdAt"], document["expiresAt"]) == 600


@pytest.mark.parametrize(
    "options",
    [
        {"method": "GET", "params": {"return_to": RETURN_TO, "redirect": "1"}},
        {"method": "POST", "json": {"returnTo": RETURN_TO, "redirect": True}},
        {"method": "POST", "params": {"redirect": "1"}, "json": {"return_to": RETURN_TO}},
        {"method": "POST", "params": {"returnTo": RETURN_TO, "redirect": "true"}},
        {"method": "POST", "params": {"returnTo": RETURN_TO, "redirect": "1"}, "data": iter(())},
    ],
)
def test_start_takes_its_parameters_from_query_or_body_and_can_redirect(
    th_auth_start: Function, firebase: Firebase, user: SignedIn, options: dict[str, Any]
) -> None:
    """GET and POST, both names of returnTo, and redirect=1 lead to the window with a 303."""
    answer = th_auth_start.request(headers=user.headers, **options)
    assert answer.status_code == 303
    state = state_of(answer.headers["Location"])
    assert (firebase.read(f"oauthStates/{state}") or {})["returnTo"] == RETURN_TO


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"returnTo": "https://evil.example/"}, "invalid_return_to"),
        ({"returnTo": f"{APP_ORIGIN}.evil.example/"}, "invalid_return_to"),
        ({"returnTo": f"{APP_ORIGIN}@evil.example/"}, "invalid_return_to"),
        ({"returnTo": "/settings"}, "invalid_return_to"),
        ({"returnTo": 7}, "invalid_request"),
        ({"scopes": "threads_basic,instagram_basic"}, "unknown_scope"),
        ({"returnTo": RETURN_TO, "return_url": RETURN_TO}, "unknown_field"),
        ({"returnTo": RETURN_TO, "return_to": RETURN_TO}, "invalid_request"),
        ({"returnTo": RETURN_TO, "redirect": "yes"}, "invalid_request"),
        ({"mode": "login"}, "invalid_request"),
        ({"mode": ["signin"]}, "invalid_request"),
        ({"challenge": "c" * 43}, "invalid_request"),
        ({"accountId": 17841405793187218}, "invalid_request"),
    ],
)
def test_start_refuses_what_it_cannot_keep(
    th_auth_start: Function, firebase: Firebase, user: SignedIn, body: dict[str, Any], code: str
) -> None:
    """A foreign returnTo, an unknown scope and an unknown field are a 400, and no state is written."""
    answer = th_auth_start.post(headers=user.headers, json=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)
    assert firebase.names("oauthStates") == []


@pytest.mark.parametrize(
    "header", [None, "Bearer", "Bearer x", "Basic dTpw", "Bearer a.b.c", "Bearer e30.e30."]
)
def test_start_serves_nobody_without_an_id_token(th_auth_start: Function, header: str | None) -> None:
    """Without a Firebase ID token the answer is 401, with the challenge that HTTP asks for."""
    answer = th_auth_start.post(headers={"Authorization": header} if header else {}, json={})
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "unauthenticated")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_an_allowed_connection_ends_as_a_sealed_account_and_a_card(
    th_auth_start: Function, th_auth_callback: Function, firebase: Firebase, threads: Threads, user: SignedIn
) -> None:
    """Four calls later the account and its card are stored, the token nowhere in clear, the browser back."""
    person = threads.accounts()[0]
    back = threads.decide(begin(th_auth_start, user, returnTo=RETURN_TO), account_id=person["id"])
    assert outcome(th_auth_callback.get(params=back)) == {"threads": "connected", "accountId": person["id"]}
    assert calls_of(threads) == FOUR_CALLS

    account = firebase.read(account_path(user.uid, person["id"])) or {}
    picture = f"{threads.url}/avatars/{person['id']}.svg"
    profile = {
        "platformId": person["id"],
        "displayName": person["name"],
        "username": person["username"],
        "avatarUrl": picture,
        "accountType": "user",
    }
    kept = ("accountId", "tokenType", "expiresIn", "scopes", "status", "profile", "extra")
    assert {name: account[name] for name in kept} == {
        "accountId": person["id"],
        "tokenType": "bearer",
        "expiresIn": 5183944,
        "scopes": ["threads_basic", "threads_content_publish"],
        "status": "active",
        "profile": profile,
        "extra": {"threadsUserId": person["id"]},
    }
    assert seconds_between(account["createdAt"] + timedelta(seconds=5183944), account["expiresAt"]) < 1
    issued = [token["access_token"] for token in threads.control("GET", "tokens")["tokens"]]
    assert len(issued) == 2
    assert not any(token in repr(account) for token in issued)

    summary = firebase.read(summary_path(user.uid)) or {}
    assert (summary["defaultAccountId"], summary["connectedCount"]) == (person["id"], 1)
    assert summary["accounts"] == {
        person["id"]: {
            "displayName": person["name"],
            "username": person["username"],
            "avatarUrl": picture,
            "accountType": "user",
            "status": "active",
            "expiresAt": account["expiresAt"],
            "enabled_for_repost": False,
            "canPublish": True,
        }
    }


def test_a_reload_of_the_callback_goes_to_the_same_place_without_a_call(
    th_auth_start: Function, th_auth_callback: Function, threads: Threads, user: SignedIn
) -> None:
    """The browser's reload button repeats the answer, not the exchange."""
    back = threads.decide(
        begin(th_auth_start, user, returnTo=RETURN_TO), account_id=threads.accounts()[0]["id"]
    )
    first = th_auth_callback.get(params=back)
    second = th_auth_callback.get(params=back)
    assert first.headers["Location"] == second.headers["Location"]
    assert calls_of(threads) == FOUR_CALLS


def test_without_return_to_the_callback_answers_itself(
    th_auth_start: Function, th_auth_callback: Function, threads: Threads, user: SignedIn
) -> None:
    """A program gets the profile as JSON, a person a page; both again on a reload."""
    person = threads.accounts()[2]
    back = threads.decide(begin(th_auth_start, user), account_id=person["id"])
    for _ in range(2):
        answer = th_auth_callback.get(params=back, headers=JSON).json()
        assert answer["ok"]
        assert answer["accountId"] == answer["profile"]["platformId"] == person["id"]
    page = th_auth_callback.get(params=back, headers={"Accept": "text/html,*/*;q=0.8"})
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert html.escape(f"@{person['username']} is connected") in page.text


def test_leaving_the_window_is_a_cancelled_connection(
    th_auth_start: Function, th_auth_callback: Function, firebase: Firebase, threads: Threads, user: SignedIn
) -> None:
    """The app is told, nothing is called or stored, and the state is used up for good."""
    back = threads.decide(begin(th_auth_start, user, returnTo=RETURN_TO), decision="deny")
    assert back["error"] == "access_denied"
    assert outcome(th_auth_callback.get(params=back)) == {"threads": "cancelled"}
    allowed = th_auth_callback.get(params={"state": back["state"], "code": "x"})
    assert outcome(allowed) == {"threads": "failed", "error": "invalid_state"}
    assert outcome(th_auth_callback.get(params=back)) == {"threads": "cancelled"}
    assert threads.calls() == []
    assert firebase.names("users") == []


def test_an_error_text_from_threads_is_never_echoed(
    th_auth_start: Function, th_auth_callback: Function, user: SignedIn
) -> None:
    """Whoever writes the callback's query does not get to write on our page."""
    state = state_of(begin(th_auth_start, user))
    answer = th_auth_callback.get(
        params={"state": state, "error": "server_error", "error_description": "Call +1 555 <b>now</b>"}
    )
    assert answer.status_code == 422
    assert "555" not in answer.text


def test_states_that_are_not_ours_end_in_a_400(
    th_auth_callback: Function, firebase: Firebase, threads: Threads, user: SignedIn
) -> None:
    """Unknown, malformed, missing and another provider's states lead nowhere and call nobody."""
    later = datetime.now(UTC) + timedelta(minutes=5)
    foreign = {"uid": user.uid, "provider": "instagram", "expiresAt": later, "scopes": []}
    firebase.write("oauthStates/anotherProviders", foreign)
    for state in ("", "unknown", "anotherProviders", "a/b", "..", "__x__", "x" * 3000, "\u00e9", "a b"):
        answer = th_auth_callback.get(params={"state": state, "code": "x"}, headers=JSON)
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_state"), state
        page = th_auth_callback.get(params={"state": state, "code": "x"})
        assert (page.status_code, "Not connected" in page.text) == (400, True)
    assert th_auth_callback.get(headers=JSON).json()["error"]["code"] == "invalid_state"
    assert threads.calls() == []


def test_a_doubled_parameter_is_refused_and_uses_nothing_up(
    th_auth_start: Function, th_auth_callback: Function, threads: Threads, user: SignedIn
) -> None:
    """Two states in one query mean nothing; the real callback still works afterwards."""
    back = threads.decide(
        begin(th_auth_start, user, returnTo=RETURN_TO), account_id=threads.accounts()[0]["id"]
    )
    for doubled in ("state", "code"):
        answer = th_auth_callback.get(params=[*back.items(), (doubled, "other")], headers=JSON)
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_request")
    assert outcome(th_auth_callback.get(params=back))["threads"] == "connected"


def test_an_old_state_is_refused_though_it_is_still_there(
    th_auth_start: Function, th_auth_callback: Function, firebase: Firebase, threads: Threads, user: SignedIn
) -> None:
    """Ten minutes are checked in code: Firestore deletes much later."""
    back = threads.decide(
        begin(th_auth_start, user, returnTo=RETURN_TO), account_id=threads.accounts()[0]["id"]
    )
    old = firebase.client.document(f"oauthStates/{back['state']}")
    old.update({"expiresAt": datetime.now(UTC) - timedelta(seconds=1)})
    assert outcome(th_auth_callback.get(params=back)) == {"threads": "failed", "error": "invalid_state"}
    assert threads.calls() == []


def test_of_many_simultaneous_callbacks_one_exchanges_the_code(
    th_auth_start: Function, th_auth_callback: Function, threads: Threads, user: SignedIn
) -> None:
    """Twenty loads of one callback at once: four calls, and whoever is late is told to look again."""
    back = threads.decide(begin(th_auth_start, user), account_id=threads.accounts()[0]["id"])
    threads.answer("/oauth/access_token", delay_seconds=0.5)
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: th_auth_callback.get(params=back, headers=JSON), range(20)))
    assert calls_of(threads) == FOUR_CALLS
    winners = [answer for answer in answers if answer.status_code == 200]
    assert winners
    for late in [answer for answer in answers if answer.status_code != 200]:
        assert (late.status_code, late.json()["error"]["code"]) == (409, "in_progress")
        assert late.headers["Retry-After"] == "2"
    waiting_page = th_auth_callback.get(params=back)
    assert waiting_page.status_code == 200


def test_a_browser_that_loads_a_running_callback_waits_for_its_end(
    th_auth_start: Function, th_auth_callback: Function, threads: Threads, user: SignedIn
) -> None:
    """The second load of a callback shows a page that looks again, and then lands where the first did."""
    back = threads.decide(
        begin(th_auth_start, user, returnTo=RETURN_TO), account_id=threads.accounts()[0]["id"]
    )
    threads.answer("/oauth/access_token", delay_seconds=1)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(th_auth_callback.get, params=back)
        while not threads.calls():
            pass
        second = th_auth_callback.get(params=back)
        assert second.status_code == 409
        assert '<meta http-equiv="refresh" content="2">' in second.text
        assert outcome(first.result())["threads"] == "connected"
    assert outcome(th_auth_callback.get(params=back))["threads"] == "connected"


HTML = "<html><body>Sorry, something went wrong</body></html>"
PATHS = ["/oauth/access_token", "/access_token", "/me"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("script", "code"),
    [
        ({"status": 200, "body": HTML}, "threads_unavailable"),
        ({"status": 502, "body": HTML}, "threads_unavailable"),
        ({"status": 200, "body": "{}"}, "threads_unavailable"),
        ({"status": 302, "headers": {"Location": "https://evil.example/"}}, "threads_unavailable"),
        ({"drop": "before"}, "threads_unavailable"),
        ({"drop": "after"}, "threads_unavailable"),
        ({"drop": "mid_body"}, "threads_unavailable"),
        ({"error": {"code": 2, "is_transient": True}}, "threads_unavailable"),
        ({"error": {"code": 190}, "status": 401}, "reconnect_required"),
        ({"error": {"code": 100}, "status": 400}, "rejected_by_threads"),
    ],
)
def test_whatever_goes_wrong_at_threads_nothing_is_half_saved(
    th_auth_start: Function,
    th_auth_callback: Function,
    firebase: Firebase,
    threads: Threads,
    user: SignedIn,
    path: str,
    script: dict[str, Any],
    code: str,
) -> None:
    """A failure at any call: the app learns its code, no account or card exists, and a new try works."""
    person = threads.accounts()[0]["id"]
    back = threads.decide(begin(th_auth_start, user, returnTo=RETURN_TO), account_id=person)
    threads.answer(path, **script)
    assert outcome(th_auth_callback.get(params=back)) == {"threads": "failed", "error": code}
    assert firebase.names("users") == []
    calls = threads.calls()
    assert outcome(th_auth_callback.get(params=back)) == {"threads": "failed", "error": "invalid_state"}
    assert threads.calls() == calls, "a used state calls nobody"
    again = threads.decide(begin(th_auth_start, user, returnTo=RETURN_TO), account_id=person)
    assert outcome(th_auth_callback.get(params=again))["threads"] == "connected"


@pytest.mark.parametrize("change", [{"code": "never-issued"}, {"code": ""}, {"code": "x" * 5000}])
def test_a_rejected_code_is_a_clear_failure(
    th_auth_start: Function,
    th_auth_callback: Function,
    firebase: Firebase,
    threads: Threads,
    user: SignedIn,
    change: dict[str, str],
) -> None:
    """A code that Threads does not know, or that is none, fails with rejected_by_threads."""
    back = threads.decide(begin(th_auth_start, user), account_id=threads.accounts()[0]["id"])
    answer = th_auth_callback.get(params=back | change, headers=JSON)
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "rejected_by_threads")
    assert firebase.names("users") == []


def test_a_code_that_still_has_threads_fragment_works(
    th_auth_start: Function, th_auth_callback: Function, threads: Threads, user: SignedIn
) -> None:
    """A client that takes the URL apart wrongly leaves ``#_`` on the code; it is taken off."""
    back = threads.decide(begin(th_auth_start, user), account_id=threads.accounts()[0]["id"])
    answer = th_auth_callback.get(params=back | {"code": back["code"] + "#_"}, headers=JSON)
    assert answer.json()["ok"]


def test_what_was_not_allowed_is_told_everywhere(
    th_auth_start: Function,
    th_auth_callback: Function,
    th_accounts: Function,
    publish_threads: Function,
    threads: Threads,
    user: SignedIn,
) -> None:
    """Who unticks scopes is connected; app, program and card learn what is lacking, and so does a post."""
    person = threads.accounts()[0]["id"]

    def connected(scope: list[str], **options: Any) -> requests.Response:
        url = begin(th_auth_start, user, scopes="threads_delete", **options)
        back = threads.decide(url, account_id=person, scope=scope)
        first, again = (th_auth_callback.get(params=back, headers=JSON) for _ in range(2))
        assert again.headers.get("Location") == first.headers.get("Location")
        assert options or again.json() == first.json()
        return first

    told = outcome(connected(["threads_basic"], returnTo=RETURN_TO))
    assert told == {
        "threads": "connected",
        "accountId": person,
        "refused": "threads_content_publish,threads_delete",
    }
    answer = connected(["threads_basic", "threads_delete"]).json()
    assert answer["refusedScopes"] == ["threads_content_publish"]
    [card] = th_accounts.get(headers=user.headers).json()["accounts"]
    assert (card["refusedScopes"], card["canPublish"]) == (["threads_content_publish"], False)
    post = publish_threads.post(headers=user.headers, json={"text": "Hello"})
    assert (post.status_code, post.json()["error"]["code"]) == (403, "missing_scope")
    everything = ["threads_basic", "threads_content_publish", "threads_delete"]
    assert "refusedScopes" not in connected(everything).json()
    [card] = th_accounts.get(headers=user.headers).json()["accounts"]
    assert "refusedScopes" not in card
    assert publish_threads.post(headers=user.headers, json={"text": "Hello"}).status_code == 200


def test_the_page_says_what_was_not_allowed(
    th_auth_start: Function, th_auth_callback: Function, threads: Threads, user: SignedIn
) -> None:
    """A person without an app to return to reads which permission is lacking."""
    back = threads.decide(
        begin(th_auth_start, user), account_id=threads.accounts()[0]["id"], scope=["threads_basic"]
    )
    assert "You did not allow threads_content_publish" in th_auth_callback.get(params=back).text


@pytest.mark.parametrize(
    "script",
    [
        {"status": 500, "body": "<html>"},
        {"error": {"code": 100}, "status": 400},
        {"drop": "before"},
    ],
)
def test_a_connection_works_though_nobody_knows_what_was_allowed(
    th_auth_start: Function,
    th_auth_callback: Function,
    firebase: Firebase,
    threads: Threads,
    user: SignedIn,
    script: dict[str, Any],
) -> None:
    """Where debug_token does not answer, what was granted is unknown, and nothing is refused for it."""
    person = threads.accounts()[0]["id"]
    back = threads.decide(begin(th_auth_start, user, returnTo=RETURN_TO), account_id=person)
    threads.answer("/debug_token", **script)
    assert outcome(th_auth_callback.get(params=back)) == {"threads": "connected", "accountId": person}
    account = firebase.read(account_path(user.uid, person)) or {}
    assert account["scopes"] is None


def test_the_account_to_connect_again_is_the_one_that_comes_back(
    th_auth_start: Function, th_auth_callback: Function, firebase: Firebase, threads: Threads, user: SignedIn
) -> None:
    """Another profile is a wrong_account that names both, and nothing changes; the right one works."""
    ada, other = threads.accounts()[:2]
    back = threads.decide(begin(th_auth_start, user), account_id=ada["id"])
    assert th_auth_callback.get(params=back).status_code == 200
    before = firebase.read(account_path(user.uid, ada["id"]))

    wrong = threads.decide(begin(th_auth_start, user, accountId=ada["id"]), account_id=other["id"])
    answer = th_auth_callback.get(params=wrong, headers=JSON)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "wrong_account")
    assert f"@{other['username']} was chosen" in answer.json()["error"]["message"]
    assert f"@{ada['username']} is to be" in answer.json()["error"]["message"]
    url = begin(th_auth_start, user, accountId=ada["id"], returnTo=RETURN_TO)
    told = outcome(th_auth_callback.get(params=threads.decide(url, account_id=other["id"])))
    assert told == {"threads": "failed", "error": "wrong_account"}
    assert firebase.read(account_path(user.uid, ada["id"])) == before
    assert firebase.read(account_path(user.uid, other["id"])) is None

    right = threads.decide(begin(th_auth_start, user, accountId=ada["id"]), account_id=ada["id"])
    assert th_auth_callback.get(params=right, headers=JSON).json()["ok"]


@pytest.mark.parametrize("account_id", ["17841405793187219", "me", "a/b", "..", "x" * 4000])
def test_only_an_own_account_can_be_connected_again(
    th_auth_start: Function, firebase: Firebase, user: SignedIn, account_id: str
) -> None:
    """An account that the user has not connected is a 404, whoever else has it, and no window is opened."""
    firebase.write(account_path("somebody", "17841405793187219"), {"status": "active"})
    answer = th_auth_start.post(headers=user.headers, json={"accountId": account_id})
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "account_not_found")
    assert firebase.names("oauthStates") == []


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        ("GET", {"Sec-Purpose": "prefetch;prerender"}, 403),
        ("GET", {"Purpose": "prefetch", "Accept": "application/json"}, 403),
        ("GET", {"X-Moz": "prefetch"}, 403),
        ("GET", {"Sec-Fetch-Dest": "iframe"}, 403),
        ("GET", {"Sec-Fetch-Dest": "image"}, 403),
        ("HEAD", {}, 405),
        ("POST", {}, 405),
    ],
)
def test_only_a_visit_uses_a_callback_up(
    th_auth_start: Function,
    th_auth_callback: Function,
    firebase: Firebase,
    threads: Threads,
    user: SignedIn,
    method: str,
    headers: dict[str, str],
    status: int,
) -> None:
    """What a browser loads ahead of time, a frame, an image and a HEAD leave the state and the code alone."""
    back = threads.decide(
        begin(th_auth_start, user, returnTo=RETURN_TO), account_id=threads.accounts()[0]["id"]
    )
    before = firebase.read(f"oauthStates/{back['state']}")
    answer = th_auth_callback.request(method, params=back, headers=headers)
    assert (answer.status_code, answer.headers["Cache-Control"]) == (status, "no-store")
    assert firebase.read(f"oauthStates/{back['state']}") == before
    assert threads.calls() == []
    visit = {"Sec-Fetch-Dest": "document", "Sec-Fetch-Site": "cross-site"}
    assert outcome(th_auth_callback.get(params=back, headers=visit))["threads"] == "connected"


def test_a_second_account_and_a_reconnect_keep_what_there_is(
    th_auth_start: Function, th_auth_callback: Function, firebase: Firebase, threads: Threads, user: SignedIn
) -> None:
    """The default stays, both cards are there, and a reconnected account keeps its age and its settings."""
    first, second = (person["id"] for person in threads.accounts()[:2])

    def connected(person: str) -> None:
        back = threads.decide(begin(th_auth_start, user, returnTo=RETURN_TO), account_id=person)
        assert outcome(th_auth_callback.get(params=back))["accountId"] == person

    connected(first)
    before = firebase.read(account_path(user.uid, first)) or {}
    firebase.client.document(account_path(user.uid, first)).update({"status": "reconnect_required"})
    firebase.client.document(summary_path(user.uid)).set(
        {"accounts": {first: {"enabled_for_repost": True, "statusReason": "token_rejected"}}}, merge=True
    )
    connected(second)
    connected(first)
    after = firebase.read(account_path(user.uid, first)) or {}
    assert after["createdAt"] == before["createdAt"]
    assert after["updatedAt"] > before["updatedAt"]
    assert after["status"] == "active"
    assert after["accessToken"] != before["accessToken"]
    summary = firebase.read(summary_path(user.uid)) or {}
    assert (summary["defaultAccountId"], summary["connectedCount"]) == (first, 2)
    assert summary["accounts"][first]["enabled_for_repost"] is True
    assert summary["accounts"][first]["status"] == "active"
    assert "statusReason" not in summary["accounts"][first]
    assert summary["accounts"][second]["enabled_for_repost"] is False


def test_simultaneous_connections_of_one_user_lose_no_card(
    th_auth_start: Function, th_auth_callback: Function, firebase: Firebase, threads: Threads, user: SignedIn
) -> None:
    """Three windows finished at the same moment are three cards, counted right."""
    people = [person["id"] for person in threads.accounts()]
    backs = [threads.decide(begin(th_auth_start, user), account_id=person) for person in people]
    with ThreadPoolExecutor(len(backs)) as pool:
        answers = list(pool.map(lambda back: th_auth_callback.get(params=back, headers=JSON), backs))
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    summary = firebase.read(summary_path(user.uid)) or {}
    assert sorted(summary["accounts"]) == sorted(people)
    assert summary["connectedCount"] == 3


def test_cards_are_shown_to_their_owner(
    th_auth_start: Function,
    th_auth_callback: Function,
    th_accounts: Function,
    threads: Threads,
    user: SignedIn,
) -> None:
    """th_accounts answers what the summary holds, the default account first, times as ISO 8601."""
    empty = th_accounts.get(headers=user.headers)
    assert empty.json() == {"ok": True, "accounts": [], "defaultAccountId": None, "connectedCount": 0}
    for person in threads.accounts()[1::-1]:
        back = threads.decide(begin(th_auth_start, user), account_id=person["id"])
        th_auth_callback.get(params=back)
    answer = th_accounts.get(headers=user.headers).json()
    assert [card["username"] for card in answer["accounts"]] == [
        person["username"] for person in threads.accounts()[1::-1]
    ]
    assert answer["accounts"][0]["expiresAt"].endswith("Z")
    assert th_accounts.get().status_code == 401


def test_requested_profile_fields_are_kept(
    environment: dict[str, str], th_auth_start: Function, firebase: Firebase, threads: Threads, user: SignedIn
) -> None:
    """What THREADS_PROFILE_FIELDS names is read with the profile and stored under Threads' names."""
    wanted = {"THREADS_PROFILE_FIELDS": "threads_biography,is_verified"}
    person = threads.accounts()[0]
    with Function("th_auth_callback", environment | wanted) as callback:
        back = threads.decide(begin(th_auth_start, user), account_id=person["id"])
        assert callback.get(params=back, headers=JSON).json()["ok"]
    account = firebase.read(account_path(user.uid, person["id"])) or {}
    assert account["extra"]["threads_biography"] == person["biography"]
    assert account["extra"]["is_verified"] is False


def test_the_log_says_who_connected_what(
    th_auth_start: Function, th_auth_callback: Function, threads: Threads, user: SignedIn
) -> None:
    """The callback's line names the user and the account, and how it ended; a refusal names the user."""
    person = threads.accounts()[0]["id"]
    wish = {"returnTo": RETURN_TO}
    th_auth_callback.get(params=threads.decide(begin(th_auth_start, user, **wish), account_id=person))
    th_auth_callback.get(params=threads.decide(begin(th_auth_start, user, **wish), decision="deny"))
    lines = [line for line in th_auth_callback.log_lines() if line.get("uid") == user.uid]
    assert [(line.get("accountId"), line["connection"]) for line in lines] == [
        (person, "connected"),
        (None, "cancelled"),
    ]


def test_no_secret_reaches_the_log(
    th_auth_start: Function, th_auth_callback: Function, threads: Threads, user: SignedIn, suite: Any
) -> None:
    """After connections that worked and that failed, the logs hold no token, code, state or secret."""
    backs = []
    for script in (None, {"drop": "after"}, {"status": 500, "body": HTML}):
        back = threads.decide(
            begin(th_auth_start, user, returnTo=RETURN_TO), account_id=threads.accounts()[0]["id"]
        )
        backs.append(back)
        if script:
            threads.answer("/access_token", **script)
        th_auth_callback.get(params=back)
    tokens = [token["access_token"] for token in threads.control("GET", "tokens")["tokens"]]
    secrets = [
        user.id_token,
        suite.app_secret,
        *tokens,
        *(value for back in backs for value in back.values()),
    ]
    logs = th_auth_start.log() + th_auth_callback.log()
    assert [secret for secret in secrets if secret in logs] == []
    assert all(set(line) >= {"severity", "message", "status"} for line in th_auth_callback.log_lines())
