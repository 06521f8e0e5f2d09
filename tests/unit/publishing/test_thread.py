"""A thread: a root and its replies in order, each a post of its own, whoever brings it."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from tests.unit.support import graph_error, reply
from tests.unit.world import ACCOUNT, UID, Died, World, is_, made, post_id
from threads.accounts.access_token import note_dead_token
from threads.base.errors import ReconnectRequired
from threads.connections.disconnect import disconnect, take_token
from threads.graph.error_codes import Step
from threads.graph.protocol import GraphReply, GraphRequest
from threads.posts.content import Content
from threads.posts.ledger import State
from threads.posts.submission import Submission
from threads.publishing import publish
from threads.publishing.outcome import Outcome
from threads.publishing.retry_rules import FOLLOW_UP
from threads.publishing.thread import reply_name

ROOT = post_id("key")
FILM = {"text": "A film", "videoUrl": "https://cdn.example/b.mp4"}
THREAD = Submission(UID, Content({"text": "hello", "thread": [FILM, {"text": "bye"}]}), ACCOUNT, "key")


def begun() -> World:
    """Return a world in which a task has published a root, and left the film after it to another task."""
    world = World()
    world.graph.always["read_container"] = is_("IN_PROGRESS")
    world.say(made("1"), made("7"))
    publish.publish(world.publishing, UID, THREAD, world.delivery(by_task=True))
    return world


def brought(world: World, number: int) -> Outcome:
    """Bring the task of a number at its time."""
    task = world.tasks.created[number]
    world.clock.now = task.due_at
    return publish.deliver_task(world.publishing, UID, task.post_id, world.delivery(by_task=True))


def test_a_reply_that_waits_has_one_task() -> None:
    """A task that finds a reply still in progress leaves it to one other task, for the reply again."""
    world = begun()
    for number in range(3):
        assert [task.post_id for task in world.tasks.created] == [reply_name(ROOT, 1)] * (number + 1)
        assert world.tasks.created[-1].due_at - world.clock.now <= FOLLOW_UP.pause(number)
        left = brought(world, number).last
        assert (left.post_id, left.record.follow_ups) == (reply_name(ROOT, 1), number + 2)


def test_a_reply_that_comes_out_is_followed() -> None:
    """The task of a reply goes on with the thread, and answers for the whole of it."""
    world = begun()
    world.graph.always["read_container"] = is_("FINISHED")
    world.say(made("2"), made("8"), made("3"))
    whole = brought(world, 0)
    assert (whole.root.post_id, whole.root.record.media_id) == (ROOT, "1")
    assert [post.record.media_id for post in whole.replies] == ["2", "3"]
    parents = [(request.form or {}).get("reply_to_id") for request in world.graph.requests]
    assert [it for it in parents if it] == ["1", "2"]


def test_a_reply_that_fails_ends_the_thread() -> None:
    """What comes after a failed reply is not tried, by its task or by the same request."""
    world = begun()
    world.graph.always["read_container"] = is_("ERROR", "INVALID_DURATION")
    failed = brought(world, 0).last
    assert (failed.post_id, failed.record.state) == (reply_name(ROOT, 1), State.FAILED)
    [about] = (failed.record.error or {})["details"]
    assert (about["field"], about["code"]) == ("thread[1]", "rejected_by_threads")
    world.clock.now += timedelta(hours=1)
    again = publish.publish(world.publishing, UID, THREAD, world.delivery())
    assert [post.record.state for post in again.replies] == [State.FAILED]
    assert world.post(reply_name(ROOT, 2)) is None


# --- an account that ends in between ------------------------------------------------------------------------

WORDS = Submission(UID, Content({"text": "1", "thread": [{"text": "2"}, {"text": "3"}]}), ACCOUNT, "key")

ENDS: list[Callable[[World], object]] = [
    lambda world: disconnect(world.connections, UID, ACCOUNT),
    lambda world: take_token(world.connections, UID, ACCOUNT),
    lambda world: note_dead_token(world.accounts, world.account()),
]


def ending(end: Callable[[World], object]) -> World:
    """Return a world in which an account ends while the first post of a thread is published."""
    world = World()

    def during(_request: GraphRequest) -> GraphReply:
        end(world)
        return made("1")

    world.say(during)
    world.graph.always[Step.ASK_WITNESS] = reply(400, graph_error(190))
    return world


def without_witness(world: World) -> list[str]:
    """Return what Threads was asked, except whether a token works."""
    return [call for call in world.calls if call != Step.ASK_WITNESS]


@pytest.mark.parametrize("end", ENDS, ids=range(len(ENDS)))
def test_nothing_of_a_thread_begins_after_its_accounts_end(end: Callable[[World], object]) -> None:
    """The post that was under way is out; the next one fails and says what to do, and is the last one."""
    world = ending(end)
    outcome = publish.publish(world.publishing, UID, WORDS, world.delivery(by_task=True))
    assert without_witness(world) == ["create_container"]
    assert outcome.root.record.media_id == "1"
    [reply] = outcome.replies
    assert reply.record.state is State.FAILED
    assert reply.record.next_action in {"connect_account", "reconnect"}
    assert world.post(reply_name(ROOT, 1)) == reply
    again = publish.publish(world.publishing, UID, WORDS, world.delivery(by_task=True))
    assert [it.record for it in again.replies] == [reply.record]


def test_a_disconnected_accounts_thread_has_failed_for_the_web_app_too() -> None:
    """Whoever waits for the answer gets it from the record, as everybody else."""
    world = ending(ENDS[0])
    outcome = publish.publish(world.publishing, UID, WORDS, world.delivery())
    assert [it.record.state for it in outcome.replies] == [State.FAILED]
    assert (outcome.last.record.error or {})["code"] == "account_not_found"


def test_a_thread_goes_on_when_its_account_is_connected_again() -> None:
    """With a dead token, the web app is told to connect again; then the same request publishes the rest."""
    world = ending(ENDS[2])
    with pytest.raises(ReconnectRequired):
        publish.publish(world.publishing, UID, WORDS, world.delivery())
    assert without_witness(world) == ["create_container"]
    world.connect(ACCOUNT, at=world.clock.now)
    world.graph.always["read_container"] = is_("FINISHED")
    world.say(made("20"), made("2"), made("30"), made("3"))
    outcome = publish.publish(world.publishing, UID, WORDS, world.delivery())
    assert [it.record.media_id for it in (outcome.root, *outcome.replies)] == ["1", "2", "3"]


def test_a_task_ends_the_rest_of_a_thread_whose_account_is_gone() -> None:
    """A thread that a crash has left half done, and whose account went then, is not left without a word."""
    world = begun_whole()
    disconnect(world.connections, UID, ACCOUNT)
    calls = len(world.calls)
    outcome = publish.deliver_task(world.publishing, UID, ROOT, world.delivery(by_task=True))
    assert [it.record.state for it in outcome.replies] == [State.FAILED]
    assert len(world.calls) == calls


def begun_whole() -> World:
    """Return a world in which the root of a thread is out, and its process dead."""
    world = World()
    world.say(made("1"))
    world.deaths.next = "after commit PUBLISHED"
    with pytest.raises(Died):
        publish.publish(world.publishing, UID, WORDS, world.delivery(by_task=True))
    return world
