"""Taking hold of a post: of any number of deliveries at the same time, one does.

The claim is one commit. For a text that goes out in a single call it is the write-ahead, too.
"""

from datetime import timedelta
from typing import NamedTuple

from threads.errors import IdempotencyMismatch, InProgress
from threads.ledger import Record, State
from threads.posts import Content
from threads.records import Held, Overtaken
from threads.tools import Tools

WAIT_FOR_OTHER = timedelta(seconds=10)
"""After how long somebody who finds a post in other hands may look again: most are done by then, and the
lease of one that has died ends within minutes."""


class Delivery(NamedTuple):
    """Who brings a post, and how."""

    owner: str
    """A name of its own: the lease's."""
    by_task: bool = False
    """Brought by Cloud Tasks, which waits for nobody: a post may be left to a later task."""
    is_last: bool = False
    """What does not work now, never will."""
    is_final: bool = True
    """With ``is_last``: nobody will come to look any more, either."""
    task: str | None = None
    """The name of the task that brings it."""


class Claim(NamedTuple):
    """A post in a delivery's hands, or one that has ended before."""

    held: Held
    is_sending: bool = False
    """With the claim, the record says that a text is about to be sent: this delivery sends it."""
    is_left: bool = False
    """A task is about to look at it: there is nothing to do here."""


def claim_new(tools: Tools, uid: str, post_id: str, record: Record, delivery: Delivery) -> Claim:
    """Take a new post, or the one that the same request has begun earlier.

    Raises:
        IdempotencyMismatch: the earlier one had another content.
        InProgress: another delivery is at it.

    """
    mine = _taken(tools, record, delivery)
    held = tools.records.create(uid, post_id, mine)
    if held.record.owner == delivery.owner:
        return Claim(held, is_sending=mine.state is State.SENT)
    if held.record.content_hash != record.content_hash:
        raise IdempotencyMismatch
    return claim(tools, held, delivery)


def claim(tools: Tools, held: Held, delivery: Delivery) -> Claim:
    """Take a post that has been read; one that has ended is only returned.

    Raises:
        InProgress: another delivery is at it.

    """
    record, now = held.record, tools.now()
    if record.is_terminal:
        return Claim(held)
    if record.follow_up_at and record.follow_up_at > now and not delivery.by_task:
        return Claim(held, is_left=True)
    if record.is_held(now):
        raise InProgress(retry_after=min(WAIT_FOR_OTHER, (record.lease_until or now) - now))
    mine = _taken(tools, record, delivery)
    try:
        held = tools.records.write(held, mine)
    except Overtaken:
        raise InProgress from None
    return Claim(held, is_sending=mine.state is State.SENT and record.state is State.NEW)


def _taken(tools: Tools, record: Record, delivery: Delivery) -> Record:
    """Return the record with the lease; for a text in a single call, the claim is the write-ahead as well."""
    now = tools.now()
    content = Content(record.content)
    # A reply might not be listed with the account's posts; a container's status tells of it all the same.
    can_be_found = content.media_type == "TEXT" and not content.is_reply
    in_one_call = can_be_found and tools.config.text_mode == "single_step" and not record.by_container
    mine = record.claimed(delivery.owner, now)
    return mine.sending(now) if in_one_call and record.state is State.NEW else mine
