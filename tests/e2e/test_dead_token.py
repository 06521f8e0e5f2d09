"""Tokens that die, in the three ways that were seen: real functions, Firestore and the Threads emulator."""

from typing import Any

import pytest
import requests

from tests.e2e.conftest import Connect
from tests.e2e.functions import Function
from tests.e2e.oidc import Issuer
from tests.e2e.test_connect import RETURN_TO, begin, outcome
from tests.e2e.test_publish import task_body
from tests.e2e.world import (
    Author,
    CloudTasks,
    Firebase,
    SignedIn,
    Threads,
    account_path,
    summary_path,
    vault_of,
)
from threads.accounts.account import StoredAccount

CODES = [190, 24, 100]
IMAGE = "https://media.example/cat.jpg"

POSTS: dict[str, dict[str, Any]] = {
    "text": {"text": "Hello"},
    "image": {"text": "Hello", "imageUrl": IMAGE},
    "thread": {"thread": [{"text": "One"}, {"text": "Two"}]},
}


@pytest.fixture
def instant(threads: Threads) -> Threads:
    """Return a Threads that processes media at once."""
    threads.control("POST", "settings", image_seconds=0)
    return threads


def witnesses(threads: Threads) -> int:
    """Return how often the witness was asked."""
    return sum(call.endswith(" /v1.0/me") for call in threads.calls())


def card_of(firebase: Firebase, user: SignedIn, account_id: str) -> dict[str, Any]:
    """Return an account's card, which says the same as its document."""
    card = dict((firebase.read(summary_path(user.uid)) or {})["accounts"][account_id])
    assert card["status"] == (firebase.read(account_path(user.uid, account_id)) or {})["status"]
    return card


def is_ended(answer: requests.Response, *, by_task: bool) -> bool:
    """Return whether an answer says that the account must be connected again."""
    error, status = answer.json()["error"], 200 if by_task else 409
    return (answer.status_code, error["code"], error["nextAction"]) == (
        status,
        "reconnect_required",
        "reconnect",
    )


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("post", POSTS.values(), ids=POSTS)
def test_the_app_is_told_and_the_same_key_goes_on(
    publish_threads: Function,
    instant: Threads,
    firebase: Firebase,
    author: Author,
    connect: Connect,
    post: dict[str, Any],
    code: int,
) -> None:
    """However Threads refuses the token: 409 and the card; after connecting again, one post."""
    instant.control("POST", f"accounts/{author.account_id}/revoke", error=code)
    body = post | {"idempotencyKey": "k"}
    for _ in range(2):
        assert is_ended(publish_threads.post(headers=author.headers, json=body), by_task=False)
    card = card_of(firebase, author, author.account_id)
    assert (card["status"], card["statusReason"]) == ("reconnect_required", "token_rejected")
    assert witnesses(instant) == 1
    connect(author)
    answer = publish_threads.post(headers=author.headers, json=body)
    assert (answer.status_code, answer.json()["status"]) == (200, "published"), answer.text
    assert len(instant.posts()) == len(post.get("thread", [post]))


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("post", [POSTS["text"], POSTS["image"]], ids=["text", "image"])
def test_a_task_fails_its_post_and_the_same_task_goes_on(
    publish_threads: Function,
    instant: Threads,
    firebase: Firebase,
    tasks: Issuer,
    author: Author,
    connect: Connect,
    post: dict[str, Any],
    code: int,
) -> None:
    """A task ends with 200 and a recorded failure. Its key is good for another one, once that can succeed."""
    instant.control("POST", f"accounts/{author.account_id}/revoke", error=code)
    headers = {"Authorization": f"Bearer {tasks.token()}"}
    media = {"imageUrls": [IMAGE]} if "imageUrl" in post else {}
    body = task_body(author.uid, **media)
    for _ in range(2):
        answer = publish_threads.post(headers=headers, json=body)
        assert is_ended(answer, by_task=True), answer.text
        assert answer.json()["status"] == "failed"
    assert card_of(firebase, author, author.account_id)["status"] == "reconnect_required"
    assert witnesses(instant) == 1
    connect(author)
    for _ in range(2):
        answer = publish_threads.post(headers=headers, json=body)
        assert (answer.status_code, answer.json()["status"]) == (200, "published"), answer.text
    assert len(instant.posts()) == 1


@pytest.mark.parametrize("code", CODES)
def test_a_queued_post_goes_on_with_its_request(
    publish: Function,
    cloud_tasks: CloudTasks,
    instant: Threads,
    firebase: Firebase,
    author: Author,
    connect: Connect,
    code: int,
) -> None:
    """The service's own task fails it; the request, sent again after connecting, gets it a new task."""
    instant.control("POST", f"accounts/{author.account_id}/revoke", error=code)
    body = {"text": "Soon", "queue": True, "idempotencyKey": "k"}
    assert publish.post(headers=author.headers, json=body).status_code == 202
    cloud_tasks.pass_time(2)
    assert card_of(firebase, author, author.account_id)["status"] == "reconnect_required"
    assert is_ended(publish.post(headers=author.headers, json=body), by_task=False)
    connect(author)
    answer = publish.post(headers=author.headers, json=body)
    assert (answer.status_code, answer.json()["status"]) == (202, "scheduled"), answer.text
    # The queue's clock is ahead by the time that was passed. So its task may come at once, while the request
    # still writes. Then it is told 409, and its next try publishes.
    for _ in range(10):
        cloud_tasks.pass_time(30)
        if instant.posts():
            break
    assert [post["content"]["text"] for post in instant.posts()] == ["Soon"]
    assert set(cloud_tasks.answers()) <= {200, 409}


@pytest.mark.parametrize("code", [24, 100])
def test_a_post_that_names_nothing_is_not_told_of_an_id(
    publish_threads: Function, threads: Threads, firebase: Firebase, author: Author, code: int
) -> None:
    """If the token works, nothing is said of a connection, and nothing of a replyToId that was not sent."""
    subcode = {24: 4279009, 100: 33}[code]
    threads.answer("/me/threads", error={"code": code, "error_subcode": subcode}, times=None)
    error = publish_threads.post(headers=author.headers, json={"text": "Hello"}).json()["error"]
    assert error["code"] == ("threads_unavailable" if code == 24 else "rejected_by_threads")
    assert "replyToId" not in error["message"]
    assert card_of(firebase, author, author.account_id)["status"] == "active"
    assert witnesses(threads) == 1


@pytest.mark.parametrize("code", CODES)
def test_whoever_removed_the_app_and_connects_with_less_has_a_token_that_works(
    th_auth_start: Function,
    th_auth_callback: Function,
    publish_threads: Function,
    threads: Threads,
    firebase: Firebase,
    user: SignedIn,
    environment: dict[str, str],
    code: int,
) -> None:
    """The old token could do more, but it is dead: the plain button replaces it. One that works stays."""
    name = threads.accounts()[0]["id"]

    def come_back(*scopes: str) -> str:
        url = begin(th_auth_start, user, returnTo=RETURN_TO, scopes=",".join(scopes))
        back = th_auth_callback.get(params=threads.decide(url, account_id=name))
        assert outcome(back) == {"threads": "connected", "accountId": name}
        document = firebase.read(account_path(user.uid, name)) or {}
        return vault_of(environment).open_token(StoredAccount(user.uid, name, document, None)).reveal()

    old = come_back("threads_delete")
    assert come_back() == old
    threads.control("POST", f"accounts/{name}/revoke", error=code)
    assert come_back() != old
    answer = publish_threads.post(headers=user.headers, json={"text": "Hello"})
    assert answer.status_code == 200, answer.text
    assert "threads_delete" not in (firebase.read(account_path(user.uid, name)) or {})["scopes"]
