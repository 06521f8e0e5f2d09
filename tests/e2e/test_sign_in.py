"""Signing in with Threads: a page makes up a verifier, walks through the window, and becomes a user."""

import hashlib
import secrets
from base64 import urlsafe_b64encode
from typing import Any, NamedTuple

import pytest
import requests

from emulator.suite.suite import Suite
from tests.e2e.conftest import APP_ORIGIN
from tests.e2e.functions import Function
from tests.e2e.test_connect import FOUR_CALLS, calls_of, state_of
from tests.e2e.world import TIMEOUT, Firebase, SignedIn, Threads, account_path, pending_path

RETURN_TO = f"{APP_ORIGIN}/login"


class Page(NamedTuple):
    """A page of the app on which nobody is signed in."""

    verifier: str

    @property
    def challenge(self) -> str:
        """What the page sends before the window."""
        return urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).rstrip(b"=").decode()


@pytest.fixture
def page() -> Page:
    """Return a page with a fresh verifier."""
    return Page(secrets.token_urlsafe(32))


def begin(start: Function, page: Page, **more: Any) -> requests.Response:
    """Ask for the window."""
    body = {"mode": "signin", "challenge": page.challenge, "returnTo": RETURN_TO, **more}
    return start.post(json={name: value for name, value in body.items() if value is not None})


def handle_from(start: Function, callback: Function, threads: Threads, page: Page, person: int = 0) -> str:
    """Walk through the window; return the handle that the browser brings back to the page."""
    url = begin(start, page).json()["authUrl"]
    back = callback.get(params=threads.decide(url, account_id=threads.accounts()[person]["id"]))
    where, _, handle = back.headers["Location"].partition("#th_link=")
    assert (back.status_code, where) == (303, RETURN_TO)
    return handle


def finish_with(finish: Function, handle: str, verifier: str) -> requests.Response:
    """Send handle and verifier, without an ID token."""
    return finish.post(json={"handle": handle, "verifier": verifier})


def failed(answer: requests.Response) -> tuple[int, str]:
    """Return status and code of an error."""
    return answer.status_code, answer.json()["error"]["code"]


class Auth:
    """The Auth emulator, as a browser and as the app's owner use it."""

    def __init__(self, suite: Suite) -> None:
        """Take where it is."""
        self._url = f"http://{suite.auth_host}/identitytoolkit.googleapis.com/v1"
        self._project = suite.project

    def sign_in(self, custom_token: str) -> SignedIn:
        """Exchange a custom token as Firebase's JavaScript library does."""
        answer = self._post(
            "accounts:signInWithCustomToken?key=any", token=custom_token, returnSecureToken=True
        )
        id_token = answer["idToken"]
        [user] = self._post("accounts:lookup?key=any", idToken=id_token)["users"]
        return SignedIn(user["localId"], id_token)

    def user(self, uid: str) -> dict[str, Any]:
        """Return a user."""
        [found] = self._post(f"projects/{self._project}/accounts:lookup", localId=[uid])["users"]
        return dict(found)

    def change(self, uid: str, **fields: Any) -> None:
        """Change a user."""
        self._post(f"projects/{self._project}/accounts:update", localId=uid, **fields)

    def _post(self, path: str, **body: Any) -> dict[str, Any]:
        headers = {"Authorization": "Bearer owner"} if path.startswith("projects") else {}
        answer = requests.post(f"{self._url}/{path}", json=body, headers=headers, timeout=TIMEOUT)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found


@pytest.fixture
def auth(suite: Suite) -> Auth:
    """Return the Auth emulator."""
    return Auth(suite)


def test_who_signs_in_can_publish_at_once(
    th_auth_start: Function,
    th_auth_callback: Function,
    th_auth_finish: Function,
    publish_threads: Function,
    th_accounts: Function,
    firebase: Firebase,
    threads: Threads,
    auth: Auth,
    page: Page,
) -> None:
    """Window, custom token, ID token, post: the person is a Firebase user with the connected account."""
    person = threads.accounts()[0]
    handle = handle_from(th_auth_start, th_auth_callback, threads, page)
    assert threads.calls() == []
    answer = finish_with(th_auth_finish, handle, page.verifier).json()
    assert (answer["ok"], answer["accountId"]) == (True, person["id"])
    assert answer["profile"]["username"] == person["username"]
    assert calls_of(threads) == FOUR_CALLS

    user = auth.sign_in(answer["customToken"])
    assert user.uid == f"threads:{person['id']}"
    known = auth.user(user.uid)
    picture = f"{threads.url}/avatars/{person['id']}.svg"
    assert (known["displayName"], known["photoUrl"]) == (person["name"], picture)
    assert (firebase.read(account_path(user.uid, person["id"])) or {})["status"] == "active"
    [card] = th_accounts.get(headers=user.headers).json()["accounts"]
    assert card["username"] == person["username"]
    post = publish_threads.post(headers=user.headers, json={"text": "Hello"}).json()
    assert (post["ok"], post["accountId"]) == (True, person["id"])
    again = finish_with(th_auth_finish, handle, page.verifier).json()
    assert auth.sign_in(again["customToken"]).uid == user.uid, "the first answer may have been lost"


def test_who_signs_in_again_is_the_same_user(
    th_auth_start: Function,
    th_auth_callback: Function,
    th_auth_finish: Function,
    threads: Threads,
    auth: Auth,
    page: Page,
) -> None:
    """Name and picture follow the profile; another person is another user."""
    uids = []
    for person in (1, 1, 2):
        handle = handle_from(th_auth_start, th_auth_callback, threads, page, person)
        answer = finish_with(th_auth_finish, handle, page.verifier).json()
        uids.append(auth.sign_in(answer["customToken"]).uid)
        auth.change(uids[-1], displayName="Somebody else")
    assert uids[0] == uids[1] != uids[2]
    handle = handle_from(th_auth_start, th_auth_callback, threads, page, 1)
    finish_with(th_auth_finish, handle, page.verifier)
    assert auth.user(uids[0])["displayName"] == threads.accounts()[1]["name"]


def test_signing_in_again_takes_no_permission_away(
    th_auth_start: Function,
    th_auth_callback: Function,
    th_auth_finish: Function,
    firebase: Firebase,
    threads: Threads,
    auth: Auth,
    page: Page,
) -> None:
    """What was granted to a connection, with its token, outlives a sign-in that asks for less."""
    person = threads.accounts()[0]["id"]

    def account_after(**asked: str) -> dict[str, Any]:
        url = begin(th_auth_start, page, **asked).json()["authUrl"]
        back = th_auth_callback.get(params=threads.decide(url, account_id=person))
        handle = back.headers["Location"].partition("#th_link=")[2]
        token = finish_with(th_auth_finish, handle, page.verifier).json()["customToken"]
        return firebase.read(account_path(auth.sign_in(token).uid, person)) or {}

    before = account_after(scopes="threads_delete")
    after = account_after()
    assert "threads_delete" in before["scopes"]
    kept = ("accessToken", "scopes", "expiresAt", "refreshAt", "createdAt")
    assert {name: after[name] for name in kept} == {name: before[name] for name in kept}
    assert after["updatedAt"] > before["updatedAt"]
    assert account_after(scopes="threads_delete")["accessToken"] != before["accessToken"]


def test_a_disabled_user_stays_out(
    th_auth_start: Function,
    th_auth_callback: Function,
    th_auth_finish: Function,
    firebase: Firebase,
    threads: Threads,
    auth: Auth,
    page: Page,
) -> None:
    """Whom the app's owner has disabled gets a 403, no custom token, and no account."""
    first = handle_from(th_auth_start, th_auth_callback, threads, page)
    uid = auth.sign_in(finish_with(th_auth_finish, first, page.verifier).json()["customToken"]).uid
    firebase.clear()
    handle = handle_from(th_auth_start, th_auth_callback, threads, page)
    auth.change(uid, disableUser=True, displayName="As it was")
    try:
        assert failed(finish_with(th_auth_finish, handle, page.verifier)) == (403, "forbidden")
        assert firebase.names("users") == []
        assert auth.user(uid)["displayName"] == "As it was"
    finally:
        auth.change(uid, disableUser=False)


def test_another_page_does_not_finish_it(
    th_auth_start: Function,
    th_auth_callback: Function,
    th_auth_finish: Function,
    firebase: Firebase,
    threads: Threads,
    page: Page,
) -> None:
    """Without the verifier there is no user, whoever asks; with it there still is, afterwards."""
    handle = handle_from(th_auth_start, th_auth_callback, threads, page)
    before = firebase.read(pending_path(handle))
    assert before
    for other in (
        page.challenge,
        "v" * 43,
        page.verifier[:-1] + "-_"[page.verifier.endswith("-")],
        "~" * 128,
    ):
        assert failed(finish_with(th_auth_finish, handle, other)) == (403, "forbidden")
    stranger = firebase.sign_in()
    body = {"handle": handle}
    assert failed(th_auth_finish.post(headers=stranger.headers, json=body)) == (403, "forbidden")
    assert failed(th_auth_finish.post(json=body)) == (401, "unauthenticated")
    assert threads.calls() == []
    assert firebase.read(pending_path(handle)) == before
    assert finish_with(th_auth_finish, handle, page.verifier).json()["ok"]


@pytest.mark.parametrize("verifier", ["short", "v" * 42, "v" * 129, "é" * 50, "v" * 42 + "=", 7, ["v" * 43]])
def test_what_is_no_verifier_is_refused(
    th_auth_finish: Function, firebase: Firebase, verifier: object
) -> None:
    """A malformed verifier is a 400 that names it, also where it is no text at all."""
    assert firebase
    answer = th_auth_finish.post(json={"handle": "h" * 43, "verifier": verifier})
    assert failed(answer) == (400, "invalid_request")
    assert [problem["field"] for problem in answer.json()["error"]["details"]] == ["verifier"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"challenge": None}, "invalid_request"),
        ({"challenge": "c" * 42}, "invalid_request"),
        ({"challenge": "c" * 42 + "="}, "invalid_request"),
        ({"challenge": ["c" * 43]}, "invalid_request"),
        ({"returnTo": None}, "invalid_return_to"),
        ({"returnTo": "https://evil.example/"}, "invalid_return_to"),
        ({"accountId": "17841405793187218"}, "invalid_request"),
        ({"scopes": "everything"}, "unknown_scope"),
        ({"code_challenge": "c" * 43}, "unknown_field"),
    ],
)
def test_a_sign_in_that_could_not_end_does_not_begin(
    th_auth_start: Function, firebase: Firebase, page: Page, change: dict[str, Any], code: str
) -> None:
    """A missing or malformed challenge, no page to come back to, an account to connect again: a 400."""
    assert failed(begin(th_auth_start, page, **change)) == (400, code)
    assert firebase.names("oauthStates") == []


def test_an_id_token_does_not_make_a_sign_in_somebodys(
    th_auth_start: Function, firebase: Firebase, user: SignedIn, page: Page
) -> None:
    """One that comes along, valid or not, is not looked at: the state has no uid."""
    for header in (user.headers, {"Authorization": "Bearer x"}):
        body = {"mode": "signin", "challenge": page.challenge, "returnTo": RETURN_TO}
        answer = th_auth_start.post(headers=header, json=body)
        assert (firebase.read(f"oauthStates/{state_of(answer.json()['authUrl'])}") or {})["uid"] is None


def test_signing_in_is_off_until_it_is_switched_on(
    environment: dict[str, str], firebase: Firebase, page: Page
) -> None:
    """Without SIGN_IN=on nobody gets a window without an ID token: a 403 that names the switch."""
    off = {name: value for name, value in environment.items() if name != "SIGN_IN"}
    with Function("th_auth_start", off) as start:
        answer = begin(start, page)
    assert failed(answer) == (403, "forbidden")
    assert "SIGN_IN" in answer.json()["error"]["message"]
    assert firebase.names("oauthStates") == []


def test_what_somebody_signs_in_with_reaches_no_log(
    th_auth_start: Function,
    th_auth_callback: Function,
    th_auth_finish: Function,
    threads: Threads,
    page: Page,
) -> None:
    """Custom token, handle and verifier stand in no log line."""
    handle = handle_from(th_auth_start, th_auth_callback, threads, page)
    token = finish_with(th_auth_finish, handle, page.verifier).json()["customToken"]
    logs = th_auth_start.log() + th_auth_callback.log() + th_auth_finish.log()
    assert [secret for secret in (token, handle, page.verifier, page.challenge) if secret in logs] == []
