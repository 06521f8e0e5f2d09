"""What publish_threads answers to a user who already has as much under way as one user may."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from http import HTTPStatus
from typing import Any

import pytest
from flask import Response

from tests.unit.serving import door, serve
from tests.unit.support import graph_error, reply
from tests.unit.world import ACCOUNT, UID, World, made, post_id
from threads.functions.callers import Task
from threads.functions.publish import publish_threads, th_posts
from threads.posts.content import Content
from threads.posts.ledger import State, new_record
from threads.publishing.retry_rules import PUT_OFF
from threads.publishing.share import first_task

OWN = {"userId": UID, "postId": post_id("key")}
WEB = {"text": "hello", "idempotencyKey": "key"}


def orchestrated(**content: Any) -> dict[str, Any]:
    """Return an orchestrator's task."""
    platform = [{"platform": "threads", "accountId": ACCOUNT}]
    post = {"content": {"text": "hello", "platform": platform, **content}}
    return {"userId": UID, "postSubmissionId": "key", "request": {"post": post}}


def from_app(world: World, body: dict[str, Any]) -> Response:
    """Send a request of the web app."""
    return serve(publish_threads, world.publishing, door(world).user, method="POST", json=body)


def from_task(world: World, body: dict[str, Any], task: str = "", tries: int = 0) -> Response:
    """Deliver a task."""
    headers = {"X-CloudTasks-TaskRetryCount": str(tries)} | ({"X-CloudTasks-TaskName": task} if task else {})
    return serve(
        publish_threads, world.publishing, lambda _: Task(), method="POST", json=body, headers=headers
    )


@contextmanager
def busy(world: World, uid: str = UID) -> Iterator[None]:
    """Let a user have as much under way as one user may."""
    with ExitStack() as running:
        while running.enter_context(world.shares.of(uid)):
            pass
        yield


def scheduled(world: World) -> tuple[dict[str, Any], str]:
    """Schedule a text for tomorrow, let it be due, and return the answer and its task."""
    tomorrow = world.clock.now + timedelta(days=1)
    answer = from_app(world, WEB | {"scheduledTime": tomorrow.isoformat()})
    assert answer.status_code == HTTPStatus.ACCEPTED
    world.clock.now = tomorrow
    return answer.json or {}, world.tasks.created[-1].name


def test_a_web_app_above_its_users_share_is_told_to_come_again() -> None:
    """429 with a short Retry-After and the key. Nothing was read, written or sent. Another user is served."""
    world = World()
    with busy(world):
        answer = from_app(world, {"text": "hello"})
        assert (answer.status_code, answer.headers["Retry-After"]) == (429, "5")
        body = answer.json or {}
        assert (body["error"]["code"], body["error"]["retryable"]) == ("too_many_waiting", True)
        assert body["idempotencyKey"]
        assert world.wire.reads == world.wire.commits == len(world.calls) == 0
    with busy(world, "somebody else"):
        world.say(made("8"))
        assert from_app(world, WEB).status_code == HTTPStatus.OK


def go_on(world: World) -> Response:
    """Go on with the post by its id."""
    body = {"postId": post_id("key"), "resume": True}
    return serve(th_posts, world.publishing, door(world).user, method="POST", json=body)


def test_going_on_with_a_post_is_a_part_of_its_users_share() -> None:
    """Above it, 429; afterwards, the post is published."""
    world = World()
    record = new_record(ACCOUNT, Content({"text": "hello"}), world.clock.now)
    world.put_post(post_id("key"), record)
    with busy(world):
        answer = go_on(world)
        assert (answer.status_code, answer.headers["Retry-After"]) == (429, "5")
        assert (answer.json or {})["error"]["code"] == "too_many_waiting"
        assert world.wire.reads == world.wire.commits == len(world.calls) == 0
    world.say(made("8"))
    assert go_on(world).status_code == HTTPStatus.OK
    assert not world.shares._running


@pytest.mark.parametrize("way", ["header", "member"])
def test_a_repost_refuses_a_key(way: str) -> None:
    """Nobody relies on a key that does nothing."""
    world = World()
    key = {"idempotencyKey": "key"} if way == "member" else {}
    headers = {"Idempotency-Key": "key"} if way == "header" else {}
    body = {"mediaId": "17900000000000000", **key}
    answer = serve(th_posts, world.publishing, door(world).user, method="POST", json=body, headers=headers)
    assert answer.status_code == HTTPStatus.BAD_REQUEST
    assert (answer.json or {})["error"]["code"] == "not_idempotent"
    assert world.calls == []


def test_a_task_above_its_users_share_comes_back_by_a_task_of_its_own() -> None:
    """It is answered 200 without a look at Firestore or Threads, and the later task publishes the post."""
    world = World()
    answer, task = scheduled(world)
    reads = world.wire.reads
    for number in (1, 2):
        with busy(world):
            put_off = from_task(world, OWN, task)
        assert (put_off.status_code, (put_off.json or {})["status"]) == (200, "scheduled")
        assert (put_off.json or {})["postId"] == answer["postId"]
        later = world.tasks.created[-1]
        assert (later.name, first_task(later.name)) == (
            f"{world.record().task}-{number}",
            world.record().task,
        )
        assert timedelta() < later.due_at - world.clock.now <= PUT_OFF.pause(number - 1)
        world.clock.now, task = later.due_at, later.name
    assert (world.wire.reads, world.calls) == (reads, [])
    world.say(made("8"))
    assert (from_task(world, OWN, task).json or {})["id"] == "8"
    assert len(world.tasks.created) == 3


def test_a_task_that_has_failed_before_keeps_its_tries() -> None:
    """409, which does not slow down the queue; and the last try is not refused, because no other follows."""
    world = World()
    _, task = scheduled(world)
    with busy(world):
        again = from_task(world, OWN, task, tries=3)
        assert (again.status_code, (again.json or {})["error"]["code"]) == (409, "in_progress")
        assert 0 < int(again.headers["Retry-After"]) <= 30
        assert len(world.tasks.created) == 1
        world.say(made("8"))
        assert from_task(world, OWN, task, tries=19).status_code == HTTPStatus.OK
    assert world.record().state is State.PUBLISHED


def test_a_task_is_not_given_up_while_no_later_one_can_be_created() -> None:
    """Cloud Tasks does not answer: 503, and the task itself comes again."""
    world = World()
    _, task = scheduled(world)
    world.tasks.is_out_of_order = True
    with busy(world):
        assert from_task(world, OWN, task).status_code == HTTPStatus.SERVICE_UNAVAILABLE
    assert world.record().status == "scheduled"


def test_a_task_of_the_orchestrator_above_its_users_share_is_scheduled() -> None:
    """Its content is recorded, a task of ours brings it, and a repeated delivery changes nothing."""
    world = World()
    with busy(world):
        for _ in range(2):
            answer = from_task(world, orchestrated())
            assert (answer.status_code, (answer.json or {})["status"]) == (200, "scheduled")
    [task] = world.tasks.created
    assert (task.name, task.due_at) == (world.record().task, world.record().due_at)
    world.clock.now = task.due_at
    world.say(made("8"))
    assert (from_task(world, OWN, task.name).json or {})["id"] == "8"


@pytest.mark.parametrize(
    ("content", "account", "code"),
    [
        ({"text": "x" * 501}, {}, "text_too_long"),
        ({"text": "x", "countries": ["US"]}, {"status": "reconnect_required"}, "reconnect_required"),
    ],
)
def test_what_cannot_be_published_is_recorded_at_once_however_busy_its_user(
    content: dict[str, Any], account: dict[str, Any], code: str
) -> None:
    """No person reads the answer to a task: its post says why it has failed."""
    world = World()
    world.change_account(**account)
    with busy(world):
        answer = from_task(world, orchestrated(**content))
    assert (answer.status_code, (answer.json or {})["status"]) == (200, "failed")
    assert ((world.record().error or {})["code"], world.tasks.created) == (code, [])


def test_without_a_queue_a_task_above_its_users_share_is_brought_again_by_its_own_queue() -> None:
    """409 with Retry-After: no later task can be created."""
    world = World(has_queue=False)
    with busy(world):
        answer = from_task(world, orchestrated())
    assert (answer.status_code, (answer.json or {})["error"]["code"]) == (409, "in_progress")
    assert world.wire.commits == 0


OUTCOMES = {
    "published": ([made("8")], 200),
    "refused": ([reply(400, graph_error(100, 4279999, "No."))], None),
    "fails": ([reply(503, graph_error(2))], None),
}


@pytest.mark.parametrize("outcome", OUTCOMES)
@pytest.mark.parametrize("send", [from_app, from_task])
def test_every_answer_gives_the_share_back(send: Any, outcome: str) -> None:
    """Whatever a request comes to, its part is free for the user's next one."""
    said, status = OUTCOMES[outcome]
    world = World()
    if send is from_task:
        world.put_post(post_id("key"), new_record(ACCOUNT, Content({"text": "hello"}), world.clock.now))
    world.graph.always = {"list_posts": reply(503, graph_error(2))}
    world.say(*said)
    answer = send(world, WEB if send is from_app else OWN)
    assert status in (None, answer.status_code)
    assert not world.shares._running
