"""A thread: a root and its replies in order, each a post of its own, whoever brings it."""

from datetime import timedelta

from tests.unit.fakes import ACCOUNT, UID, World, is_, made, post_id
from threads import publish
from threads.chain import reply_name
from threads.ledger import FOLLOW_UPS, State
from threads.posts import Content, Submission
from threads.records import Held

ROOT = post_id("key")
FILM = {"text": "A film", "videoUrl": "https://cdn.example/b.mp4"}
THREAD = Submission(UID, Content({"text": "hello", "thread": [FILM, {"text": "bye"}]}), ACCOUNT, "key")


def begun() -> World:
    """Return a world in which a task has published a root, and left the film after it to another task."""
    world = World()
    world.graph.always["read_container"] = is_("IN_PROGRESS")
    world.say(made("1"), made("7"))
    publish.publish(world.tools, UID, THREAD, world.delivery(by_task=True))
    return world


def brought(world: World, number: int) -> Held:
    """Bring the task of a number at its time."""
    task = world.tasks.created[number]
    world.clock.now = task.due_at
    return publish.deliver_task(world.tools, UID, task.post_id, world.delivery(by_task=True))


def test_a_reply_that_waits_has_one_task() -> None:
    """A task that finds a reply still in progress leaves it to one other task, for the reply again."""
    world = begun()
    for number in range(3):
        assert [task.post_id for task in world.tasks.created] == [reply_name(ROOT, 1)] * (number + 1)
        assert world.tasks.created[-1].due_at - world.clock.now <= FOLLOW_UPS[number]
        left = brought(world, number)
        assert (left.post_id, left.record.follow_ups) == (reply_name(ROOT, 1), number + 2)


def test_a_reply_that_comes_out_is_followed() -> None:
    """The task of a reply goes on with the thread, and answers for the whole of it."""
    world = begun()
    world.graph.always["read_container"] = is_("FINISHED")
    world.say(made("2"), made("8"), made("3"))
    whole = brought(world, 0)
    assert (whole.post_id, whole.record.media_id) == (ROOT, "1")
    assert [held.record.media_id for held in whole.thread] == ["2", "3"]
    parents = [(request.form or {}).get("reply_to_id") for request in world.graph.requests]
    assert [it for it in parents if it] == ["1", "2"]


def test_a_reply_that_fails_ends_the_thread() -> None:
    """What comes after a failed reply is not tried, by its task or by the same request."""
    world = begun()
    world.graph.always["read_container"] = is_("ERROR", "INVALID_DURATION")
    failed = brought(world, 0)
    assert (failed.post_id, failed.record.state) == (reply_name(ROOT, 1), State.FAILED)
    world.clock.now += timedelta(hours=1)
    again = publish.publish(world.tools, UID, THREAD, world.delivery())
    assert [held.record.state for held in again.thread] == [State.FAILED]
    assert world.ledger.read(UID, reply_name(ROOT, 2)) is None
