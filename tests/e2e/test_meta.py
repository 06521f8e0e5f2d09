"""What Meta calls: an account is forgotten for everybody, and posts that appear or are deleted are noted."""

import hashlib
import hmac
import json
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from emulator.suite import Suite
from tests.e2e.conftest import Connect
from tests.e2e.functions import Function
from tests.e2e.test_sign_in import Auth
from tests.e2e.world import CloudTasks, Firebase, SignedIn, Threads, account_path, post_path, summary_path
from threads.ledger import SETTLE_SILENCE, State, new_record
from threads.records import Overtaken, Records


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
    firebase.write("users/x/accounts/1", {"accountId": account_id})  # an app's own collection of that name

    answer = ask(delete_data, suite, account_id)
    assert answer.status_code == 200, answer.text
    code = answer.json()["confirmation_code"]
    assert answer.json() == {
        "url": f"{suite.functions_url}/th_delete_data?code={code}",
        "confirmation_code": code,
    }
    for user in (ada, bob):
        assert firebase.read(account_path(user.uid, account_id)) is None
    assert (firebase.read(summary_path(ada.uid)) or {})["accounts"] == {}
    assert [*(firebase.read(summary_path(bob.uid)) or {})["accounts"]] == [other]
    assert firebase.names(f"{summary_path(ada.uid)}/posts") == []
    assert firebase.names(f"{summary_path(bob.uid)}/posts") == [kept_name]
    assert firebase.names("threadsClaims") == []
    assert firebase.read("users/x/accounts/1") == {"accountId": account_id}
    deletion = firebase.read(f"threadsDeletions/{code}") or {}
    assert (deletion["state"], "userId" in deletion) == ("done", False)
    assert deletion["expiresAt"] - deletion["requestedAt"] == timedelta(days=90)
    assert account_id not in str(deletion)

    cloud_tasks.pass_time(24 * 3600 + 1)
    assert sorted(post["content"]["text"].split()[0] for post in threads.posts()) == ["Kept", "Now", "Now"]


def test_the_status_page_is_for_people_and_programs(
    th_delete_data: Function, suite: Suite, firebase: Firebase, user: SignedIn, connect: Connect
) -> None:
    """Whoever has the code learns that it is done, and nothing else; an unknown one is a page with a 404."""
    account_id = connect(user)
    parts = urlsplit(ask(th_delete_data, suite, account_id).json()["url"])
    query = {"code": parse_qs(parts.query)["code"][0]}
    shown = th_delete_data.get(params=query, headers={"Accept": "text/html"})
    assert (shown.status_code, "Your data has been deleted" in shown.text) == (200, True)
    told = th_delete_data.get(params=query, headers={"Accept": "application/json"})
    assert told.json() == {"ok": True, "status": "done"}
    assert account_id not in shown.text + told.text
    unknown = th_delete_data.get(params={"code": "0" * 32})
    assert (unknown.status_code, unknown.headers["Content-Type"]) == (404, "text/html; charset=utf-8")
    running = {"state": "running", "userId": "1", "issuedAt": datetime.now(UTC)}
    firebase.write("threadsDeletions/abc", running)
    assert "is being deleted" in th_delete_data.get(params={"code": "abc"}).text


def test_known_unknown_and_repeated_requests_are_answered_alike(
    th_delete_data: Function, th_deauthorize: Function, suite: Suite, user: SignedIn, connect: Connect
) -> None:
    """Nobody learns who is connected here, and nothing depends on how often Meta says it."""
    account_id, now = connect(user), time.time()
    first = ask(th_delete_data, suite, account_id, issued_at=now)
    again = ask(th_delete_data, suite, account_id, issued_at=now)
    unknown = ask(th_delete_data, suite, "12345", issued_at=now)
    assert (first.status_code, first.json()) == (again.status_code, again.json())
    assert (unknown.status_code, unknown.json().keys()) == (200, first.json().keys())
    for user_id in (account_id, "12345", account_id):
        answer = ask(th_deauthorize, suite, user_id)
        assert (answer.status_code, answer.json()) == (200, {"ok": True})


def test_a_removed_app_forgets_too(
    th_deauthorize: Function, suite: Suite, firebase: Firebase, user: SignedIn, connect: Connect
) -> None:
    """What Meta says when somebody removes the app has the same effect: the account is gone."""
    account_id = connect(user)
    assert ask(th_deauthorize, suite, account_id).json() == {"ok": True}
    assert firebase.read(account_path(user.uid, account_id)) is None


def test_an_old_request_is_not_about_a_new_connection(
    th_deauthorize: Function, suite: Suite, firebase: Firebase, user: SignedIn, connect: Connect
) -> None:
    """Who removes the app and connects the account again keeps it, whatever is sent once more."""
    account_id = connect(user)
    path = account_path(user.uid, account_id)
    firebase.client.document(path).update({"createdAt": datetime.now(UTC)})
    ask(th_deauthorize, suite, account_id, issued_at=time.time() - 60)
    assert (firebase.read(path) or {})["status"] == "active"
    ask(th_deauthorize, suite, account_id)
    assert firebase.read(path) is None


def test_an_unfinished_deletion_is_finished_by_a_repetition(
    th_delete_data: Function, suite: Suite, firebase: Firebase, user: SignedIn, connect: Connect
) -> None:
    """A request whose first processing died is taken up where it stopped when Meta sends it again."""
    account_id, now = connect(user), time.time()
    code = ask(th_delete_data, suite, account_id, issued_at=now).json()["confirmation_code"]
    connect(user)
    fields = {"state": "running", "userId": account_id, "issuedAt": datetime.fromtimestamp(int(now), UTC)}
    firebase.client.document(f"threadsDeletions/{code}").update(fields)
    assert ask(th_delete_data, suite, account_id, issued_at=now).json()["confirmation_code"] == code
    assert (firebase.read(f"threadsDeletions/{code}") or {})["state"] == "done"
    assert firebase.read(account_path(user.uid, account_id)) is None


def test_what_windows_have_come_to_is_forgotten(
    th_delete_data: Function, suite: Suite, firebase: Firebase, user: SignedIn, connect: Connect
) -> None:
    """The outcome of an authorization window holds a profile: it goes, and other people's stay."""
    account_id = connect(user)
    firebase.write("oauthStates/mine", {"outcome": {"accountId": account_id, "profile": {"username": "x"}}})
    firebase.write("oauthStates/theirs", {"outcome": {"accountId": "12345"}})
    ask(th_delete_data, suite, account_id)
    assert firebase.names("oauthStates") == ["theirs"]


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
    others: int,
    ways_in: dict[str, str],
) -> None:
    """The user of the app goes with the account; with other accounts or another way in, only the name."""
    account_id = threads.accounts()[0]["id"]
    uid = f"threads:{account_id}"
    named = {"displayName": "Ada", "photoUrl": "https://cdn.example/ada.jpg"}
    auth._post(f"projects/{suite.project}/accounts:batchDelete", localIds=[uid], force=True)  # other tests'
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
    user: SignedIn,
    connect: Connect,
) -> None:
    """Forged, tampered, as JSON or without a form: the account stays, and nothing is written down."""
    account_id = connect(user)
    good = signed_request(suite, account_id)
    for function in (th_delete_data, th_deauthorize):
        forged = function.post(data={"signed_request": f"{'A' * 43}.{good.partition('.')[2]}"})
        assert (forged.status_code, forged.json()["error"]["code"]) == (400, "invalid_signature")
        assert function.post(json={"signed_request": good}).status_code == 415
        assert function.post().status_code == 415
        assert function.post(files={"signed_request": good}).status_code == 415
    assert firebase.read(account_path(user.uid, account_id))
    assert firebase.names("threadsDeletions") == []
    for function in (th_delete_data, th_deauthorize):
        assert good not in function.log()


def test_records_are_found_in_pages_and_erased_as_they_were_read(firebase: Firebase) -> None:
    """A user's posts of one account are paged through by name; what has changed since is not erased.

    Whoever was at a post that has been erased learns it from their next write, which does not bring it back.
    """
    records, now = Records(lambda: firebase.client), datetime.now(UTC)
    record = new_record("1", {"text": "x"}, now)
    for name in ("a", "b", "c", "d"):
        records.create("ada", name, record if name != "c" else record.sending(now))
    records.create("ada", "e", new_record("2", {"text": "x"}, now))
    records.create("bob", "f", record)

    def names(**options: Any) -> list[str]:
        return [held.post_id for held in records.find("ada", "1", **options)]

    assert (names(limit=2), names(limit=2, after="b"), names(limit=2, after="d")) == (
        ["a", "b"],
        ["c", "d"],
        [],
    )
    assert names(limit=9, state=State.NEW) == ["a", "b", "d"]
    assert names(limit=9, state=State.NEW, after="a") == ["b", "d"]
    page = records.find("ada", "1", limit=9)
    sent = records.write(page[2], page[2].record.published("8", now), media_id="8")
    assert records.claimed("8") == sent
    assert not records.erase(page)
    assert names(limit=9) == ["a", "b", "c", "d"]
    assert records.erase(records.find("ada", "1", limit=9))
    assert (names(limit=9), records.claimed("8"), firebase.names("threadsClaims")) == ([], None, [])
    with pytest.raises(Overtaken):
        records.write(sent, sent.record.deleted(now))
    assert [held.post_id for held in records.find("ada", "2", limit=9)] == ["e"]


# --- the webhook --------------------------------------------------------------------------------------------


def test_the_webhook_is_subscribed_and_hears_of_a_deletion(
    th_webhook: Function,
    publish_threads: Function,
    th_posts: Function,
    suite: Suite,
    user: SignedIn,
    connect: Connect,
) -> None:
    """After the handshake, a post that its owner deletes at Threads is ``deleted`` here, as often as told."""
    connect(user)
    asked = {"hub.mode": "subscribe", "hub.verify_token": "meatyhamhock", "hub.challenge": "1158201444"}
    agreed = th_webhook.get(params=asked)
    assert (agreed.status_code, agreed.text) == (200, "1158201444")
    assert th_webhook.get(params=asked | {"hub.verify_token": "x"}).status_code == 403
    post = publish_threads.post(headers=user.headers, json={"text": "Soon gone"}).json()
    for _ in range(2):
        told = notify(th_webhook, suite, "delete", id=post["id"], deleted_at="2026-01-01T00:00:00+0000")
        assert (told.status_code, told.json()) == (200, {"ok": True})
    shown = th_posts.get(headers=user.headers, params={"postId": post["postId"]}).json()
    assert shown["status"] == "deleted"


def test_the_webhook_brings_the_address(
    th_webhook: Function,
    publish_threads: Function,
    suite: Suite,
    firebase: Firebase,
    user: SignedIn,
    connect: Connect,
) -> None:
    """A post that is out gets its public address on its record, without a call to Threads."""
    connect(user)
    post = publish_threads.post(headers=user.headers, json={"text": "Hello"}).json()
    address = "https://www.threads.com/@ada/post/Pp"
    assert notify(th_webhook, suite, "publish", id=post["id"], permalink=address).status_code == 200
    assert (firebase.read(post_path(user.uid, post["postId"])) or {})["permalink"] == address


def test_the_webhook_finds_a_text_whose_answer_was_lost(
    th_webhook: Function,
    suite: Suite,
    threads: Threads,
    firebase: Firebase,
    user: SignedIn,
    connect: Connect,
) -> None:
    """A text that is out without anybody here knowing is found; one that is not out is not sent by that."""
    account_id = connect(user)
    token = {"Authorization": f"Bearer {threads.token(account_id)}"}
    form = {"media_type": "TEXT", "text": "Is it out?", "auto_publish_text": "true"}
    sent = requests.post(f"{threads.url}/v1.0/me/threads", data=form, headers=token, timeout=30).json()
    records = Records(lambda: firebase.client)
    long_ago = datetime.now(UTC) - SETTLE_SILENCE - timedelta(seconds=5)
    for name, text in (("out", "Is it out?"), ("not", "It is not.")):
        record = new_record(account_id, {"text": text}, long_ago).sending(long_ago)
        records.create(user.uid, name, record)
    username = threads.accounts()[0]["username"]
    told = notify(th_webhook, suite, "publish", id=sent["id"], username=username)
    assert told.status_code == 200
    out, other = records.read(user.uid, "out"), records.read(user.uid, "not")
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
    user: SignedIn,
    connect: Connect,
) -> None:
    """A notification with another secret's signature, or none, is a 400 and changes nothing."""
    connect(user)
    post = publish_threads.post(headers=user.headers, json={"text": "Stays"}).json()
    body = json.dumps({"values": {"field": "delete", "value": {"id": post["id"]}}}).encode()
    forged = hmac.new(b"another secret", body, hashlib.sha256).hexdigest()
    for headers in ({}, {"X-Hub-Signature-256": f"sha256={forged}"}):
        answer = th_webhook.post(data=body, headers=headers)
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_signature")
    assert (firebase.read(post_path(user.uid, post["postId"])) or {})["status"] == "published"
    assert notify(th_webhook, suite, "something_new", id="1").status_code == 200
