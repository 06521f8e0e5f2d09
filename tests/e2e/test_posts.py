"""One request, one post: what a repeated request is answered, and th_posts."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.e2e.conftest import Connect
from tests.e2e.functions import Function
from tests.e2e.oidc import Issuer
from tests.e2e.world import Author, Firebase, SignedIn, Threads, post_path

IMAGE = "https://media.example/cat.jpg"


def test_the_same_request_gets_the_same_answer_and_no_second_post(
    publish_threads: Function, threads: Threads, author: Author
) -> None:
    """A repeated key replays the stored answer: the key may stand in the body or in the header."""
    first = publish_threads.post(headers=author.headers, json={"text": "Once", "idempotencyKey": "k"})
    again = publish_threads.post(headers=author.headers | {"Idempotency-Key": "k"}, json={"text": "Once"})
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json() == again.json()
    assert len(threads.posts()) == 1


def test_a_made_up_key_is_told(publish_threads: Function, threads: Threads, author: Author) -> None:
    """Without a key of the caller's the answer has the one that was made up, to repeat the request with."""
    first = publish_threads.post(headers=author.headers, json={"text": "Once"}).json()
    again = publish_threads.post(
        headers=author.headers, json={"text": "Once", "idempotencyKey": first["idempotencyKey"]}
    ).json()
    assert again["id"] == first["id"]
    assert len(threads.posts()) == 1


def test_the_same_key_with_other_content_is_a_mismatch(
    publish_threads: Function, threads: Threads, author: Author
) -> None:
    """A key names one post: another content with it is refused, for the other platform as well as here."""
    publish_threads.post(headers=author.headers, json={"text": "One", "idempotencyKey": "k"})
    answer = publish_threads.post(headers=author.headers, json={"text": "Two", "idempotencyKey": "k"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "idempotency_mismatch")
    assert len(threads.posts()) == 1


def test_a_stored_failure_is_replayed(publish_threads: Function, threads: Threads, author: Author) -> None:
    """What Threads refused for good is answered again, with its status, and not offered again."""
    threads.answer("/me/threads", error={"code": 506, "error_user_msg": "Said before."}, status=400)
    body = {"text": "Again", "idempotencyKey": "k"}
    first = publish_threads.post(headers=author.headers, json=body)
    calls = len(threads.calls())
    again = publish_threads.post(headers=author.headers, json=body)
    assert (first.status_code, again.status_code) == (422, 422)
    assert first.json()["error"] == again.json()["error"]
    assert first.json()["status"] == "failed"
    assert len(threads.calls()) == calls


def test_a_post_in_other_hands_is_in_progress(
    publish_threads: Function, threads: Threads, author: Author
) -> None:
    """While one delivery is at a post, others are told to come again: to a task as 409, too."""
    threads.answer("/me/threads", delay_seconds=2)
    body = {"text": "Slow", "idempotencyKey": "k"}
    with ThreadPoolExecutor() as pool:
        slow = pool.submit(publish_threads.post, headers=author.headers, json=body)
        while not threads.calls():
            pass
        other = publish_threads.post(headers=author.headers, json=body)
        assert (other.status_code, other.json()["error"]["code"]) == (409, "in_progress")
        assert int(other.headers["Retry-After"]) > 0
        assert slow.result().status_code == 200
    assert publish_threads.post(headers=author.headers, json=body).json()["id"] == threads.posts()[0]["id"]
    assert len(threads.posts()) == 1


def test_the_record_follows_the_post(publish_threads: Function, firebase: Firebase, author: Author) -> None:
    """The owner's record has the status, the content, the media id, times, and when it is forgotten."""
    answer = publish_threads.post(
        headers=author.headers, json={"text": "Hello", "idempotencyKey": "k"}
    ).json()
    record = firebase.read(post_path(author.uid, answer["postId"])) or {}
    assert (record["status"], record["state"], record["mediaId"]) == ("published", "PUBLISHED", answer["id"])
    assert (record["accountId"], record["content"]) == (author.account_id, {"text": "Hello"})
    assert not {"owner", "leaseUntil", "ambiguous"} & record.keys(), "nobody holds it, and nothing is unclear"
    assert record["expiresAt"] - record["updatedAt"] == timedelta(days=30)
    assert record["threadsLedgerExpiresAt"] == record["expiresAt"]
    claim = firebase.read(f"threadsClaims/{answer['id']}") or {}
    assert (claim["uid"], claim["postId"]) == (author.uid, answer["postId"])


def test_a_tasks_failure_is_on_its_record(
    publish_threads: Function,
    threads: Threads,
    firebase: Firebase,
    tasks: Issuer,
    author: Author,
) -> None:
    """Nobody reads a task's answer: that a post cannot be published, and what to do, stands on the record."""
    content = {"text": "x" * 501, "platform": [{"platform": "threads"}]}
    body = {"userId": author.uid, "postSubmissionId": "s", "request": {"post": {"content": content}}}
    for _ in range(2):
        answer = publish_threads.post(headers={"Authorization": f"Bearer {tasks.token()}"}, json=body)
        assert (answer.status_code, answer.json()["status"]) == (200, "failed")
        record = firebase.read(post_path(author.uid, answer.json()["postId"])) or {}
        assert (record["status"], record["error"]["code"]) == ("failed", "text_too_long")
    assert threads.calls() == []


def test_a_task_without_an_account_is_recorded_with_what_to_do(
    publish_threads: Function, firebase: Firebase, tasks: Issuer, user: SignedIn
) -> None:
    """An account that is gone by the time of its post is the owner's to connect again."""
    platform = [{"platform": "threads", "accountId": "17"}]
    body = {
        "userId": user.uid,
        "postSubmissionId": "s",
        "request": {"post": {"content": {"text": "x", "platform": platform}}},
    }
    answer = publish_threads.post(headers={"Authorization": f"Bearer {tasks.token()}"}, json=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (200, "account_not_found")
    record = firebase.read(post_path(user.uid, answer.json()["postId"])) or {}
    assert (record["status"], record["nextAction"]) == ("failed", "connect_account")


# --- th_posts -----------------------------------------------------------------------------------------------


@pytest.fixture
def published(publish_threads: Function, author: Author, threads: Threads) -> list[dict[str, Any]]:
    """Return the answers to five posts, the oldest first."""
    assert threads
    return [
        publish_threads.post(headers=author.headers, json={"text": f"Post {number}"}).json()
        for number in range(5)
    ]


def test_th_posts_shows_one_post(
    th_posts: Function, user: SignedIn, published: list[dict[str, Any]], firebase: Firebase
) -> None:
    """By its name, with everything that its owner may want to know; another user's does not exist."""
    name = published[0]["postId"]
    answer = th_posts.get(headers=user.headers, params={"postId": name})
    shown = answer.json()
    assert (answer.status_code, shown["ok"], shown["status"]) == (200, True, "published")
    assert (shown["id"], shown["postId"], shown["content"]) == (published[0]["id"], name, {"text": "Post 0"})
    assert datetime.fromisoformat(shown["createdAt"]) < datetime.now(UTC) + timedelta(seconds=5)
    assert not {"owner", "leaseUntil", "contentHash"} & shown.keys()
    stranger = firebase.sign_in()
    foreign = th_posts.get(headers=stranger.headers, params={"postId": name})
    assert (foreign.status_code, foreign.json()["error"]["code"]) == (404, "post_not_found")


def test_th_posts_lists_the_latest(
    th_posts: Function, user: SignedIn, published: list[dict[str, Any]]
) -> None:
    """The newest first, in pages: ``before`` leads to the next one, without a gap or an overlap."""
    names = [it["postId"] for it in reversed(published)]
    assert [it["postId"] for it in th_posts.get(headers=user.headers).json()["posts"]] == names
    seen: list[str] = []
    before: dict[str, str] = {}
    for _ in range(3):
        page = th_posts.get(headers=user.headers, params={"limit": "2", **before}).json()
        seen += [it["postId"] for it in page["posts"]]
        before = {"before": page["before"]} if "before" in page else {}
    assert seen == names
    assert before == {}


@pytest.mark.parametrize(
    ("method", "query", "status", "code"),
    [
        ("GET", {"limit": "0"}, 400, "invalid_request"),
        ("GET", {"limit": "101"}, 400, "invalid_request"),
        ("GET", {"limit": "٣"}, 400, "invalid_request"),
        ("GET", {"before": "yesterday"}, 400, "invalid_time"),
        ("GET", {"postId": "../accounts/1"}, 404, "post_not_found"),
        ("GET", {"postId": hashlib.sha256(b"no").hexdigest()}, 404, "post_not_found"),
        ("DELETE", {}, 400, "invalid_request"),
        ("DELETE", {"postId": hashlib.sha256(b"no").hexdigest()}, 404, "post_not_found"),
        ("PUT", {}, 405, "method_not_allowed"),
    ],
)
def test_th_posts_says_what_is_wrong(
    th_posts: Function, user: SignedIn, method: str, query: dict[str, str], status: int, code: str
) -> None:
    """A wrong parameter is a 4xx that names it; ids cannot climb paths."""
    answer = th_posts.request(method, headers=user.headers, params=query)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


def test_th_posts_is_its_owners(th_posts: Function) -> None:
    """Without an ID token there is nothing to see."""
    assert th_posts.get().status_code == 401


def test_what_has_ended_cannot_be_cancelled(
    publish_threads: Function, th_posts: Function, threads: Threads, author: Author
) -> None:
    """A post that has failed is told to be so."""
    threads.answer("/me/threads", error={"code": 506}, status=400)
    failed = publish_threads.post(headers=author.headers, json={"text": "Twice"}).json()
    answer = th_posts.request("DELETE", headers=author.headers, params={"postId": failed["postId"]})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "not_cancellable")
    assert "failed" in answer.json()["error"]["message"]


def test_a_lost_deletion_is_found_out(
    publish_threads: Function,
    th_posts: Function,
    threads: Threads,
    firebase: Firebase,
    author: Author,
) -> None:
    """Where the answer to a deletion is lost, the repeated one finds the post gone, once it is old enough."""
    post = publish_threads.post(headers=author.headers, json={"text": "Oops"}).json()
    query = {"postId": post["postId"]}
    threads.answer(f"/{post['id']}", drop="after")
    lost = th_posts.request("DELETE", headers=author.headers, params=query)
    assert (lost.status_code, lost.json()["error"]["code"]) == (503, "threads_unavailable")
    assert threads.posts()[0]["deleted_at"]
    young = th_posts.request("DELETE", headers=author.headers, params=query)
    assert (young.status_code, 0 < int(young.headers["Retry-After"]) <= 60) == (503, True)
    a_while_ago = datetime.now(UTC) - timedelta(minutes=5)
    firebase.client.document(post_path(author.uid, post["postId"])).update({"updatedAt": a_while_ago})
    found = th_posts.request("DELETE", headers=author.headers, params=query)
    assert (found.status_code, found.json()["status"]) == (200, "deleted")


# --- reposting ----------------------------------------------------------------------------------------------


def test_a_post_is_reposted(
    publish_threads: Function, th_posts: Function, threads: Threads, user: SignedIn, connect: Connect
) -> None:
    """One account's post with another one, by its name or its media id; which account is not guessed."""
    ada, grace = connect(user), connect(user, 1)
    post = publish_threads.post(headers=user.headers, json={"text": "Read this", "accountId": ada}).json()
    for named in ({"postId": post["postId"]}, {"mediaId": post["id"]}):
        unclear = th_posts.post(headers=user.headers, json=named)
        assert (unclear.status_code, unclear.json()["error"]["code"]) == (400, "missing_account")
        answer = th_posts.post(headers=user.headers, json={**named, "accountId": grace})
        repost = threads.posts()[-1]
        assert answer.status_code == 200
        assert answer.json() == {"ok": True, "id": repost["id"], "accountId": grace, "mediaId": post["id"]}
        assert (repost["account_id"], repost["content"]["reposted_post"]) == (grace, post["id"])
    assert len(threads.posts()) == 3


def test_a_lost_repost_may_be_out(
    publish_threads: Function, th_posts: Function, threads: Threads, author: Author
) -> None:
    """Where the answer is lost the caller learns that it may have happened; what Threads refuses is a 422."""
    post = publish_threads.post(headers=author.headers, json={"text": "Read this"}).json()
    threads.answer(f"/{post['id']}/repost", drop="after")
    lost = th_posts.post(headers=author.headers, json={"postId": post["postId"]})
    error = lost.json()["error"]
    assert (lost.status_code, error["code"], error["retryable"]) == (503, "threads_unavailable", True)
    assert "may be out" in error["message"]
    refused = th_posts.post(headers=author.headers, json={"mediaId": "404"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (422, "rejected_by_threads")


def test_a_token_that_dies_on_a_repost_asks_for_a_new_connection(
    th_posts: Function, threads: Threads, firebase: Firebase, author: Author
) -> None:
    """The account is marked, so that the next request calls nobody."""
    threads.control("POST", f"accounts/{author.account_id}/revoke")
    for _ in range(2):
        answer = th_posts.post(headers=author.headers, json={"mediaId": "8"})
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "reconnect_required")
    assert threads.calls() == ["POST /v1.0/8/repost", "GET /v1.0/me"]
    assert (firebase.read(author.account_path) or {})["status"] == "reconnect_required"


NAME = hashlib.sha256(b"no").hexdigest()


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 400, "invalid_request"),
        ({"mediaId": "", "postId": None}, 400, "invalid_request"),
        ({"mediaId": 8}, 400, "invalid_request"),
        ({"mediaId": "8", "postId": NAME}, 400, "exclude_each_other"),
        ({"mediaId": "../me"}, 400, "invalid_post_id"),
        ({"mediaId": "٣"}, 400, "invalid_post_id"),
        ({"mediaId": "8", "text": "x"}, 400, "unknown_field"),
        ({"mediaId": "8", "accountId": {}}, 400, "invalid_request"),
        ({"postId": "../accounts/1"}, 400, "invalid_post_id"),
        ({"postId": NAME}, 404, "post_not_found"),
        ({"mediaId": "8", "accountId": "7"}, 404, "account_not_found"),
    ],
)
def test_a_repost_says_what_is_wrong(
    th_posts: Function, threads: Threads, user: SignedIn, body: dict[str, Any], status: int, code: str
) -> None:
    """Exactly one of the two names a post, nothing unknown stands beside it, and Threads is not asked."""
    answer = th_posts.post(headers=user.headers, json=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert threads.calls() == []


def test_a_post_that_is_not_out_is_not_reposted(
    publish_threads: Function, th_posts: Function, threads: Threads, author: Author
) -> None:
    """A failed post is told to be one, and nobody without an ID token reposts anything."""
    threads.answer("/me/threads", error={"code": 506}, status=400)
    failed = publish_threads.post(headers=author.headers, json={"text": "Twice"}).json()
    answer = th_posts.post(headers=author.headers, json={"postId": failed["postId"]})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "not_published")
    assert "failed" in answer.json()["error"]["message"]
    assert th_posts.post(json={"mediaId": "8"}).status_code == 401
