"""The story of a dry run: what is told of a post that is not published."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.support import HTML, TOKEN, config, graph_error, reply
from tests.unit.world import ACCOUNT, IMAGE, TEXT, UID, World, is_, made, quota, silence
from threads.base.config import Counting
from threads.base.errors import AccountNotFound, MissingAccount, MissingScope, ReconnectRequired, ServiceError
from threads.base.scopes import DEFAULT_SCOPES
from threads.graph.protocol import GraphReply
from threads.posts.content import Content
from threads.posts.submission import Submission
from threads.publishing.dry_run import dry_run

REPLY = Content({"text": "hello", "replyToId": "17900000000000000"})
RICH = Content(
    {
        "text": "hellö https://a.example/",
        "linkAttachment": "https://b.example/",
        "textAttachment": {"plaintext": "https://a.example/ https://c.example/"},
        "locationId": "5",
        "replyApprovals": True,
    }
)


def rehearsed(world: World, content: Content = TEXT, account_id: str | None = None) -> dict[str, Any]:
    """Return what a dry run tells."""
    return dry_run(world.publishing, UID, Submission(UID, content, account_id, "key", is_dry_run=True))


def test_a_dry_run_publishes_and_writes_nothing() -> None:
    """One question is asked, for the quota; nothing is created, recorded, claimed or queued."""
    world = World()
    world.say(quota(3))
    assert rehearsed(world) == {
        "ok": True,
        "dryRun": True,
        "accountId": ACCOUNT,
        "wouldSend": {"media_type": "TEXT", "text": "hello"},
        "counts": {
            "text": {"count": 5, "limit": 500, "counting": "utf8_bytes"},
            "links": {"count": 0, "limit": 5},
        },
        "scopes": [*DEFAULT_SCOPES],
        "quota": {"used": 3, "total": 250},
    }
    assert world.trail == world.calls == ["read_quota"]
    assert (world.wire.commits, world.claims, world.tasks.created) == (0, {}, [])


@pytest.mark.parametrize("content", [IMAGE, REPLY, RICH], ids=["image", "reply", "rich"])
def test_what_would_be_sent_is_what_is_sent(content: Content) -> None:
    """The parameters that a dry run shows are those that the real one sends, and no token is among them."""
    world = World(TEXT_MODE="two_step")
    world.say(quota(0), made("7"), is_("FINISHED"), made("8"))
    told = rehearsed(world, content)
    world.deliver(content)
    assert told["wouldSend"] == world.graph.requests[1].form
    assert TOKEN not in repr(told)


def test_a_dry_run_counts_what_is_limited() -> None:
    """Links are counted over the whole post, and the scopes that it needs are named."""
    world = World()
    world.say(quota(0))
    told = rehearsed(world, RICH)
    assert told["counts"]["links"] == {"count": 2, "limit": 5}
    assert told["counts"]["text"]["count"] == len("hellö https://a.example/") + 1
    assert told["scopes"] == [*DEFAULT_SCOPES, "threads_location_tagging"]


def test_every_post_of_a_thread_is_counted() -> None:
    """A thread's replies, and the parts of a text that was split, each have counts of their own."""
    world = World()
    world.say(quota(0))
    replies = [{"text": "hellö"}, {"imageUrl": "https://cdn.example/a.jpg"}]
    told = rehearsed(world, Content({"text": "root", "thread": replies}))
    assert told["counts"]["text"]["count"] == 4
    assert [it["counts"]["text"]["count"] for it in told["thread"]] == [6, 0]
    assert [it["wouldSend"]["media_type"] for it in told["thread"]] == ["TEXT", "IMAGE"]


@pytest.mark.parametrize(
    ("counting", "size"),
    [(Counting.UTF8_BYTES, 8), (Counting.EMOJI_BYTES, 7), (Counting.CODE_POINTS, 4)],
)
def test_a_text_is_counted_as_the_service_does(counting: Counting, size: int) -> None:
    """The count is the one by which a text would be refused, and says how it was made."""
    world = World()
    world.config = config(TEXT_COUNTING=counting.value)
    world.say(quota(0))
    counted = rehearsed(world, Content({"text": "aßb🦊"}))["counts"]["text"]
    assert counted == {"count": size, "limit": 500, "counting": counting.value}


def test_a_reply_has_a_quota_of_its_own() -> None:
    """For a reply the quota of replies is asked for and told."""
    world = World()
    world.say(reply(200, {"data": [{"reply_quota_usage": 7, "reply_config": {"quota_total": 1000}}]}))
    told = rehearsed(world, REPLY)
    assert told["quota"] == {"used": 7, "total": 1000}
    assert "threads_manage_replies" in told["scopes"]
    assert world.graph.requests[0].query == {"fields": "reply_quota_usage,reply_config"}


NO_QUOTA = [reply(503, HTML), silence(), reply(200, {"data": []}), reply(403, graph_error(10))]


@pytest.mark.parametrize("answer", NO_QUOTA, ids=range(len(NO_QUOTA)))
def test_a_quota_that_is_not_told_is_left_out(answer: GraphReply) -> None:
    """Where Threads does not tell the quota, the rest is answered all the same."""
    world = World()
    world.say(answer)
    told = rehearsed(world)
    assert told["ok"]
    assert "quota" not in told


TROUBLE: list[tuple[Callable[[World], Any], str | None, type[ServiceError]]] = [
    (lambda world: world.delete_account(), None, AccountNotFound),
    (lambda _world: None, "404", AccountNotFound),
    (lambda world: world.connect("2"), None, MissingAccount),
    (lambda world: world.connect(ACCOUNT, status="reconnect_required"), None, ReconnectRequired),
    (lambda world: world.connect(ACCOUNT, scopes=[*DEFAULT_SCOPES]), None, MissingScope),
]


@pytest.mark.parametrize(("arrange", "account_id", "trouble"), TROUBLE, ids=range(len(TROUBLE)))
def test_what_would_keep_a_post_back_keeps_its_rehearsal_back(
    arrange: Callable[[World], Any], account_id: str | None, trouble: type[ServiceError]
) -> None:
    """A dry run fails as the real one would, before anything is asked of Threads."""
    world = World()
    arrange(world)
    with pytest.raises(trouble):
        rehearsed(world, REPLY, account_id)
    assert world.trail == []
