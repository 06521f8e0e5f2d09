"""The story of a post's owner: looking at posts, and cancelling one that nobody has begun."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.unit.fakes import IMAGE, NOW, TEXT, UID, Died, World, listed, made, post_id, silence
from threads import manage, publish
from threads.errors import InProgress, InvalidRequest, PostNotFound, ThreadsUnavailable
from threads.ledger import LEASE, RECORD_LIFETIME, Point, Record, State
from threads.posts import Submission

TOMORROW = NOW + timedelta(days=1)
NAME = post_id("key")


def scheduled(world: World, key: str = "key") -> Record:
    """Schedule a text for tomorrow."""
    wanted = Submission(UID, TEXT, None, key, scheduled_time=TOMORROW)
    return publish.schedule(world.tools, UID, wanted).record


def test_a_post_is_read_by_its_name() -> None:
    """The owner sees the record as it is; another user's post does not exist."""
    world = World()
    record = scheduled(world)
    assert manage.read(world.tools, UID, NAME).record == record
    for uid, name in (("bob", NAME), (UID, post_id("other"))):
        with pytest.raises(PostNotFound):
            manage.read(world.tools, uid, name)


def test_the_latest_posts_come_first() -> None:
    """The newest posts are listed, and those before a moment, as many as are wanted."""
    world = World()
    for key in ("a", "b", "c"):
        scheduled(world, key)
        world.clock.forward(seconds=1)
    names = [held.post_id for held in manage.latest(world.tools, UID, 2, None)]
    assert names == [post_id("c"), post_id("b")]
    [older] = manage.latest(world.tools, UID, 2, NOW + timedelta(seconds=1))
    assert older.post_id == post_id("a")
    assert manage.latest(world.tools, "bob", 2, None) == []


def test_a_scheduled_post_is_cancelled_with_its_task() -> None:
    """The record says that it was cancelled before the task is deleted; the key stays used."""
    world = World()
    task = scheduled(world).task
    cancelled = manage.cancel(world.tools, UID, NAME).record
    assert (cancelled.state, cancelled.status, cancelled.due_at) == (State.CANCELLED, "cancelled", None)
    assert (cancelled.error or {})["code"] == "cancelled"
    assert cancelled.expires_at == NOW + RECORD_LIFETIME
    assert world.tasks.deleted == [task]
    assert world.record() == cancelled


def test_a_cancelled_post_is_not_published() -> None:
    """Neither its task nor the same request publishes it after all."""
    world = World()
    scheduled(world)
    cancelled = manage.cancel(world.tools, UID, NAME).record
    world.clock.now = TOMORROW
    assert publish.deliver_task(world.tools, UID, NAME, world.delivery(by_task=True)).record == cancelled
    assert scheduled(world) == cancelled
    assert world.calls == []


def test_cancelling_twice_is_cancelling() -> None:
    """Who cancels a cancelled post gets its record."""
    world = World()
    scheduled(world)
    first = manage.cancel(world.tools, UID, NAME)
    world.clock.forward(seconds=9)
    assert manage.cancel(world.tools, UID, NAME).record == first.record
    assert len(world.tasks.deleted) == 1


def test_a_task_that_cannot_be_deleted_does_no_harm() -> None:
    """Where Cloud Tasks does not answer the post is cancelled all the same: its task will find that."""
    world = World()
    scheduled(world)
    world.tasks.is_out_of_order = True
    assert manage.cancel(world.tools, UID, NAME).record.state is State.CANCELLED


def test_a_post_that_nobody_knows_is_not_cancelled() -> None:
    """There is nothing to cancel under another name, or for another user."""
    world = World()
    scheduled(world)
    for uid, name in (("bob", NAME), (UID, post_id("other"))):
        with pytest.raises(PostNotFound):
            manage.cancel(world.tools, uid, name)


ENDS: dict[str, Callable[[Record], Record]] = {
    "published": lambda record: record.sending(NOW).published("8", NOW),
    "failed": lambda record: record.failed({"code": "x"}, NOW),
    "unknown": lambda record: record.sending(NOW).left_unknown({"code": "x"}, NOW),
}


@pytest.mark.parametrize("status", ENDS)
def test_what_has_ended_is_not_cancelled(status: str) -> None:
    """A post that is out, failed or unknown stays what it is, and the answer says which."""
    world = World()
    ended = ENDS[status](replace(scheduled(world), due_at=None))
    world.ledger.put(UID, NAME, ended)
    with pytest.raises(InvalidRequest) as refusal:
        manage.cancel(world.tools, UID, NAME)
    assert refusal.value.code == "not_cancellable"
    assert status in refusal.value.message
    assert (world.record(), world.tasks.deleted) == (ended, [])


def test_a_post_that_is_being_published_is_not_cancelled() -> None:
    """While a delivery holds the post it is in progress; once a crashed one's lease has ended it is free."""
    world = World()
    world.dies_at = Point.CLAIMED
    with pytest.raises(Died):
        world.deliver(IMAGE)
    with pytest.raises(InProgress):
        manage.cancel(world.tools, UID, NAME)
    world.clock.forward(seconds=LEASE.total_seconds())
    assert manage.cancel(world.tools, UID, NAME).record.state is State.CANCELLED


def test_a_post_that_may_be_out_is_not_cancelled() -> None:
    """What may be out cannot be promised not to be, lease or not."""
    world = World()
    world.say(silence(), listed())
    with pytest.raises(ThreadsUnavailable):
        world.deliver()
    world.clock.forward(seconds=10**5)
    with pytest.raises(InProgress):
        manage.cancel(world.tools, UID, NAME)
    assert world.record().state is State.SENT


def test_a_delivery_that_begins_at_the_same_moment_wins_or_loses() -> None:
    """Of cancelling and publishing one changes the record first; the other one learns it and stops."""
    world = World()
    scheduled(world)

    def begins(_number: int) -> None:
        world.ledger.put(UID, NAME, world.record().claimed("other", world.clock.now))

    world.ledger.before_commit = begins
    with pytest.raises(InProgress):
        manage.cancel(world.tools, UID, NAME)
    assert (world.record().owner, world.tasks.deleted) == ("other", [])


def test_a_delivery_that_was_cancelled_stops_before_it_publishes() -> None:
    """A frozen delivery whose post is cancelled meanwhile learns it before the call that would publish."""
    world = World()
    world.say(world.after(LEASE.total_seconds() / 2, made("7")))

    def cancelled(number: int) -> None:
        if number == 2:  # the container is about to be saved
            world.clock.forward(seconds=LEASE.total_seconds())
            world.ledger.before_commit = lambda _number: None
            manage.cancel(world.tools, UID, NAME)

    world.ledger.before_commit = cancelled
    with pytest.raises(InProgress):
        world.deliver(IMAGE)
    assert world.record().state is State.CANCELLED
    assert world.calls == ["create_container"]
