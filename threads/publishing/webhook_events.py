"""What an event of Meta's webhook changes. It is one more source for the ledger.

    delete     the post's record becomes deleted
    publish    of a known post: its record gets the public address
               of another post: the service searches the account's posts for texts that may be out

A publish event for a post that is not known only triggers a search. The service does not believe what the
event tells about the post. It searches at Threads, as a delivery does, and can only learn that a post is out.
Nothing is sent, and a post that is not found stays as it was. (A task could search, too. But a task also
sends again what is certainly not out, and a user who was told of a failure may no longer want the post.)

Each post is searched for once for a notification, however many events could be about it. If a notification
takes too long, the rest of it is left to Meta, which sends it again.

A post that a delivery has leased is left to that delivery. Often there is one, because an event may come
before the answer to the call that published the post. Such an event is looked at again a moment later, and
then left to Meta, which sends it again. Each event may come twice, late, or never.
"""

import random
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import NamedTuple

from threads.accounts.access_token import find_sealed, open_account
from threads.accounts.account import USERNAME_FIELD, StoredAccount
from threads.accounts.repository import SAVE_ATTEMPTS
from threads.base.errors import ServiceUnavailable, ThreadsError
from threads.graph.media import RecentPost
from threads.graph.webhook import DELETE, PUBLISH, Event
from threads.posts.ledger import Record, State
from threads.posts.repository import AlreadyClaimed, Overtaken, StoredPost
from threads.publishing.matching import is_listed_as, is_same_text, search_begins
from threads.publishing.parts import PublishingParts

POSTS_AT_ONCE = 20
"""The most posts of one account that are looked at. There is hardly ever more than one that may be out."""

NOTE_TIME = timedelta(seconds=30)
"""How long one notification is worked on. The last search may take a little longer. Meta may put up to 1,000
events into one, and the function ends after two minutes."""

EARLY_PAUSE = timedelta(seconds=2)
"""How long an event waits that may be about a post whose delivery has not written down its end yet."""


class Notification(NamedTuple):
    """The events that came together."""

    ends: datetime
    """When the time for them is up."""
    searched: set[tuple[str, str]]
    """The posts that were searched for, each with its uid and its id."""


def note(parts: PublishingParts, events: Sequence[Event]) -> None:
    """Apply events. An event that says nothing new, or is not about a post of ours, changes nothing.

    The posts come in a random order, so that each repetition of a long notification comes to other events
    first. The events about one post keep their order.

    Raises:
        ServiceUnavailable: Firestore failed, or did not answer, or the time is up. Meta sends all the events
            again (https://developers.facebook.com/docs/graph-api/webhooks/getting-started#event-notifications).

    """
    notification = Notification(parts.now() + NOTE_TIME, set())
    if early := _note_all(parts, events, notification):
        parts.sleep(EARLY_PAUSE)
        if _note_all(parts, early, notification):
            raise ServiceUnavailable


def _note_all(parts: PublishingParts, events: Sequence[Event], notification: Notification) -> list[Event]:
    """Apply events, and return those that come too early."""
    by_post: dict[str, list[Event]] = {}
    for event in events:
        by_post.setdefault(event.media_id, []).append(event)
    early = []
    for media_id in random.sample([*by_post], len(by_post)):
        if parts.now() >= notification.ends:
            raise ServiceUnavailable
        early += [event for event in by_post[media_id] if _note(parts, event, notification)]
    return early


def _note(parts: PublishingParts, event: Event, notification: Notification) -> bool:
    """Apply an event, and return whether it comes too early: a delivery is at a post that it may be about."""
    if event.field == DELETE:
        _change(parts, event.media_id, lambda record: _deleted(record, parts.now()))
    elif event.field == PUBLISH:
        is_known = _change(parts, event.media_id, lambda record: _found(record, event, parts.now()))
        if not is_known and event.username:
            return _look(parts, event, event.username, notification)
    return False


def _deleted(record: Record, now: datetime) -> Record | None:
    return None if record.deleted_at else record.deleted(now)


def _found(record: Record, event: Event, now: datetime) -> Record | None:
    return None if record.permalink or not event.permalink else record.found_at(event.permalink, now)


def _change(parts: PublishingParts, media_id: str, change: Callable[[Record], Record | None]) -> bool:
    """Change the record of a published post, and return whether there is one. None changes nothing."""
    for _ in range(SAVE_ATTEMPTS):
        post = parts.posts.repository.of_media_id(media_id)
        record = change(post.record) if post else None
        if post is None or record is None:
            return post is not None
        with suppress(Overtaken):
            parts.posts.repository.write(post, record)
            return True
    raise ServiceUnavailable


def _look(parts: PublishingParts, event: Event, username: str, notification: Notification) -> bool:
    """Search for the texts that accounts with this username have sent without getting an answer.

    Returns:
        Whether a delivery is at a post that the event may be about.

    Raises:
        ServiceUnavailable: a search was given up because the time is up.

    """
    searched, now, is_early = notification.searched, parts.now(), False
    for account in find_sealed(parts.accounts, USERNAME_FIELD, username, notification.ends):
        unanswered = parts.posts.repository.find_unanswered(
            account.uid, account.account_id, limit=POSTS_AT_ONCE
        )
        possible = [post for post in unanswered if _may_be(post.record, event)]
        is_early = is_early or any(post.record.is_leased(now) for post in possible)
        wanted = [
            post
            for post in possible
            if _is_to_be_found(post, now) and (post.uid, post.post_id) not in searched
        ]
        searched.update((post.uid, post.post_id) for post in wanted)
        if wanted:
            try:
                _find(parts, account, wanted, notification)
            except ThreadsError:
                # If Threads does not list the posts now, the next delivery of each post searches again.
                if parts.now() >= notification.ends:
                    raise ServiceUnavailable from None
    return is_early


def _may_be(record: Record, event: Event) -> bool:
    """Return whether an event may be about a post. By the documentation, a publish event has no text."""
    is_late_enough = event.published_at is None or event.published_at >= search_begins(record)
    return is_late_enough and (event.text is None or is_same_text(record.content.text, event.text))


def _is_to_be_found(post: StoredPost, now: datetime) -> bool:
    """Return whether only a search can tell that a post is out. A container has a status that tells it."""
    return post.record.state is State.SENT and not post.record.is_leased(now)


def _find(
    parts: PublishingParts, account: StoredAccount, wanted: list[StoredPost], notification: Notification
) -> None:
    """Find posts among those of their account, with one search at Threads for all of them.

    Raises:
        ThreadsError: Threads did not list the account's posts, or the account cannot be used.

    """
    begins = min(search_begins(post.record) for post in wanted)
    listed = open_account(parts.accounts, account).api.posts_since(
        begins, replies=False, now=parts.now, ends=notification.ends
    )
    for post in wanted:
        content, since = post.record.content, search_begins(post.record)
        _take_first(parts, post, [it for it in listed if is_listed_as(it, content, since)])


def _take_first(parts: PublishingParts, post: StoredPost, listed: list[RecentPost]) -> None:
    """End a post with the first listed post that no other record has claimed."""
    for it in listed:
        ended = post.record.found(it.media_id, parts.now(), permalink=it.permalink)
        try:
            parts.posts.repository.write(post, ended, media_id=it.media_id)
        except AlreadyClaimed:
            continue
        except Overtaken:  # a delivery has taken the lease, and looks itself
            return
        return
