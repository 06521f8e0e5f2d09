"""The lease on a post: of any number of deliveries at the same time, one has it.

Taking it costs one commit. For a text that is sent in a single call, this commit is also the write-ahead.
Its fields and its length are the record's (``posts.ledger``).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from threads.base.errors import (
    IdempotencyMismatch,
    InProgress,
    OutcomeUnknown,
    PostCancelled,
    ServiceError,
)
from threads.posts.ledger import Record, State, begun_again, ended_badly, may_begin_again
from threads.posts.repository import Overtaken, StoredPost
from threads.publishing.matching import is_told_by_lists
from threads.publishing.outcome import Delivered
from threads.publishing.parts import PublishingParts

WAIT_FOR_OTHER = timedelta(seconds=10)
"""How soon a caller that finds a post leased may look again. Most deliveries are done by then. If a delivery
has died, its lease ends within minutes."""


class Delivery(NamedTuple):
    """One attempt to bring a post to its end: who makes it, and until when."""

    owner: str
    """A unique name, which owns the lease."""
    ends: datetime
    """The deadline of the whole request, threads of posts included. No call that publishes is made later."""
    by_task: bool = False
    """Whether Cloud Tasks brings it. Then no user waits for the answer, and a later task may go on."""
    is_last: bool = False
    """Whether this is the last delivery that tries to publish. What fails now ends the post."""
    is_final: bool = True
    """With ``is_last``: whether no later delivery will even look whether the post is out."""
    task: str | None = None
    """The name of the task that brings it."""


@dataclass(frozen=True)
class Lease:
    """A post that a delivery has to itself, or a post that needs no delivery."""

    post: StoredPost
    is_sending: bool = False
    """Whether the write-ahead of a text came with this lease. Then this delivery sends the text."""
    is_left: bool = False
    """Whether a task will look at the post. Then there is nothing to do here."""


def lease_new(parts: PublishingParts, uid: str, post_id: str, record: Record, delivery: Delivery) -> Lease:
    """Lease a new post, or the post that the same request began earlier.

    Raises:
        IdempotencyMismatch: the earlier request had another content.
        InProgress: another delivery has the lease.

    """
    mine = _leased(parts, record, delivery)
    post = parts.posts.repository.create(uid, post_id, mine)
    if post.record.owner == delivery.owner:
        return Lease(post, is_sending=mine.state is State.SENT)
    if post.record.content_hash != record.content_hash:
        raise IdempotencyMismatch
    return lease(parts, post, delivery)


def lease(parts: PublishingParts, post: StoredPost, delivery: Delivery) -> Lease:
    """Lease a post that was read. A post that has ended, or that waits for a task, is only returned.

    If it has failed because its account had to be connected again, it begins again: the account can publish.

    Raises:
        InProgress: another delivery has the lease.

    """
    record, now = post.record, parts.now()
    if may_begin_again(record):
        record = begun_again(record, now)
    if record.is_terminal:
        return Lease(post)
    if record.follow_up_at and record.follow_up_at > now and not delivery.by_task:
        return Lease(post, is_left=True)
    if record.is_leased(now):
        raise InProgress(retry_after=min(WAIT_FOR_OTHER, (record.lease_until or now) - now))
    mine = _leased(parts, record, delivery)
    try:
        post = parts.posts.repository.write(post, mine)
    except Overtaken:
        raise InProgress from None
    return Lease(post, is_sending=mine.state is State.SENT and record.state is State.NEW)


def end(parts: PublishingParts, post: StoredPost, trouble: ServiceError) -> Delivered:
    """End a post that cannot be published any more, unless a delivery has the lease.

    Raises:
        ServiceError: the trouble itself, if it is transient.
        InProgress: a delivery has the lease.

    """
    if trouble.retryable:
        raise trouble
    record, now = post.record, parts.now()
    if record.is_terminal:
        return Delivered(post)
    if record.is_leased(now):
        raise InProgress
    try:
        ended = parts.posts.repository.write(post, ended_badly(record, trouble, now))
    except Overtaken:
        raise InProgress from None
    return Delivered(ended, trouble)


def stop(parts: PublishingParts, post: StoredPost, why: str) -> StoredPost:
    """Cancel a post that must not be published any more. If it may be out, its owner must look.

    Raises:
        InProgress: a delivery has the lease, or the post may be out, and may still appear.

    """
    record, now = post.record, parts.now()
    if record.is_leased(now) or (record.ambiguous and not record.is_settled(now)):
        raise InProgress
    stopped = (
        record.left_unknown(OutcomeUnknown().as_json(), now)
        if record.ambiguous
        else record.cancelled(PostCancelled(why).as_json(), now)
    )
    try:
        return parts.posts.repository.write(post, stopped)
    except Overtaken:
        raise InProgress from None


def _leased(parts: PublishingParts, record: Record, delivery: Delivery) -> Record:
    """Return the record with the lease. For a text in a single call, it also has the write-ahead."""
    now = parts.now()
    # Whether another post is out, a list may not tell for certain. The status of its container does.
    by_container = record.by_container or parts.config.text_mode == "two_step"
    in_one_call = not by_container and is_told_by_lists(record.content)
    mine = record.leased(delivery.owner, now)
    return mine.sending(now) if in_one_call and record.state is State.NEW else mine
