"""A thread: a root and its replies, in order, each a post of its own in the ledger.

After a crash, the next delivery walks through the thread from its root again. It takes the posts that are out
from their records, and goes on with the first post that is not. A reply names the post before it. So it can
only be created once that post is out and has a media id.
"""

import hashlib
from dataclasses import replace

from threads.accounts.access_token import find_open_account
from threads.base.errors import InProgress, MissingScope, ReconnectRequired, ServiceError
from threads.posts.ledger import Record, State, ended_badly, new_record
from threads.publishing.delivery import deliver
from threads.publishing.lease import Delivery, end, lease_new
from threads.publishing.outcome import Delivered, Outcome
from threads.publishing.parts import PublishingParts


def reply_name(root: str, position: int) -> str:
    """Return the post id of a reply, given the root's. The first reply has position 1."""
    return hashlib.sha256(f"{root}|{position}".encode()).hexdigest()


def follow(parts: PublishingParts, delivered: Delivered, delivery: Delivery) -> Outcome:
    """Publish the posts that follow in a thread, until the thread ends or must wait.

    The account is read again before each reply. If it was disconnected meanwhile, or its token is dead,
    nothing more is published. No post follows one that is not published. If that one waits, it has a task of
    its own.

    Raises:
        InProgress: another delivery has the lease of one of the posts, or no time is left for the next one.
        ReconnectRequired, MissingScope: only for a web app's request. Once the account is connected again,
            the same request goes on.
        ServiceError: a later delivery may go on.

    """
    post, reason = delivered
    if post.record.state is not State.PUBLISHED:
        return Outcome(post, reason=reason)
    root = parts.posts.repository.read(post.uid, post.record.root) if post.record.root else post
    if root is None:
        return Outcome(post)
    before, replies = root, []
    for position, content in enumerate(root.record.content.replies, 1):
        if before.record.state is not State.PUBLISHED:
            break
        if parts.now() >= delivery.ends:
            raise InProgress("This thread is not finished yet. The same request goes on with it.")
        answering = content.answering(before.record.media_id or "")
        record = replace(new_record(root.record.account_id, answering, parts.now()), root=root.post_id)
        before, reason = _publish(parts, root.uid, reply_name(root.post_id, position), record, delivery)
        replies.append(before)
    return Outcome(root, tuple(replies), reason)


def _publish(parts: PublishingParts, uid: str, post_id: str, record: Record, delivery: Delivery) -> Delivered:
    """Publish one reply, or end it with an error if its account cannot publish it any more."""
    try:
        account = find_open_account(parts.accounts, uid, record.account_id)
    except ServiceError as trouble:
        is_waiting = isinstance(trouble, ReconnectRequired | MissingScope) and not delivery.by_task
        if trouble.retryable or is_waiting:
            raise
        ended = ended_badly(record, trouble, parts.now())
        return end(parts, parts.posts.repository.create(uid, post_id, ended), trouble)
    return deliver(parts, lease_new(parts, uid, post_id, record, delivery), delivery, account)
