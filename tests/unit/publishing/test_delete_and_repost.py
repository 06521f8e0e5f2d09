"""The story of a post's owner: looking at posts, cancelling, deleting and reposting one."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.unit.serving import door, serve
from tests.unit.support import graph_error, reply
from tests.unit.world import (
    ACCOUNT,
    IMAGE,
    NOW,
    TEXT,
    UID,
    Died,
    Said,
    World,
    listed,
    made,
    post_id,
    post_path,
    silence,
)
from threads.base.errors import (
    AccountNotFound,
    InProgress,
    InvalidRequest,
    MissingAccount,
    MissingScope,
    PostNotFound,
    RateLimited,
    ReconnectRequired,
    RejectedByThreads,
    ServiceError,
    ThreadsUnavailable,
)
from threads.base.scopes import DEFAULT_SCOPES
from threads.functions.publish import th_posts
from threads.graph.error_codes import NOT_SENT
from threads.graph.protocol import GraphReply
from threads.posts import cancel
from threads.posts.ledger import CONTAINER_SETTLES, LEASE, RECORD_LIFETIME, Record, State
from threads.posts.repository import FIRST_PAGE
from threads.posts.submission import Submission
from threads.publishing import delete_and_repost, publish, schedule

TOMORROW = NOW + timedelta(days=1)
NAME = post_id("key")


def scheduled(world: World, key: str = "key") -> Record:
    """Schedule a text for tomorrow."""
    wanted = Submission(UID, TEXT, None, key, scheduled_time=TOMORROW)
    return schedule.schedule(world.publishing, UID, wanted, world.delivery()).root.record


def test_a_post_is_read_by_its_name() -> None:
    """The owner sees the record as it is; another user's post does not exist."""
    world = World()
    record = scheduled(world)
    assert cancel.read(world.posts, UID, NAME).record == record
    for uid, name in (("bob", NAME), (UID, post_id("other"))):
        with pytest.raises(PostNotFound):
            cancel.read(world.posts, uid, name)


def test_the_latest_posts_come_first() -> None:
    """The newest posts are listed, and those before a moment, as many as are wanted."""
    world = World()
    for key in ("a", "b", "c"):
        scheduled(world, key)
        world.clock.forward(seconds=1)
    latest = world.posts.repository.latest
    names = [listed.post_id for listed in latest(UID, 2, None)]
    assert names == [post_id("c"), post_id("b")]
    [older] = latest(UID, 2, NOW + timedelta(seconds=1))
    assert older.post_id == post_id("a")
    assert not [*latest("bob", 2, None)]


def test_the_latest_posts_are_read_in_two_pages_at_most() -> None:
    """The usual number costs one read. More cost a second one, if the caller takes them."""
    world = World()
    keys = [f"key{number}" for number in range(2 * FIRST_PAGE + 1)]
    for key in keys:
        scheduled(world, key)
        world.clock.forward(seconds=1)
    newest = [post_id(key) for key in reversed(keys)]
    latest = world.posts.repository.latest
    for limit, reads in ((FIRST_PAGE, 1), (2 * FIRST_PAGE, 2), (100, 2)):
        world.wire.reads = 0
        assert [listed.post_id for listed in latest(UID, limit, None)] == newest[:limit]
        assert world.wire.reads == reads
    world.wire.reads = 0
    few = latest(UID, 100, None)
    assert next(few).post_id == newest[0]
    few.close()
    assert world.wire.reads == 1


NEWER: dict[str, dict[str, Any]] = {
    "another state": {"state": "ARCHIVED"},
    "a state of another kind": {"state": ["SENT"]},
    "no state": {"state": None},
    "content of another kind": {"content": "text"},
    "items of another kind": {"children": 3},
    "an error of another kind": {"error": 7, "unheardOf": {"a": [1]}},
    "content with another kind of value": {"error": None, "content": {"ends": [NOW], "raw": b"x"}},
}


@pytest.mark.parametrize("fields", NEWER.values(), ids=NEWER)
def test_a_record_of_a_newer_version_hides_no_other(
    fields: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    """A list shows the records that it understands, pages on past the others, and the log names those."""
    world = World()
    for key in ("a", "b", "c"):
        scheduled(world, key)
        world.clock.forward(seconds=1)
    path = post_path(post_id("b"))
    world.database.put(path, {**(world.database.fields(path) or {}), **fields})
    shown: list[str] = []
    query: dict[str, str] = {"limit": "1"}
    while True:
        answer = serve(th_posts, world.publishing, door(world).user, query_string=query)
        assert answer.status_code == 200, answer.get_json()
        body = answer.get_json() or {}
        shown += [post["postId"] for post in body["posts"]]
        if "before" not in body:
            break
        query["before"] = body["before"]
    understood = "error" in fields  # those are shown as far as they can be
    assert shown == [post_id("c"), *[post_id("b")] * understood, post_id("a")]
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    named = [line["unreadable"] for line in lines if "unreadable" in line]
    assert named == ([] if understood else [[post_id("b")]])


@pytest.mark.parametrize("method", ["GET", "DELETE", "PATCH", "POST"])
@pytest.mark.parametrize("newer", ["another state", "content of another kind"])
def test_a_record_of_a_newer_version_is_left_to_it(newer: str, method: str) -> None:
    """Who names it is told to come again when that version is back; nothing is changed."""
    world = World()
    scheduled(world)
    record = {**(world.database.fields(post_path(NAME)) or {}), **NEWER[newer]}
    world.database.put(post_path(NAME), record)
    bodies: dict[str, dict[str, Any]] = {"POST": {"resume": True}, "PATCH": {"text": "other"}}
    members = bodies.get(method, {})
    named: dict[str, Any] = {"json" if members else "query_string": {"postId": NAME, **members}}
    answer = serve(th_posts, world.publishing, door(world).user, method=method, **named)
    error = (answer.json or {})["error"]
    assert (answer.status_code, error["code"]) == (503, "service_unavailable")
    assert "A newer version" in error["message"]
    assert world.database.fields(post_path(NAME)) == record


def test_a_scheduled_post_is_cancelled_with_its_task() -> None:
    """The record says that it was cancelled before the task is deleted; the key stays used."""
    world = World()
    task = scheduled(world).task
    cancelled = delete_and_repost.remove(world.publishing, UID, NAME).record
    assert (cancelled.state, cancelled.status, cancelled.due_at) == (State.CANCELLED, "cancelled", None)
    assert (cancelled.error or {})["code"] == "cancelled"
    assert cancelled.expires_at == NOW + RECORD_LIFETIME
    assert world.tasks.deleted == [task]
    assert world.record() == cancelled


def test_a_cancelled_post_is_not_published() -> None:
    """Neither its task nor the same request publishes it after all."""
    world = World()
    scheduled(world)
    cancelled = delete_and_repost.remove(world.publishing, UID, NAME).record
    world.clock.now = TOMORROW
    assert (
        publish.deliver_task(world.publishing, UID, NAME, world.delivery(by_task=True)).root.record
        == cancelled
    )
    assert scheduled(world) == cancelled
    assert world.calls == []


def test_cancelling_twice_is_cancelling() -> None:
    """Who cancels a cancelled post gets its record."""
    world = World()
    scheduled(world)
    first = delete_and_repost.remove(world.publishing, UID, NAME)
    world.clock.forward(seconds=9)
    assert delete_and_repost.remove(world.publishing, UID, NAME).record == first.record
    assert len(world.tasks.deleted) == 1


def test_a_task_that_cannot_be_deleted_does_no_harm() -> None:
    """Where Cloud Tasks does not answer the post is cancelled all the same: its task will find that."""
    world = World()
    scheduled(world)
    world.tasks.is_out_of_order = True
    assert delete_and_repost.remove(world.publishing, UID, NAME).record.state is State.CANCELLED


def test_a_post_that_nobody_knows_is_not_cancelled() -> None:
    """There is nothing to cancel under another name, or for another user."""
    world = World()
    scheduled(world)
    for uid, name in (("bob", NAME), (UID, post_id("other"))):
        with pytest.raises(PostNotFound):
            delete_and_repost.remove(world.publishing, uid, name)


ENDS: dict[str, Callable[[Record], Record]] = {
    "failed": lambda record: record.failed({"code": "x"}, NOW),
    "unknown": lambda record: record.sending(NOW).left_unknown({"code": "x"}, NOW),
}


@pytest.mark.parametrize("status", ENDS)
def test_what_has_ended_is_not_cancelled(status: str) -> None:
    """A post that has failed, or may be out, stays what it is, and the answer says which."""
    world = World()
    ended = ENDS[status](replace(scheduled(world), due_at=None))
    world.put_post(NAME, ended)
    with pytest.raises(InvalidRequest) as refusal:
        delete_and_repost.remove(world.publishing, UID, NAME)
    assert refusal.value.code == "not_cancellable"
    assert status in refusal.value.message
    assert (world.record(), world.tasks.deleted) == (ended, [])


def test_a_post_that_is_being_published_is_not_cancelled() -> None:
    """While a delivery holds the post it is in progress; once a crashed one's lease has ended it is free."""
    world = World()
    world.deaths.next = "after commit NEW"
    with pytest.raises(Died):
        world.deliver(IMAGE)
    with pytest.raises(InProgress):
        delete_and_repost.remove(world.publishing, UID, NAME)
    world.clock.forward(seconds=LEASE.total_seconds())
    assert delete_and_repost.remove(world.publishing, UID, NAME).record.state is State.CANCELLED


def test_a_post_that_may_be_out_is_not_cancelled() -> None:
    """What may be out cannot be promised not to be, lease or not."""
    world = World()
    world.say(silence(), listed())
    with pytest.raises(ThreadsUnavailable):
        world.deliver()
    world.clock.forward(seconds=10**5)
    with pytest.raises(InProgress):
        delete_and_repost.remove(world.publishing, UID, NAME)
    assert world.record().state is State.SENT


def test_a_delivery_that_begins_at_the_same_moment_wins_or_loses() -> None:
    """Of cancelling and publishing one changes the record first; the other one learns it and stops."""
    world = World()
    scheduled(world)

    def begins(_number: int) -> None:
        world.put_post(NAME, world.record().leased("other", world.clock.now))

    world.wire.before_commit = begins
    with pytest.raises(InProgress):
        delete_and_repost.remove(world.publishing, UID, NAME)
    assert (world.record().owner, world.tasks.deleted) == ("other", [])


@pytest.mark.parametrize("at", ["before it is read", "before it is written"])
def test_a_post_that_goes_out_meanwhile_is_not_deleted_by_who_only_cancels(at: str) -> None:
    """Whenever its delivery begins: the answer is a refusal, and the post stays at Threads."""
    world = World()
    scheduled(world)
    world.say(made("8"))
    world.clock.now = TOMORROW

    def goes_out() -> None:
        publish.deliver_task(world.publishing, UID, NAME, world.delivery(by_task=True))

    if at == "before it is read":
        goes_out()
    else:
        world.comes_between(goes_out)
    only = {"postId": NAME, "cancel": "true"}
    answer = serve(th_posts, world.publishing, door(world).user, method="DELETE", query_string=only)
    refusal = (400, "not_cancellable") if at == "before it is read" else (409, "in_progress")
    assert (answer.status_code, (answer.json or {})["error"]["code"]) == refusal
    assert (world.record().status, world.calls) == ("published", ["create_container"])


def test_who_only_cancels_says_so_plainly() -> None:
    """What waits is cancelled, and another value than ``true`` changes nothing."""
    world = World()
    scheduled(world)
    for given, outcome in (("yes", (400, "scheduled")), ("true", (200, "cancelled"))):
        only = {"postId": NAME, "cancel": given}
        answer = serve(th_posts, world.publishing, door(world).user, method="DELETE", query_string=only)
        assert (answer.status_code, world.record().status) == outcome


def test_a_delivery_that_was_cancelled_stops_before_it_publishes() -> None:
    """A frozen delivery whose post is cancelled meanwhile learns it before the call that would publish."""
    world = World()
    world.say(world.after(LEASE.total_seconds() / 2, made("7")))

    def cancelled(number: int) -> None:
        if number == 2:  # the container is about to be saved
            world.clock.forward(seconds=LEASE.total_seconds())
            world.wire.before_commit = lambda _number: None
            delete_and_repost.remove(world.publishing, UID, NAME)

    world.wire.before_commit = cancelled
    with pytest.raises(InProgress):
        world.deliver(IMAGE)
    assert world.record().state is State.CANCELLED
    assert world.calls == ["create_container"]


# --- deleting what is out -----------------------------------------------------------------------------------

DELETED = reply(200, {"success": True, "deleted_id": "8"})
DELETE, LOOK, WITNESS, REPOST = "delete_post", "read_media", "ask_witness", "repost"
GONE = reply(400, graph_error(100, 33))
"""What Graph was seen to say of an object that is not there, and of one that a permission is missing for."""
LOST = reply(400, graph_error(24, 4279009))
DEAD = reply(401, graph_error(190))
ALIVE = reply(200, {"id": ACCOUNT})
REFUSED = reply(400, graph_error(100, error_user_msg="No."))


def out(world: World) -> Record:
    """Publish a text."""
    world.say(made("8"))
    return world.deliver()


def test_a_published_post_is_deleted_at_threads() -> None:
    """The post is deleted with one call, and its record says so, and since when; the media id stays."""
    world = World()
    published = out(world)
    world.clock.forward(seconds=60)
    world.say(DELETED)
    deleted = delete_and_repost.remove(world.publishing, UID, NAME).record
    assert deleted == world.record()
    assert deleted == replace(published, deleted_at=world.clock.now, updated_at=world.clock.now)
    assert (deleted.status, deleted.state, deleted.media_id) == ("deleted", State.PUBLISHED, "8")
    assert world.calls == ["create_container", DELETE]
    assert (world.graph.requests[-1].method, world.graph.requests[-1].path) == ("DELETE", "/8")
    assert world.tasks.deleted == []


def test_deleting_twice_is_deleting() -> None:
    """Who deletes a deleted post gets its record, and Threads is not asked again, account or not."""
    world = World()
    out(world)
    world.say(DELETED)
    deleted = delete_and_repost.remove(world.publishing, UID, NAME)
    world.clock.forward(seconds=9)
    world.delete_account()
    assert delete_and_repost.remove(world.publishing, UID, NAME).record == deleted.record
    assert world.calls.count(DELETE) == 1


def test_a_deleted_post_is_not_published_again() -> None:
    """The same request finds the record of what it has published, and that it was deleted."""
    world = World()
    out(world)
    world.say(DELETED)
    deleted = delete_and_repost.remove(world.publishing, UID, NAME).record
    assert world.deliver() == deleted
    assert world.graph.is_done()


CANNOT_DELETE: list[tuple[Callable[[World], object], type[ServiceError]]] = [
    (lambda world: world.delete_account(), AccountNotFound),
    (lambda world: world.connect(ACCOUNT, status="reconnect_required"), ReconnectRequired),
    (lambda world: world.connect(ACCOUNT, scopes=[*DEFAULT_SCOPES]), MissingScope),
]


@pytest.mark.parametrize(("arrange", "trouble"), CANNOT_DELETE, ids=range(len(CANNOT_DELETE)))
def test_a_post_is_not_deleted_without_its_account_and_scope(
    arrange: Callable[[World], object], trouble: type[ServiceError]
) -> None:
    """Whoever cannot delete learns why before anything is asked of Threads, and the record stays."""
    world = World()
    published = out(world)
    arrange(world)
    with pytest.raises(trouble) as refusal:
        delete_and_repost.remove(world.publishing, UID, NAME)
    if isinstance(refusal.value, MissingScope):
        assert delete_and_repost.DELETE_SCOPE in refusal.value.message
        assert refusal.value.as_json()["scopes"] == [delete_and_repost.DELETE_SCOPE]
    assert (world.record(), DELETE in world.calls) == (published, False)


NOT_DELETED: list[tuple[GraphReply, type[ServiceError], bool]] = [
    (reply(403, graph_error(10)), MissingScope, False),
    (DEAD, ReconnectRequired, False),
    (REFUSED, RejectedByThreads, False),
    (reply(403, graph_error(4)), RateLimited, True),
    (reply(503, graph_error(2)), ThreadsUnavailable, True),
    (reply(200, {"success": False}), ThreadsUnavailable, True),
    (reply(200, {"success": "true"}), ThreadsUnavailable, True),
    (reply(200, {}), ThreadsUnavailable, True),
    (silence(), ThreadsUnavailable, True),
]


@pytest.mark.parametrize(("answer", "trouble", "retryable"), NOT_DELETED, ids=range(len(NOT_DELETED)))
def test_what_threads_does_not_delete_stays_published(
    answer: GraphReply,
    trouble: type[ServiceError],
    retryable: bool,  # noqa: FBT001 - a column
) -> None:
    """Only a clear yes of Threads makes a post deleted; after anything else it can be tried again."""
    world = World()
    published = out(world)
    world.graph.always[WITNESS] = answer if trouble is ReconnectRequired else ALIVE
    world.say(answer)
    with pytest.raises(trouble) as refusal:
        delete_and_repost.remove(world.publishing, UID, NAME)
    assert refusal.value.retryable is retryable
    assert ("scopes" in refusal.value.as_json()) is (trouble is MissingScope)
    assert world.record() == published
    world.connect(ACCOUNT)
    world.say(DELETED)
    assert delete_and_repost.remove(world.publishing, UID, NAME).record.status == "deleted"


@pytest.mark.parametrize("gone", [GONE, LOST], ids=["100/33", "24"])
@pytest.mark.parametrize("unseen", [GONE, LOST], ids=["100/33", "24"])
def test_a_post_that_threads_has_no_more_is_deleted(gone: GraphReply, unseen: GraphReply) -> None:
    """After a deletion whose answer was lost the next one finds out: Threads neither deletes nor shows it."""
    world = World()
    out(world)
    world.graph.always[WITNESS] = ALIVE
    world.say(silence())
    with pytest.raises(ThreadsUnavailable):
        delete_and_repost.remove(world.publishing, UID, NAME)
    world.clock.forward(seconds=CONTAINER_SETTLES.total_seconds())
    world.say(gone, unseen)
    deleted = delete_and_repost.remove(world.publishing, UID, NAME).record
    assert (deleted.status, deleted.deleted_at) == ("deleted", world.clock.now)
    assert world.record() == deleted
    assert world.calls[-1] == LOOK


STILL_THERE: list[tuple[list[Said], type[ServiceError]]] = [
    ([GONE, reply(200, {"id": "8", "permalink": "https://x.example/p"})], RejectedByThreads),
    ([LOST, reply(200, {"id": "8"})], ThreadsUnavailable),
    ([GONE, silence()], ThreadsUnavailable),
    ([GONE, reply(500, graph_error(100, 33))], ThreadsUnavailable),
    ([GONE, REFUSED], RejectedByThreads),
    ([reply(500, graph_error(24, 4279009))], ThreadsUnavailable),
]


@pytest.mark.parametrize(("answers", "trouble"), STILL_THERE, ids=range(len(STILL_THERE)))
def test_a_post_that_may_be_there_is_not_called_deleted(
    answers: list[Said], trouble: type[ServiceError]
) -> None:
    """That Threads does not find it for a deletion is not enough: it words a missing permission like that."""
    world = World()
    published = out(world)
    world.clock.forward(seconds=10**5)
    world.graph.always[WITNESS] = ALIVE
    world.say(*answers)
    with pytest.raises(trouble):
        delete_and_repost.remove(world.publishing, UID, NAME)
    assert world.record() == published
    assert world.graph.is_done()


@pytest.mark.parametrize("gone", [GONE, LOST], ids=["100/33", "24"])
def test_a_young_post_is_not_taken_for_deleted(gone: GraphReply) -> None:
    """Threads may not see yet what it has just published: the caller comes back when that is over."""
    world = World()
    published = out(world)
    world.graph.always[WITNESS] = ALIVE
    world.clock.forward(seconds=CONTAINER_SETTLES.total_seconds() - 1)
    world.say(gone, gone)
    with pytest.raises(ThreadsUnavailable) as refusal:
        delete_and_repost.remove(world.publishing, UID, NAME)
    assert refusal.value.retry_after == timedelta(seconds=1)
    assert world.record() == published


@pytest.mark.parametrize("answers", [[DEAD, DEAD], [GONE, DEAD]], ids=["says so", "hides it"])
def test_a_token_that_dies_on_a_deletion_is_noted_on_the_account(answers: list[Said]) -> None:
    """The app learns from the account that it has to be connected again, and the post stays published."""
    world = World()
    published = out(world)
    world.say(*answers)
    with pytest.raises(ReconnectRequired):
        delete_and_repost.remove(world.publishing, UID, NAME)
    assert world.is_marked()
    assert world.card()["statusReason"] == "token_rejected"
    assert world.record() == published


def noting_the_address(world: World, address: str = "https://x.example/p") -> None:
    """Let another request note the post's address."""
    world.put_post(NAME, world.record().found_at(address, world.clock.now))


def test_a_deletion_is_noted_beside_what_others_note() -> None:
    """Where the record has changed since it was read, the deletion is noted with that change."""
    world = World()
    out(world)
    world.say(DELETED)

    def once(_number: int) -> None:
        world.wire.before_commit = lambda _number: None
        noting_the_address(world)

    world.wire.before_commit = once
    deleted = delete_and_repost.remove(world.publishing, UID, NAME).record
    assert (deleted.status, deleted.permalink) == ("deleted", "https://x.example/p")
    assert world.record() == deleted


def test_of_two_that_delete_both_succeed() -> None:
    """Who finds that another one has just deleted the post gets that record."""
    world = World()
    out(world)
    world.say(DELETED)

    def deleted_too(_number: int) -> None:
        world.put_post(NAME, world.record().deleted(NOW - timedelta(seconds=1)))

    world.wire.before_commit = deleted_too
    assert delete_and_repost.remove(world.publishing, UID, NAME).record.deleted_at == NOW - timedelta(
        seconds=1
    )


def test_a_deletion_that_cannot_be_noted_is_in_progress() -> None:
    """Where the record changes again and again, the caller is told to come back."""
    world = World()
    out(world)
    world.say(DELETED)
    world.wire.before_commit = lambda number: noting_the_address(world, f"https://x.example/{number}")
    with pytest.raises(InProgress):
        delete_and_repost.remove(world.publishing, UID, NAME)
    assert world.record().deleted_at is None


# --- reposting ----------------------------------------------------------------------------------------------


def test_a_post_is_reposted_with_the_only_account() -> None:
    """One call, for anybody's post; the answer tells the repost's id, whose it is, and of what."""
    world = World()
    world.say(made("9"))
    assert delete_and_repost.repost(world.publishing, UID, "8", None) == ("9", ACCOUNT, "8")
    [request] = world.graph.requests
    assert (request.step, request.method, request.path) == (REPOST, "POST", "/8/repost")


@pytest.mark.parametrize("body", [{}, {"success": True}, {"id": ""}], ids=range(3))
def test_a_repost_without_an_id_is_a_repost(body: dict[str, Any]) -> None:
    """Where Threads says yes without the repost's id, it is out: nobody is told to send it again."""
    world = World()
    world.say(reply(200, body))
    assert delete_and_repost.repost(world.publishing, UID, "8", None) == (None, ACCOUNT, "8")


def test_which_account_reposts_is_not_guessed() -> None:
    """Of several accounts the named one reposts; without a name none does, and Threads is not asked."""
    world = World()
    world.connect("2")
    with pytest.raises(MissingAccount):
        delete_and_repost.repost(world.publishing, UID, "8", None)
    for unknown in ("3", "../2", "x" * 512):
        with pytest.raises(AccountNotFound):
            delete_and_repost.repost(world.publishing, UID, "8", unknown)
    assert world.calls == []
    world.say(made("9"))
    assert delete_and_repost.repost(world.publishing, UID, "8", "2").account_id == "2"


@pytest.mark.parametrize(
    ("fields", "trouble"),
    [
        ({"status": "reconnect_required"}, ReconnectRequired),
        ({"scopes": ["threads_basic"]}, MissingScope),
    ],
)
def test_an_account_that_cannot_publish_cannot_repost(
    fields: dict[str, Any], trouble: type[ServiceError]
) -> None:
    """A dead connection, or a permission that was never asked for, is told before Threads is asked."""
    world = World()
    world.connect(ACCOUNT, **fields)
    with pytest.raises(trouble):
        delete_and_repost.repost(world.publishing, UID, "8", None)
    assert world.calls == []


NOT_REPOSTED: list[tuple[list[Said], type[ServiceError], bool, bool]] = [
    ([reply(403, graph_error(10))], MissingScope, False, False),
    ([REFUSED, ALIVE], RejectedByThreads, False, False),
    ([GONE, ALIVE], RejectedByThreads, False, False),
    ([reply(403, graph_error(4))], RateLimited, True, False),
    ([LOST, ALIVE], ThreadsUnavailable, True, False),
    ([silence(NOT_SENT)], ThreadsUnavailable, True, False),
    ([silence()], ThreadsUnavailable, True, True),
    ([reply(500, graph_error(2))], ThreadsUnavailable, True, True),
    ([reply(500, graph_error(10))], ThreadsUnavailable, True, True),
    ([reply(502, b"<html>")], ThreadsUnavailable, True, True),
    ([reply(200, b'{"id": "9')], ThreadsUnavailable, True, True),
    ([reply(200, {"success": False})], ThreadsUnavailable, True, True),
]


@pytest.mark.parametrize(
    ("answers", "trouble", "retryable", "may_be_out"), NOT_REPOSTED, ids=range(len(NOT_REPOSTED))
)
def test_what_threads_does_not_repost_is_told(
    answers: list[Said],
    trouble: type[ServiceError],
    retryable: bool,  # noqa: FBT001 - a column
    may_be_out: bool,  # noqa: FBT001 - a column
) -> None:
    """A refusal is one; where nobody knows, the message says that the repost may be out."""
    world = World()
    world.say(*answers)
    with pytest.raises(trouble) as refusal:
        delete_and_repost.repost(world.publishing, UID, "8", None)
    assert refusal.value.retryable is retryable
    assert ("may be out" in refusal.value.message) is may_be_out
    assert ("scopes" in refusal.value.as_json()) is (trouble is MissingScope)
    assert world.graph.is_done()
    assert not world.is_marked()


@pytest.mark.parametrize("answers", [[DEAD, DEAD], [GONE, DEAD]], ids=["says so", "hides it"])
def test_a_token_that_dies_on_a_repost_is_noted_on_the_account(answers: list[Said]) -> None:
    """As with a post: the account is to be connected again, also where Threads blames the post."""
    world = World()
    world.say(*answers)
    with pytest.raises(ReconnectRequired):
        delete_and_repost.repost(world.publishing, UID, "8", None)
    assert world.is_marked()
    assert world.card()["statusReason"] == "token_rejected"


def test_a_post_of_the_users_own_is_reposted_by_its_name() -> None:
    """The media id is the record's, also of a post whose own account is gone."""
    world = World()
    out(world)
    world.delete_account()
    assert delete_and_repost.published_media_id(world.publishing, UID, NAME) == "8"
    for uid, name in (("bob", NAME), (UID, post_id("other"))):
        with pytest.raises(PostNotFound):
            delete_and_repost.published_media_id(world.publishing, uid, name)


NOT_OUT: dict[str, Callable[[World], object]] = {
    "scheduled": scheduled,
    "failed": lambda world: world.put_post(NAME, scheduled(world).failed({"code": "x"}, NOW)),
    "deleted": lambda world: world.put_post(NAME, out(world).deleted(NOW)),
}


@pytest.mark.parametrize("status", NOT_OUT)
def test_what_is_not_out_is_not_reposted(status: str) -> None:
    """A post that is not out, or not any more, is refused in words that say what it is."""
    world = World()
    NOT_OUT[status](world)
    with pytest.raises(InvalidRequest) as refusal:
        delete_and_repost.published_media_id(world.publishing, UID, NAME)
    assert refusal.value.code == "not_published"
    assert status in refusal.value.message
