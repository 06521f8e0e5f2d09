"""What Meta calls: an account is forgotten for everybody, and posts that appear or are deleted are noted."""

import hashlib
import hmac
import json
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Any, Protocol
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from google.cloud.firestore import DELETE_FIELD

from emulator.suite.suite import Suite
from tests.e2e.conftest import Connect
from tests.e2e.functions import Function
from tests.e2e.oidc import AUDIENCE, Issuer
from tests.e2e.test_connect import RETURN_TO, begin, outcome
from tests.e2e.test_sign_in import Auth
from tests.e2e.world import (
    Author,
    CloudTasks,
    Firebase,
    SignedIn,
    Threads,
    account_path,
    post_path,
    summary_path,
)
from threads.connections.repository import ConnectionRepository
from threads.connections.states import DONE, RUNNING, Deletion
from threads.posts import repository
from threads.posts.content import Content
from threads.posts.ledger import SETTLE, State, new_record
from threads.posts.repository import Overtaken, PostRepository

TEXT = Content({"text": "x"})


def signed_request(suite: Suite, user_id: str, *, issued_at: float | None = None) -> str:
    """Return what Meta sends in the form."""
    said = {"algorithm": "HMAC-SHA256", "issued_at": int(issued_at or time.time()), "user_id": user_id}
    payload = encoded(json.dumps(said).encode())
    return f"{encoded(hmac.digest(suite.app_secret.encode(), payload, 'sha256')).decode()}.{payload.decode()}"


def encoded(raw: bytes) -> bytes:
    """Return base64url without padding."""
    return urlsafe_b64encode(raw).rstrip(b"=")


def ask(function: Function, suite: Suite, user_id: str, **options: Any) -> requests.Response:
    """Send a signed request."""
    return function.post(data={"signed_request": signed_request(suite, user_id, **options)})


def notify(function: Function, suite: Suite, field: str, **value: Any) -> requests.Response:
    """Send a notification as Meta documents it."""
    envelope = {"app_id": suite.app_id, "topic": "interaction", "target_id": "1", "time": int(time.time())}
    envelope |= {"subscription_id": "2", "has_uid_field": False}
    body = json.dumps({**envelope, "values": {"value": value, "field": field}}).replace("/", "\\/").encode()
    signature = hmac.new(suite.app_secret.encode(), body, hashlib.sha256).hexdigest()
    headers = {"Content-Type": "application/json", "X-Hub-Signature-256": f"sha256={signature}"}
    return function.post(data=body, headers=headers)


@pytest.fixture(scope="module")
def delete_data(queued_environment: dict[str, str]) -> Iterator[Function]:
    """Serve th_delete_data of a service with a queue."""
    with Function("th_delete_data", queued_environment) as process:
        yield process


@pytest.fixture(scope="module")
def hourly(environment: dict[str, str]) -> Iterator[Function]:
    """Serve th_refresh_tokens, which goes on with deletions every hour."""
    with Function("th_refresh_tokens", environment | {"REFRESH_URL": AUDIENCE}) as process:
        yield process


class Hours:
    """Lets hours pass for deletions."""

    def __init__(self, firebase: Firebase, hourly: Function, tasks: Issuer) -> None:
        """Take where they lie, and what goes on with them."""
        self._firebase = firebase
        self._hourly = hourly
        self._tasks = tasks

    def pass_by(self, codes: Iterable[str]) -> dict[str, int]:
        """Let deletions settle, and the hour's call go on with them; return what the log says came of it."""
        past = datetime.now(UTC) - timedelta(seconds=1)
        for code in codes:
            self._firebase.client.document(f"threadsDeletions/{code}").update(
                {"settlesAt": past, "dueAt": past}
            )
        answer = self._hourly.post(headers={"Authorization": f"Bearer {self._tasks.token()}"})
        assert (answer.status_code, answer.json()) == (200, {"ok": True})
        deletions: dict[str, int] = self._hourly.log_lines()[-1]["deletions"]
        return deletions


@pytest.fixture
def hours(firebase: Firebase, hourly: Function, tasks: Issuer) -> Hours:
    """Return what lets hours pass."""
    return Hours(firebase, hourly, tasks)


@pytest.fixture
def auth(suite: Suite) -> Auth:
    """Return the Auth emulator."""
    return Auth(suite)


# --- forgetting ---------------------------------------------------------------------------------------------


def test_an_account_is_forgotten_for_everybody(
    delete_data: Function,
    publish: Function,
    suite: Suite,
    cloud_tasks: CloudTasks,
    threads: Threads,
    firebase: Firebase,
    connect: Connect,
    hours: Hours,
) -> None:
    """Two users who connected the same account both lose it, with its posts; what else they have stays."""
    ada, bob = firebase.sign_in(), firebase.sign_in()
    account_id, other = connect(ada), connect(bob, 1)
    assert connect(bob) == account_id
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    for user in (ada, bob):
        body = {"text": f"Now {user.uid}", "accountId": account_id}
        assert publish.post(headers=user.headers, json=body).status_code == 200
        later = {"text": "Later", "accountId": account_id, "scheduledTime": tomorrow}
        assert publish.post(headers=user.headers, json=later).status_code == 202
    kept = {"text": "Kept", "accountId": other, "scheduledTime": tomorrow}
    kept_name = publish.post(headers=bob.headers, json=kept).json()["postId"]
    for name in ("users/x/accounts/1", "users/x/posts/1"):  # an app's own collections of these names
        firebase.write(name, {"accountId": account_id})

    answer = ask(delete_data, suite, account_id)
    assert answer.status_code == 200, answer.text
    code = answer.json()["confirmation_code"]
    assert answer.json() == {
        "url": f"{suite.functions_url}/th_delete_data?code={code}",
        "confirmation_code": code,
    }
    for user in (ada, bob):
        assert firebase.read(account_path(user.uid, account_id)) is None
    assert firebase.read(summary_path(ada.uid)) is None
    assert [*(firebase.read(summary_path(bob.uid)) or {})["accounts"]] == [other]
    assert firebase.names(f"{summary_path(ada.uid)}/posts") == []
    assert firebase.names(f"{summary_path(bob.uid)}/posts") == [kept_name]
    assert firebase.names("threadsClaims") == []
    deletion = firebase.read(f"threadsDeletions/{code}") or {}
    assert (deletion["state"], deletion["accountIds"]) == ("running", [account_id])
    assert (deletion["dueAt"], "expiresAt" in deletion) == (deletion["settlesAt"], False)

    late = new_record(account_id, Content({"text": "Came late"}), datetime.now(UTC)).sending(
        datetime.now(UTC)
    )
    PostRepository(lambda: firebase.client).create(ada.uid, "late", late.published("8", datetime.now(UTC)))
    assert hours.pass_by([code]) == {"done": 1}
    assert firebase.names(f"{summary_path(ada.uid)}/posts") == []
    assert firebase.names(f"{summary_path(bob.uid)}/posts") == [kept_name]
    for name in ("users/x/accounts/1", "users/x/posts/1"):
        assert firebase.read(name) == {"accountId": account_id}
    deletion = firebase.read(f"threadsDeletions/{code}") or {}
    assert deletion.keys() == {"state", "issuedAt", "requestedAt", "completedAt", "expiresAt"}
    assert deletion["state"] == "done"
    assert deletion["expiresAt"] - deletion["completedAt"] == timedelta(days=90)
    assert hours.pass_by([]) == {}

    cloud_tasks.pass_time(24 * 3600 + 1)
    assert sorted(post["content"]["text"].split()[0] for post in threads.posts()) == ["Kept", "Now", "Now"]


def test_the_status_page_is_for_people_and_programs(
    th_delete_data: Function, suite: Suite, author: Author, hours: Hours
) -> None:
    """Whoever has the code learns whether it is done, and nothing else; an unknown one is a 404's page."""
    parts = urlsplit(ask(th_delete_data, suite, author.account_id).json()["url"])
    query = {"code": parse_qs(parts.query)["code"][0]}
    assert "is being deleted" in th_delete_data.get(params=query).text
    told = th_delete_data.get(params=query, headers={"Accept": "application/json"})
    assert told.json() == {"ok": True, "status": "running"}
    hours.pass_by([query["code"]])
    shown = th_delete_data.get(params=query, headers={"Accept": "text/html"})
    assert (shown.status_code, "Your data has been deleted" in shown.text) == (200, True)
    told = th_delete_data.get(params=query, headers={"Accept": "application/json"})
    assert told.json() == {"ok": True, "status": "done"}
    assert author.account_id not in shown.text + told.text
    unknown = th_delete_data.get(params={"code": "0" * 32})
    assert (unknown.status_code, unknown.headers["Content-Type"]) == (404, "text/html; charset=utf-8")


def test_known_unknown_and_repeated_requests_are_answered_alike(
    th_delete_data: Function, th_deauthorize: Function, suite: Suite, author: Author
) -> None:
    """Nobody learns who is connected here, and nothing depends on how often Meta says it."""
    account_id, now = author.account_id, time.time()
    first = ask(th_delete_data, suite, account_id, issued_at=now)
    again = ask(th_delete_data, suite, account_id, issued_at=now)
    unknown = ask(th_delete_data, suite, "12345", issued_at=now)
    assert (first.status_code, first.json()) == (again.status_code, again.json())
    assert (unknown.status_code, unknown.json().keys()) == (200, first.json().keys())
    for user_id in (account_id, "12345", account_id):
        answer = ask(th_deauthorize, suite, user_id)
        assert (answer.status_code, answer.json()) == (200, {"ok": True})


def test_a_removed_app_forgets_too(
    th_deauthorize: Function, suite: Suite, firebase: Firebase, author: Author
) -> None:
    """What Meta says when somebody removes the app has the same effect: the account is gone."""
    assert ask(th_deauthorize, suite, author.account_id).json() == {"ok": True}
    assert firebase.read(author.account_path) is None


class Window(Protocol):
    """Connects an account as people do."""

    def __call__(self, user: SignedIn) -> str:
        """Return the id of the first made-up person's account."""


@pytest.fixture
def window(th_auth_start: Function, th_auth_callback: Function, threads: Threads) -> Window:
    """Return what walks through the window."""

    def walk(user: SignedIn) -> str:
        url = begin(th_auth_start, user, returnTo=RETURN_TO)
        account_id = threads.accounts()[0]["id"]
        back = th_auth_callback.get(params=threads.decide(url, account_id=account_id))
        assert outcome(back) == {"threads": "connected", "accountId": account_id}
        return str(account_id)

    return walk


def connected_long_ago(firebase: Firebase, path: str) -> None:
    """Let an account have been connected an hour ago."""
    hour = datetime.now(UTC) - timedelta(hours=1)
    firebase.client.document(path).update({"createdAt": hour, "connectedAt": hour})


def test_an_old_request_is_not_about_a_new_connection(
    th_deauthorize: Function,
    suite: Suite,
    firebase: Firebase,
    user: SignedIn,
    window: Window,
    hours: Hours,
) -> None:
    """Who removes the app and connects the account again keeps it, however late Meta says so, or again."""
    account_id = window(user)
    path = account_path(user.uid, account_id)
    connected_long_ago(firebase, path)
    assert window(user) == account_id
    before = firebase.read(path)
    for ago in (1800, 60):
        assert ask(th_deauthorize, suite, account_id, issued_at=time.time() - ago).status_code == 200
    hours.pass_by(firebase.names("threadsDeletions"))
    assert firebase.read(path) == before
    ask(th_deauthorize, suite, account_id, issued_at=time.time() + 1)
    assert firebase.read(path) is None


def test_a_deletion_that_broke_off_spares_the_next_connection(
    th_delete_data: Function,
    publish_threads: Function,
    suite: Suite,
    firebase: Firebase,
    user: SignedIn,
    window: Window,
    hours: Hours,
) -> None:
    """Account, card and posts of who connects again in the middle of it are still there when it is done."""
    account_id, issued_at = window(user), time.time() - 1800
    path = account_path(user.uid, account_id)
    connected_long_ago(firebase, path)
    code = hashlib.sha256(signed_request(suite, account_id, issued_at=issued_at).encode()).hexdigest()[:32]
    written = {"userId": account_id, "issuedAt": datetime.fromtimestamp(int(issued_at), UTC)}
    firebase.write(f"threadsDeletions/{code}", {"state": "running", **written})
    taken = {"accessToken": DELETE_FIELD, "refreshAt": DELETE_FIELD, "status": "reconnect_required"}
    firebase.client.document(path).update(taken)
    window(user)
    post = publish_threads.post(headers=user.headers, json={"text": "A new life"}).json()
    assert ask(th_delete_data, suite, account_id, issued_at=issued_at).json()["confirmation_code"] == code
    assert hours.pass_by([code]) == {"done": 1}
    assert (firebase.read(path) or {})["status"] == "active"
    assert account_id in (firebase.read(summary_path(user.uid)) or {})["accounts"]
    assert firebase.names(f"{summary_path(user.uid)}/posts") == [post["postId"]]


def test_an_unfinished_deletion_is_finished_by_a_repetition(
    th_delete_data: Function, suite: Suite, firebase: Firebase, author: Author
) -> None:
    """A request whose first processing died is taken up where it stopped when Meta sends it again."""
    account_id, now = author.account_id, time.time()
    code = hashlib.sha256(signed_request(suite, account_id, issued_at=now).encode()).hexdigest()[:32]
    written = {"userId": account_id, "issuedAt": datetime.fromtimestamp(int(now), UTC)}
    firebase.write(f"threadsDeletions/{code}", {"state": "running", **written})
    assert ask(th_delete_data, suite, account_id, issued_at=now).json()["confirmation_code"] == code
    assert firebase.read(account_path(author.uid, account_id)) is None
    past = datetime.now(UTC) - timedelta(seconds=1)
    firebase.client.document(f"threadsDeletions/{code}").update({"settlesAt": past})
    ask(th_delete_data, suite, account_id, issued_at=now)
    assert (firebase.read(f"threadsDeletions/{code}") or {})["state"] == "done"


def test_deletions_are_found_when_they_are_due(firebase: Firebase) -> None:
    """The longest due first; those that are not due yet, or done, are not among them."""
    now, deletions = datetime.now(UTC), ConnectionRepository(lambda: firebase.client)
    for code, minutes in (("later", 1), ("second", -1), ("first", -2), ("now", 0)):
        due_at = now + timedelta(minutes=minutes)
        deletions.create_deletion(Deletion(code, RUNNING, "1", now, due_at), now)
    deletions.create_deletion(Deletion("done", DONE, None, now, None), now)
    assert [it.code for it in deletions.find_deletions(now, 9)] == ["first", "second", "now"]
    deletions.change_deletion("first", {"dueAt": None})
    assert [it.code for it in deletions.find_deletions(now, 1)] == ["second"]


def test_what_windows_have_come_to_is_forgotten(
    th_delete_data: Function, suite: Suite, firebase: Firebase, author: Author
) -> None:
    """The outcome of an authorization window holds a profile: it goes, and other people's stay."""
    firebase.write(
        "oauthStates/mine", {"outcome": {"accountId": author.account_id, "profile": {"username": "x"}}}
    )
    firebase.write("oauthStates/theirs", {"outcome": {"accountId": "12345"}})
    later = datetime.now(UTC) + timedelta(minutes=1)
    firebase.write("oauthStates/later", {"createdAt": later, "account": {"id": author.account_id}})
    firebase.write("threadsPendingConnections/mine", {"account": {"id": author.account_id, "username": "x"}})
    ask(th_delete_data, suite, author.account_id)
    assert firebase.names("oauthStates") == ["later", "theirs"]
    assert firebase.names("threadsPendingConnections") == []


@pytest.fixture
def signed_in(suite: Suite, auth: Auth, threads: Threads) -> Iterator[str]:
    """Return the uid of a person who signs in with Threads. No such user is there before or after a test."""
    uid = f"threads:{threads.accounts()[0]['id']}"

    def delete() -> None:
        auth._post(f"projects/{suite.project}/accounts:batchDelete", localIds=[uid], force=True)

    delete()
    yield uid
    delete()


@pytest.mark.parametrize(
    ("others", "ways_in"), [(0, {}), (1, {}), (0, {"email": "a@b.example", "password": "secret"})]
)
def test_who_signed_in_with_threads_is_forgotten(
    th_delete_data: Function,
    suite: Suite,
    auth: Auth,
    firebase: Firebase,
    threads: Threads,
    connect: Connect,
    signed_in: str,
    others: int,
    ways_in: dict[str, str],
) -> None:
    """The user of the app goes with the account; with other accounts or another way in, only the name."""
    account_id, uid = threads.accounts()[0]["id"], signed_in
    named = {"displayName": "Ada", "photoUrl": "https://cdn.example/ada.jpg"}
    auth._post(f"projects/{suite.project}/accounts", localId=uid, **named, **ways_in)
    for person in range(1 + others):
        connect(SignedIn(uid, ""), person)
    ask(th_delete_data, suite, account_id)
    left = auth._post(f"projects/{suite.project}/accounts:lookup", localId=[uid]).get("users", [])
    assert len(left) == (1 if others or ways_in else 0)
    assert not [user for user in left if user.keys() & named.keys()]
    assert firebase.read(account_path(uid, account_id)) is None
    assert ask(th_delete_data, suite, account_id, issued_at=time.time() + 1).status_code == 200


def test_a_form_that_meta_has_not_signed_does_nothing(
    th_delete_data: Function,
    th_deauthorize: Function,
    suite: Suite,
    firebase: Firebase,
    author: Author,
) -> None:
    """Forged, tampered, as JSON or without a form: the account stays, and nothing is written down."""
    good = signed_request(suite, author.account_id)
    for function in (th_delete_data, th_deauthorize):
        forged = function.post(data={"signed_request": f"{'A' * 43}.{good.partition('.')[2]}"})
        assert (forged.status_code, forged.json()["error"]["code"]) == (400, "invalid_signature")
        assert function.post(json={"signed_request": good}).status_code == 415
        assert function.post().status_code == 415
        assert function.post(files={"signed_request": good}).status_code == 415
    assert firebase.read(author.account_path)
    assert firebase.names("threadsDeletions") == []
    for function in (th_delete_data, th_deauthorize):
        assert good not in function.log()


def test_records_are_found_in_pages_and_erased_as_they_were_read(firebase: Firebase) -> None:
    """A user's posts of one account are paged through by name; what has changed since is not erased.

    A delivery whose post was erased learns it from its next write, which does not bring the post back.
    """
    posts, now = PostRepository(lambda: firebase.client), datetime.now(UTC)
    record = new_record("1", TEXT, now)
    for name in ("a", "b", "c", "d"):
        posts.create("ada", name, record if name != "c" else record.sending(now))
    posts.create("ada", "e", new_record("2", TEXT, now))
    posts.create("bob", "f", record)

    def names(**options: Any) -> list[str]:
        return [post.post_id for post in posts.find("ada", "1", **options)]

    assert (names(limit=2), names(limit=2, after="b"), names(limit=2, after="d")) == (
        ["a", "b"],
        ["c", "d"],
        [],
    )
    assert names(limit=9, state=State.NEW) == ["a", "b", "d"]
    assert names(limit=9, state=State.NEW, after="a") == ["b", "d"]
    page = posts.find("ada", "1", limit=9)
    sent = posts.write(page[2], page[2].record.published("8", now), media_id="8")
    assert posts.of_media_id("8") == sent
    assert not posts.erase(page)
    assert names(limit=9) == ["a", "b", "c", "d"]
    assert posts.erase(posts.find("ada", "1", limit=9))
    assert (names(limit=9), posts.of_media_id("8"), firebase.names("threadsClaims")) == ([], None, [])
    with pytest.raises(Overtaken):
        posts.write(sent, sent.record.deleted(now))
    assert [post.post_id for post in posts.find("ada", "2", limit=9)] == ["e"]


def test_an_accounts_records_are_found_for_all_users(
    firebase: Firebase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They come page by page. An app's own ``posts``, and those of other accounts, are not among them."""
    monkeypatch.setattr(repository, "PAGE", 2)
    posts, now = PostRepository(lambda: firebase.client), datetime.now(UTC)
    for uid in ("ada", "bob", "cleo"):
        for name in ("a", "b"):
            posts.create(uid, name, new_record("1", TEXT, now))
        posts.create(uid, "c", new_record("2", TEXT, now))
    for path in ("posts/x", "users/ada/posts/x", "users/ada/integrations/other/posts/x"):
        firebase.write(path, {"accountId": "1"})
    pages = [[(post.uid, post.post_id) for post in page] for page in posts.pages_of("1")]
    expected = [(uid, name) for uid in ("ada", "bob", "cleo") for name in ("a", "b")]
    assert sorted(chain.from_iterable(pages)) == expected
    assert max(map(len, pages)) == 2
    for page in posts.pages_of("1"):
        assert not page or posts.erase(page)
    assert [*chain.from_iterable(posts.pages_of("1"))] == []


# --- the webhook --------------------------------------------------------------------------------------------


def test_the_webhook_is_subscribed_and_hears_of_a_deletion(
    th_webhook: Function,
    publish_threads: Function,
    th_posts: Function,
    suite: Suite,
    author: Author,
) -> None:
    """After the handshake, a post that its owner deletes at Threads is ``deleted`` here, as often as told."""
    asked = {"hub.mode": "subscribe", "hub.verify_token": "meatyhamhock", "hub.challenge": "1158201444"}
    agreed = th_webhook.get(params=asked)
    assert (agreed.status_code, agreed.text) == (200, "1158201444")
    assert th_webhook.get(params=asked | {"hub.verify_token": "x"}).status_code == 403
    post = publish_threads.post(headers=author.headers, json={"text": "Soon gone"}).json()
    for _ in range(2):
        told = notify(th_webhook, suite, "delete", id=post["id"], deleted_at="2026-01-01T00:00:00+0000")
        assert (told.status_code, told.json()) == (200, {"ok": True})
    shown = th_posts.get(headers=author.headers, params={"postId": post["postId"]}).json()
    assert shown["status"] == "deleted"


def test_the_webhook_brings_the_address(
    th_webhook: Function,
    publish_threads: Function,
    suite: Suite,
    firebase: Firebase,
    author: Author,
) -> None:
    """A post that is out gets its public address on its record, without a call to Threads."""
    post = publish_threads.post(headers=author.headers, json={"text": "Hello"}).json()
    address = "https://www.threads.com/@ada/post/Pp"
    assert notify(th_webhook, suite, "publish", id=post["id"], permalink=address).status_code == 200
    assert (firebase.read(post_path(author.uid, post["postId"])) or {})["permalink"] == address


def test_the_webhook_may_be_faster_than_threads_answer(
    th_webhook: Function,
    publish_threads: Function,
    suite: Suite,
    threads: Threads,
    firebase: Firebase,
    author: Author,
) -> None:
    """Meta tells of a post before the call that published it is answered: its record gets the address."""
    address, username = "https://www.threads.com/@ada/post/Pp", threads.accounts()[0]["username"]
    threads.answer("/threads", delay_seconds=1)
    with ThreadPoolExecutor(1) as pool:
        publishing = pool.submit(publish_threads.post, headers=author.headers, json={"text": "Hello"})
        while not (out := threads.posts()):
            time.sleep(0.02)
        event = {"id": out[0]["id"], "permalink": address, "username": username}
        assert not publishing.done()
        assert notify(th_webhook, suite, "publish", **event).status_code == 200
        post = publishing.result().json()
    assert (firebase.read(post_path(author.uid, post["postId"])) or {})["permalink"] == address


def test_the_webhook_finds_a_text_whose_answer_was_lost(
    th_webhook: Function,
    suite: Suite,
    threads: Threads,
    firebase: Firebase,
    author: Author,
) -> None:
    """A text that is out without anybody here knowing is found; one that is not out is not sent by that."""
    token = {"Authorization": f"Bearer {threads.token(author.account_id)}"}
    form = {"media_type": "TEXT", "text": "Is it out?", "auto_publish_text": "true"}
    sent = requests.post(f"{threads.url}/v1.0/me/threads", data=form, headers=token, timeout=30).json()
    posts = PostRepository(lambda: firebase.client)
    long_ago = datetime.now(UTC) - SETTLE - timedelta(seconds=5)
    for name, text in (("out", "Is it out?"), ("not", "It is not.")):
        record = new_record(author.account_id, Content({"text": text}), long_ago).sending(long_ago)
        posts.create(author.uid, name, record)
    username = threads.accounts()[0]["username"]
    told = notify(th_webhook, suite, "publish", id=sent["id"], username=username)
    assert told.status_code == 200
    out, other = posts.read(author.uid, "out"), posts.read(author.uid, "not")
    assert out
    assert other
    assert (out.record.state, out.record.media_id) == (State.PUBLISHED, sent["id"])
    assert other.record.state is State.SENT
    assert firebase.read(f"threadsClaims/{sent['id']}")
    assert len(threads.posts()) == 1


def test_the_webhook_does_not_read_what_meta_has_not_signed(
    th_webhook: Function,
    publish_threads: Function,
    suite: Suite,
    firebase: Firebase,
    author: Author,
) -> None:
    """A notification with another secret's signature, or none, is a 400 and changes nothing."""
    post = publish_threads.post(headers=author.headers, json={"text": "Stays"}).json()
    body = json.dumps({"values": {"field": "delete", "value": {"id": post["id"]}}}).encode()
    forged = hmac.new(b"another secret", body, hashlib.sha256).hexdigest()
    for headers in ({}, {"X-Hub-Signature-256": f"sha256={forged}"}):
        answer = th_webhook.post(data=body, headers=headers)
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_signature")
    assert (firebase.read(post_path(author.uid, post["postId"])) or {})["status"] == "published"
    assert notify(th_webhook, suite, "something_new", id="1").status_code == 200
