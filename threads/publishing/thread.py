"""A thread: a root and its replies, in order, each a post of its own in the ledger.

After a crash, the next delivery walks through the thread from its root again. It takes the posts that are out
from their records, and goes on with the first post that is not. A reply names the post before it. So it can
only be created once that post is out and has a media id.

If the root is deleted, nothing more of the thread comes out. The record says so, whether its owner deleted it
with ``th_posts`` or the webhook told. Until the thread has ended, its root's record says that more is to come
(``resume_at``), and ``upkeep`` goes on with it if nobody else does.
"""

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from threads.accounts.access_token import find_open_account
from threads.base.errors import (
    InProgress,
    MissingScope,
    ReconnectRequired,
    ServiceError,
    ServiceUnavailable,
)
from threads.posts.content import Content
from threads.posts.ledger import Record, State, ended_badly, new_record
from threads.posts.repository import Overtaken, StoredPost
from threads.publishing.delivery import deliver
from threads.publishing.lease import Delivery, end, lease_new, stop
from threads.publishing.outcome import Delivered, Outcome
from threads.publishing.parts import PublishingParts


def reply_name(root: str, position: int) -> str:
    """Return the post id of a reply, given the root's. The first reply has position 1."""
    return hashlib.sha256(f"{root}|{position}".encode()).hexdigest()


def follow(parts: PublishingParts, delivered: Delivered, delivery: Delivery) -> Outcome:
    """Publish the posts that follow in a thread, until the thread ends or must wait.

    Account and root are read again before each reply. If the account was disconnected meanwhile, or its token
    is dead, or the root was deleted, nothing more is published. No post follows one that is not published. If
    that one waits, it has a task of its own.

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
        if position > 1 and root.record.resume_at:
            root = parts.posts.repository.read(root.uid, root.post_id) or root
        if _is_end(root, before):
            break
        if parts.now() >= delivery.ends:
            raise InProgress("This thread is not finished yet. The same request goes on with it.")
        record = _reply(parts, root, content, before, position)
        before, reason = _publish(parts, root.uid, reply_name(root.post_id, position), record, delivery)
        replies.append(before)
    return Outcome(note_end(parts, root, replies), tuple(replies), reason)


def _reply(
    parts: PublishingParts, root: StoredPost, content: Content, before: StoredPost, position: int
) -> Record:
    answering = content.answering(before.record.media_id or "")
    record = new_record(root.record.account_id, answering, parts.now())
    return replace(record, root=root.post_id, position=position)


def _is_end(root: StoredPost, last: StoredPost) -> bool:
    """Return whether no post follows the last one that has begun."""
    is_deleted = root.record.deleted_at or last.record.deleted_at
    return bool(is_deleted) or last.record.state is not State.PUBLISHED


# --- how far a thread has come ------------------------------------------------------------------------------


def begun(parts: PublishingParts, root: StoredPost) -> list[StoredPost]:
    """Return the replies of a thread that have a record, in order. One read for each."""
    replies: list[StoredPost] = []
    for position in range(1, len(root.record.content.replies) + 1):
        reply = parts.posts.repository.read(root.uid, reply_name(root.post_id, position))
        if reply is None:
            break
        replies.append(reply)
    return replies


def has_ended(root: StoredPost, replies: Sequence[StoredPost]) -> bool:
    """Return whether nothing more of a thread is to come, given those of its replies that have begun."""
    last = replies[-1] if replies else root
    is_whole = len(replies) == len(root.record.content.replies)
    return last.record.is_terminal and (is_whole or _is_end(root, last))


def note_end(parts: PublishingParts, root: StoredPost, replies: Sequence[StoredPost]) -> StoredPost:
    """Note in the root's record that its thread has ended, if it has. One commit.

    Its posts are out. So it is not an error if this fails: the upkeep finds out again.
    """
    if root.record.resume_at and has_ended(root, replies):
        with suppress(Overtaken, ServiceUnavailable):
            return parts.posts.repository.write(root, root.record.thread_ended(parts.now()))
    return root


def give_up_rest(
    parts: PublishingParts, root: StoredPost, replies: Sequence[StoredPost], error: ServiceError
) -> Delivered:
    """End a thread whose next post has no record: the next post has failed, and nothing follows it."""
    before, content = (replies or [root])[-1], root.record.content.replies[len(replies)]
    position = len(replies) + 1
    record = ended_badly(_reply(parts, root, content, before, position), error, parts.now())
    name = reply_name(root.post_id, position)
    ended = parts.posts.repository.create(root.uid, name, record)
    note_end(parts, root, [*replies, ended])
    return Delivered(ended, error)


def ended_with_root(parts: PublishingParts, post: StoredPost) -> StoredPost | None:
    """End a reply whose root was deleted, and return it. Otherwise, return None. One read, for a reply.

    Raises:
        InProgress: a delivery has the lease, or the reply may be out, and may still appear.

    """
    record = post.record
    root = parts.posts.repository.read(post.uid, record.root) if record.root else None
    if record.is_terminal or root is None or not root.record.deleted_at:
        return None
    return stop(parts, post, "The first post of this thread was deleted before this one was published.")


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
