"""A thread: a root and its replies in order, each a post of its own, whoever brings it."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from tests.unit.fakes import ACCOUNT, UID, Died, World, is_, made, post_id
from tests.unit.whole_store import WholeWorld
from threads import publish
from threads.access import note_dead_token
from threads.chain import reply_name
from threads.disconnect import disconnect, take_token
from threads.errors import ReconnectRequired
from threads.graph import GraphReply, GraphRequest
from threads.ledger import FOLLOW_UPS, Point, State
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


# --- an account that ends in between ------------------------------------------------------------------------

WORDS = Submission(UID, Content({"text": "1", "thread": [{"text": "2"}, {"text": "3"}]}), ACCOUNT, "key")

ENDS: list[Callable[[WholeWorld], object]] = [
    lambda world: disconnect(world.tools, UID, ACCOUNT),
    lambda world: take_token(world.tools, UID, ACCOUNT),
    lambda world: note_dead_token(world.tools, UID, world.store.found(ACCOUNT)),
]


def ending(end: Callable[[WholeWorld], object]) -> WholeWorld:
    """Return a world in which an account ends while the first post of a thread is published."""
    world = WholeWorld()

    def during(_request: GraphRequest) -> GraphReply:
        end(world)
        return made("1")

    world.say(during)
    return world


@pytest.mark.parametrize("end", ENDS, ids=range(len(ENDS)))
def test_nothing_of_a_thread_begins_after_its_accounts_end(end: Callable[[WholeWorld], object]) -> None:
    """The post that was under way is out; the next one fails and says what to do, and is the last one."""
    world = ending(end)
    held = publish.publish(world.tools, UID, WORDS, world.delivery(by_task=True))
    assert world.calls == ["create_container"]
    assert held.record.media_id == "1"
    [reply] = held.thread
    assert reply.record.state is State.FAILED
    assert reply.record.next_action in {"connect_account", "reconnect"}
    assert world.ledger.read(UID, reply_name(ROOT, 1)) == reply._replace(reason=None)
    again = publish.publish(world.tools, UID, WORDS, world.delivery(by_task=True))
    assert [it.record for it in again.thread] == [reply.record]


def test_a_disconnected_accounts_thread_has_failed_for_the_web_app_too() -> None:
    """Whoever waits for the answer gets it from the record, as everybody else."""
    world = ending(ENDS[0])
    held = publish.publish(world.tools, UID, WORDS, world.delivery())
    assert [it.record.state for it in held.thread] == [State.FAILED]
    assert (held.thread[0].record.error or {})["code"] == "account_not_found"


def test_a_thread_goes_on_when_its_account_is_connected_again() -> None:
    """With a dead token, the web app is told to connect again; then the same request publishes the rest."""
    world = ending(ENDS[2])
    with pytest.raises(ReconnectRequired):
        publish.publish(world.tools, UID, WORDS, world.delivery())
    assert world.calls == ["create_container"]
    world.store.join(ACCOUNT, at=world.clock.now)
    world.graph.always["read_container"] = is_("FINISHED")
    world.say(made("20"), made("2"), made("30"), made("3"))
    held = publish.publish(world.tools, UID, WORDS, world.delivery())
    assert [it.record.media_id for it in (held, *held.thread)] == ["1", "2", "3"]


def test_a_task_ends_the_rest_of_a_thread_whose_account_is_gone() -> None:
    """A thread that a crash has left half done, and whose account went then, is not left without a word."""
    world = begun_whole()
    disconnect(world.tools, UID, ACCOUNT)
    calls = len(world.calls)
    held = publish.deliver_task(world.tools, UID, ROOT, world.delivery(by_task=True))
    assert [it.record.state for it in held.thread] == [State.FAILED]
    assert len(world.calls) == calls


def begun_whole() -> WholeWorld:
    """Return a world in which the root of a thread is out, and its process dead."""
    world = WholeWorld()
    world.say(made("1"))
    world.dies_at = Point.BEFORE_RESPONSE
    with pytest.raises(Died):
        publish.publish(world.tools, UID, WORDS, world.delivery(by_task=True))
    return world
