"""What Meta's webhooks change in the ledger, and all that they do not."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.firestore.calls import Call
from tests.unit.support import graph_error, reply
from tests.unit.world import (
    ACCOUNT,
    IMAGE,
    NOW,
    TEXT,
    UID,
    Died,
    World,
    account_path,
    is_,
    listed,
    made,
    page_of,
    post_id,
    silence,
)
from threads.base.errors import ServiceUnavailable, ThreadsUnavailable
from threads.base.secret import Secret
from threads.graph.protocol import GraphReply, GraphRequest
from threads.graph.webhook import Event
from threads.posts.content import Content
from threads.posts.ledger import LEASE, SETTLE, Record, State, new_record
from threads.publishing import webhook_events

USERNAME = f"user{ACCOUNT}"
ADDRESS = "https://www.threads.com/@ada/post/8"
GONE = Event("delete", "8", username=USERNAME)
OUT = Event("publish", "8", username=USERNAME, permalink=ADDRESS, published_at=NOW)
LOOK = "list_posts"


def published(world: World) -> Record:
    """Publish a text."""
    world.say(made("8"))
    return world.deliver()


def unanswered(world: World) -> Record:
    """Send a text, get no answer, and find nothing yet."""
    world.say(silence(), listed())
    with pytest.raises(ThreadsUnavailable):
        world.deliver()
    return world.record()


# --- a post is gone -----------------------------------------------------------------------------------------


def test_a_deleted_post_is_noted() -> None:
    """The record of a post that was deleted at Threads says so, and since when."""
    world = World()
    published(world)
    world.clock.forward(seconds=60)
    webhook_events.note(world.publishing, [GONE])
    assert (world.record().status, world.record().deleted_at) == ("deleted", world.clock.now)


def test_a_deletion_is_noted_once() -> None:
    """The same notice again, or one after the user's own deletion here, changes nothing."""
    world = World()
    published(world)
    webhook_events.note(world.publishing, [GONE])
    first = world.record()
    world.clock.forward(seconds=60)
    webhook_events.note(world.publishing, [GONE])
    assert world.record() == first


def test_a_deletion_of_nobodys_post_is_ignored() -> None:
    """A post that was not published from here is none of ours, nor is one whose record is forgotten."""
    world = World()
    record = published(world)
    webhook_events.note(world.publishing, [GONE._replace(media_id="9")])
    world.claim("9", "forgotten")
    webhook_events.note(world.publishing, [GONE._replace(media_id="9")])
    world.claim("7", post_id("key"))
    webhook_events.note(world.publishing, [GONE._replace(media_id="7")])
    assert world.record() == record


def test_a_notice_is_taken_beside_what_others_note() -> None:
    """Where the record has changed since it was read, the notice is taken with that change."""
    world = World()
    published(world)

    def once(_number: int) -> None:
        world.wire.before_commit = lambda _number: None
        world.put_post(post_id("key"), world.record().found_at("https://x.example/p", NOW))

    world.wire.before_commit = once
    webhook_events.note(world.publishing, [GONE])
    assert (world.record().status, world.record().permalink) == ("deleted", "https://x.example/p")


def test_a_notice_that_cannot_be_taken_comes_again() -> None:
    """Where the record changes again and again, Meta hears that it has to repeat itself."""
    world = World()
    published(world)

    def again(number: int) -> None:
        world.put_post(post_id("key"), replace(world.record(), attempts=number))

    world.wire.before_commit = again
    with pytest.raises(ServiceUnavailable):
        webhook_events.note(world.publishing, [GONE])


# --- a post is out: one that is known -----------------------------------------------------------------------


def test_the_address_of_a_known_post_is_kept() -> None:
    """A post of ours that has no address yet gets it, without a call to Threads."""
    world = World()
    published(world)
    webhook_events.note(world.publishing, [OUT])
    assert world.record().permalink == ADDRESS
    assert world.calls == ["create_container"]


@pytest.mark.parametrize(
    "event", [OUT._replace(permalink="https://x.example/other"), OUT._replace(permalink=None)]
)
def test_an_address_is_kept_as_it_is(event: Event) -> None:
    """A known address stays, and a notice without one takes none away."""
    world = World()
    published(world)
    webhook_events.note(world.publishing, [OUT])
    before = world.record()
    world.clock.forward(seconds=9)
    webhook_events.note(world.publishing, [event])
    assert world.record() == before


# --- a post is out: one that is not known -------------------------------------------------------------------


def test_a_text_that_may_be_out_is_found() -> None:
    """A text that was sent without an answer is looked for, and ends with its id and address."""
    world = World()
    unanswered(world)
    world.clock.forward(seconds=5)
    world.say(listed("8"))
    webhook_events.note(world.publishing, [OUT])
    record = world.record()
    assert (record.state, record.media_id, record.permalink) == (State.PUBLISHED, "8", ADDRESS)
    assert world.claims == {"8": (UID, post_id("key"))}
    assert world.calls[2:] == [LOOK]


def test_what_is_not_found_stays_as_it_was() -> None:
    """Where Threads does not show the post, whatever the notice says, nothing is changed and nothing sent."""
    world = World()
    before = unanswered(world)
    world.clock.forward(seconds=SETTLE.total_seconds() + 60)
    for answer in (listed(), listed("8", text="another"), listed("8", at=NOW - timedelta(days=1))):
        world.say(answer)
        webhook_events.note(world.publishing, [OUT._replace(text="hello")])
        assert world.record() == before
    assert {*world.calls[2:]} == {LOOK}
    assert (world.claims, world.tasks.created) == ({}, [])


NOT_LOOKED_FOR: dict[str, Event] = {
    "another account's": OUT._replace(username="somebody"),
    "nobody's": OUT._replace(username=None),
    "another text": OUT._replace(text="another"),
    "too early": OUT._replace(published_at=NOW - timedelta(seconds=61)),
    "another kind of notice": OUT._replace(field="mentions"),
    "a reply": OUT._replace(field="replies"),
}


@pytest.mark.parametrize("event", NOT_LOOKED_FOR.values(), ids=NOT_LOOKED_FOR)
def test_what_cannot_be_it_is_not_looked_for(event: Event) -> None:
    """A notice that is not about the post costs no call to Threads."""
    world = World()
    before = unanswered(world)
    calls = len(world.calls)
    webhook_events.note(world.publishing, [event])
    assert (world.record(), len(world.calls)) == (before, calls)


@pytest.mark.parametrize("text", ["hello", " he llo\n", None])
def test_a_text_is_compared_as_the_ledger_does(text: str | None) -> None:
    """Where a notice has the text, white space does not count; where it has none, the look decides."""
    world = World()
    unanswered(world)
    world.say(listed("8"))
    webhook_events.note(world.publishing, [OUT._replace(text=text, published_at=None)])
    assert world.record().state is State.PUBLISHED


EARLY = {
    "text": (TEXT, [], "before create_container"),
    "image": (IMAGE, [made("7"), is_("FINISHED")], "before publish_container"),
}


@pytest.mark.parametrize(("content", "answers", "death"), EARLY.values(), ids=EARLY)
def test_an_event_that_comes_before_threads_answer_is_not_lost(
    content: Content, answers: list[GraphReply], death: str
) -> None:
    """No record has the media id yet. So the event waits a moment for the delivery that is at the post."""
    world = World()
    world.say(*answers)
    world.deaths.next = death
    with pytest.raises(Died):
        world.deliver(content)

    def answered(_pause: timedelta) -> None:
        world.put_post(post_id("key"), world.record().published("8", NOW))
        world.claim("8", post_id("key"))

    webhook_events.note(replace(world.publishing, sleep=answered), [OUT])
    assert world.record().permalink == ADDRESS


def test_a_post_that_a_delivery_is_at_is_left_to_it() -> None:
    """While somebody holds the post it is not looked for: they look themselves, and the event comes again."""
    world = World()
    world.deaths.next = "before create_container"
    with pytest.raises(Died):
        world.deliver()
    before = world.record()
    with pytest.raises(ServiceUnavailable):
        webhook_events.note(world.publishing, [OUT])
    assert (world.record(), world.calls) == (before, [])
    world.clock.forward(seconds=LEASE.total_seconds())
    world.say(listed("8"))
    webhook_events.note(world.publishing, [OUT])
    assert world.record().media_id == "8"


def test_a_delivery_that_begins_meanwhile_goes_on() -> None:
    """Of the look and a delivery one changes the record first; the look gives way."""
    world = World()
    unanswered(world)
    world.say(listed("8"))

    def begins(_number: int) -> None:
        world.wire.before_commit = lambda _number: None
        world.put_post(post_id("key"), world.record().leased("other", world.clock.now))

    world.wire.before_commit = begins
    webhook_events.note(world.publishing, [OUT])
    assert (world.record().state, world.record().owner) == (State.SENT, "other")
    assert world.claims == {}


def test_two_posts_with_the_same_text_get_one_each() -> None:
    """A post that another one has taken is not taken twice."""
    world = World()
    for key in ("a", "b"):
        world.say(silence(), listed())
        with pytest.raises(ThreadsUnavailable):
            world.deliver(TEXT, key)
    world.say(listed("8"))
    webhook_events.note(world.publishing, [OUT])
    assert sorted(world.record(key).state for key in ("a", "b")) == [State.PUBLISHED, State.SENT]
    world.say(listed("9", "8"))
    webhook_events.note(world.publishing, [OUT._replace(media_id="9")])
    assert {world.record(key).media_id for key in ("a", "b")} == {"8", "9"}


SILENT: list[GraphReply] = [silence(), reply(500), reply(401, graph_error(190)), reply(403, graph_error(4))]


@pytest.mark.parametrize("answer", SILENT, ids=range(len(SILENT)))
def test_a_look_that_fails_is_no_failure(answer: GraphReply) -> None:
    """Where Threads does not show the account's posts the notice is done with: the next delivery looks."""
    world = World()
    before = unanswered(world)
    world.say(answer)
    webhook_events.note(world.publishing, [OUT])
    assert world.record() == before


@pytest.mark.parametrize("change", [{"status": "reconnect_required"}, {"accessToken": "x"}])
def test_an_account_that_cannot_ask_is_not_asked(change: dict[str, Any]) -> None:
    """Without a token that works there is no look, and no failure."""
    world = World()
    before = unanswered(world)
    world.change_account(ACCOUNT, **change)
    webhook_events.note(world.publishing, [OUT])
    assert world.record() == before
    assert world.graph.is_done()


ENDED: dict[str, Callable[[World, Record], Record]] = {
    "unknown": lambda world, record: record.left_unknown({"code": "outcome_unknown"}, world.clock.now),
    "failed": lambda world, record: record.failed({"code": "x"}, world.clock.now),
}


@pytest.mark.parametrize("ended", ENDED.values(), ids=ENDED)
def test_what_has_ended_is_left_alone(ended: Callable[[World, Record], Record]) -> None:
    """A notice does not wake what has ended: nothing leaves those states."""
    world = World()
    before = ended(world, unanswered(world))
    world.put_post(post_id("key"), before)
    webhook_events.note(world.publishing, [OUT])
    assert (world.record(), world.graph.is_done()) == (before, True)


def test_a_container_is_left_to_its_status() -> None:
    """An image's container says itself whether it is published: a post like it proves nothing."""
    world = World()
    world.deaths.next = "after commit ARMED"
    world.say(made("7"))
    with pytest.raises(Died):
        world.deliver(IMAGE)
    world.clock.forward(seconds=LEASE.total_seconds())
    before = world.record()
    webhook_events.note(world.publishing, [OUT])
    assert (world.record(), world.calls) == (before, ["create_container"])


def test_a_failing_firestore_makes_meta_repeat() -> None:
    """Trouble of ours is told, so that the notice comes again."""
    world = World()
    unanswered(world)
    world.wire.fails = 1
    with pytest.raises(ServiceUnavailable):
        webhook_events.note(world.publishing, [OUT])


def test_each_user_of_an_account_is_looked_after() -> None:
    """The same account with two users may have a text of each that is looked for."""
    world = World()
    record = unanswered(world)
    world.connect(ACCOUNT, uid="bob")
    world.put_post("p", record, "bob")
    world.say(listed("8", "9"), listed("8", "9"))
    webhook_events.note(world.publishing, [OUT])
    theirs = world.post("p", "bob")
    assert theirs
    assert {world.record().media_id, theirs.record.media_id} == {"8", "9"}


# --- many events at once ------------------------------------------------------------------------------------


def slow(world: World, *, seconds: float = 10) -> list[GraphRequest]:
    """Let Threads list nothing, slowly, and return the requests that it gets."""
    asked: list[GraphRequest] = []

    def empty(request: GraphRequest) -> GraphReply:
        asked.append(request)
        world.clock.forward(seconds=seconds)
        return listed()

    world.say(*[empty] * 200)
    return asked


def test_a_post_is_searched_for_once() -> None:
    """However many events could be about it: a dozen of them cost one list."""
    world = World()
    unanswered(world)
    world.clock.forward(seconds=5)
    asked = slow(world)
    webhook_events.note(world.publishing, [OUT._replace(media_id=str(it)) for it in range(100, 112)])
    assert len(asked) == 1


def test_a_notification_that_takes_too_long_is_repeated() -> None:
    """It ends in its time, and Meta repeats it. Each repetition begins elsewhere, so all gets its turn."""
    world = World()
    events = []
    for number in range(100, 112):
        account_id = str(number)
        world.connect(account_id, f"token{number}")
        record = new_record(account_id, TEXT, NOW).leased("other", NOW).sending(NOW).released(NOW, {})
        world.put_post(f"post{number}", record)
        events.append(OUT._replace(media_id=f"9{number}", username=f"user{number}"))
    world.clock.forward(seconds=5)
    asked = slow(world)
    for _ in range(40):
        began = world.clock()
        with pytest.raises(ServiceUnavailable):
            webhook_events.note(world.publishing, events)
        assert world.clock() - began <= webhook_events.NOTE_TIME + timedelta(seconds=10)
    assert len(asked) == 40 * 3
    assert {request.token for request in asked} == {Secret(f"token{number}") for number in range(100, 112)}


def test_no_number_of_slow_users_keeps_a_text_from_being_found() -> None:
    """They have written another's name into large documents. Meta repeats what was not looked at."""
    world = World()
    unanswered(world)
    world.clock.forward(seconds=5)
    world.say(listed("8"))
    planted = [account_path(f"a{number}", ACCOUNT) for number in range(20)]
    for path in planted:
        world.database.put(path, {"profile": {"username": USERNAME}})

    def intercept(call: Call[Any]) -> Callable[[], None] | None:
        if call.kind == "get" and call.paths[0] in planted:
            world.clock.forward(seconds=3)
        return world.wire.intercept(call)

    world.firestore.intercept = intercept
    for _ in range(40):
        with pytest.raises(ServiceUnavailable):
            webhook_events.note(world.publishing, [OUT._replace(media_id="9")])
    assert world.record().media_id == "8"


def test_a_long_list_is_given_up_in_time() -> None:
    """A list of many slow pages ends with the notification's time, and Meta repeats it."""
    world = World()
    unanswered(world)
    world.clock.forward(seconds=5)

    def page(_request: GraphRequest) -> GraphReply:
        world.clock.forward(seconds=10)
        return page_of(listed("1", text="another"), "more")

    world.say(*[page] * 20)
    began = world.clock()
    with pytest.raises(ServiceUnavailable):
        webhook_events.note(world.publishing, [OUT])
    assert world.clock() - began == webhook_events.NOTE_TIME
