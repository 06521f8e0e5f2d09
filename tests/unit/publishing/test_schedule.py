"""A post and the task that brings it: whatever fails between the two, the post comes once and at its time."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.unit.support import graph_error, reply
from tests.unit.world import (
    ACCOUNT,
    IMAGE,
    NOW,
    TEXT,
    UID,
    VIDEO,
    World,
    is_,
    listed,
    made,
    post_id,
    quota,
    silence,
)
from threads.base.errors import (
    IdempotencyMismatch,
    InProgress,
    InvalidRequest,
    RateLimited,
    ReconnectRequired,
    ServiceUnavailable,
    ThreadsUnavailable,
    TooManyWaiting,
)
from threads.posts.content import Content
from threads.posts.ledger import BUDGET, PROMPT, Record, State, new_record
from threads.posts.submission import Submission
from threads.publishing import delete_and_repost, publish, schedule
from threads.publishing.lease import Delivery
from threads.publishing.retry_rules import LOOKS_AT_ONCE
from threads.publishing.schedule import QUEUE_PAUSE, TASK_IS_NEW

SOON, LATER = NOW + timedelta(hours=1), NOW + timedelta(days=2)
LIMIT = reply(403, graph_error(4))
OUTAGE = reply(503, graph_error(2))
NAME = post_id("key")
OTHER = "17841400000000002"
READS = 1
"""How often Firestore is read to find the account."""


def wish(content: Content = TEXT, **more: object) -> Submission:
    """Return a request to publish later."""
    return Submission(UID, content, ACCOUNT, "key", **more)  # type: ignore[arg-type]


def scheduled(world: World, wanted: Submission) -> Record:
    """Leave a request to a task, and return its record."""
    return schedule.schedule(world.publishing, UID, wanted, world.delivery()).root.record


def published_now(world: World, wanted: Submission, delivery: Delivery | None = None) -> Record:
    """Publish a request, and return its record."""
    return publish.publish(world.publishing, UID, wanted, delivery or world.delivery()).root.record


def fail_once(world: World) -> None:
    """Let the next commit fail."""
    world.wire.fails_commits = 1


def bring(world: World, task: str | None) -> State:
    """Let a task bring the post, and return its state."""
    delivery = Delivery("a-task", world.clock() + BUDGET, by_task=True, task=task)
    return publish.deliver_task(world.publishing, UID, NAME, delivery).root.record.state


def test_a_request_whose_record_failed_is_scheduled_anew() -> None:
    """A queued request that is repeated gets a task of its own, as the first one may have ended."""
    world = World()
    fail_once(world)
    with pytest.raises(ServiceUnavailable):
        scheduled(world, wish(is_queued=True))
    world.clock.forward(seconds=7200)
    record = scheduled(world, wish(is_queued=True))
    first, second = world.tasks.created
    assert first.name != second.name == record.task
    assert second.due_at == NOW + timedelta(seconds=7200) + QUEUE_PAUSE


def test_only_its_own_task_brings_a_scheduled_post() -> None:
    """A task that was created for another time ends without doing anything."""
    world = World()
    fail_once(world)
    with pytest.raises(ServiceUnavailable):
        scheduled(world, wish(scheduled_time=SOON))
    record = scheduled(world, wish(scheduled_time=LATER))
    first, second = world.tasks.created
    assert bring(world, first.name) is State.NEW
    assert world.calls == []
    world.say(made("8"))
    assert bring(world, record.task) is State.PUBLISHED
    assert second.due_at == LATER


def test_a_mismatch_sets_nothing_off() -> None:
    """A request that is refused for its content leaves no task behind that would publish the other one."""
    world = World()
    world.say(LIMIT, quota(3))
    with pytest.raises(RateLimited):
        world.deliver()
    with pytest.raises(IdempotencyMismatch):
        scheduled(world, wish(Content({"text": "edited"}), is_queued=True))
    assert world.tasks.created == []


def test_what_an_earlier_request_left_open_can_be_left_to_a_task() -> None:
    """The same request with ``queue`` gets a task, which goes on with the same record."""
    world = World()
    world.say(LIMIT, quota(3))
    with pytest.raises(RateLimited):
        world.deliver()
    assert scheduled(world, wish(is_queued=True)).status == "scheduled"
    [task] = world.tasks.created
    world.say(made("8"))
    assert bring(world, task.name) is State.PUBLISHED


@pytest.mark.parametrize("passed", [TASK_IS_NEW, timedelta(minutes=30), timedelta(hours=2)])
def test_a_repeated_request_brings_back_a_task_that_is_gone(passed: timedelta) -> None:
    """A queue that was purged tells nobody. The new task has another name, and the time of the old one."""
    world = World()
    record = scheduled(world, wish(scheduled_time=SOON))
    world.clock.now += passed
    again = scheduled(world, wish(scheduled_time=SOON))
    first, second = world.tasks.created
    assert (first.name, second.name) == (record.task, again.task)
    assert first.name != second.name
    assert second.due_at == again.due_at == max(SOON, world.clock.now + QUEUE_PAUSE)
    assert world.tasks.deleted == [first.name]
    assert bring(world, first.name) is State.NEW
    world.say(made("8"))
    assert bring(world, second.name) is State.PUBLISHED


def test_a_follow_up_that_was_overtaken_by_another_does_nothing() -> None:
    """A delivery that happens twice leaves two tasks. Only the one that the record names goes on."""
    world = World()
    world.say(made("7"), *[is_("IN_PROGRESS")] * (LOOKS_AT_ONCE + 1))
    first = published_now(world, wish(VIDEO))
    world.say(is_("IN_PROGRESS"))
    assert bring(world, first.task) is State.ARMED
    asked = len(world.calls)
    assert bring(world, first.task) is State.ARMED
    assert len(world.calls) == asked


def test_of_two_repeated_requests_one_task_is_left() -> None:
    """The one that changes the record second deletes its own task."""
    world = World()
    scheduled(world, wish(scheduled_time=SOON))
    world.clock.now += TASK_IS_NEW
    others: list[Record] = []

    def other() -> None:
        world.clock.forward(seconds=1)
        others.append(scheduled(world, wish(scheduled_time=SOON)))

    world.comes_between(other)
    record = scheduled(world, wish(scheduled_time=SOON))
    assert [record] == others
    left = {task.name for task in world.tasks.created} - {*world.tasks.deleted}
    assert left == {record.task}


def test_a_post_keeps_its_task_if_there_is_no_other_one() -> None:
    """If Cloud Tasks takes no task, the record stays as it is, and the caller is told."""
    world = World()
    record = scheduled(world, wish(scheduled_time=SOON))
    world.clock.now += TASK_IS_NEW
    world.tasks.is_out_of_order = True
    with pytest.raises(ServiceUnavailable):
        scheduled(world, wish(scheduled_time=SOON))
    assert world.record() == record


def test_a_scheduled_post_that_is_out_is_answered_whatever_its_account_has_come_to() -> None:
    """A repeated request gets its answer also when the account is gone, or must be connected again."""
    world = World()
    wanted = wish(scheduled_time=SOON)
    record = scheduled(world, wanted)
    world.say(made("8"))
    bring(world, record.task)
    world.connect(ACCOUNT, status="reconnect_required")
    assert scheduled(world, wanted).media_id == "8"
    world.delete_account()
    assert scheduled(world, wanted).media_id == "8"


def test_a_new_post_needs_an_account_that_works_and_a_time_that_comes() -> None:
    """What could not be published is refused when it is scheduled; nothing is left behind."""
    world = World()
    with pytest.raises(InvalidRequest):
        scheduled(world, wish(scheduled_time=NOW))
    world.connect(ACCOUNT, status="reconnect_required")
    with pytest.raises(ReconnectRequired):
        scheduled(world, wish(scheduled_time=SOON))
    assert world.tasks.created == []


def test_repeating_a_request_for_a_video_does_not_multiply_its_tasks() -> None:
    """While a follow-up is to come, the same request is answered and nothing else is done."""
    world = World()
    world.say(made("7"), *[is_("IN_PROGRESS")] * (LOOKS_AT_ONCE + 1))
    first = published_now(world, wish(VIDEO))
    for _ in range(5):
        assert published_now(world, wish(VIDEO)) == first
    assert len(world.tasks.created) == 1
    world.clock.now = world.tasks.created[0].due_at
    world.say(is_("FINISHED"), made("8"))
    assert bring(world, first.task) is State.PUBLISHED


def test_the_last_delivery_of_an_unclear_post_is_a_later_one() -> None:
    """What may be out is looked for while the queue still comes; only then it is called unknown."""
    world = World(has_queue=False)
    last, final = (
        Delivery(name, world.clock() + BUDGET, by_task=True, is_last=True, is_final=is_final)
        for name, is_final in (("20th", False), ("23rd", True))
    )
    world.say(silence(), silence())
    with pytest.raises(ThreadsUnavailable):
        published_now(world, wish(), last)
    world.say(silence())
    record = published_now(world, wish(), final)
    assert (record.state, record.status) == (State.UNKNOWN, "unknown")


def test_who_stood_still_after_the_write_ahead_does_not_send() -> None:
    """What may settle is reckoned from the write-ahead: a call that comes much later is not made."""
    world = World()
    world.say(made("7"), is_("FINISHED"))

    def stand_still(commit: int) -> None:
        if commit == 3:  # the write-ahead
            world.wire.after_commit = lambda: world.clock.forward(seconds=PROMPT.total_seconds() + 1)

    world.wire.before_commit = stand_still
    with pytest.raises(ThreadsUnavailable):
        published_now(world, wish(IMAGE))
    assert world.calls == ["create_container", "read_container"]
    assert not world.record().ambiguous


def test_a_post_that_may_be_out_is_not_called_scheduled() -> None:
    """Waiting for its account, it may still turn up: the owner is offered no cancelling, and told why."""
    world = World()
    world.say(OUTAGE, listed())
    with pytest.raises(ThreadsUnavailable):
        world.deliver(by_task=True)
    world.say(LIMIT, quota(3))
    record = world.deliver_again(by_task=True)
    assert (record.state, record.ambiguous, record.status) == (State.SENT, True, "processing")
    with pytest.raises(InProgress, match="not known yet"):
        delete_and_repost.remove(world.publishing, UID, NAME)


# --- how many may wait --------------------------------------------------------------------------------------


def test_one_account_has_a_bounded_number_of_posts_that_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """One more is refused, whatever it waits for; the same request again, another account, or now, is not."""
    monkeypatch.setattr(schedule, "MAX_WAITING", 3)
    world = World()
    world.connect(OTHER)
    record = new_record(ACCOUNT, TEXT, NOW)
    for number, waiting in enumerate((record, record.armed("7", NOW), record.sending(NOW))):
        world.put_post(f"{number}", waiting)
    world.put_post("ended", record.failed({}, NOW))
    world.put_post("another account's", new_record(OTHER, TEXT, NOW))
    world.put_post("another user's", record, uid="somebody else")
    for wanted in (wish(scheduled_time=LATER), wish(is_queued=True)):
        with pytest.raises(TooManyWaiting) as refused:
            scheduled(world, wanted)
        assert (refused.value.retryable, refused.value.retry_after) == (True, timedelta(minutes=6))
    assert (world.tasks.created, world.post(NAME)) == ([], None)
    assert scheduled(world, replace(wish(is_queued=True), account_id=OTHER)).account_id == OTHER
    world.say(made("8"))
    assert published_now(world, wish()).state is State.PUBLISHED
    world.put_post("0", record.failed({}, NOW))
    first = scheduled(world, replace(wish(is_queued=True), key="another"))
    assert scheduled(world, replace(wish(is_queued=True), key="another")) == first


def test_what_waits_is_counted_once_for_a_new_post() -> None:
    """The count is one call for a post that is left to a task, and none for one that is published at once."""
    world = World()
    scheduled(world, wish(is_queued=True))
    assert world.wire.reads == READS + 2
    world.say(made("8"))
    before = world.wire.reads
    published_now(world, replace(wish(), key="another"))
    assert world.wire.reads == before + READS


def test_more_posts_may_wait_than_an_account_can_publish_in_a_week() -> None:
    """The limit is what Threads allows in the time that a post can be scheduled ahead."""
    assert schedule.MAX_WAITING == 7500


# --- its user -----------------------------------------------------------------------------------------------


def waiting(world: World) -> str | None:
    """Schedule a text, let its time come, and return its task."""
    task = scheduled(world, wish(scheduled_time=LATER)).task
    world.clock.now = LATER
    return task


def test_a_post_of_a_user_who_is_gone_is_cancelled() -> None:
    """Nothing is sent, and the record says why."""
    world = World()
    task = waiting(world)
    world.users.disabled.add(UID)
    assert bring(world, task) is State.CANCELLED
    assert "deleted or disabled" in (world.record().error or {})["message"]
    assert world.calls == []


def test_a_thread_that_has_begun_goes_on_without_its_user() -> None:
    """Its first post is out, and a reply has waited for long."""
    world = World()
    task = waiting(world)
    world.put_post(NAME, replace(world.record(), root="root"))
    world.users.disabled.add(UID)
    world.say(made("8"))
    assert bring(world, task) is State.PUBLISHED


def test_a_post_of_a_user_who_is_gone_is_not_called_cancelled_if_it_may_be_out() -> None:
    """Its text was sent, and nobody knows what came of it."""
    world = World()
    task = waiting(world)
    world.put_post(NAME, replace(world.record().sending(NOW), due_at=None))
    world.users.disabled.add(UID)
    assert bring(world, task) is State.UNKNOWN


def test_a_post_waits_while_nobody_can_tell_whether_its_user_is_gone() -> None:
    """The task comes again, and the post is out."""
    world = World()
    task = waiting(world)
    world.users.is_out_of_order = True
    with pytest.raises(ServiceUnavailable):
        bring(world, task)
    world.users.is_out_of_order = False
    world.say(made("8"))
    assert bring(world, task) is State.PUBLISHED


def test_nobody_is_asked_for_the_user_of_a_young_post() -> None:
    """Whoever asked for it within the hour may still ask for another one."""
    world = World()
    task = scheduled(world, wish(scheduled_time=SOON)).task
    world.clock.now = SOON
    world.say(made("8"))
    assert bring(world, task) is State.PUBLISHED
    assert "is gone?" not in world.trail
