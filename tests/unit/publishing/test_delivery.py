"""A delivery's walk: wherever it is, what it asks of Threads next, and what it has written before that."""

from datetime import datetime, timedelta
from typing import NamedTuple

import pytest

from tests.unit.support import HTML, TOKEN, graph_error, reply
from tests.unit.world import (
    ACCOUNT,
    IMAGE,
    NOW,
    TEXT,
    UID,
    VIDEO,
    Died,
    Said,
    World,
    is_,
    listed,
    made,
    page_of,
    post_id,
    quota,
    silence,
)
from threads.base.errors import (
    OUTAGE_PAUSE,
    IdempotencyMismatch,
    InProgress,
    MissingScope,
    QuotaExceeded,
    RateLimited,
    ReconnectRequired,
    ServiceUnavailable,
    ThreadsUnavailable,
)
from threads.graph.client import CALL_DEADLINE
from threads.graph.error_codes import NOT_SENT
from threads.graph.protocol import GraphReply, GraphRequest
from threads.posts.content import Content
from threads.posts.ledger import (
    BUDGET,
    CLOCK_ALLOWANCE,
    LEASE,
    RECORD_LIFETIME,
    SETTLE,
    State,
    new_record,
)
from threads.publishing.retry_rules import (
    ACCOUNT_LIMIT,
    FOLLOW_UP,
    LASTING_ERROR,
    LOOKS_AT_ONCE,
    NEW_CONTAINER,
    PROCESSING_TIME,
)

OUTAGE = reply(503, graph_error(2, None, "Service temporarily unavailable"))
PUBLISHED_ALL_THE_SAME = reply(500, graph_error(10, None, "Application does not have permission"))
MISSING = reply(400, graph_error(24, 4279009, "The requested resource does not exist"))
LIMIT = reply(403, graph_error(4, None, "Application request limit reached"))
DEAD = reply(401, graph_error(190, 463, "Session has expired"))
BLOCK = reply(403, graph_error(4, 2207051, "Action is blocked"))
BAD_CONTENT = reply(400, graph_error(100, None, "Param text is not right", error_user_msg="Too rude."))
NOT_FETCHED = reply(400, graph_error(9004, 2207052, "Media download has failed"))
WELL = reply(200, {"id": ACCOUNT})

CREATE, LOOK, PUBLISH = "create_container", "read_container", "publish_container"
LIST, WHO, QUOTA = "list_posts", "ask_witness", "read_quota"


def in_pictures(at: datetime = NOW, *media_ids: str) -> GraphReply:
    """Return the account's posts when they are images."""
    return listed(*(media_ids or ("8",)), kind="IMAGE", at=at)


# --- a text in a single call --------------------------------------------------------------------------------


def test_a_text_is_published_in_one_call() -> None:
    """A text costs one call to Threads and two commits: the claim is the write-ahead."""
    world = World()
    world.say(made("8"))
    record = world.deliver()
    assert world.trail == ["commit SENT", CREATE, "commit PUBLISHED"]
    assert (record.state, record.media_id, record.status) == (State.PUBLISHED, "8", "published")
    assert world.graph.requests[0].form == {
        "media_type": "TEXT",
        "text": "hello",
        "auto_publish_text": "true",
    }
    assert world.claims == {"8": (UID, post_id("key"))}


def test_that_a_text_may_be_out_is_written_before_it_is_sent() -> None:
    """While Threads is asked to publish, the record says so, since when, and who is at it."""
    world = World()
    world.say(world.noting(made("8")))
    world.deliver()
    [seen] = world.seen
    assert (seen.state, seen.ambiguous, seen.sent_at) == (State.SENT, True, NOW)
    assert (seen.owner, seen.lease_until, seen.attempts) == ("delivery-1", NOW + LEASE, 1)
    assert seen.settles_at == NOW + SETTLE


REFUSALS: list[tuple[list[Said], str, list[str]]] = [
    ([BAD_CONTENT, WELL], "rejected_by_threads", [CREATE, WHO]),
    ([BLOCK], "rejected_by_threads", [CREATE]),
    ([reply(400, graph_error(368))], "rejected_by_threads", [CREATE]),
    ([reply(403, graph_error(10))], "missing_scope", [CREATE]),
    ([DEAD, DEAD], "reconnect_required", [CREATE, WHO]),
    ([BAD_CONTENT, DEAD], "reconnect_required", [CREATE, WHO]),
    ([BAD_CONTENT, OUTAGE], "rejected_by_threads", [CREATE, WHO]),
]


@pytest.mark.parametrize("content", [TEXT, IMAGE], ids=["text", "image"])
@pytest.mark.parametrize(("said", "code", "calls"), REFUSALS, ids=range(len(REFUSALS)))
def test_a_definite_refusal_ends_the_post(
    content: Content, said: list[Said], code: str, calls: list[str]
) -> None:
    """What Threads refuses for good is not sent again, by this delivery or by a later one."""
    world = World()
    world.say(*said)
    record = world.deliver(content, by_task=True)
    assert (record.state, record.media_id, record.ambiguous) == (State.FAILED, None, False)
    assert record.error
    assert record.error["code"] == code
    assert record.error["retryable"] is False
    assert ("scopes" in record.error) is (code == "missing_scope")
    if record.next_action != "reconnect":
        assert world.deliver(content) == record
    assert world.calls == calls


def test_a_dead_token_is_noted_on_the_account() -> None:
    """Later posts learn from the account that it has to be connected again; the failed one says so, too."""
    world = World()
    world.say(DEAD, DEAD)
    record = world.deliver(by_task=True)
    assert world.is_marked()
    assert world.account().fields["updatedAt"] == NOW
    assert world.card()["statusReason"] == "token_rejected"
    assert record.next_action == "reconnect"


def test_a_note_that_cannot_be_written_does_not_keep_a_post_open() -> None:
    """Where the account cannot be changed the post has failed all the same."""
    world = World()

    def dies(_request: GraphRequest) -> GraphReply:
        world.wire.refuses = "/accounts"
        return DEAD

    world.say(DEAD, dies)
    assert world.deliver(by_task=True).state is State.FAILED
    world.wire.refuses = None
    assert not world.is_marked()


@pytest.mark.parametrize("answers", [[DEAD, DEAD], [reply(403, graph_error(10))]], ids=["token", "scope"])
@pytest.mark.parametrize("content", [TEXT, IMAGE], ids=["text", "image"])
def test_connected_again_the_same_request_goes_on(content: Content, answers: list[GraphReply]) -> None:
    """What the account's owner can mend does not end a post of the web app: its key stays good."""
    world = World()
    world.say(*answers)
    with pytest.raises((ReconnectRequired, MissingScope)):
        world.deliver(content)
    left = world.record()
    assert (left.state, left.owner, left.ambiguous) == (State.NEW, None, False)
    world.say(*([made("8")] if content is TEXT else [made("7"), is_("FINISHED"), made("8")]))
    assert world.deliver(content).media_id == "8"


def test_a_refusal_that_hides_no_dead_token_marks_nothing() -> None:
    """A content that is refused leaves the account connected."""
    world = World()
    world.say(BAD_CONTENT, WELL)
    record = world.deliver()
    assert not world.is_marked()
    assert record.error
    assert record.error["message"] == "Threads says: Too rude."


UNCLEAR: list[GraphReply] = [
    OUTAGE,
    PUBLISHED_ALL_THE_SAME,
    reply(502, HTML),
    reply(200, b'{"id": "178'),
    reply(200, {"success": True}),
    reply(400, graph_error(99999)),
    silence(),
    silence("ConnectionError"),
]
"""Answers after which nobody knows whether the post is out."""


@pytest.mark.parametrize("answer", UNCLEAR, ids=range(len(UNCLEAR)))
def test_a_text_that_may_be_out_is_looked_for_and_not_sent_again(answer: GraphReply) -> None:
    """After an unclear answer the same request is 503; the next delivery finds the post and adopts it."""
    world = World()
    world.say(answer, listed())
    with pytest.raises(ThreadsUnavailable) as unclear:
        world.deliver()
    assert unclear.value.retry_after == SETTLE
    left = world.record()
    assert (left.state, left.ambiguous, left.owner, left.status) == (State.SENT, True, None, "processing")
    assert left.settles_at == NOW + SETTLE
    world.clock.forward(seconds=45)
    world.say(listed("8"))
    record = world.deliver()
    assert (record.state, record.media_id, record.is_found) == (State.PUBLISHED, "8", True)
    assert world.calls == [CREATE, LIST, LIST]


def test_a_text_is_found_in_the_same_delivery() -> None:
    """A post that is listed at once needs no second delivery."""
    world = World()
    world.say(PUBLISHED_ALL_THE_SAME, listed("8"))
    assert world.deliver().media_id == "8"


def test_the_permalink_is_kept_from_the_search() -> None:
    """A post that was found comes with its address: nobody has to ask for it."""
    world = World()
    world.say(silence(), listed("8"))
    assert world.deliver().permalink == "https://www.threads.com/@ada/post/8"


def test_a_text_that_is_not_there_yet_is_waited_for() -> None:
    """Before it is certain that a text will not appear, each delivery is told the rest of the wait."""
    world = World()
    world.say(silence(), listed())
    with pytest.raises(ThreadsUnavailable):
        world.deliver()
    for seconds, rest in ((100, 140), (139, 1)):
        world.clock.forward(seconds=seconds)
        world.say(listed())
        with pytest.raises(ThreadsUnavailable) as unclear:
            world.deliver()
        assert unclear.value.retry_after == timedelta(seconds=rest)
    assert CREATE not in world.calls[1:]


def test_a_text_that_never_came_goes_by_a_container() -> None:
    """Once it is certain that a text is not out it is published by a container, whose status tells."""
    world = World()
    world.say(silence(), listed())
    with pytest.raises(ThreadsUnavailable):
        world.deliver()
    world.clock.now = NOW + SETTLE
    world.say(listed(), made("7"), is_("FINISHED"), world.noting(made("8")))
    record = world.deliver()
    assert world.calls[2:] == [LIST, CREATE, LOOK, PUBLISH]
    assert world.graph.requests[3].form == {"media_type": "TEXT", "text": "hello"}
    assert (record.state, record.media_id) == (State.PUBLISHED, "8")
    [seen] = world.seen
    assert (seen.by_container, seen.container_id, seen.sent_at) == (True, "7", NOW + SETTLE)


def test_a_text_by_container_does_not_go_back_to_the_single_call() -> None:
    """A text that has come to its container stays there, however often that is lost."""
    world = World()
    world.say(silence(), listed())
    with pytest.raises(ThreadsUnavailable):
        world.deliver()
    world.clock.now = NOW + SETTLE
    world.say(listed(), OUTAGE)
    with pytest.raises(ThreadsUnavailable):
        world.deliver()
    world.say(made("7"), is_("FINISHED"), made("8"))
    world.deliver()
    assert [request.form for request in world.graph.requests if request.step == CREATE][1:] == [
        {"media_type": "TEXT", "text": "hello"}
    ] * 2


def test_a_text_that_did_not_leave_is_sent_again() -> None:
    """A request that has certainly not left is followed by another one, without any wait."""
    world = World()
    world.say(silence(NOT_SENT))
    with pytest.raises(ThreadsUnavailable):
        world.deliver()
    assert (world.record().state, world.record().ambiguous) == (State.NEW, False)
    world.say(made("8"))
    assert world.deliver().media_id == "8"
    assert world.calls == [CREATE, CREATE]


def test_a_container_whose_publication_did_not_leave_is_as_it_was() -> None:
    """A call that has certainly not left needs no look: nothing is out, and the next delivery publishes."""
    world = World()
    world.say(made("7"), is_("FINISHED"), silence(NOT_SENT))
    with pytest.raises(ThreadsUnavailable):
        world.deliver(IMAGE)
    assert (world.record().state, world.record().ambiguous) == (State.ARMED, False)
    world.say(is_("FINISHED"), made("8"))
    assert world.deliver(IMAGE).media_id == "8"
    assert world.calls == [CREATE, LOOK, PUBLISH, LOOK, PUBLISH]


OTHERS: list[GraphReply] = [
    listed("9", text="hello!"),
    listed("9", text="Hello"),
    listed("9", kind="IMAGE"),
    listed("9", kind="REPOST_FACADE"),
    listed("9", at=NOW - CLOCK_ALLOWANCE - timedelta(seconds=1)),
]


@pytest.mark.parametrize("posts", OTHERS, ids=range(len(OTHERS)))
def test_another_post_is_not_adopted(posts: GraphReply) -> None:
    """A post with another text, of another kind, or from before the request is somebody else's."""
    world = World()
    world.say(silence(), posts)
    with pytest.raises(ThreadsUnavailable):
        world.deliver()
    assert world.claims == {}


SAME: list[GraphReply] = [
    listed("8", text=" hello\n"),
    listed("8", at=NOW - CLOCK_ALLOWANCE),
    listed("8", at=NOW + timedelta(minutes=3)),
]


@pytest.mark.parametrize("posts", SAME, ids=range(len(SAME)))
def test_a_post_is_known_by_its_text_and_time(posts: GraphReply) -> None:
    """White space at the ends, and clocks that are a minute apart, make no other post of it."""
    world = World()
    world.say(silence(), posts)
    assert world.deliver().media_id == "8"


def test_a_post_is_looked_for_on_every_page() -> None:
    """An account with many posts has several pages of them, and the post may be on the last one."""
    world = World()
    world.say(silence(), page_of(listed("9", text="x"), "a"), page_of(listed("8"), "b"), listed())
    assert world.deliver().media_id == "8"
    asked = [request.query.get("after") for request in world.graph.requests if request.step == LIST]
    assert asked == [None, "a", "b"]


def test_half_of_the_pages_prove_nothing() -> None:
    """Where a page cannot be had the post counts neither as found nor as missing."""
    world = World()
    world.say(silence(), page_of(listed("9", text="x"), "a"), OUTAGE)
    with pytest.raises(ThreadsUnavailable):
        world.deliver()
    assert (world.record().state, world.record().ambiguous) == (State.SENT, True)


def test_two_posts_with_one_text_take_two_media_ids() -> None:
    """Of two equal posts on the account each request adopts one, and a third request none."""
    world = World()
    adopted = {}
    for key in ("a", "b"):
        world.say(silence(), listed("9", "8"))
        adopted[world.deliver(key=key).media_id] = (UID, post_id(key))
    world.say(silence(), listed("9", "8"))
    with pytest.raises(ThreadsUnavailable):
        world.deliver(key="c")
    assert adopted.keys() == {"8", "9"}
    assert world.claims == adopted


def test_an_answered_id_beats_one_that_was_found() -> None:
    """Who is answered the id that an equal post has found takes it, and the other one looks for its own."""
    world = World()
    world.say(silence(), listed("8"))
    assert world.deliver(key="found").is_found
    world.say(made("8"))
    answered = world.deliver(key="answered")
    assert (answered.state, answered.media_id, answered.is_found) == (State.PUBLISHED, "8", False)
    assert world.claims == {"8": (UID, post_id("answered"))}
    left = world.record("found")
    assert (left.state, left.ambiguous, left.media_id, left.owner) == (State.SENT, True, None, None)
    assert left.settles_at == NOW + SETTLE
    world.say(listed("9", "8"))
    assert world.deliver(key="found").media_id == "9"


def test_what_was_deleted_is_the_post_that_gets_the_id() -> None:
    """The owner deletes the post that was found. Whose it is, is deleted; the other one is still to come."""
    world = World()
    world.say(silence(), listed("8"))
    world.deliver(key="found")
    world.put_post(post_id("found"), world.record("found").deleted(NOW))
    world.say(made("8"))
    answered = world.deliver(key="answered")
    assert (answered.status, answered.media_id, answered.deleted_at) == ("deleted", "8", NOW)
    assert (world.record("found").status, world.record("found").deleted_at) == ("processing", None)


def test_a_media_id_that_another_post_was_answered_is_not_taken_away() -> None:
    """Threads answers an id once. Whoever seems to get it a second time looks for its own post later."""
    world = World()
    world.claim("8", post_id("other"))
    world.say(made("8"))
    with pytest.raises(ServiceUnavailable):
        world.deliver()
    left = world.record()
    assert (left.state, left.ambiguous, left.owner, left.media_id) == (State.SENT, True, None, None)
    world.say(listed("9", "8"))
    assert world.deliver().media_id == "9"
    assert world.calls == [CREATE, LIST]


# --- a container --------------------------------------------------------------------------------------------

HAPPY = [
    *("commit NEW", CREATE, "commit ARMED", LOOK),
    *("commit ARMED", PUBLISH, "commit PUBLISHED"),
]
"""Claim, container, intent, post."""


def test_an_image_is_published_in_two_steps() -> None:
    """Container and intent are in the ledger before the call that needs them, and the media id after it."""
    world = World()
    world.say(made("7"), world.noting(is_("FINISHED")), world.noting(made("8")))
    record = world.deliver(IMAGE)
    assert world.trail == HAPPY
    armed, intended = world.seen
    assert (armed.container_id, armed.container_at, armed.ambiguous) == ("7", NOW, False)
    assert (intended.ambiguous, intended.sent_at, intended.settles_at) == (True, NOW, NOW + SETTLE)
    assert (record.state, record.media_id, record.owner) == (State.PUBLISHED, "8", None)


def test_a_text_in_two_steps_goes_the_way_of_an_image() -> None:
    """Where the configuration says two_step, a text has a container, too."""
    world = World(TEXT_MODE="two_step")
    world.say(made("7"), is_("FINISHED"), made("8"))
    world.deliver()
    assert world.trail == HAPPY
    assert world.graph.requests[0].form == {"media_type": "TEXT", "text": "hello"}


def test_what_create_did_not_answer_costs_a_container() -> None:
    """A container that nobody heard of is harmless: the next delivery creates another."""
    world = World()
    world.say(silence())
    with pytest.raises(ThreadsUnavailable):
        world.deliver(IMAGE)
    assert (world.record().state, world.record().ambiguous) == (State.NEW, False)
    world.say(made("7"), is_("FINISHED"), made("8"))
    assert world.deliver(IMAGE).media_id == "8"


@pytest.mark.parametrize("answer", UNCLEAR, ids=range(len(UNCLEAR)))
def test_a_container_that_was_published_all_the_same_is_adopted(answer: GraphReply) -> None:
    """After an unclear answer the container's status tells, and the account's posts tell the media id."""
    world = World()
    world.say(made("7"), is_("FINISHED"), answer, is_("PUBLISHED"), in_pictures())
    record = world.deliver(IMAGE)
    assert world.calls == [CREATE, LOOK, PUBLISH, LOOK, LIST]
    assert (record.state, record.media_id) == (State.PUBLISHED, "8")
    assert record.permalink == "https://www.threads.com/@ada/post/8"


@pytest.mark.parametrize("answer", [BAD_CONTENT, LIMIT, DEAD, BLOCK, MISSING], ids=range(5))
def test_a_refusal_of_publish_is_not_believed_before_a_look(answer: GraphReply) -> None:
    """A container that is published is, whatever the call that published it has answered."""
    world = World()
    world.say(made("7"), is_("FINISHED"), answer, is_("PUBLISHED"), in_pictures())
    assert world.deliver(IMAGE).media_id == "8"
    assert not world.is_marked()


def test_a_container_is_published_once_in_a_delivery() -> None:
    """After an unclear answer an unpublished container is left to the next delivery, which publishes it."""
    world = World()
    world.say(made("7"), is_("FINISHED"), OUTAGE, is_("FINISHED"))
    with pytest.raises(ThreadsUnavailable) as unclear:
        world.deliver(IMAGE)
    assert unclear.value.retry_after == SETTLE
    left = world.record()
    assert (left.state, left.ambiguous, left.container_id, left.owner) == (State.ARMED, True, "7", None)
    world.clock.forward(seconds=30)
    world.say(is_("FINISHED"), made("8"))
    assert world.deliver(IMAGE).media_id == "8"
    assert world.calls == [CREATE, LOOK, PUBLISH, LOOK, LOOK, PUBLISH]


def test_a_refusal_says_nothing_about_an_earlier_call() -> None:
    """Until an unclear call has settled, what a later one is refused does not make the post a failed one."""
    world = World()
    world.say(made("7"), is_("FINISHED"), OUTAGE, is_("FINISHED"))
    with pytest.raises(ThreadsUnavailable):
        world.deliver(IMAGE)
    world.clock.forward(seconds=239)
    world.say(is_("FINISHED"), BLOCK, is_("FINISHED"))
    with pytest.raises(ThreadsUnavailable):
        world.deliver(IMAGE)
    world.clock.forward(seconds=1)
    world.say(is_("FINISHED"), BLOCK, is_("FINISHED"))
    assert world.deliver(IMAGE).state is State.FAILED


def test_a_look_that_is_refused_says_nothing_of_the_post() -> None:
    """While the post may be out, a refusal to show it is no answer: another delivery asks again."""
    world = World()
    world.graph.always = {WHO: WELL}
    world.say(made("7"), is_("FINISHED"), OUTAGE, reply(400, graph_error(31415)))
    world.say(listed())
    with pytest.raises(ThreadsUnavailable):
        world.deliver(IMAGE)
    world.say(is_("PUBLISHED"), in_pictures(NOW))
    assert world.deliver(IMAGE).state is State.PUBLISHED


def test_a_published_container_whose_post_is_not_listed_is_waited_for() -> None:
    """The post is out: who cannot find its id yet comes back, and after all tells its owner to look."""
    world = World(has_queue=False)
    earlier = in_pictures(NOW - timedelta(minutes=2))
    world.say(made("7"), is_("FINISHED"), silence(), *[is_("PUBLISHED"), earlier] * (LOOKS_AT_ONCE + 1))
    with pytest.raises(ThreadsUnavailable) as unclear:
        world.deliver(IMAGE)
    assert SETTLE - timedelta(seconds=5) < (unclear.value.retry_after or SETTLE) <= SETTLE
    left = world.record()
    assert (left.out_since, left.status) == (NOW, "processing")
    world.graph.always = {LOOK: is_("PUBLISHED"), LIST: earlier}
    world.clock.now = NOW + SETTLE - timedelta(seconds=10)
    with pytest.raises(ThreadsUnavailable):
        world.deliver(IMAGE)
    world.clock.now = NOW + SETTLE
    for _ in range((LASTING_ERROR.times or 0) - 1):
        with pytest.raises(ThreadsUnavailable):
            world.deliver(IMAGE)
    record = world.deliver(IMAGE)
    assert (record.state, record.status, record.next_action) == (State.UNKNOWN, "unknown", "check_account")
    assert world.calls.count(PUBLISH) == 1


def test_a_task_looks_for_the_id_of_a_published_container() -> None:
    """With a queue, a task looks for an id that no list shows yet, and nobody has to wait for it."""
    world = World()
    world.say(made("7"), is_("FINISHED"), OUTAGE, is_("PUBLISHED"), listed())
    record = world.deliver(IMAGE, by_task=True)
    assert (record.state, record.status, record.owner) == (State.ARMED, "processing", None)
    world.clock.now = world.tasks.created[-1].due_at
    world.say(is_("PUBLISHED"), in_pictures())
    assert world.deliver_again(by_task=True).media_id == "8"
    assert world.clock.pauses == []


REFUSED_TO_PUBLISH: list[tuple[GraphReply, list[Said], str]] = [
    (BAD_CONTENT, [is_("FINISHED"), WELL], "rejected_by_threads"),
    (BLOCK, [is_("FINISHED")], "rejected_by_threads"),
    (DEAD, [is_("FINISHED"), DEAD], "reconnect_required"),
    (DEAD, [DEAD, DEAD], "reconnect_required"),
    (reply(403, graph_error(200)), [is_("FINISHED")], "missing_scope"),
]


@pytest.mark.parametrize(("answer", "then", "code"), REFUSED_TO_PUBLISH, ids=range(len(REFUSED_TO_PUBLISH)))
def test_a_refusal_of_publish_is_believed_after_a_look(
    answer: GraphReply, then: list[Said], code: str
) -> None:
    """Where the container shows that nothing is out, what Threads refused for good ends the post."""
    world = World()
    world.say(made("7"), is_("FINISHED"), answer, *then)
    record = world.deliver(IMAGE, by_task=True)
    assert (record.state, (record.error or {})["code"]) == (State.FAILED, code)
    assert world.is_marked() is (code == "reconnect_required")
    assert world.graph.is_done()


def test_a_container_that_is_not_there_yet_is_published_a_moment_later() -> None:
    """24/4279009 on a young container is a race: the same container is published again."""
    world = World()
    world.say(made("7"), is_("FINISHED"), MISSING, is_("FINISHED"), WELL, is_("FINISHED"), made("8"))
    assert world.deliver(IMAGE).media_id == "8"
    assert world.calls == [CREATE, LOOK, PUBLISH, LOOK, WHO, LOOK, PUBLISH]
    assert world.clock.pauses == [1]


def test_a_container_that_cannot_be_published_is_replaced() -> None:
    """A container that is finished, and that publish does not know after a minute, is replaced."""
    world = World()
    world.graph.always = {LOOK: is_("FINISHED"), WHO: WELL}
    world.say(made("7"), world.after(60, MISSING), made("17"), made("8"))
    record = world.deliver(IMAGE)
    assert (record.media_id, record.replaced) == ("8", 1)
    assert [request.form for request in world.graph.requests if request.step == PUBLISH] == [
        {"creation_id": "7"},
        {"creation_id": "17"},
    ]


def test_a_container_is_lost_a_minute_after_it_was_made() -> None:
    """A container that Threads denies is asked for until it is a minute old, and only then replaced."""
    world = World()
    world.graph.always = {WHO: WELL}
    world.say(made("7"), MISSING)
    world.deliver(IMAGE, by_task=True)
    for seconds in (3, 30):
        world.clock.now = world.tasks.created[-1].due_at
        world.say(MISSING)
        assert world.deliver_again(by_task=True).replaced == 0, seconds
    world.clock.now = world.tasks.created[-1].due_at
    world.say(MISSING, made("17"), is_("FINISHED"), made("8"))
    assert world.deliver_again(by_task=True).replaced == 1


TELLS_NOTHING = [MISSING, is_("EXPIRED"), is_("ERROR", "UNKNOWN")]


@pytest.mark.parametrize("gone", TELLS_NOTHING, ids=["lost", "expired", "error"])
@pytest.mark.parametrize("answer", [silence(), OUTAGE, PUBLISHED_ALL_THE_SAME], ids=range(3))
def test_after_an_unclear_publication_no_other_container_is_published(
    answer: GraphReply, gone: GraphReply
) -> None:
    """A container that was perhaps published, and tells nothing any more, is looked for, not replaced."""
    world = World()
    world.graph.always = {WHO: WELL}
    world.say(made("7"), world.after(60, is_("FINISHED")), answer, gone, listed())
    with pytest.raises(ThreadsUnavailable) as unclear:
        world.deliver(IMAGE)
    assert unclear.value.retry_after == SETTLE
    assert (world.record().ambiguous, world.record().container_id) == (True, "7")
    world.clock.forward(seconds=239)
    world.say(gone, listed())
    with pytest.raises(ThreadsUnavailable):
        world.deliver(IMAGE)
    world.clock.forward(seconds=1)
    for _ in range((LASTING_ERROR.times or 0) - 1):
        world.say(gone, listed())
        with pytest.raises(ThreadsUnavailable) as unclear:
            world.deliver(IMAGE)
        assert unclear.value.retry_after == OUTAGE_PAUSE
    world.say(gone, listed())
    record = world.deliver(IMAGE)
    assert (record.state, record.next_action) == (State.UNKNOWN, "check_account")
    assert world.calls.count(CREATE) == world.calls.count(PUBLISH) == 1


def test_a_container_of_an_unclear_call_is_not_replaced_after_it_has_settled() -> None:
    """However clearly a later call to publish it is refused: Threads may still carry the first one out."""
    world = World()
    world.graph.always = {WHO: WELL}
    world.say(made("7"), is_("FINISHED"), silence(), is_("FINISHED"))
    with pytest.raises(ThreadsUnavailable):
        world.deliver(IMAGE)
    world.clock.forward(seconds=300)
    world.say(is_("FINISHED"), MISSING, is_("FINISHED"), listed())
    with pytest.raises(ThreadsUnavailable):
        world.deliver(IMAGE)
    world.say(is_("FINISHED"), made("8"))
    assert world.deliver(IMAGE).media_id == "8"
    assert world.calls.count(CREATE) == 1


def test_a_lost_container_that_was_published_is_found() -> None:
    """The account's posts are asked at each delivery, until the post must have appeared."""
    world = World()
    world.graph.always = {WHO: WELL}
    world.say(made("7"), world.after(60, is_("FINISHED")), silence(), MISSING, listed())
    with pytest.raises(ThreadsUnavailable):
        world.deliver(IMAGE)
    world.clock.forward(seconds=200)
    world.say(MISSING, in_pictures(NOW + timedelta(minutes=2)))
    assert world.deliver(IMAGE).media_id == "8"
    assert world.calls.count(CREATE) == 1


def test_a_container_that_went_wrong_after_a_refusal_is_replaced() -> None:
    """Threads has refused to publish it, and says that it cannot: nothing is out."""
    world = World()
    world.say(made("7"), is_("FINISHED"), BLOCK, is_("ERROR", "UNKNOWN"))
    assert world.deliver(IMAGE).replaced == 1


INVALID = ["INVALID_ASPEC_RATIO", "INVALID_DURATION", "INVALID_AUDIO_CHANNEL_LAYOUT"]


@pytest.mark.parametrize("reason", INVALID)
def test_a_file_that_threads_cannot_use_ends_the_post(reason: str) -> None:
    """A file that is invalid stays invalid: one container, no publishing, and the reason is told."""
    world = World()
    world.say(made("7"), is_("ERROR", reason))
    record = world.deliver(VIDEO)
    assert world.calls == [CREATE, LOOK]
    assert (record.state, (record.error or {})["code"]) == (State.FAILED, "rejected_by_threads")
    assert reason in (record.error or {})["message"]


@pytest.mark.parametrize(
    "status",
    [
        is_("ERROR", "FAILED_PROCESSING_VIDEO"),
        is_("ERROR", "UNKNOWN"),
        is_("ERROR"),
        is_("ERROR", "NEW_WORD"),
        is_("EXPIRED"),
    ],
    ids=range(5),
)
def test_a_container_that_went_wrong_is_replaced_twice(status: GraphReply) -> None:
    """Threads' own faults pass within a minute: two more containers are tried, and then the post has failed.

    Tasks bring them. Only what has expired is replaced at once.
    """
    world = World()
    for number in range((NEW_CONTAINER.times or 0) + 1):
        world.say(made(str(70 + number)), status)
    record = world.deliver(VIDEO)
    pauses = []
    while record.follow_up_at:
        pauses.append((record.follow_up_at - world.clock.now).total_seconds())
        assert world.tasks.created[-1].due_at == record.follow_up_at
        world.clock.now = record.follow_up_at
        record = world.deliver_again(by_task=True)
    assert pauses == ([] if b"EXPIRED" in status.body else [30, 60])
    assert world.calls == [CREATE, LOOK] * 3
    assert (record.state, record.replaced, record.ambiguous) == (State.FAILED, 2, False)
    error = record.error or {}
    assert (error["code"], error["retryable"]) == ("given_up", False)
    assert error["nextAction"] == record.next_action == "publish_again"


def test_without_a_queue_a_new_container_waits_for_the_request_to_come_again() -> None:
    """Nobody sleeps for half a minute. The same request makes the new container, but not before its time."""
    world = World(has_queue=False)
    world.say(made("7"), is_("ERROR", "UNKNOWN"))
    for waits in (30, 20):
        with pytest.raises(ThreadsUnavailable) as left:
            world.deliver(VIDEO)
        assert left.value.retry_after == timedelta(seconds=waits)
        world.clock.forward(seconds=10)
    world.clock.forward(seconds=10)
    world.say(made("17"), is_("FINISHED"), made("8"))
    assert world.deliver(VIDEO).media_id == "8"


def test_who_reads_that_a_post_is_given_up_reads_what_was_tried() -> None:
    """The last message says what went wrong and how often it was tried, and promises nothing any more."""
    world = World()
    for _ in range(3):
        world.say(NOT_FETCHED)
    record = world.deliver(IMAGE, by_task=True)
    assert "We try again" in (record.error or {})["message"]
    while record.due_at:
        world.clock.now = record.due_at
        record = world.deliver_again(by_task=True)
    assert (record.error or {})["message"] == (
        "Threads could not fetch the file: its URL must be public. It was tried 3 times in 90 seconds, and "
        "is given up: publish it again, with a new idempotency key."
    )


@pytest.mark.parametrize("shown", ["\u00e9 b", "e\u0301\nb", "\u00e9 \n b "], ids=ascii)
def test_a_text_is_found_however_threads_writes_its_spaces(shown: str) -> None:
    """Line ends, blanks and composed accents may come back otherwise: that is still the same post."""
    world = World()
    world.say(silence(), listed("8", text=shown))
    assert world.deliver(Content({"text": "e\u0301\r\nb"})).state is State.PUBLISHED


def test_a_file_that_cannot_be_fetched_is_tried_thrice() -> None:
    """A file that Threads could not fetch is offered in three deliveries, and then the post has failed."""
    world = World()
    for _ in range(2):
        world.say(NOT_FETCHED)
        with pytest.raises(ThreadsUnavailable):
            world.deliver(IMAGE)
    world.say(NOT_FETCHED)
    record = world.deliver(IMAGE)
    assert (record.state, record.attempts) == (State.FAILED, 3)
    assert "could not fetch" in (record.error or {})["message"]


@pytest.mark.parametrize("answer", [NOT_FETCHED, MISSING], ids=["not fetched", "not found"])
def test_what_only_one_post_causes_is_left_to_a_task_of_its_own(answer: GraphReply) -> None:
    """A post's own content fails no task, not even in its last try: that would slow the queue for all."""
    world = World()
    world.graph.always = {WHO: WELL}
    world.say(*[answer] * 3)
    record, waits = world.deliver(IMAGE, by_task=True, is_last=True), []
    while record.due_at:
        waits.append((record.due_at - world.clock.now).total_seconds())
        assert (record.status, record.owner) == ("scheduled", None)
        assert world.tasks.created[-1].name == record.task
        world.clock.now = record.due_at
        record = world.deliver_again(by_task=True, is_last=True)
    assert waits == [30, 60]
    assert (record.state, record.attempts) == (State.FAILED, 3)


def test_what_only_one_post_causes_fails_its_task_where_no_other_task_can_be_created() -> None:
    """Then the queue's own next try goes on."""
    world = World(has_queue=False)
    world.say(NOT_FETCHED)
    with pytest.raises(ThreadsUnavailable):
        world.deliver(IMAGE, by_task=True)


# --- limits -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("content", [TEXT, IMAGE], ids=["text", "image"])
@pytest.mark.parametrize(("by_task", "has_queue"), [(False, True), (False, False), (True, False)])
def test_a_rate_limit_is_told_to_who_can_wait(
    content: Content,
    by_task: bool,  # noqa: FBT001 - a column
    has_queue: bool,  # noqa: FBT001 - a column
) -> None:
    """The web app gets the limit with its Retry-After, and may come again: nobody holds the post."""
    world = World(has_queue=has_queue)
    world.say(LIMIT, quota(3))
    with pytest.raises(RateLimited) as limit:
        world.deliver(content, by_task=by_task)
    assert limit.value.retry_after == timedelta(minutes=1)
    left = world.record()
    assert (left.state, left.owner, left.lease_until, left.ambiguous) == (State.NEW, None, None, False)
    assert (left.error or {})["code"] == "rate_limited"
    assert world.tasks.created == []
    assert world.calls == [CREATE, QUOTA]


@pytest.mark.parametrize("content", [TEXT, IMAGE], ids=["text", "image"])
def test_a_rate_limit_postpones_a_task(content: Content) -> None:
    """A task's post is left to a later task of ours: the queue has not to wait for one account."""
    world = World()
    world.say(LIMIT, quota(3))
    record = world.deliver(content, by_task=True)
    assert (record.state, record.status, record.owner) == (State.NEW, "scheduled", None)
    assert (record.due_at, record.postponed) == (NOW + timedelta(minutes=1), 1)
    [task] = world.tasks.created
    assert (task.name, task.uid, task.post_id, task.due_at) == (
        record.task,
        UID,
        post_id("key"),
        record.due_at,
    )
    assert record.due_at
    assert record.expires_at == record.due_at + RECORD_LIFETIME
    assert world.trail[-2:] == ["task", "commit NEW"]


def test_each_rate_limit_doubles_the_wait() -> None:
    """A limit that stays is met less and less often, down to once in an hour; then the post has failed."""
    world = World()
    waits = []
    world.say(LIMIT, quota(3))
    record = world.deliver(by_task=True)
    while record.due_at:
        waits.append((record.due_at - world.clock.now).total_seconds() / 60)
        world.clock.now = record.due_at
        world.say(LIMIT, quota(3))
        record = world.deliver_again(by_task=True)
    assert waits == [1, 2, 4, 8, 16, 32] + [60] * ((ACCOUNT_LIMIT.times or 0) - 6)
    assert (record.state, (record.error or {})["code"]) == (State.FAILED, "given_up")
    assert len({task.name for task in world.tasks.created}) == ACCOUNT_LIMIT.times


def test_a_wait_of_threads_own_is_not_doubled() -> None:
    """Where Threads says when to come back, that is when."""
    world = World()
    told = reply(403, graph_error(4), {"retry-after": "3600"})
    world.say(told, quota(3))
    record = world.deliver(by_task=True)
    for _ in range(6):
        assert record.due_at == world.clock.now + timedelta(hours=1)
        world.clock.now = record.due_at
        world.say(told, quota(3))
        record = world.deliver_again(by_task=True)


def test_a_spent_quota_is_told_as_such() -> None:
    """Where the limit is the day's quota, the web app is told to come in an hour."""
    world = World()
    world.say(LIMIT, quota(250))
    with pytest.raises(QuotaExceeded) as spent:
        world.deliver()
    assert spent.value.retry_after == timedelta(hours=1)


def test_a_spent_quota_postpones_a_task_by_hours() -> None:
    """A quota is asked for once in an hour, as it is one of a rolling day."""
    world = World()
    world.say(LIMIT, quota(250))
    record = world.deliver(by_task=True)
    for _ in range(3):
        assert record.due_at == world.clock.now + timedelta(hours=1)
        assert (record.error or {})["code"] == "quota_exceeded"
        world.clock.now = record.due_at
        world.say(LIMIT, quota(250))
        record = world.deliver_again(by_task=True)


@pytest.mark.parametrize("answer", [OUTAGE, reply(200, {}), silence()], ids=range(3))
def test_a_quota_that_is_not_told_is_not_spent(answer: GraphReply) -> None:
    """Without the quota's answer a limit is a limit."""
    world = World()
    world.say(LIMIT, answer)
    with pytest.raises(RateLimited) as limit:
        world.deliver()
    assert type(limit.value) is RateLimited


def test_a_limit_of_publish_is_believed_after_a_look() -> None:
    """A limit that meets a finished container leaves it for later, certainly unpublished."""
    world = World()
    world.say(made("7"), is_("FINISHED"), LIMIT, is_("FINISHED"), quota(3))
    record = world.deliver(IMAGE, by_task=True)
    assert (record.state, record.container_id, record.ambiguous) == (State.ARMED, "7", False)
    assert record.status == "scheduled"


def test_a_post_is_not_left_to_a_task_that_was_not_created() -> None:
    """Where Cloud Tasks does not take the task, nothing is written that counts on it."""
    world = World()
    world.tasks.is_out_of_order = True
    world.say(LIMIT, quota(3))
    with pytest.raises(RateLimited):
        world.deliver(by_task=True)
    left = world.record()
    assert (left.due_at, left.task, left.owner) == (None, None, None)


# --- media that takes its time ------------------------------------------------------------------------------


def test_media_in_progress_is_left_to_follow_up_tasks() -> None:
    """No process waits for a video: tasks look soon, after half a minute, and then once a minute."""
    world = World()
    world.graph.always = {LOOK: is_("IN_PROGRESS")}
    world.say(made("7"))
    record, waits = world.deliver(VIDEO, by_task=True), []
    while not record.is_terminal:
        assert (record.state, record.status, record.owner) == (State.ARMED, "processing", None)
        task = world.tasks.created[-1]
        assert task.name == record.task
        waits.append(task.due_at - world.clock.now)
        world.clock.now = task.due_at
        record = world.deliver_again(by_task=True)
    assert waits == [FOLLOW_UP.pause(number) for number in range(len(waits))]
    assert PROCESSING_TIME <= sum(waits, timedelta()) < PROCESSING_TIME + FOLLOW_UP.longest
    assert (record.state, (record.error or {})["code"]) == (State.FAILED, "rejected_by_threads")
    assert len({task.name for task in world.tasks.created}) == len(waits)
    assert PUBLISH not in world.calls
    assert world.clock.pauses == []


def test_a_person_waits_for_an_image_a_moment() -> None:
    """An image is usually ready within seconds, and then one request is enough."""
    world = World()
    world.say(made("7"), *[is_("IN_PROGRESS")] * LOOKS_AT_ONCE, is_("FINISHED"), made("8"))
    assert world.deliver(IMAGE).media_id == "8"
    assert world.clock.pauses == [1, 2]


def test_a_follow_up_publishes_what_is_finished() -> None:
    """The task finds the container finished and publishes it."""
    world = World()
    world.say(made("7"), *[is_("IN_PROGRESS")] * (LOOKS_AT_ONCE + 1))
    world.deliver(VIDEO)
    world.say(is_("FINISHED"), made("8"))
    assert world.deliver_again(by_task=True).media_id == "8"
    assert world.calls.count(CREATE) == 1


def test_without_a_queue_the_same_request_looks_again() -> None:
    """Nobody's thread waits for somebody's video: the caller is told when to come again."""
    world = World(has_queue=False)
    world.say(made("7"), *[is_("IN_PROGRESS")] * (LOOKS_AT_ONCE + 1))
    with pytest.raises(ThreadsUnavailable) as unfinished:
        world.deliver(VIDEO)
    assert unfinished.value.retry_after == FOLLOW_UP.first
    assert sum(world.clock.pauses) == 3
    left = world.record()
    assert (left.state, left.owner, left.container_id, left.ambiguous) == (State.ARMED, None, "7", False)
    assert world.graph.is_done()


SLOW = CALL_DEADLINE.total_seconds() - 1


@pytest.mark.parametrize("has_queue", [True, False])
def test_nothing_is_published_after_the_budget(has_queue: bool) -> None:  # noqa: FBT001 - a column
    """However slow Threads answers, no call that may publish begins after the time of this delivery."""
    world = World(has_queue=has_queue)
    world.say(world.after(SLOW, made("7")), world.after(BUDGET.total_seconds() - SLOW, is_("FINISHED")))
    with pytest.raises(ThreadsUnavailable):
        world.deliver(IMAGE)
    left = world.record()
    assert (left.state, left.ambiguous, left.sent_at, left.owner) == (State.ARMED, False, None, None)
    world.say(is_("FINISHED"), made("8"))
    assert world.deliver(IMAGE).media_id == "8"


def test_a_text_is_not_sent_by_a_process_that_was_asleep() -> None:
    """The clock is looked at after the claim: a commit that took too long is followed by no call."""
    world = World()
    world.wire.before_commit = lambda number: world.clock.forward(seconds=100) if number == 1 else None
    with pytest.raises(ThreadsUnavailable):
        world.deliver()
    left = world.record()
    assert (left.state, left.ambiguous, left.owner) == (State.NEW, False, None)
    assert world.calls == []


def test_no_container_is_made_by_a_process_that_was_asleep() -> None:
    """The same holds for a container, which would be made for nobody."""
    world = World()
    world.wire.before_commit = lambda number: world.clock.forward(seconds=100) if number == 1 else None
    with pytest.raises(ThreadsUnavailable):
        world.deliver(IMAGE)
    assert (world.record().state, world.calls) == (State.NEW, [])


# --- replies ------------------------------------------------------------------------------------------------

REPLY = Content({"text": "hello", "replyToId": "17900000000000000"})
OUT = [made("7"), is_("FINISHED"), silence(), is_("PUBLISHED")]
"""A post that is out, although the call that published it was not answered."""
NO_SCOPE = reply(403, graph_error(10, None, "Application does not have permission"))


def paths(world: World) -> list[str]:
    """Return which lists were asked for."""
    return [request.path for request in world.graph.requests if request.step == LIST]


@pytest.mark.parametrize("text_mode", ["single_step", "two_step"])
def test_a_reply_goes_by_a_container(text_mode: str) -> None:
    """A list might not show a reply, so that it never goes in a single call, whatever is configured."""
    world = World(TEXT_MODE=text_mode)
    world.say(made("7"), is_("FINISHED"), made("8"))
    assert world.deliver(REPLY).media_id == "8"
    assert world.calls == [CREATE, LOOK, PUBLISH]
    assert world.graph.requests[0].form == {
        "media_type": "TEXT",
        "text": "hello",
        "reply_to_id": "17900000000000000",
    }
    assert "commit SENT" not in world.trail


FOUND: list[tuple[list[Said], list[str]]] = [
    ([listed(), listed("8")], ["/me/threads", "/me/replies"]),
    ([listed("8"), listed()], ["/me/threads", "/me/replies"]),
    ([listed("8"), listed("8")], ["/me/threads", "/me/replies"]),
    ([listed("8"), NO_SCOPE], ["/me/threads", "/me/replies"]),
    ([listed(), page_of(listed("9", text="x"), "a"), listed("8")], ["/me/threads", *["/me/replies"] * 2]),
]


@pytest.mark.parametrize(("said", "asked"), FOUND, ids=range(len(FOUND)))
def test_a_reply_that_is_out_is_found_in_either_list(said: list[Said], asked: list[str]) -> None:
    """A reply is looked for among posts and replies; without the scope for those, among posts alone."""
    world = World()
    world.say(*OUT, *said)
    record = world.deliver(REPLY)
    assert (record.state, record.media_id) == (State.PUBLISHED, "8")
    assert paths(world) == asked
    assert world.claims == {"8": (UID, post_id("key"))}


def test_a_reply_that_no_list_shows_is_not_published_again() -> None:
    """Without the scope for the list of replies its id may stay unknown, but it is out once."""
    world = World(has_queue=False)
    world.say(*OUT, listed(), NO_SCOPE)
    for _ in range(LOOKS_AT_ONCE):
        world.say(is_("PUBLISHED"), listed(), NO_SCOPE)
    with pytest.raises(ThreadsUnavailable):
        world.deliver(REPLY)
    world.clock.now = NOW + SETTLE
    for _ in range((LASTING_ERROR.times or 0) - 1):
        world.say(is_("PUBLISHED"), listed(), NO_SCOPE)
        with pytest.raises(ThreadsUnavailable):
            world.deliver(REPLY)
    world.say(is_("PUBLISHED"), listed(), NO_SCOPE)
    record = world.deliver(REPLY)
    assert (record.state, (record.error or {})["code"]) == (State.UNKNOWN, "outcome_unknown")
    assert world.calls.count(PUBLISH) == world.calls.count(CREATE) == 1


def test_half_of_the_lists_prove_nothing() -> None:
    """Where the list of replies cannot be had for another reason, a reply is neither found nor lost."""
    world = World()
    world.say(*OUT, listed("8"), OUTAGE)
    with pytest.raises(ThreadsUnavailable):
        world.deliver(REPLY)
    assert (world.record().state, world.record().ambiguous) == (State.ARMED, True)


def test_only_a_reply_is_looked_for_among_replies() -> None:
    """For any other post the list of the account's posts is the whole of it."""
    world = World()
    world.say(silence(), listed("8"))
    assert world.deliver().media_id == "8"
    assert paths(world) == ["/me/threads"]


@pytest.mark.parametrize(("used", "error"), [(1000, QuotaExceeded), (999, RateLimited)])
def test_a_reply_has_a_quota_of_its_own(used: int, error: type[ThreadsUnavailable]) -> None:
    """Whether a reply has hit the quota is asked of the quota of replies."""
    world = World()
    limit = {"reply_quota_usage": used, "reply_config": {"quota_total": 1000}}
    world.say(LIMIT, reply(200, {"data": [limit]}))
    with pytest.raises(error):
        world.deliver(REPLY)
    assert world.graph.requests[-1].query == {"fields": "reply_quota_usage,reply_config"}


# --- sharing to Instagram -----------------------------------------------------------------------------------

SHARED = [TEXT, IMAGE]


@pytest.mark.parametrize("content", SHARED, ids=["text", "image"])
@pytest.mark.parametrize("told", ["SUCCESS", "FAILED", None, 5])
def test_how_sharing_went_is_kept(content: Content, told: object) -> None:
    """The post is out whether or not it could be shared, and its record says which."""
    world = World()
    world.say(made("7"), is_("FINISHED"), reply(200, {"id": "8", "crossreshare_to_ig_status": told}))
    record = world.deliver(Content({**content.values, "shareToInstagram": True}))
    assert (record.state, record.media_id) == (State.PUBLISHED, "8")
    assert record.instagram_status == (told if isinstance(told, str) else None)


# --- the last delivery --------------------------------------------------------------------------------------

LAST: list[tuple[Content, list[Said], State, str]] = [
    (TEXT, [silence(), listed()], State.UNKNOWN, "outcome_unknown"),
    (TEXT, [OUTAGE, OUTAGE], State.UNKNOWN, "outcome_unknown"),
    (TEXT, [silence(NOT_SENT)], State.FAILED, "given_up"),
    (IMAGE, [OUTAGE], State.FAILED, "given_up"),
    (IMAGE, [silence()], State.FAILED, "given_up"),
    (IMAGE, [made("7"), OUTAGE], State.FAILED, "given_up"),
    (IMAGE, [made("7"), is_("FINISHED"), silence(), silence()], State.UNKNOWN, "outcome_unknown"),
    (IMAGE, [made("7"), is_("FINISHED"), OUTAGE, is_("FINISHED")], State.UNKNOWN, "outcome_unknown"),
    (
        IMAGE,
        [made("7"), is_("FINISHED"), OUTAGE, *[is_("PUBLISHED"), listed()] * (LOOKS_AT_ONCE + 1)],
        State.UNKNOWN,
        "outcome_unknown",
    ),
]


@pytest.mark.parametrize(("content", "said", "state", "code"), LAST, ids=range(len(LAST)))
def test_the_last_delivery_ends_the_post(content: Content, said: list[Said], state: State, code: str) -> None:
    """What nobody will bring again has failed, or is unknown where it may be out; a replay says the same."""
    world = World(has_queue=False)
    world.say(*said)
    record = world.deliver(content, by_task=True, is_last=True)
    assert (record.state, record.owner) == (state, None)
    assert record.error
    assert (record.error["code"], record.error["retryable"]) == (code, False)
    assert record.ambiguous is (state is State.UNKNOWN)
    assert world.deliver(content) == record
    assert world.graph.is_done()


def test_the_last_delivery_may_still_postpone() -> None:
    """A limit is no failure: a new task has tries of its own."""
    world = World()
    world.say(LIMIT, quota(3))
    assert world.deliver(by_task=True, is_last=True).status == "scheduled"


# --- others -------------------------------------------------------------------------------------------------


def taken_over(world: World, number: int) -> None:
    """Let another delivery take the post just before a commit."""

    def before(commit: int) -> None:
        post = world.post(post_id("key"))
        if commit == number and post:
            world.put_post(post_id("key"), post.record.leased("other", world.clock.now))

    world.wire.before_commit = before


OVERTAKEN: list[tuple[Content, list[Said], int, list[str]]] = [
    (TEXT, [made("8")], 2, [CREATE]),
    (TEXT, [silence(), listed()], 2, [CREATE, LIST]),
    (TEXT, [silence(), listed("8")], 2, [CREATE, LIST]),
    (TEXT, [BLOCK], 2, [CREATE]),
    (TEXT, [LIMIT, quota(3)], 2, [CREATE, QUOTA]),
    (IMAGE, [made("7")], 2, [CREATE]),
    (IMAGE, [OUTAGE], 2, [CREATE]),
    (IMAGE, [made("7"), is_("FINISHED")], 3, [CREATE, LOOK]),
    (IMAGE, [made("7"), is_("ERROR", "INVALID_DURATION")], 3, [CREATE, LOOK]),
    (
        IMAGE,
        [made("7"), is_("FINISHED"), silence(), MISSING, listed()],
        4,
        [CREATE, LOOK, PUBLISH, LOOK, WHO, LIST],
    ),
    (IMAGE, [made("7"), is_("FINISHED"), made("8")], 4, [CREATE, LOOK, PUBLISH]),
    (IMAGE, [made("7"), is_("FINISHED"), OUTAGE, is_("FINISHED")], 4, [CREATE, LOOK, PUBLISH, LOOK]),
]


@pytest.mark.parametrize("by_task", [False, True])
@pytest.mark.parametrize(("content", "said", "commit", "calls"), OVERTAKEN, ids=range(len(OVERTAKEN)))
def test_a_delivery_that_was_overtaken_stops(
    content: Content,
    said: list[Said],
    commit: int,
    calls: list[str],
    by_task: bool,  # noqa: FBT001 - a column
) -> None:
    """Who learns from a write that another delivery is at it asks nothing more of Threads, and says so."""
    world = World()
    world.graph.always = {WHO: WELL}
    taken_over(world, commit)
    world.say(*said)
    with pytest.raises(InProgress):
        world.deliver(content, by_task=by_task)
    assert world.calls == calls
    assert (world.record().owner, world.record().is_terminal) == ("other", False)
    assert world.claims == {}


def test_a_post_in_other_hands_is_in_progress() -> None:
    """While a lease lasts, others are told to come back, soon; when it has ended, they go on."""
    world = World()
    world.deaths.next = "after commit NEW"
    with pytest.raises(Died):
        world.deliver(IMAGE)
    for seconds, wait in ((0, 10), (175, 5)):
        world.clock.forward(seconds=seconds)
        with pytest.raises(InProgress) as elsewhere:
            world.deliver(IMAGE)
        assert elsewhere.value.retry_after == timedelta(seconds=wait)
    world.clock.forward(seconds=5)
    world.say(made("7"), is_("FINISHED"), made("8"))
    assert world.deliver(IMAGE).media_id == "8"


def test_one_of_two_takes_a_free_post() -> None:
    """Of two deliveries that find the same free post the second one is told that it is in progress."""
    world = World()
    world.say(OUTAGE)
    with pytest.raises(ThreadsUnavailable):
        world.deliver(IMAGE)
    taken_over(world, 4)  # after the first delivery's two, and the attempt to create the record
    with pytest.raises(InProgress):
        world.deliver(IMAGE)
    assert world.calls == [CREATE]


def test_another_content_under_the_same_key_is_refused() -> None:
    """The key is the first content's: another one is neither published nor recorded."""
    world = World()
    world.say(made("8"))
    record = world.deliver()
    with pytest.raises(IdempotencyMismatch):
        world.deliver(Content({"text": "hello!"}))
    assert world.record() == record


ENDED = [
    [made("8")],
    [BLOCK],
    [silence(), OUTAGE],
]


@pytest.mark.parametrize("said", ENDED, ids=["published", "failed", "unknown"])
def test_what_has_ended_is_answered_from_the_record(said: list[Said]) -> None:
    """A post that has ended costs no call and no commit: the answer is the first one's."""
    world = World()
    world.say(*said)
    record = world.deliver(is_last=True)
    trail = [*world.trail]
    world.clock.forward(seconds=10**6)
    assert world.deliver() == world.deliver_again(by_task=True) == record
    assert world.trail == trail


# --- a process dies -----------------------------------------------------------------------------------------


class Death(NamedTuple):
    """A place where a delivery dies, and what the next ones do: two, where the first comes too early."""

    content: Content
    place: str
    before: list[Said]
    after: list[list[Said]]
    calls: list[str]
    """Of the deliveries after the one that died."""


WHOLE: list[Said] = [made("7"), is_("FINISHED"), made("8")]
LATER = NOW + LEASE + SETTLE
BY_CONTAINER: list[list[Said]] = [[listed()], [listed(), made("7"), is_("FINISHED"), made("8")]]
DEATHS = [
    *(
        Death(IMAGE, place, said, [WHOLE], [CREATE, LOOK, PUBLISH])
        for place, said in (
            ("after commit NEW", []),
            (f"before {CREATE}", []),
            (f"after {CREATE}", WHOLE[:1]),
            ("before commit 2", WHOLE[:1]),
        )
    ),
    *(
        Death(IMAGE, place, said, [WHOLE[1:]], [LOOK, PUBLISH])
        for place, said in (
            ("after commit ARMED", WHOLE[:1]),
            (f"before {LOOK}", WHOLE[:1]),
            (f"after {LOOK}", WHOLE[:2]),
            ("before commit 3", WHOLE[:2]),
            (f"before {PUBLISH}", WHOLE[:2]),
        )
    ),
    *(
        Death(IMAGE, place, WHOLE, [[is_("PUBLISHED"), in_pictures()]], [LOOK, LIST])
        for place in (f"after {PUBLISH}", "before commit 4")
    ),
    Death(IMAGE, "after commit PUBLISHED", WHOLE, [[]], []),
    *(
        Death(TEXT, place, [], BY_CONTAINER, [LIST, LIST, CREATE, LOOK, PUBLISH])
        for place in ("after commit SENT", f"before {CREATE}")
    ),
    *(
        Death(TEXT, place, [made("8")], [[listed("8")]], [LIST])
        for place in (f"after {CREATE}", "before commit 2")
    ),
    Death(TEXT, "after commit PUBLISHED", [made("8")], [[]], []),
]


@pytest.mark.parametrize(
    "death", DEATHS, ids=[f"{death.content.media_type}-{death.place}" for death in DEATHS]
)
def test_after_a_crash_the_next_delivery_goes_on(death: Death) -> None:
    """Wherever a process dies, later deliveries end the post, and it is out once."""
    world = World()
    world.deaths.next = death.place
    world.say(*death.before)
    with pytest.raises(Died):
        world.deliver(death.content)
    world.graph = type(world.graph)(world.trail, world.deaths)
    world.clock.now = NOW + LEASE
    for number, said in enumerate(death.after):
        world.say(*said)
        if number < len(death.after) - 1:
            with pytest.raises(ThreadsUnavailable):
                world.deliver(death.content)
            world.clock.now = LATER
        else:
            record = world.deliver(death.content)
            assert (record.state, record.media_id, record.owner) == (State.PUBLISHED, "8", None)
    assert world.calls == death.calls


def test_after_a_crash_in_coming_back_the_next_delivery_goes_on() -> None:
    """A process that dies once it has given the lease back leaves the post to the next delivery, at once."""
    world = World()
    world.wire.before_commit = lambda number: setattr(
        world.deaths, "next", "after commit NEW" if number == 2 else None
    )
    world.say(OUTAGE)
    with pytest.raises(Died):
        world.deliver(IMAGE)
    world.wire.before_commit = lambda _number: None
    world.say(*WHOLE)
    assert world.deliver(IMAGE).media_id == "8"


# --- what stands in the record ------------------------------------------------------------------------------


def test_an_error_that_passes_is_told_until_the_next_delivery() -> None:
    """Who looks at a waiting post reads why it waits; the next delivery begins without it."""
    world = World()
    world.say(reply(503, graph_error(2, fbtrace_id="AbC")))
    with pytest.raises(ThreadsUnavailable) as outage:
        world.deliver(IMAGE)
    assert world.record().error == outage.value.as_json()
    assert (world.record().error or {})["fbtraceId"] == "AbC"
    world.say(world.noting(made("7")), is_("FINISHED"), made("8"))
    record = world.deliver(IMAGE)
    assert (world.seen[0].error, record.error) == (None, None)


ANY_ENDING: list[list[Said]] = [[made("8")], [BLOCK], [silence(), listed("8")]]


@pytest.mark.parametrize("said", ANY_ENDING, ids=range(len(ANY_ENDING)))
def test_a_post_that_has_ended_is_kept_from_its_end_on(said: list[Said]) -> None:
    """A record is kept for its whole lifetime after the end, and nobody holds it any more."""
    world = World()
    world.say(world.after(9, made("8")) if said == [made("8")] else said[0], *said[1:])
    record = world.deliver()
    assert record.expires_at == world.clock.now + RECORD_LIFETIME
    assert (record.owner, record.lease_until, record.due_at) == (None, None, None)


def test_no_token_gets_into_the_record() -> None:
    """What Threads repeats of a token gets into no record."""
    world = World()
    world.say(reply(400, graph_error(99999, None, f"Bearer {TOKEN}", fbtrace_id=TOKEN)), listed())
    with pytest.raises(ThreadsUnavailable):
        world.deliver()
    world.say(reply(400, graph_error(100, error_user_msg=f"access_token={TOKEN}")), WELL)
    world.deliver(key="other")
    assert TOKEN[:12] not in repr((world.record(), world.record("other")))


def test_a_container_in_progress_after_its_publication_is_not_given_up() -> None:
    """It is old, its publication got no answer, and Threads may be at it: the post is looked for."""
    world = World()
    world.put_post(post_id("key"), new_record(ACCOUNT, IMAGE, NOW).armed("7", NOW - 2 * PROCESSING_TIME))
    world.say(is_("FINISHED"), silence(), is_("IN_PROGRESS"), listed())
    with pytest.raises(ThreadsUnavailable):
        world.deliver(IMAGE)
    assert world.record().state is State.ARMED
    world.say(is_("PUBLISHED"), in_pictures())
    assert world.deliver(IMAGE).media_id == "8"
