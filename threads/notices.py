"""The story of a notice from Meta, that a post has appeared or is gone: one more source for the ledger.

    delete     the record says so
    publish    of a post that is known: its record gets the address
               of another one: an account's texts that may be out are looked for among its posts

A publish notice of a post that is not known only says that it is worth looking: what it tells of the post is
not believed. The look is the ledger's own, at Threads, and it can end in nothing but "it is out": nothing is
sent, and what is not found stays as it was. (A task would be the other way to look; but it also sends again
what certainly is not out, and a user who was told that a post did not pass may have done without it.) A post
that a delivery is at is left to it. Mostly one is: a notice usually comes within seconds, while the delivery
holds its lease, or the lease of one that has died is not over; then the post's own next delivery looks, and a
notice finds only what nobody comes back for. Each notice may come twice, late, or not at all.
"""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

from threads.access import open_token
from threads.account_graph import AccountGraph
from threads.accounts import USERNAME_FIELD
from threads.containers import RecentPost
from threads.deliver import is_listed_as, is_same_text, search_begins
from threads.documents import Found
from threads.errors import ServiceUnavailable, ThreadsError
from threads.ledger import Record, State
from threads.posts import Content
from threads.records import AlreadyClaimed, Held, Overtaken
from threads.store import SAVE_ATTEMPTS
from threads.tools import Tools
from threads.webhook import DELETE, PUBLISH, Event

TEXTS_AT_ONCE = 20
"""Texts of one account that may be out, and are looked for: there is hardly ever more than one."""


def note(tools: Tools, event: Event) -> None:
    """Take a notice into account; one that says nothing new, or is about nobody's post, changes nothing.

    Raises:
        ServiceUnavailable: Firestore did not do its part; Meta sends the notice again.

    """
    if event.field == DELETE:
        _change(tools, event.media_id, lambda record: _deleted(record, tools.now()))
    elif event.field == PUBLISH:
        is_known = _change(tools, event.media_id, lambda record: _found(record, event, tools.now()))
        if not is_known and event.username:
            _look(tools, event, event.username)


def _deleted(record: Record, now: datetime) -> Record | None:
    return None if record.deleted_at else record.deleted(now)


def _found(record: Record, event: Event, now: datetime) -> Record | None:
    return None if record.permalink or not event.permalink else record.found_at(event.permalink, now)


def _change(tools: Tools, media_id: str, change: Callable[[Record], Record | None]) -> bool:
    """Change the record of a published post, or leave it as it is for None; say whether there is one."""
    for _ in range(SAVE_ATTEMPTS):
        held = tools.records.claimed(media_id)
        record = change(held.record) if held else None
        if held is None or record is None:
            return held is not None
        with suppress(Overtaken):
            tools.records.write(held, record)
            return True
    raise ServiceUnavailable


def _look(tools: Tools, event: Event, username: str) -> None:
    """Look for what an account with this name has sent without an answer."""
    for uid, account in tools.store.find_connections(USERNAME_FIELD, username):
        unanswered = tools.records.find(uid, account.id, limit=TEXTS_AT_ONCE, state=State.SENT)
        wanted = [held for held in unanswered if _may_be(held.record, event, tools.now())]
        if wanted:
            # What Threads does not show now, it shows the post's own next delivery.
            with suppress(ThreadsError):
                _find(tools, uid, account, wanted)


def _may_be(record: Record, event: Event, now: datetime) -> bool:
    """Say whether an event may be about a post; a publish event has no text, as far as is documented."""
    is_late_enough = event.published_at is None or event.published_at >= search_begins(record)
    is_same = event.text is None or is_same_text(event.text, Content(record.content).text)
    return not record.is_held(now) and is_late_enough and is_same


def _find(tools: Tools, uid: str, account: Found, wanted: list[Held]) -> None:
    """Find posts among those of the account: one call to Threads for all of them.

    Raises:
        ThreadsError: Threads did not say, or the account cannot ask.

    """
    graph = AccountGraph(tools.graph, open_token(tools, uid, account))
    begins = min(search_begins(held.record) for held in wanted)
    posts = graph.posts_since(begins, replies=False)
    for held in wanted:
        content, since = Content(held.record.content), search_begins(held.record)
        _take_first(tools, held, [post for post in posts if is_listed_as(post, content, since)])


def _take_first(tools: Tools, held: Held, posts: list[RecentPost]) -> None:
    """End a post with the first of those that it can be, and that is no other post's."""
    for post in posts:
        ended = held.record.published(post.media_id, tools.now(), permalink=post.permalink)
        try:
            tools.records.write(held, ended, media_id=post.media_id)
        except AlreadyClaimed:
            continue
        except Overtaken:  # a delivery is at it, and looks itself
            return
        return
