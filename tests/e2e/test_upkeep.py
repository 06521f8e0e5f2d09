"""Never lost, never stuck: what was accepted ends by itself, by real processes on the emulators.

Minutes pass by moving what a record waits for into the past, as all times of a record would be by then.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from emulator.suite.addresses import TASKS_SERVICE_ACCOUNT
from emulator.suite.ports import HOST, free
from tests.e2e.functions import Function
from tests.e2e.oidc import AUDIENCE, Issuer
from tests.e2e.world import Author, CloudTasks, Firebase, Threads, post_path
from threads.posts.ledger import CHECK_FIELD

TOMORROW = timedelta(days=1)
ATTEMPTS = 25
"""Of a task, by queue.yaml."""
TIMES = ("dueAt", "leaseUntil", "resumeAt", "settlesAt", "sentAt", "containerAt", "updatedAt", CHECK_FIELD)


@pytest.fixture(scope="module")
def upkeep(queued_environment: dict[str, str]) -> Iterator[Function]:
    """Serve th_upkeep with a queue."""
    with Function("th_upkeep", queued_environment | {"UPKEEP_URL": AUDIENCE}) as process:
        yield process


@pytest.fixture(scope="module")
def alone(environment: dict[str, str]) -> Iterator[Function]:
    """Serve th_upkeep without a queue."""
    with Function("th_upkeep", environment | {"UPKEEP_URL": AUDIENCE}) as process:
        yield process


def call_queued(upkeep: Function, cloud_tasks: CloudTasks) -> dict[str, int]:
    """Call th_upkeep as Cloud Scheduler does, and return what it did."""
    wanted = {"service_account_email": TASKS_SERVICE_ACCOUNT, "audience": AUDIENCE}
    token = cloud_tasks.control("POST", "tokens", **wanted)["token"]
    return _call(upkeep, token)


def _call(upkeep: Function, token: str) -> dict[str, int]:
    answer = upkeep.post(headers={"Authorization": f"Bearer {token}"})
    assert (answer.status_code, answer.json()) == (200, {"ok": True})
    done: dict[str, int] = upkeep.log_lines()[-1]["late"]
    return done


def record_of(firebase: Firebase, author: Author, answer: dict[str, Any]) -> dict[str, Any]:
    """Return a post's record."""
    return firebase.read(post_path(author.uid, answer["postId"])) or {}


def pass_time(firebase: Firebase, author: Author, answer: dict[str, Any], passed: timedelta) -> None:
    """Move the times of a post's record into the past."""
    record = record_of(firebase, author, answer)
    moved = {name: record[name] - passed for name in TIMES if record.get(name)}
    firebase.client.document(post_path(author.uid, answer["postId"])).update(moved)


def errors(upkeep: Function, answer: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the log lines about a late post."""
    return [line for line in upkeep.log_lines() if line.get("postId") == answer["postId"]]


def scheduled(publish: Function, author: Author) -> dict[str, Any]:
    """Schedule a text for tomorrow."""
    body = {"text": "Good morning", "scheduledTime": (datetime.now(UTC) + TOMORROW).isoformat()}
    answer = publish.post(headers=author.headers, json=body)
    assert answer.status_code == 202
    return dict(answer.json())


def test_a_post_whose_queue_was_purged_is_published_late(
    publish: Function,
    upkeep: Function,
    cloud_tasks: CloudTasks,
    threads: Threads,
    firebase: Firebase,
    author: Author,
) -> None:
    """Its time has come and its task has not: the upkeep makes a new task. The log has one ERROR."""
    answer = scheduled(publish, author)
    assert record_of(firebase, author, answer)["nextAction"] == "wait"
    cloud_tasks.control("POST", "reset")
    assert call_queued(upkeep, cloud_tasks) == {}
    pass_time(firebase, author, answer, TOMORROW + timedelta(hours=3))
    assert call_queued(upkeep, cloud_tasks) == {"task": 1}
    assert call_queued(upkeep, cloud_tasks) == {}
    cloud_tasks.pass_time(2)
    record = record_of(firebase, author, answer)
    assert (record["status"], CHECK_FIELD in record) == ("published", False)
    assert [post["id"] for post in threads.posts()] == [record["mediaId"]]
    [line] = errors(upkeep, answer)
    assert (line["severity"], line["uid"], line["why"]) == ("ERROR", author.uid, "task_missing")
    assert abs(line["lateSeconds"] - 3 * 3600) < 60


def test_a_post_whose_function_was_away_for_hours_is_published(
    suite: Any,
    queued_environment: dict[str, str],
    cloud_tasks: CloudTasks,
    threads: Threads,
    firebase: Firebase,
    author: Author,
) -> None:
    """All attempts of its task met nobody. Once the functions are back, a new task brings it."""
    assert suite
    [port] = free(1)
    url = f"http://{HOST}:{port}/"
    environment = queued_environment | {"PUBLISH_URL": url, "TASKS_AUDIENCE": url, "UPKEEP_URL": AUDIENCE}
    with Function("publish_threads", environment) as elsewhere:
        answer = scheduled(elsewhere, author)
    cloud_tasks.pass_time(TOMORROW.total_seconds() + 1)
    for _ in range(ATTEMPTS):
        cloud_tasks.pass_time(300)
    assert cloud_tasks.pending() == []
    pass_time(firebase, author, answer, TOMORROW + timedelta(hours=2))
    with (
        Function("publish_threads", environment, port=port),
        Function("th_upkeep", environment) as upkeep,
    ):
        assert call_queued(upkeep, cloud_tasks) == {"task": 1}
        cloud_tasks.pass_time(2)
    assert record_of(firebase, author, answer)["status"] == "published"
    assert len(threads.posts()) == 1


@pytest.mark.parametrize(
    ("change", "fields", "status"),
    [
        ("delete", {}, "cancelled"),
        ("update", {"disableUser": True}, "cancelled"),
        ("update", {}, "published"),
    ],
)
def test_a_user_who_is_gone_does_not_go_on_publishing(
    queued_environment: dict[str, str],
    cloud_tasks: CloudTasks,
    threads: Threads,
    firebase: Firebase,
    author: Author,
    change: str,
    fields: dict[str, Any],
    status: str,
) -> None:
    """A post that has waited is cancelled if its user was deleted or disabled. With CHECK_USERS."""
    [port] = free(1)
    url = f"http://{HOST}:{port}/"
    checking = {"PUBLISH_URL": url, "TASKS_AUDIENCE": url, "CHECK_USERS": "on"}
    with Function("publish_threads", queued_environment | checking, port=port) as publish:
        answer = scheduled(publish, author)
        created_at = record_of(firebase, author, answer)["createdAt"]
        path = post_path(author.uid, answer["postId"])
        firebase.client.document(path).update({"createdAt": created_at - TOMORROW})
        firebase.change_user(author.uid, change, **fields)
        cloud_tasks.pass_time(TOMORROW.total_seconds() + 1)
    assert record_of(firebase, author, answer)["status"] == status
    assert len(threads.posts()) == (status == "published")
    assert cloud_tasks.answers() == [200]


def test_one_call_goes_on_with_several_posts_at_once(
    alone: Function,
    tasks: Issuer,
    publish_threads: Function,
    threads: Threads,
    firebase: Firebase,
    author: Author,
) -> None:
    """Of twelve posts, each of which Threads takes two seconds for, none waits for the one before it."""
    threads.control("POST", "answers", match={"path": "/me/threads"}, status=503, body="<html>", times=12)
    bodies = [{"text": f"{number}", "imageUrl": "https://media.example/c.jpg"} for number in range(12)]
    answers = [publish_threads.post(headers=author.headers, json=body).json() for body in bodies]
    for answer in answers:
        pass_time(firebase, author, answer, timedelta(minutes=10))
    match = {"path": "/me/threads", "method": "POST"}
    threads.control("POST", "answers", match=match, delay_seconds=2, times=12)
    assert _call(alone, tasks.token()) == {"published": 12}
    assert len(threads.posts()) == 12
    assert alone.log_lines()[-1]["milliseconds"] < 12 * 2000


def test_while_firestore_is_away_nothing_is_lost(
    environment: dict[str, str],
    alone: Function,
    tasks: Issuer,
    publish_threads: Function,
    threads: Threads,
    firebase: Firebase,
    author: Author,
) -> None:
    """A call that cannot read answers 200 and says so. The next one that can finds everything."""
    threads.answer("/me/threads", status=503, body="<html>")
    picture = {"imageUrl": "https://media.example/c.jpg"}
    answer = publish_threads.post(headers=author.headers, json=picture).json()
    pass_time(firebase, author, answer, timedelta(minutes=10))
    away = environment | {"UPKEEP_URL": AUDIENCE, "FIRESTORE_EMULATOR_HOST": f"{HOST}:{free(1)[0]}"}
    with Function("th_upkeep", away) as blind:
        told = blind.post(headers={"Authorization": f"Bearer {tasks.token()}"})
        assert (told.status_code, told.json()) == (200, {"ok": False})
        assert blind.log_lines()[-1]["error"] == "service_unavailable"
    assert _call(alone, tasks.token()) == {"published": 1}
    assert len(threads.posts()) == 1


def test_without_a_queue_a_text_ends_although_its_browser_was_closed(
    alone: Function,
    tasks: Issuer,
    publish_threads: Function,
    threads: Threads,
    firebase: Firebase,
    author: Author,
) -> None:
    """Threads did not answer clearly, and nobody asks again: the upkeep looks, and then publishes it once."""
    threads.answer("/me/threads", status=503, body="<html>")
    first = publish_threads.post(headers=author.headers, json={"text": "Closed"})
    answer = first.json()
    assert first.status_code == 503
    record = record_of(firebase, author, answer)
    assert (record["status"], record["nextAction"]) == ("processing", "resume")
    assert record["nextActionAt"] > datetime.now(UTC)
    pass_time(firebase, author, answer, timedelta(minutes=15))
    assert _call(alone, tasks.token()) == {"published": 1}
    assert [post["content"]["text"] for post in threads.posts()] == ["Closed"]
    assert _call(alone, tasks.token()) == {}


def test_its_owner_goes_on_with_a_post_without_its_key(
    publish_threads: Function, th_posts: Function, threads: Threads, firebase: Firebase, author: Author
) -> None:
    """The answer is that of publish_threads. Somebody else's post does not exist."""
    threads.answer("/me/threads", status=503, body="<html>")
    picture = {"imageUrl": "https://media.example/c.jpg"}
    answer = publish_threads.post(headers=author.headers, json=picture).json()
    body = {"postId": answer["postId"], "resume": True}
    stranger = firebase.sign_in()
    assert th_posts.post(headers=stranger.headers, json=body).json()["error"]["code"] == "post_not_found"
    for wrong in (body | {"resume": False}, body | {"postId": None}, body | {"mediaId": "1"}):
        assert th_posts.post(headers=author.headers, json=wrong).status_code == 400
    for _ in range(2):
        done = th_posts.post(headers=author.headers, json=body)
        assert (done.status_code, done.json()["status"]) == (200, "published")
        assert done.json()["id"] == threads.posts()[0]["id"]
    assert len(threads.posts()) == 1


def test_deleting_the_root_of_a_thread_ends_it(
    publish_threads: Function,
    th_posts: Function,
    alone: Function,
    tasks: Issuer,
    threads: Threads,
    firebase: Firebase,
    author: Author,
) -> None:
    """A bad moment after two of four posts, and their owner deletes the first one: nothing more comes out."""
    threads.control("POST", "media", processing_seconds=0)
    match = {"path": "/me/threads", "parameters": {"text": "2"}}
    threads.control("POST", "answers", match=match, status=503, body="<html>")
    thread = {"thread": [{"text": str(number)} for number in range(4)], "idempotencyKey": "k"}
    answer = publish_threads.post(headers=author.headers, json=thread)
    assert answer.status_code == 503
    listed = th_posts.get(headers=author.headers).json()["posts"]
    [root] = [post["postId"] for post in listed if post["content"]["text"] == "0"]
    for _ in range(2):
        told = th_posts.request("DELETE", headers=author.headers, params={"postId": root})
        assert (told.status_code, told.json()["status"]) == (200, "deleted")
        assert [it["status"] for it in told.json()["replies"]] == ["published", "cancelled"]
        assert "id" in told.json()["replies"][0]
    pass_time(firebase, author, {"postId": root}, timedelta(minutes=15))
    out = len(threads.posts())
    assert _call(alone, tasks.token()) == {}
    again = publish_threads.post(headers=author.headers, json=thread)
    assert again.json()["status"] == "deleted"
    assert len(threads.posts()) == out
