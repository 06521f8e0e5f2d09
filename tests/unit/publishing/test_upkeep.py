"""The upkeep: what was accepted ends by itself, whoever has forgotten it."""

from datetime import timedelta
from typing import Any

import pytest
from google.api_core import exceptions

from tests.firestore.errors import refusal
from tests.unit.support import graph_error, reply
from tests.unit.world import (
    ACCOUNT,
    IMAGE,
    NOW,
    TEXT,
    UID,
    Died,
    World,
    is_,
    listed,
    made,
    post_id,
    post_path,
    silence,
)
from threads.base.errors import (
    InProgress,
    PostNotFound,
    ReconnectRequired,
    ServiceUnavailable,
    ThreadsUnavailable,
)
from threads.posts.content import Content
from threads.posts.ledger import BUDGET, CHECK_FIELD, LATE, LEASE, Record, State, new_record
from threads.posts.repository import StoredPost
from threads.posts.submission import Submission
from threads.publishing import publish, schedule
from threads.publishing import upkeep as module
from threads.publishing.delete_and_repost import delete
from threads.publishing.lease import Delivery
from threads.publishing.retry_rules import REACHED, WAKE
from threads.publishing.thread import reply_name
from threads.publishing.upkeep import ODD_PAUSE, PAGE, UPKEEP_TIME, WAITS_FOR_ACCOUNT, Late, resume

NAME = post_id("key")
CALLS = timedelta(minutes=3)
"""How often Cloud Scheduler calls, by functions.yaml."""
OUTAGE = reply(503, graph_error(2))
DEAD = reply(401, graph_error(190))
MORNING = NOW + timedelta(days=1)
MORE_SCOPES = ("threads_manage_replies", "threads_delete")
THREAD = Submission(UID, Content({"text": "1", "thread": [{"text": "2"}, {"text": "3"}]}), ACCOUNT, "key")

ALL_OF_THREAD = 11
"""The commit that notes its end: two for the root, four for each reply, and one more."""


def wish(content: Content = TEXT, **more: Any) -> Submission:
    """Return a request."""
    return Submission(UID, content, ACCOUNT, "key", **more)


def scheduled(world: World) -> None:
    """Schedule a text for the morning."""
    schedule.schedule(world.publishing, UID, wish(scheduled_time=MORNING), world.delivery())


def left_open(world: World, wanted: Submission | None = None) -> None:
    """Send a request that Threads does not answer. Its browser is closed then."""
    world.say(silence(), silence())
    with pytest.raises(ThreadsUnavailable):
        publish.publish(world.publishing, UID, wanted or wish(), world.delivery())


def upkeep(world: World) -> list[Late]:
    """Let Cloud Scheduler call once."""
    return list(module.upkeep(world.publishing))


def bring(world: World, number: int = -1, *, tries: int = 1) -> Record:
    """Bring a task at its time, and return the record of its post."""
    task = world.tasks.created[number]
    world.clock.now = max(world.clock.now, task.due_at)
    delivery = Delivery("task", world.clock() + BUDGET, by_task=True, is_last=tries >= 20, task=task.name)
    publish.deliver_task(world.publishing, UID, task.post_id, delivery)
    post = world.post(task.post_id)
    assert post
    return post.record


def wait(world: World, until: timedelta) -> list[Late]:
    """Let time pass, with a call every three minutes, and return what came late."""
    ends, late = world.clock.now + until, []
    while world.clock.now < ends:
        world.clock.now += CALLS
        late += upkeep(world)
    return late


# --- nothing to do ------------------------------------------------------------------------------------------


def test_a_call_without_late_posts_costs_one_read() -> None:
    """Posts that have ended, and posts that wait for their time, are not read."""
    world = World()
    world.say(made("8"))
    world.deliver(key="out")
    scheduled(world)
    world.clock.now = MORNING
    reads, commits = world.wire.reads, world.wire.commits
    assert upkeep(world) == []
    assert (world.wire.reads, world.wire.commits) == (reads + 1, commits)


def test_a_post_that_a_delivery_has_is_left_to_it() -> None:
    """As long as the lease lasts, and a while longer, its own task or request may come."""
    world = World()
    world.dies_before_commit(2)
    world.say(made("8"))
    with pytest.raises(Died):
        world.deliver()
    assert wait(world, LEASE + LATE - CALLS) == []


# --- its task is gone ---------------------------------------------------------------------------------------


def test_a_scheduled_post_whose_queue_was_purged_is_published() -> None:
    """Its task never comes. The upkeep creates another one, within a quarter of an hour of its time."""
    world = World()
    scheduled(world)
    world.clock.now = MORNING
    [late] = wait(world, LATE + CALLS)
    assert (late.why, late.result) == ("task_missing", "task")
    assert LATE <= late.late <= LATE + CALLS
    world.say(made("8"))
    assert bring(world).state is State.PUBLISHED
    assert world.clock.now < MORNING + timedelta(minutes=15)
    old, new = world.tasks.created
    assert old.name != new.name
    assert upkeep(world) == []


def test_a_post_is_published_hours_late() -> None:
    """The function and Firestore were away for four hours: the post comes late, and the log says how late."""
    world = World()
    scheduled(world)
    world.clock.now = MORNING + timedelta(hours=4)
    [late] = upkeep(world)
    assert late.late == timedelta(hours=4)
    world.say(made("8"))
    assert bring(world).state is State.PUBLISHED


def test_an_earlier_task_that_comes_after_all_does_nothing() -> None:
    """A post that has a new task is brought by this one alone."""
    world = World()
    scheduled(world)
    world.clock.now = MORNING + LATE
    upkeep(world)
    assert bring(world, 0).state is State.NEW
    assert world.calls == []
    world.say(made("8"))
    assert bring(world, 1).state is State.PUBLISHED


def test_a_post_that_waited_for_its_account_is_brought_back() -> None:
    """An account's limit leaves a post to a task. If this one is lost, another one comes."""
    world = World()
    world.say(reply(403, graph_error(4)), reply(200, {"data": []}))
    world.deliver(by_task=True)
    due_at = world.record().due_at
    assert due_at
    world.clock.now = due_at + LATE
    [late] = upkeep(world)
    assert (late.why, late.result) == ("task_missing", "task")


def test_a_queue_that_takes_no_task_does_not_keep_a_post() -> None:
    """If Cloud Tasks fails, the upkeep delivers the post itself."""
    world = World()
    scheduled(world)
    world.tasks.is_out_of_order = True
    world.clock.now = MORNING + LATE
    world.say(made("8"))
    [late] = upkeep(world)
    assert (late.result, world.record().media_id) == ("published", "8")


def test_a_queue_that_delivers_nothing_does_not_keep_a_post() -> None:
    """If the new task does not come either, the upkeep delivers the post itself."""
    world = World()
    scheduled(world)
    world.clock.now = MORNING + LATE
    upkeep(world)
    world.say(made("8"))
    [late] = wait(world, LATE + CALLS)
    assert (late.why, late.result) == ("task_missing", "published")


def test_a_task_does_not_give_up_what_it_never_tried() -> None:
    """Firestore was away during 19 attempts of a task: the 20th is the first one, and not the last word."""
    world = World()
    schedule.schedule(world.publishing, UID, wish(IMAGE, scheduled_time=MORNING), world.delivery())
    world.graph.always["create_container"] = OUTAGE
    for _ in range(REACHED.times or 0):
        with pytest.raises(ThreadsUnavailable):
            bring(world, tries=20)
    assert bring(world, tries=20).state is State.FAILED


# --- nobody came back ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("has_queue", [True, False])
def test_a_post_whose_browser_was_closed_ends(has_queue: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """Threads did not answer, and nobody asks again: within a quarter of an hour it is out, once."""
    world = World(has_queue=has_queue)
    left_open(world)
    world.graph.always["list_posts"] = listed()
    world.graph.always["read_container"] = is_("FINISHED")
    world.say(made("7"), made("8"))
    begins = world.clock.now
    [late] = wait(world, timedelta(minutes=12))
    if has_queue:
        bring(world)
    assert late.why == "left_open"
    assert world.record().media_id == "8"
    assert world.clock.now - begins <= timedelta(minutes=15)


def test_a_post_whose_process_died_ends() -> None:
    """Without a queue, nobody else would look whether the text is out."""
    world = World(has_queue=False)
    world.dies_before_commit(2)
    world.say(made("8"))
    with pytest.raises(Died):
        world.deliver()
    world.graph.always["list_posts"] = listed("8")
    [late] = wait(world, timedelta(minutes=14))
    assert (late.why, late.result) == ("delivery_died", "published")


def test_what_cannot_be_published_is_given_up() -> None:
    """After a number of tries it has failed, or nobody knows. Each try is on the record before it is made."""
    world = World(has_queue=False)
    world.graph.always["create_container"] = OUTAGE
    with pytest.raises(ThreadsUnavailable):
        world.deliver(IMAGE)
    late = wait(world, timedelta(hours=4))
    record = world.record()
    assert (record.state, record.wakes) == (State.FAILED, WAKE.times)
    assert (record.error or {})["code"] == "given_up"
    assert [it.result for it in late][-2:] == ["threads_unavailable", "failed"]
    assert len(late) == (WAKE.times or 0) + 1


def test_what_may_be_out_is_not_called_failed() -> None:
    """A text whose answer was lost, while Threads lists nothing any more, ends as unknown."""
    world = World(has_queue=False)
    left_open(world)
    world.graph.always["list_posts"] = OUTAGE
    wait(world, timedelta(hours=4))
    assert world.record().state is State.UNKNOWN


def test_a_post_at_which_the_process_dies_is_given_up_too() -> None:
    """The count is written before the post is brought back."""
    world = World(has_queue=False)
    left_open(world)
    for number in range(1, (WAKE.times or 0) + 1):
        world.clock.now += LEASE + LATE
        world.deaths.next = "before list_posts"
        with pytest.raises(Died):
            upkeep(world)
        assert world.record().wakes == number
    world.clock.now += LEASE + LATE
    [late] = upkeep(world)
    assert late.result == "unknown"


CAROUSEL = Content({"media": [{"imageUrl": f"https://cdn.example/{name}.jpg"} for name in "ab"]})


def test_without_a_queue_a_slow_carousel_ends_in_time() -> None:
    """Threads processes its files, then itself, for minutes. Nobody else comes: each call goes on with it."""
    world = World(has_queue=False)
    world.say(silence())
    with pytest.raises(ThreadsUnavailable):
        world.deliver(CAROUSEL)
    is_slow, is_done = is_("IN_PROGRESS"), is_("FINISHED")
    world.say(made("1"), made("2"), *[is_slow, is_slow] * 3)
    wait(world, LATE + CALLS)
    world.say(is_done, is_done, made("3"), *[is_slow] * 3)
    wait(world, CALLS)
    world.say(is_done, made("8"))
    wait(world, CALLS)
    assert world.record().media_id == "8"


# --- its account --------------------------------------------------------------------------------------------


def waiting_for_account(world: World) -> None:
    """Leave a text open because its account's token is dead."""
    world.say(DEAD, DEAD)
    with pytest.raises(ReconnectRequired):
        world.deliver()
    assert world.record().next_action == "reconnect"


@pytest.mark.parametrize("has_queue", [True, False])
def test_a_post_goes_on_by_itself_when_its_account_is_connected_again(has_queue: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """Meanwhile it waits, and costs no call to Threads and no alarm."""
    world = World(has_queue=has_queue)
    waiting_for_account(world)
    calls = len(world.calls)
    assert wait(world, timedelta(hours=6)) == []
    assert (len(world.calls), world.record().next_action) == (calls, "reconnect")
    world.connect(ACCOUNT, at=world.clock.now)
    world.say(made("8"))
    begins = world.clock.now
    assert wait(world, timedelta(minutes=9))
    if has_queue:
        bring(world)
    assert world.record().media_id == "8"
    assert world.clock.now - begins <= timedelta(minutes=15)


def test_a_post_does_not_wait_for_its_account_for_ever() -> None:
    """After a day it has failed, and still says what to do."""
    world = World()
    waiting_for_account(world)
    [late] = wait(world, WAITS_FOR_ACCOUNT + LATE + CALLS)
    assert (late.result, world.record().next_action) == ("failed", "reconnect")


def test_a_post_whose_account_is_gone_fails() -> None:
    """Nothing is left to wait for."""
    world = World()
    world.say(OUTAGE, listed())
    with pytest.raises(ThreadsUnavailable):
        world.deliver(IMAGE)
    world.delete_account()
    [late] = wait(world, LATE + CALLS)
    assert (late.result, world.record().next_action) == ("failed", "connect_account")


# --- many posts ---------------------------------------------------------------------------------------------


def late_post(world: World, name: str, uid: str = UID) -> StoredPost:
    """Write the record of a post that somebody has left open."""
    return world.put_post(name, new_record(ACCOUNT, TEXT, NOW).released(NOW, {"code": "x"}), uid)


def test_all_pages_are_read() -> None:
    """One call brings back more posts than one page has, of all users; each once."""
    world = World()
    names = {f"{number:064}" for number in range(PAGE + 5)}
    for name in names:
        late_post(world, name)
    world.connect(ACCOUNT, uid="bob")
    late_post(world, "b" * 64, "bob")
    world.clock.now += LATE
    assert len(upkeep(world)) == PAGE + 6
    assert {task.post_id for task in world.tasks.created} == names | {"b" * 64}
    assert upkeep(world) == []


def test_a_document_that_cannot_be_read_keeps_nobody_waiting() -> None:
    """It is logged and looked at again in an hour. The posts after it are brought back."""
    world = World()
    world.database.put(post_path("odd"), {CHECK_FIELD: NOW - timedelta(days=9), "state": "?"})
    late_post(world, NAME)
    world.clock.now += LATE
    odd, late = upkeep(world)
    assert (odd.path, odd.why, odd.result) == (post_path("odd"), "odd", "unreadable")
    assert late.result == "task"
    assert upkeep(world) == []
    world.say(made("8"))
    world.clock.now += ODD_PAUSE
    assert [it.result for it in upkeep(world)] == ["published", "unreadable"]


def test_a_bug_at_one_post_stops_no_other_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is raised, the next post is looked at."""
    world = World()
    late_post(world, "a" * 64)
    late_post(world, "b" * 64)
    whole = module._bring_back

    def bring_back(parts: Any, post: StoredPost) -> str:
        return whole(parts, post) if post.post_id.startswith("b") else str(1 // 0)

    monkeypatch.setattr(module, "_bring_back", bring_back)
    world.clock.now += LATE
    assert [it.result for it in upkeep(world)] == ["internal ZeroDivisionError", "task"]
    assert upkeep(world) == []


def test_a_record_that_firestore_does_not_write_stops_no_other_one() -> None:
    """Its error is logged, and the next call tries again."""
    world = World()
    late_post(world, "a" * 64)
    late_post(world, "b" * 64)
    world.wire.fails_commits = 1
    world.clock.now += LATE
    assert [it.result for it in upkeep(world)] == ["service_unavailable", "task"]
    assert [it.result for it in upkeep(world)] == ["task"]


def test_a_call_ends_in_time() -> None:
    """What is left when the time is up is the next call's."""
    world = World(has_queue=False)
    for number in range(4):
        late_post(world, f"{number:064}")
    world.clock.now += LATE
    world.say(*[world.after(UPKEEP_TIME.total_seconds() / 2, made(str(number))) for number in range(4)])
    assert len(upkeep(world)) == 2
    assert len(upkeep(world)) == 2


def test_firestore_that_does_not_answer_is_an_error() -> None:
    """The call fails as a whole, and says so."""
    world = World()
    world.wire.fails = 1
    with pytest.raises(ServiceUnavailable):
        upkeep(world)


def test_two_calls_at_once_bring_a_post_back_once() -> None:
    """Of two upkeeps, one changes the record first; the other one passes the post over."""
    world = World()
    late_post(world, NAME)
    world.clock.now += LATE
    others: list[Late] = []
    world.comes_between(lambda: others.extend(upkeep(world)))
    assert upkeep(world) == []
    assert [it.result for it in others] == ["task"]
    assert len(world.tasks.created) == 1


# --- threads ------------------------------------------------------------------------------------------------


def broken_off(world: World) -> None:
    """Let the process die after it has published the root of a thread."""
    world.say(made("1"))
    world.deaths.next = "after commit PUBLISHED"
    with pytest.raises(Died):
        publish.publish(world.publishing, UID, THREAD, world.delivery())


@pytest.mark.parametrize("has_queue", [True, False])
def test_a_thread_that_broke_off_is_finished(has_queue: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """Its root is out and its browser closed: the rest comes, and then nobody looks at it any more."""
    world = World(has_queue=has_queue)
    broken_off(world)
    world.graph.always["read_container"] = is_("FINISHED")
    world.say(made("20"), made("2"), made("30"), made("3"))
    [late] = wait(world, LATE + CALLS)
    if has_queue:
        bring(world)
    assert late.why == "thread_unfinished"
    assert [world.post(reply_name(NAME, it)).record.media_id for it in (1, 2)] == ["2", "3"]  # type: ignore[union-attr]
    assert world.record().check_at is None


def test_a_whole_thread_costs_the_upkeep_nothing() -> None:
    """Its end is noted with its last post."""
    world = World()
    world.graph.always["read_container"] = is_("FINISHED")
    world.say(made("1"), made("20"), made("2"), made("30"), made("3"))
    publish.publish(world.publishing, UID, THREAD, world.delivery())
    assert world.record().check_at is None


def test_a_thread_whose_end_was_not_noted_is_not_late() -> None:
    """If that commit fails, the posts are out all the same. The upkeep notes the end."""
    world = World()
    world.graph.always["read_container"] = is_("FINISHED")
    world.say(made("1"), made("20"), made("2"), made("30"), made("3"))

    def fail(commit: int) -> None:
        if commit == ALL_OF_THREAD:
            raise refusal(exceptions.ServiceUnavailable, "no answer")

    world.wire.before_commit = fail
    outcome = publish.publish(world.publishing, UID, THREAD, world.delivery())
    assert outcome.last.record.media_id == "3"
    assert world.record().check_at
    world.clock.now += LATE
    assert upkeep(world) == []
    assert world.record().check_at is None


def test_a_thread_that_waits_for_a_reply_is_not_late() -> None:
    """The reply has a task of its own: what is looked at is the reply."""
    world = World()
    broken_off(world)
    reply_post = new_record(ACCOUNT, TEXT, world.clock.now)
    due_at = NOW + timedelta(hours=5)
    world.put_post(reply_name(NAME, 1), reply_post.postponed_until(due_at, "task", {}, NOW))
    assert wait(world, timedelta(hours=5)) == []


def test_a_thread_that_cannot_go_on_is_given_up() -> None:
    """The next post of it has failed; what is out stays out."""
    world = World(has_queue=False)
    broken_off(world)
    root = world.post(NAME)
    assert root
    for _ in range(WAKE.times or 0):
        root = world.put_post(NAME, root.record.woken(NOW))
    world.clock.now += LATE
    [late] = upkeep(world)
    post = world.post(reply_name(NAME, 1))
    assert post
    assert (late.result, post.record.state, (post.record.error or {})["code"]) == (
        "failed",
        State.FAILED,
        "given_up",
    )
    assert world.record().check_at is None


def test_a_reply_under_a_deleted_root_is_cancelled() -> None:
    """The root was deleted while the reply waited: its task, or the upkeep, cancels it."""
    world = World(has_queue=False)
    broken_off(world)
    root = world.post(NAME)
    assert root
    world.put_post(NAME, root.record.deleted(NOW))
    waiting = new_record(ACCOUNT, Content({"text": "2", "replyToId": "1"}), NOW)
    world.put_post(reply_name(NAME, 1), _of_root(waiting).armed("7", NOW).released(NOW))
    [late] = wait(world, LATE + CALLS)
    assert late.result == "cancelled"
    assert world.calls == ["create_container"]


def _of_root(record: Record) -> Record:
    return type(record)(**{**vars(record), "root": NAME})


# --- by its owner -------------------------------------------------------------------------------------------


def test_its_owner_goes_on_with_a_post_without_its_key() -> None:
    """By the post id alone, the text that may be out is found."""
    world = World(has_queue=False)
    left_open(world)
    world.say(listed("8"))
    outcome = resume(world.publishing, UID, NAME, world.delivery())
    assert outcome.last.record.media_id == "8"
    assert resume(world.publishing, UID, NAME, world.delivery()).last.record.media_id == "8"


def test_a_post_that_waits_for_its_time_is_not_published_earlier() -> None:
    """Going on with a scheduled post changes nothing."""
    world = World()
    scheduled(world)
    assert resume(world.publishing, UID, NAME, world.delivery()).last.record.status == "scheduled"
    world.clock.now = MORNING
    world.say(made("8"))
    assert resume(world.publishing, UID, NAME, world.delivery()).last.record.media_id == "8"


def test_going_on_with_a_reply_goes_on_with_its_thread() -> None:
    """The answer names the whole thread, as that of publish_threads does."""
    world = World()
    broken_off(world)
    world.graph.always["read_container"] = is_("FINISHED")
    world.say(made("20"), made("2"), made("30"), made("3"))
    for name in (NAME, reply_name(NAME, 1), NAME):
        outcome = resume(world.publishing, UID, name, world.delivery())
        assert [it.record.media_id for it in (outcome.root, *outcome.replies)] == ["1", "2", "3"]


def test_only_its_owner_goes_on_with_a_post() -> None:
    """Another user's post does not exist; a post that a delivery has is in progress."""
    world = World()
    left_open(world)
    with pytest.raises(PostNotFound):
        resume(world.publishing, "bob", NAME, world.delivery())
    post = world.post(NAME)
    assert post
    world.put_post(NAME, post.record.leased("other", world.clock.now))
    with pytest.raises(InProgress):
        resume(world.publishing, UID, NAME, world.delivery())


def test_deleting_is_not_undone() -> None:
    """The root of a thread that was deleted in between is not followed."""
    world = World()
    broken_off(world)
    world.connect(ACCOUNT, scopes=["threads_basic", "threads_content_publish", *MORE_SCOPES])
    world.say(reply(200, {"success": True}))
    root = world.post(NAME)
    assert root
    delete(world.publishing, root)
    outcome = publish.publish(world.publishing, UID, THREAD, world.delivery())
    assert (outcome.last.record.status, outcome.replies) == ("deleted", ())
    assert wait(world, LATE + CALLS) == []
