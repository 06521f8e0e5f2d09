"""th_accounts: what a user chooses for an account, and an account's end while posts wait in the queue."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.cloud.firestore import DELETE_FIELD

from tests.e2e.conftest import Connect
from tests.e2e.functions import Function
from tests.e2e.oidc import Issuer
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


@pytest.fixture(scope="module")
def accounts(queued_environment: dict[str, str]) -> Iterator[Function]:
    """Serve th_accounts of a service with a queue."""
    with Function("th_accounts", queued_environment) as process:
        yield process


def schedule(publish: Function, user: SignedIn, key: str, **more: Any) -> str:
    """Schedule a text for tomorrow; return the post's name."""
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    body = {"text": f"Later: {key}", "scheduledTime": tomorrow, "idempotencyKey": key, **more}
    answer = publish.post(headers=user.headers, json=body)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["postId"])


def test_the_default_account_and_reposting_are_chosen(
    th_accounts: Function, firebase: Firebase, user: SignedIn, connect: Connect
) -> None:
    """What is chosen is answered, shown by the next GET, and stands in the summary that the page follows."""
    first, second = connect(user, 0), connect(user, 1)
    body = {"accountId": second, "default": True, "enabled_for_repost": True}
    answer = th_accounts.request("PATCH", headers=user.headers, json=body)
    assert answer.status_code == 200, answer.text
    assert [card["accountId"] for card in answer.json()["accounts"]] == [second, first]
    assert answer.json() == th_accounts.get(headers=user.headers).json()
    summary = firebase.read(summary_path(user.uid)) or {}
    assert (summary["defaultAccountId"], summary["accounts"][second]["enabled_for_repost"]) == (second, True)
    assert summary["accounts"][first]["enabled_for_repost"] is False


def test_choices_at_the_same_time_are_all_kept(
    th_accounts: Function, firebase: Firebase, user: SignedIn, connect: Connect
) -> None:
    """Two windows that change different accounts do not undo each other's choice."""
    ids = [connect(user, number) for number in range(3)]

    def choose(account_id: str) -> int:
        body = {"accountId": account_id, "enabled_for_repost": True}
        return th_accounts.request("PATCH", headers=user.headers, json=body).status_code

    with ThreadPoolExecutor() as pool:
        assert [*pool.map(choose, ids)] == [200] * 3
    cards = (firebase.read(summary_path(user.uid)) or {})["accounts"]
    assert [cards[account_id]["enabled_for_repost"] for account_id in ids] == [True] * 3


def test_a_strangers_account_does_not_exist(
    th_accounts: Function, firebase: Firebase, author: Author
) -> None:
    """Another user's account can neither be changed nor disconnected."""
    stranger = firebase.sign_in()
    body = {"accountId": author.account_id, "default": True}
    for answer in (
        th_accounts.request("PATCH", headers=stranger.headers, json=body),
        th_accounts.request("DELETE", headers=stranger.headers, params={"accountId": author.account_id}),
    ):
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "account_not_found")
    assert firebase.read(author.account_path)


def test_an_account_is_disconnected_with_its_scheduled_posts(
    publish: Function,
    accounts: Function,
    cloud_tasks: CloudTasks,
    threads: Threads,
    firebase: Firebase,
    user: SignedIn,
    connect: Connect,
) -> None:
    """Account, card and tasks are gone; its posts are not published when their time comes, the other's is."""
    going, staying = connect(user, 0), connect(user, 1)
    cancelled = [schedule(publish, user, key, accountId=going) for key in ("a", "b", "c")]
    kept = schedule(publish, user, "d", accountId=staying)
    answer = accounts.request("DELETE", headers=user.headers, params={"accountId": going})
    assert answer.status_code == 200, answer.text
    assert (answer.json()["cancelled"], answer.json()["connectedCount"]) == (3, 1)
    assert [card["accountId"] for card in answer.json()["accounts"]] == [staying]
    assert firebase.read(account_path(user.uid, going)) is None
    summary = firebase.read(summary_path(user.uid)) or {}
    assert (summary["defaultAccountId"], [*summary["accounts"]]) == (staying, [staying])
    assert len(cloud_tasks.pending()) == 1
    cloud_tasks.pass_time(24 * 3600 + 1)
    assert [post["content"]["text"] for post in threads.posts()] == ["Later: d"]
    for name in cancelled:
        assert (firebase.read(post_path(user.uid, name)) or {})["status"] == "cancelled"
    assert (firebase.read(post_path(user.uid, kept)) or {})["status"] == "published"


def test_what_a_disconnection_left_behind_is_not_published(
    publish: Function,
    accounts: Function,
    cloud_tasks: CloudTasks,
    threads: Threads,
    firebase: Firebase,
    author: Author,
) -> None:
    """After a disconnection that died at once, tasks publish nothing; the same request does the rest."""
    early, late = (schedule(publish, author, key) for key in ("early", "late"))
    first_commit = {"status": "reconnect_required", "accessToken": DELETE_FIELD}
    firebase.client.document(author.account_path).update(first_commit)
    task = (firebase.read(post_path(author.uid, early)) or {})["task"]
    cloud_tasks.control("POST", "run", task=task)
    cloud_tasks.pass_time()
    statuses = [(firebase.read(post_path(author.uid, name)) or {})["status"] for name in (early, late)]
    assert statuses == ["failed", "scheduled"]
    answer = accounts.request("DELETE", headers=author.headers, params={"accountId": author.account_id})
    assert (answer.status_code, answer.json()["cancelled"], answer.json()["accounts"]) == (200, 1, [])
    cloud_tasks.pass_time(24 * 3600 + 1)
    assert threads.posts() == []
    again = accounts.request("DELETE", headers=author.headers, params={"accountId": author.account_id})
    assert again.status_code == 404


def test_an_account_may_come_back(
    publish: Function, accounts: Function, threads: Threads, user: SignedIn, connect: Connect
) -> None:
    """Connected again after its end, an account publishes as before."""
    account_id = connect(user)
    accounts.request("DELETE", headers=user.headers, params={"accountId": account_id})
    refused = publish.post(headers=user.headers, json={"text": "Too late"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (404, "account_not_found")
    connect(user)
    assert publish.post(headers=user.headers, json={"text": "Here again"}).status_code == 200
    assert [post["content"]["text"] for post in threads.posts()] == ["Here again"]


def test_many_disconnections_at_once_are_one(
    publish: Function, accounts: Function, cloud_tasks: CloudTasks, author: Author
) -> None:
    """Of requests that race, each ends well or finds nothing left; every post is cancelled once."""
    for number in range(5):
        schedule(publish, author, str(number))

    def end(_number: int) -> Any:
        return accounts.request("DELETE", headers=author.headers, params={"accountId": author.account_id})

    with ThreadPoolExecutor() as pool:
        answers = [*pool.map(end, range(4))]
    assert {answer.status_code for answer in answers} <= {200, 404}
    assert sum(answer.json().get("cancelled", 0) for answer in answers) == 5
    assert cloud_tasks.pending() == []


def test_a_user_is_forgotten(
    publish: Function,
    accounts: Function,
    cloud_tasks: CloudTasks,
    threads: Threads,
    firebase: Firebase,
    user: SignedIn,
    connect: Connect,
) -> None:
    """Accounts, tasks, records and windows of the user go at once, and nothing is published later."""
    connect(user, 0)
    other = connect(user, 1)
    stays = firebase.sign_in()
    connect(stays, 0)
    assert publish.post(headers=user.headers, json={"text": "Out", "accountId": other}).status_code == 200
    schedule(publish, user, "a", accountId=other)
    kept = schedule(publish, stays, "b")
    firebase.write("oauthStates/theirs", {"provider": "threads", "uid": user.uid})
    answer = accounts.request("DELETE", headers=user.headers, params={"all": "true"})
    assert (answer.status_code, answer.json()["status"]) == (202, "running")
    assert firebase.read(summary_path(user.uid)) is None
    for collection in ("accounts", "posts"):
        assert firebase.names(f"{summary_path(user.uid)}/{collection}") == []
    assert (firebase.names("oauthStates"), firebase.names("threadsClaims")) == ([], [])
    cloud_tasks.pass_time(24 * 3600 + 1)
    assert [post["content"]["text"] for post in threads.posts()] == ["Out", "Later: b"]
    assert (firebase.read(post_path(stays.uid, kept)) or {})["status"] == "published"


def test_the_apps_server_forgets_a_user_whom_it_has_deleted(
    th_accounts: Function, firebase: Firebase, tasks: Issuer, author: Author
) -> None:
    """With the service account of the tasks, and with no other one."""
    query = {"all": "true", "userId": author.uid}
    for token, status in ((tasks.token(email="other@example.com"), 403), (tasks.token(aud="else"), 401)):
        headers = {"Authorization": f"Bearer {token}"}
        assert th_accounts.request("DELETE", headers=headers, params=query).status_code == status
    assert firebase.read(author.account_path)
    headers = {"Authorization": f"Bearer {tasks.token()}"}
    assert th_accounts.request("DELETE", headers=headers, params=query).status_code == 202
    assert firebase.read(author.account_path) is None
    assert th_accounts.get(headers=headers).status_code == 403
