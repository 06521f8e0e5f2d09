"""Connections that the app confirms: th_auth_start, the window, th_auth_callback, th_auth_finish.

The window is opened by one and allowed by another: what comes of that is the point of it all.
"""

import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from tests.e2e.canary import documents
from tests.e2e.conftest import APP_ORIGIN
from tests.e2e.functions import Function
from tests.e2e.test_connect import FOUR_CALLS, JSON, begin, calls_of, outcome
from tests.e2e.world import (
    Firebase,
    SignedIn,
    Threads,
    account_path,
    pending_path,
    seconds_between,
    summary_path,
)

RETURN_TO = f"{APP_ORIGIN}/settings?tab=social&threads=failed&error=x#part"
BACK = f"{APP_ORIGIN}/settings?tab=social#th_link="
TRIES = 100


@pytest.fixture(scope="module")
def confirming(environment: dict[str, str]) -> dict[str, str]:
    """Return the configuration of a service whose app confirms connections."""
    return environment | {"CONNECT_MODE": "confirm"}


@pytest.fixture(scope="module")
def start(confirming: dict[str, str]) -> Iterator[Function]:
    """Serve th_auth_start."""
    with Function("th_auth_start", confirming) as process:
        yield process


@pytest.fixture(scope="module")
def callback(confirming: dict[str, str]) -> Iterator[Function]:
    """Serve th_auth_callback."""
    with Function("th_auth_callback", confirming) as process:
        yield process


@pytest.fixture(scope="module")
def finish(confirming: dict[str, str]) -> Iterator[Function]:
    """Serve th_auth_finish."""
    with Function("th_auth_finish", confirming) as process:
        yield process


def handle_of(answer: requests.Response) -> str:
    """Return the handle that the browser brings to the app, after checking that nothing comes with it."""
    assert answer.status_code == 303, answer.text
    where, handle = answer.headers["Location"][: len(BACK)], answer.headers["Location"][len(BACK) :]
    assert where == BACK
    assert len(handle) == 43
    return handle


def window(start: Function, threads: Threads, user: SignedIn, person: int = 0, **body: Any) -> dict[str, str]:
    """Begin a connection and let a person allow it; return what their browser brings to the callback."""
    url = begin(start, user, returnTo=RETURN_TO, **body)
    return threads.decide(url, account_id=threads.accounts()[person]["id"])


def confirm(finish: Function, user: SignedIn, handle: object) -> requests.Response:
    """Let the app confirm."""
    return finish.post(headers=user.headers, json={"handle": handle})


def failed(answer: requests.Response) -> tuple[int, str]:
    """Return status and code of an error."""
    return answer.status_code, answer.json()["error"]["code"]


def test_a_confirmed_connection_is_a_connection(
    start: Function,
    callback: Function,
    finish: Function,
    firebase: Firebase,
    threads: Threads,
    user: SignedIn,
) -> None:
    """The callback stores a sealed code and calls nobody; with handle and ID token the account is saved."""
    person = threads.accounts()[0]
    back = window(start, threads, user)
    handle = handle_of(callback.get(params=back))
    assert threads.calls() == []
    assert firebase.names("users") == []
    pending = firebase.read(pending_path(handle)) or {}
    assert (pending["uid"], pending["provider"]) == (user.uid, "threads")
    assert seconds_between(pending["createdAt"], pending["expiresAt"]) == 300
    assert back["code"] not in repr(pending)
    assert handle not in repr([*documents(firebase.client)]), "whoever reads the database could finish it"

    answer = confirm(finish, user, handle).json()
    assert answer == {
        "ok": True,
        "accountId": person["id"],
        "profile": {
            "platformId": person["id"],
            "displayName": person["name"],
            "username": person["username"],
            "avatarUrl": f"{threads.url}/avatars/{person['id']}.svg",
            "accountType": "user",
        },
    }
    assert calls_of(threads) == FOUR_CALLS
    assert (firebase.read(account_path(user.uid, person["id"])) or {})["status"] == "active"
    assert (firebase.read(summary_path(user.uid)) or {})["connectedCount"] == 1
    assert (firebase.read(pending_path(handle)) or {})["code"] is None
    assert confirm(finish, user, handle).json() == answer, "the first one may have been lost"
    assert calls_of(threads) == FOUR_CALLS


def test_a_page_to_confirm_on_is_required(start: Function, firebase: Firebase, user: SignedIn) -> None:
    """Without a returnTo there is nobody to confirm: a 400 that says so, and no state."""
    answer = start.post(headers=user.headers, json={})
    assert failed(answer) == (400, "invalid_return_to")
    assert "returnTo is missing" in answer.json()["error"]["message"]
    assert firebase.names("oauthStates") == []


def test_what_was_not_allowed_is_told(
    start: Function, callback: Function, finish: Function, threads: Threads, user: SignedIn
) -> None:
    """The app learns with its confirmation which scopes were not granted."""
    url = begin(start, user, returnTo=RETURN_TO)
    back = threads.decide(url, account_id=threads.accounts()[0]["id"], scope=["threads_basic"])
    answer = confirm(finish, user, handle_of(callback.get(params=back))).json()
    assert (answer["ok"], answer["refusedScopes"]) == (True, ["threads_content_publish"])


def test_a_reload_leads_to_the_same_handle_and_another_code_to_none(
    start: Function, callback: Function, firebase: Firebase, threads: Threads, user: SignedIn
) -> None:
    """Whoever brings the code gets its handle, also ten at once; who does not gets nothing."""
    back = window(start, threads, user)
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: callback.get(params=back), range(10)))
    assert len({handle_of(answer) for answer in answers}) == 1
    assert len(firebase.names("threadsPendingConnections")) == 1
    for change in ({"code": "made-up"}, {"code": ""}, {"error": "access_denied"}):
        answer = callback.get(params=back | change)
        assert outcome(answer) == {"threads": "failed", "error": "invalid_state"}
        assert "th_link" not in answer.headers["Location"]


def test_leaving_the_window_has_nothing_to_confirm(
    start: Function, callback: Function, firebase: Firebase, threads: Threads, user: SignedIn
) -> None:
    """Cancelled and failed come to the app as ever."""
    back = threads.decide(begin(start, user, returnTo=RETURN_TO), decision="deny")
    assert outcome(callback.get(params=back)) == {"threads": "cancelled"}
    assert firebase.names("threadsPendingConnections") == []
    assert threads.calls() == []


def test_another_user_does_not_finish_and_does_not_end_it(
    start: Function,
    callback: Function,
    finish: Function,
    firebase: Firebase,
    threads: Threads,
    user: SignedIn,
) -> None:
    """A stranger's ID token is a 403 that changes nothing, none at all a 401; who has begun finishes then."""
    handle = handle_of(callback.get(params=window(start, threads, user)))
    before = firebase.read(pending_path(handle))
    assert before
    for _ in range(3):
        assert failed(confirm(finish, firebase.sign_in(), handle)) == (403, "forbidden")
    assert failed(finish.post(json={"handle": handle})) == (401, "unauthenticated")
    assert failed(finish.post(json={"handle": handle, "verifier": "v" * 43})) == (403, "forbidden")
    assert firebase.read(pending_path(handle)) == before
    assert threads.calls() == []
    assert confirm(finish, user, handle).json()["ok"]


def test_handles_that_are_none_are_refused(
    start: Function,
    callback: Function,
    finish: Function,
    firebase: Firebase,
    threads: Threads,
    user: SignedIn,
) -> None:
    """Made-up, malformed and old handles, and states, are a 400; a handle is no state either."""
    back = window(start, threads, user)
    fresh = window(start, threads, user)["state"]
    handle = handle_of(callback.get(params=back))
    name = pending_path(handle).rpartition("/")[2]
    for unknown in ("unknown", "a/b", "..", "__x__", "x" * 3000, "é", back["state"], fresh, name):
        assert failed(confirm(finish, user, unknown)) == (400, "invalid_handle"), unknown
    for nothing in (None, "", 7, [handle], {"a": handle}, "x" * 5000):
        assert failed(confirm(finish, user, nothing)) == (400, "invalid_request"), nothing
    odd = finish.post(headers=user.headers, json={"handle": handle, "uid": user.uid})
    assert failed(odd) == (400, "unknown_field")
    for state in (handle, name):
        answer = callback.get(params={"state": state, "code": "x"}, headers=JSON)
        assert failed(answer) == (400, "invalid_state")
    pending = firebase.client.document(pending_path(handle))
    pending.update({"expiresAt": datetime.now(UTC) - timedelta(seconds=1)})
    assert failed(confirm(finish, user, handle)) == (400, "invalid_handle")
    assert threads.calls() == []


@pytest.mark.parametrize(
    ("script", "status", "code"),
    [
        ({"status": 502, "body": "<html>"}, 503, "threads_unavailable"),
        ({"drop": "after"}, 503, "threads_unavailable"),
        ({"error": {"code": 100}, "status": 400}, 422, "rejected_by_threads"),
    ],
)
@pytest.mark.parametrize("path", ["/oauth/access_token", "/access_token", "/me"])
def test_a_failure_at_threads_is_an_error_that_says_start_again(
    start: Function,
    callback: Function,
    finish: Function,
    firebase: Firebase,
    threads: Threads,
    user: SignedIn,
    path: str,
    script: dict[str, Any],
    status: int,
    code: str,
) -> None:
    """Nothing is saved, the handle is used up, and a new connection works."""
    handle = handle_of(callback.get(params=window(start, threads, user)))
    threads.answer(path, **script)
    answer = confirm(finish, user, handle)
    assert failed(answer) == (status, code)
    assert answer.json()["error"]["message"].endswith("Start connecting again.")
    assert "again in a moment" not in answer.text
    assert answer.json()["error"]["nextAction"] == "connect_again"
    assert answer.json()["error"]["retryable"] is False
    assert "Retry-After" not in answer.headers
    assert failed(confirm(finish, user, handle)) == (400, "invalid_handle")
    assert firebase.names("users") == []
    again = handle_of(callback.get(params=window(start, threads, user)))
    assert confirm(finish, user, again).json()["ok"]


def test_the_account_to_connect_again_is_checked_when_it_is_confirmed(
    start: Function,
    callback: Function,
    finish: Function,
    firebase: Firebase,
    threads: Threads,
    user: SignedIn,
) -> None:
    """Another profile is a wrong_account, and nothing of it is stored."""
    first, other = (person["id"] for person in threads.accounts()[:2])
    confirm(finish, user, handle_of(callback.get(params=window(start, threads, user))))
    back = window(start, threads, user, person=1, accountId=first)
    answer = confirm(finish, user, handle_of(callback.get(params=back)))
    assert failed(answer) == (409, "wrong_account")
    assert firebase.read(account_path(user.uid, other)) is None


def test_of_many_simultaneous_confirmations_one_exchanges_the_code(
    start: Function, callback: Function, finish: Function, threads: Threads, user: SignedIn
) -> None:
    """Twenty handles, twenty confirmations of each at once: twenty exchanges, and no bad answer."""
    codes = []
    for number in range(20):
        back = window(start, threads, user, person=number % 3)
        codes.append(back["code"])
        handle = handle_of(callback.get(params=back))
        if number % 2:  # the first waits for Threads until all the others have come
            threads.answer("/oauth/access_token", delay_seconds=0.3)
        with ThreadPoolExecutor(20) as pool:
            answers = list(pool.map(lambda _, it=handle: confirm(finish, user, it), range(20)))
        good = [answer.json() for answer in answers if answer.status_code == 200]
        assert good
        assert good == [good[0]] * len(good)
        late = {failed(answer) for answer in answers if answer.status_code != 200}
        assert late <= {(409, "in_progress")}
    exchanged = [it["form"]["code"] for it in threads.requests() if it["path"] == "/oauth/access_token"]
    assert exchanged == codes


# --- the attacker begins, the victim allows -----------------------------------------------------------------


def test_a_victims_app_does_not_finish_what_an_attacker_has_begun(
    start: Function, callback: Function, finish: Function, firebase: Firebase, threads: Threads
) -> None:
    """A hundred times through the attacker's window into the victim's app: 403, and no token request."""
    attacker, victim = firebase.sign_in(), firebase.sign_in()
    answers = []
    for number in range(TRIES):
        brought = callback.get(params=window(start, threads, attacker, person=number % 3))
        answers.append(failed(confirm(finish, victim, handle_of(brought))))
    assert answers == [(403, "forbidden")] * TRIES
    assert threads.calls() == []
    assert firebase.names("users") == []


def test_an_attacker_who_knows_the_state_gets_no_handle_to_finish_with(
    start: Function, callback: Function, finish: Function, firebase: Firebase, threads: Threads
) -> None:
    """A hundred times before or after the victim, with made-up codes and handles: no token request."""
    attacker = firebase.sign_in()
    for number in range(TRIES):
        url = begin(start, attacker, returnTo=RETURN_TO)
        brought = threads.decide(url, account_id=threads.accounts()[number % 3]["id"])
        state = {"state": brought["state"]}
        if number % 2:
            callback.get(params=state | {"code": made_up(number)})
            told = callback.get(params=brought)
            assert "th_link" not in told.headers["Location"], "the victim's code was kept after all"
        else:
            victims = handle_of(callback.get(params=brought))
            for other in (made_up(number), brought["code"][:-1], brought["code"].swapcase()):
                told = callback.get(params=state | {"code": other})
                assert "th_link" not in told.headers["Location"]
                assert victims not in told.text
        for guess in (brought["state"], secrets.token_urlsafe(32), made_up(number)):
            assert failed(confirm(finish, attacker, guess)) == (400, "invalid_handle")
    assert threads.calls() == []
    assert firebase.names("users") == []


def made_up(number: int) -> str:
    """Return something like a code."""
    return "AQ" + secrets.token_urlsafe(150 if number % 4 else 5)


def test_an_attacker_who_finishes_his_made_up_code_asks_threads_for_nothing_that_exists(
    start: Function, callback: Function, finish: Function, firebase: Firebase, threads: Threads
) -> None:
    """Only Threads knows that it has issued no such code: it says so, and the victim's is never sent."""
    attacker = firebase.sign_in()
    brought = window(start, threads, attacker)
    handle = handle_of(callback.get(params={"state": brought["state"], "code": made_up(1)}))
    callback.get(params=brought)
    assert failed(confirm(finish, attacker, handle)) == (422, "rejected_by_threads")
    [asked] = [it for it in threads.requests() if it["path"] == "/oauth/access_token"]
    assert asked["form"]["code"] != brought["code"]
    assert firebase.names("users") == []


def test_no_handle_reaches_the_log(
    start: Function,
    callback: Function,
    finish: Function,
    firebase: Firebase,
    threads: Threads,
    user: SignedIn,
) -> None:
    """Neither the handle nor the code nor the state stands in a log line, whatever comes of them."""
    backs = [window(start, threads, user) for _ in range(2)]
    handles = [handle_of(callback.get(params=back)) for back in backs]
    threads.answer("/oauth/access_token", status=500, body="<html>")
    for handle in handles:
        confirm(finish, firebase.sign_in(), handle)
        confirm(finish, user, handle)
    logs = start.log() + callback.log() + finish.log()
    hidden = [*handles, *(value for back in backs for value in back.values()), user.id_token]
    assert [secret for secret in hidden if secret in logs] == []
