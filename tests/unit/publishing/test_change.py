"""Changing a scheduled post: it wins or loses against a delivery, and the post comes once, as changed."""

from datetime import timedelta
from typing import Any

import pytest

from tests.unit.support import reply
from tests.unit.world import ACCOUNT, NOW, UID, World, is_, made, post_id
from threads.base.config import Counting
from threads.base.errors import (
    IdempotencyMismatch,
    InProgress,
    InvalidRequest,
    MissingScope,
    PostCancelled,
    ServiceError,
    ServiceUnavailable,
)
from threads.base.scopes import DEFAULT_SCOPES
from threads.posts.cancel import cancel
from threads.posts.change import read_change
from threads.posts.content import Content
from threads.posts.ledger import RECORD_LIFETIME, Record, State
from threads.posts.submission import Submission
from threads.publishing import publish, schedule
from threads.publishing.schedule import QUEUE_PAUSE, TASK_IS_NEW

NAME = post_id("key")
TOMORROW, LATER = NOW + timedelta(days=1), NOW + timedelta(days=2)
FIRST = Submission(UID, Content({"text": "hello"}), ACCOUNT, "key", scheduled_time=TOMORROW)


def scheduled(**content: Any) -> World:
    """Return a world with a text for tomorrow."""
    world = World()
    wanted = Submission(UID, Content(content or {"text": "hello"}), ACCOUNT, "key", scheduled_time=TOMORROW)
    schedule.schedule(world.publishing, UID, wanted, world.delivery())
    return world


def changed(world: World, **body: Any) -> Record:
    """Change the post as a request's body says, and return its record."""
    post = world.post(NAME)
    assert post
    wanted = read_change(body, post.record.content, world.clock.now, Counting.UTF8_BYTES)
    record = schedule.change(world.publishing, post, wanted).record
    assert world.record() == record, "what was returned is not what was written"
    return record


def bring(world: World, number: int) -> Record:
    """Bring the task of a number at its time, a little late."""
    task = world.tasks.created[number]
    world.clock.now = task.due_at + timedelta(milliseconds=20)
    delivery = world.delivery(by_task=True)._replace(task=task.name)
    return publish.deliver_task(world.publishing, UID, task.post_id, delivery).root.record


def test_the_upkeep_does_not_publish_what_was_put_off_meanwhile() -> None:
    """It found the post late. Before it delivered it, its owner changed the time."""
    world = scheduled()
    world.clock.now = TOMORROW + timedelta(minutes=10)
    changed(world, scheduledTime=LATER.isoformat())
    by_upkeep = world.delivery(by_task=True)._replace(task=None)
    assert publish.deliver_task(world.publishing, UID, NAME, by_upkeep).root.record.status == "scheduled"
    assert world.calls == []


@pytest.mark.parametrize("when", [LATER, NOW + timedelta(hours=1)], ids=["later", "sooner"])
def test_a_post_comes_at_its_new_time_and_only_then(when: Any) -> None:
    """The old task is deleted. If it comes all the same, before the post is out or after, it does nothing."""
    world = scheduled()
    record = changed(world, scheduledTime=when.isoformat())
    assert (record.due_at, record.scheduled_time, record.status) == (when, when, "scheduled")
    assert record.expires_at == when + RECORD_LIFETIME
    old, new = world.tasks.created
    assert (old.due_at, new.due_at, new.post_id) == (TOMORROW, when, NAME)
    assert (world.tasks.deleted, record.task) == ([old.name], new.name)
    world.say(made("8"))
    for number in sorted((0, 1), key=lambda one: world.tasks.created[one].due_at):
        state = bring(world, number).state
        assert state is (State.PUBLISHED if world.clock.now >= when else State.NEW)
    assert world.calls == ["create_container"]


def test_other_content_keeps_the_task_and_comes_out() -> None:
    """A change of the words alone costs one commit and no task. What comes out is what was written last."""
    world = scheduled()
    commits = world.wire.commits
    changed(world, text="bye", topicTag="cats")
    assert (world.wire.commits - commits, len(world.tasks.created), world.tasks.deleted) == (1, 1, [])
    world.graph.always["read_container"] = is_("FINISHED")
    world.say(made("7"), made("8"))
    assert bring(world, 0).media_id == "8"
    form = world.graph.requests[0].form or {}
    assert (form["text"], form["topic_tag"]) == ("bye", "cats")


@pytest.mark.parametrize("body", [{"text": "bye"}, {"text": "bye", "scheduledTime": LATER.isoformat()}])
def test_a_change_that_comes_second_changes_nothing(body: dict[str, Any]) -> None:
    """A delivery takes the post between the change's look and its commit: the post comes out as it was."""
    world = scheduled()

    def deliver_first(_number: int) -> None:
        world.wire.before_commit = lambda _number: None
        world.say(made("8"))
        bring(world, 0)

    world.wire.before_commit = deliver_first
    with pytest.raises(InProgress):
        changed(world, **body)
    record = world.record()
    assert (record.state, record.content.text, record.task) == (
        State.PUBLISHED,
        "hello",
        world.tasks.created[0].name,
    )
    assert world.tasks.deleted == [task.name for task in world.tasks.created[1:]]


@pytest.mark.parametrize("body", [{"text": "bye"}, {"text": "bye", "scheduledTime": LATER.isoformat()}])
def test_a_delivery_that_comes_second_publishes_nothing_old(body: dict[str, Any]) -> None:
    """A change is written between the delivery's look and its lease: its task comes again, and finds it."""
    world = scheduled()
    world.clock.now = TOMORROW - timedelta(seconds=1)

    def change_first(_number: int) -> None:
        world.wire.before_commit = lambda _number: None
        changed(world, **body)

    world.wire.before_commit = change_first
    with pytest.raises(InProgress):
        bring(world, 0)
    assert world.calls == []
    world.say(made("8"))
    is_moved = "scheduledTime" in body
    assert (bring(world, 0).state is State.PUBLISHED) is not is_moved
    if is_moved:
        bring(world, 1)
    assert [(request.form or {})["text"] for request in world.graph.requests] == ["bye"]


def test_a_post_that_is_cancelled_in_between_stays_cancelled() -> None:
    """Of a change and a cancellation at once, one is first, and the other one says so."""
    world = scheduled()

    def cancel_first(_number: int) -> None:
        world.wire.before_commit = lambda _number: None
        post = world.post(NAME)
        assert post
        cancel(world.posts, post)

    world.wire.before_commit = cancel_first
    with pytest.raises(InProgress):
        changed(world, scheduledTime=LATER.isoformat())
    assert (world.record().error or {})["code"] == PostCancelled.code
    assert bring(world, 1).state is State.CANCELLED


def test_the_first_request_stays_a_request_for_the_changed_post() -> None:
    """Repeated with its key, it answers with the post as it is now. Other content with the key is refused."""
    world = scheduled()
    record = changed(world, text="bye", scheduledTime=LATER.isoformat())
    again = schedule.schedule(world.publishing, UID, FIRST, world.delivery()).root.record
    assert again == record
    world.clock.now += TASK_IS_NEW  # by then its task may be lost, and there is a new one
    again = schedule.schedule(world.publishing, UID, FIRST, world.delivery()).root.record
    assert (again.content.text, again.due_at) == ("bye", LATER)
    other = Submission(UID, Content({"text": "other"}), ACCOUNT, "key", scheduled_time=TOMORROW)
    with pytest.raises(IdempotencyMismatch):
        schedule.schedule(world.publishing, UID, other, world.delivery())


def test_the_first_request_begins_a_changed_post_again() -> None:
    """The account had to be connected again: the request that began the post goes on with what it became."""
    world = scheduled()
    changed(world, text="bye")
    world.connect(ACCOUNT, status="reconnect_required")
    assert bring(world, 0).state is State.FAILED
    world.connect(ACCOUNT, at=world.clock.now)
    world.say(made("8"))
    schedule.schedule(world.publishing, UID, FIRST, world.delivery())
    assert bring(world, 1).media_id == "8"
    assert (world.graph.requests[0].form or {})["text"] == "bye"
    assert schedule.schedule(world.publishing, UID, FIRST, world.delivery()).root.record.media_id == "8"


REFUSED: list[tuple[dict[str, Any], type[ServiceError], str]] = [
    ({"scheduledTime": NOW.isoformat()}, InvalidRequest, "invalid_time"),
    ({"scheduledTime": (NOW + timedelta(days=30, seconds=1)).isoformat()}, InvalidRequest, "invalid_time"),
    ({"text": "x" * 501}, InvalidRequest, "text_too_long"),
    ({"text": None}, InvalidRequest, "empty_post"),
    ({"replyToId": "1"}, MissingScope, "missing_scope"),
    ({"accountId": "1"}, InvalidRequest, "unknown_field"),
    ({}, InvalidRequest, "invalid_request"),
]


@pytest.mark.parametrize(("body", "error", "code"), REFUSED, ids=range(len(REFUSED)))
def test_what_cannot_be_published_is_refused_when_it_is_changed(
    body: dict[str, Any], error: type[ServiceError], code: str
) -> None:
    """The rules are those of a new post, and the limit of thirty days counts from now. Nothing changes."""
    world = scheduled()
    world.connect(ACCOUNT, scopes=[*DEFAULT_SCOPES])
    before = world.record()
    with pytest.raises(error) as refusal:
        changed(world, **body)
    assert refusal.value.code == code
    assert (world.record(), len(world.tasks.created)) == (before, 1)


def test_only_a_post_that_nobody_has_begun_is_changed() -> None:
    """One that was postponed, or that has ended, is refused, and stays as it is."""
    world = scheduled()
    world.say(reply(403, b'{"error": {"code": 4}}'), reply(200, {"data": []}))
    assert bring(world, 0).status == "scheduled"
    with pytest.raises(InvalidRequest, match="has begun") as refusal:
        changed(world, text="bye")
    assert refusal.value.code == "not_changeable"
    world.say(made("8"))
    bring(world, 1)
    with pytest.raises(InvalidRequest, match="published"):
        changed(world, text="bye")


def test_a_change_whose_commit_fails_leaves_a_task_that_does_nothing() -> None:
    """Firestore fails after the task was created: the post comes at its old time, by its old task."""
    world = scheduled()
    world.wire.fails_commits = 1
    with pytest.raises(ServiceUnavailable):
        changed(world, scheduledTime=(NOW + timedelta(hours=1)).isoformat())
    assert (world.tasks.deleted, world.record().due_at) == ([], TOMORROW)
    assert bring(world, 1).state is State.NEW
    world.say(made("8"))
    assert bring(world, 0).state is State.PUBLISHED


def test_a_time_that_is_nearly_now_is_still_after_the_record() -> None:
    """The new task does not come before the record names it. Otherwise it would find another one there."""
    world = scheduled()
    soon = NOW + timedelta(milliseconds=10)
    assert changed(world, scheduledTime=soon.isoformat()).due_at == NOW + QUEUE_PAUSE


THREAD = [{"text": "a", "topicTag": "cats"}, {"text": "b"}]

MERGED: list[tuple[dict[str, Any], dict[str, Any], dict[str, Any] | str]] = [
    ({"text": "a", "topicTag": "x"}, {"text": "b"}, {"text": "b", "topicTag": "x"}),
    ({"text": "a", "topicTag": "x"}, {"topicTag": None}, {"text": "a"}),
    ({"text": "a"}, {"thread": THREAD}, {**THREAD[0], "thread": THREAD[1:]}),
    ({**THREAD[0], "thread": THREAD[1:]}, {"thread": None, "text": "b"}, {"text": "b", "topicTag": "cats"}),
    ({**THREAD[0], "thread": THREAD[1:]}, {"text": "b"}, "exclude_each_other"),
    (
        {**THREAD[0], "thread": THREAD[1:]},
        {"text": "a" * 400 + ". " + "b" * 400, "split": True},
        {"text": "a" * 400 + ". ", "topicTag": "cats", "thread": [{"text": "b" * 400}]},
    ),
    ({"imageUrl": "https://cdn.example/a.jpg"}, {"videoUrl": "https://cdn.example/b.mp4"}, "too_many_media"),
]


@pytest.mark.parametrize(("stored", "body", "expected"), MERGED, ids=range(len(MERGED)))
def test_a_change_names_what_is_to_be_other(
    stored: dict[str, Any], body: dict[str, Any], expected: dict[str, Any] | str
) -> None:
    """An option takes the place of the one that is there, null removes it, and a thread is given whole."""
    if isinstance(expected, str):
        with pytest.raises(InvalidRequest) as refusal:
            read_change(body, Content(stored), NOW, Counting.UTF8_BYTES)
        assert refusal.value.code == expected
        return
    assert read_change(body, Content(stored), NOW, Counting.UTF8_BYTES).content.as_json() == expected
