"""Later: scheduled and queued posts, follow-ups, accounts at their limit, on the Cloud Tasks emulator."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.e2e.functions import Function
from tests.e2e.world import Author, CloudTasks, Firebase, SignedIn, Threads, post_path

VIDEO = "https://media.example/cat.mp4"


@pytest.fixture(scope="module")
def posts(queued_environment: dict[str, str]) -> Iterator[Function]:
    """Serve th_posts."""
    with Function("th_posts", queued_environment) as process:
        yield process


def tomorrow() -> str:
    """Return the same time tomorrow."""
    return (datetime.now(UTC) + timedelta(days=1)).isoformat()


def record_of(firebase: Firebase, user: SignedIn, answer: dict[str, Any]) -> dict[str, Any]:
    """Return a post's record."""
    return firebase.read(post_path(user.uid, answer["postId"])) or {}


def test_a_scheduled_post_is_published_when_it_is_due(
    publish: Function,
    cloud_tasks: CloudTasks,
    threads: Threads,
    firebase: Firebase,
    author: Author,
) -> None:
    """202 and a record that says so; at its time the task publishes it, once; the request may be repeated."""
    body = {"text": "Good morning", "scheduledTime": tomorrow(), "idempotencyKey": "k"}
    first = publish.post(headers=author.headers, json=body)
    again = publish.post(headers=author.headers, json=body)
    assert (first.status_code, first.json()["status"]) == (202, "scheduled")
    assert first.json() == again.json()
    assert len(cloud_tasks.pending()) == 1
    assert threads.posts() == []
    assert record_of(firebase, author, first.json())["status"] == "scheduled"
    cloud_tasks.pass_time(24 * 3600 + 1)
    [post] = threads.posts()
    record = record_of(firebase, author, first.json())
    assert (record["status"], record["mediaId"]) == ("published", post["id"])
    assert cloud_tasks.answers() == [200]
    assert publish.post(headers=author.headers, json=body).json()["id"] == post["id"]


def test_a_queued_post_is_published_at_once_by_a_task(
    publish: Function, cloud_tasks: CloudTasks, threads: Threads, author: Author
) -> None:
    """``"queue": true`` answers before Threads does."""
    answer = publish.post(headers=author.headers, json={"text": "Soon", "queue": True})
    assert answer.status_code == 202
    cloud_tasks.pass_time(2)
    assert [post["content"]["text"] for post in threads.posts()] == ["Soon"]


def test_a_task_that_is_delivered_twice_publishes_once(
    publish: Function, cloud_tasks: CloudTasks, threads: Threads, author: Author
) -> None:
    """At least once is what Cloud Tasks promises; one that comes meanwhile or later finds the record."""
    cloud_tasks.control("POST", "duplicates", times=1)
    publish.post(headers=author.headers, json={"text": "Twice", "queue": True})
    cloud_tasks.pass_time(2)
    cloud_tasks.pass_time(600)
    assert len(cloud_tasks.answers()) >= 2
    assert {200} <= set(cloud_tasks.answers()) <= {200, 409}
    assert len(threads.posts()) == 1


def test_what_is_scheduled_is_checked_when_it_is_accepted(
    publish: Function, firebase: Firebase, cloud_tasks: CloudTasks, author: Author
) -> None:
    """A text that is too long, or no account, is refused at once and not tomorrow."""
    body, stranger = {"text": "x", "scheduledTime": tomorrow()}, firebase.sign_in()
    assert publish.post(headers=stranger.headers, json=body).json()["error"]["code"] == "account_not_found"
    answer = publish.post(headers=author.headers, json=body | {"text": "x" * 501})
    assert answer.json()["error"]["code"] == "text_too_long"
    assert cloud_tasks.pending() == []


def test_a_time_that_has_passed_is_refused_unless_its_post_is_known(
    publish: Function, cloud_tasks: CloudTasks, threads: Threads, author: Author
) -> None:
    """Whoever repeats a request after its time gets the answer to it; a new one is too late."""
    soon = datetime.now(UTC) + timedelta(seconds=3)
    body = {"text": "Soon", "scheduledTime": soon.isoformat(), "idempotencyKey": "k"}
    assert publish.post(headers=author.headers, json=body).status_code == 202
    cloud_tasks.pass_time(4)
    while datetime.now(UTC) <= soon:
        pass
    assert publish.post(headers=author.headers, json=body).json()["id"] == threads.posts()[0]["id"]
    answer = publish.post(headers=author.headers, json=body | {"idempotencyKey": "other"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_time")
    assert len(threads.posts()) == 1


def test_without_a_queue_nothing_can_be_scheduled(publish_threads: Function, author: Author) -> None:
    """A clear 400, which names the field and the variable."""
    for field, value in (("scheduledTime", tomorrow()), ("queue", True)):
        answer = publish_threads.post(headers=author.headers, json={"text": "x", field: value})
        error = answer.json()["error"]
        assert (answer.status_code, error["code"], error["details"][0]["field"]) == (400, "no_queue", field)
        assert "PUBLISH_QUEUE" in error["message"]


def test_a_scheduled_post_can_be_cancelled(
    publish: Function,
    posts: Function,
    cloud_tasks: CloudTasks,
    threads: Threads,
    author: Author,
) -> None:
    """Its task is deleted, its record says so, and whoever sends the request again is told."""
    body = {"text": "Never mind", "scheduledTime": tomorrow(), "idempotencyKey": "k"}
    query = {"postId": publish.post(headers=author.headers, json=body).json()["postId"]}
    for _ in range(2):
        answer = posts.request("DELETE", headers=author.headers, params=query)
        assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")
    assert cloud_tasks.pending() == []
    again = publish.post(headers=author.headers, json=body)
    assert (again.status_code, again.json()["error"]["code"]) == (409, "cancelled")
    assert threads.calls() == []


def test_a_scheduled_post_can_be_changed(
    publish: Function,
    posts: Function,
    cloud_tasks: CloudTasks,
    threads: Threads,
    author: Author,
) -> None:
    """It keeps its name and comes out once, as it was changed, at its new time; too late it is a 400."""
    body = {"text": "Good morning", "scheduledTime": tomorrow(), "idempotencyKey": "k"}
    name = publish.post(headers=author.headers, json=body).json()["postId"]
    later = (datetime.now(UTC) + timedelta(days=2)).replace(microsecond=0)
    change = {"postId": name, "text": "Good evening", "scheduledTime": later.isoformat()}
    answer = posts.request("PATCH", headers=author.headers, json=change)
    assert answer.status_code == 200, answer.text
    assert answer.json()["postId"] == name
    assert answer.json()["content"] == {"text": "Good evening"}
    assert datetime.fromisoformat(answer.json()["scheduledTime"]) == later
    again = publish.post(headers=author.headers, json=body)
    assert (again.status_code, again.json()["postId"]) == (202, name)
    assert len(cloud_tasks.pending()) == 1
    cloud_tasks.pass_time(25 * 3600)
    assert threads.posts() == []
    cloud_tasks.pass_time(24 * 3600)
    assert [post["content"]["text"] for post in threads.posts()] == ["Good evening"]
    late = posts.request("PATCH", headers=author.headers, json=change)
    assert (late.status_code, late.json()["error"]["code"]) == (400, "not_changeable")


def test_a_video_is_followed_up_by_tasks(
    publish: Function,
    cloud_tasks: CloudTasks,
    threads: Threads,
    firebase: Firebase,
    author: Author,
) -> None:
    """202 "processing" after a few looks; a task finds it finished and publishes it."""
    threads.control("POST", "media", processing_seconds=3600)
    answer = publish.post(headers=author.headers, json={"videoUrl": VIDEO})
    assert (answer.status_code, answer.json()["status"]) == (202, "processing")
    [task] = cloud_tasks.pending()
    assert task
    threads.control("POST", "clock", advance_seconds=3600)
    cloud_tasks.pass_time(31)
    assert record_of(firebase, author, answer.json())["status"] == "published"
    assert len(threads.posts()) == 1


def test_a_thread_goes_on_when_its_video_is_ready(
    publish: Function,
    cloud_tasks: CloudTasks,
    threads: Threads,
    firebase: Firebase,
    author: Author,
) -> None:
    """What waits for a video in the middle is published after it, by the task that has followed it up."""
    threads.control("POST", "media", processing_seconds=3600)
    posts = [{"text": "One"}, {"text": "Two", "videoUrl": VIDEO}, {"text": "Three"}]
    answer = publish.post(headers=author.headers, json={"thread": posts})
    assert (answer.status_code, answer.json()["status"]) == (202, "processing")
    assert len(answer.json()["ids"]) == 1
    threads.control("POST", "clock", advance_seconds=3600)
    cloud_tasks.pass_time(31)
    one, two, three = threads.posts()
    assert [post["content"]["text"] for post in (one, two, three)] == ["One", "Two", "Three"]
    assert two["content"]["reply_to_id"] == one["id"]
    assert three["content"]["reply_to_id"] == two["id"]
    assert record_of(firebase, author, answer.json())["status"] == "published"


def test_a_scheduled_thread_comes_whole(
    publish: Function, cloud_tasks: CloudTasks, threads: Threads, author: Author
) -> None:
    """Its task publishes the root and what follows it."""
    body = {"thread": [{"text": "One"}, {"text": "Two"}], "scheduledTime": tomorrow()}
    assert publish.post(headers=author.headers, json=body).status_code == 202
    cloud_tasks.pass_time(24 * 3600 + 1)
    assert [post["content"]["text"] for post in threads.posts()] == ["One", "Two"]


def test_an_account_at_its_limit_waits_alone(
    publish: Function,
    cloud_tasks: CloudTasks,
    threads: Threads,
    firebase: Firebase,
    author: Author,
) -> None:
    """A spent quota is answered 200: a task comes in an hour, and the post says why it waits."""
    threads.control("POST", "settings", posts_per_day=0)
    answer = publish.post(headers=author.headers, json={"text": "One too many", "queue": True}).json()
    cloud_tasks.pass_time(2)
    assert cloud_tasks.answers() == [200]
    record = record_of(firebase, author, answer)
    assert (record["status"], record["error"]["code"]) == ("scheduled", "quota_exceeded")
    assert timedelta(minutes=55) < record["dueAt"] - datetime.now(UTC) <= timedelta(hours=1)
    threads.control("POST", "settings", posts_per_day=250)
    cloud_tasks.pass_time(3601)
    assert record_of(firebase, author, answer)["status"] == "published"
    assert len(threads.posts()) == 1


def test_the_web_app_is_told_of_a_spent_quota(publish: Function, threads: Threads, author: Author) -> None:
    """429 quota_exceeded with Retry-After; nothing is left to a task."""
    threads.control("POST", "settings", posts_per_day=0)
    answer = publish.post(headers=author.headers, json={"text": "One too many"})
    threads.control("POST", "settings", posts_per_day=250)
    assert (answer.status_code, answer.json()["error"]["code"]) == (429, "quota_exceeded")
    assert answer.headers["Retry-After"] == "3600"


def test_an_account_that_is_gone_when_its_post_is_due_fails_it(
    publish: Function,
    cloud_tasks: CloudTasks,
    threads: Threads,
    firebase: Firebase,
    author: Author,
) -> None:
    """The task ends; the record says what to do."""
    answer = publish.post(headers=author.headers, json={"text": "x", "scheduledTime": tomorrow()}).json()
    firebase.client.document(author.account_path).delete()
    cloud_tasks.pass_time(24 * 3600 + 1)
    record = record_of(firebase, author, answer)
    assert (record["status"], record["nextAction"]) == ("failed", "connect_account")
    assert cloud_tasks.answers() == [200]
    assert threads.calls() == []


def test_a_post_is_given_up_with_the_last_try_of_its_task(
    publish: Function,
    cloud_tasks: CloudTasks,
    threads: Threads,
    firebase: Firebase,
    author: Author,
) -> None:
    """Threads is down for good: after 20 tries the record says "failed", or "unknown" where it may be out."""
    threads.answer("/me/threads", times=None, status=503, body="<html>")
    media = publish.post(
        headers=author.headers, json={"imageUrl": "https://media.example/c.jpg", "queue": True}
    )
    text = publish.post(headers=author.headers, json={"text": "x", "queue": True})
    for _ in range(25):
        cloud_tasks.pass_time(400)
    failed = record_of(firebase, author, media.json())
    unknown = record_of(firebase, author, text.json())
    assert (failed["status"], failed["nextAction"]) == ("failed", "publish_again")
    assert (unknown["status"], unknown["nextAction"]) == ("unknown", "check_account")
    assert cloud_tasks.pending() == []
    assert publish.log_lines()
    assert "ERROR" in {line["severity"] for line in publish.log_lines() if line.get("post") == "unknown"}
