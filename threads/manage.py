"""The story of a post's owner: looking at a post, at the latest ones, cancelling one, and deleting one."""

from contextlib import suppress
from datetime import datetime

from threads import containers
from threads.access import find_account, open_token
from threads.errors import (
    InProgress,
    InvalidRequest,
    PostCancelled,
    PostNotFound,
    Problem,
    ServiceUnavailable,
)
from threads.ledger import State
from threads.records import Held, Overtaken
from threads.tools import Tools

DELETE_SCOPE = "threads_delete"


def read(tools: Tools, uid: str, name: str) -> Held:
    """Return a post's record.

    Raises:
        PostNotFound: the user has no such post.

    """
    held = tools.records.read(uid, name)
    if held is None:
        raise PostNotFound
    return held


def latest(tools: Tools, uid: str, limit: int, before: datetime | None) -> list[Held]:
    """Return a user's latest posts, the newest first, of those older than a moment."""
    return tools.records.latest(uid, limit, before)


def remove(tools: Tools, uid: str, name: str) -> Held:
    """Cancel a post that is not out, or delete one that is; return its record.

    Raises:
        PostNotFound: the user has no such post.
        InvalidRequest: it has ended otherwise.
        ServiceError: as ``cancel`` and ``delete`` do.

    """
    held = read(tools, uid, name)
    return delete(tools, held) if held.record.state is State.PUBLISHED else cancel(tools, held)


def delete(tools: Tools, held: Held) -> Held:
    """Delete a published post at Threads; return its record.

    Raises:
        AccountNotFound, ReconnectRequired, MissingScope: its account cannot do it (threads_delete).
        ThreadsError: Threads did not delete it; ``retryable`` says whether it may another time.
        InProgress: somebody else is changing the record.

    """
    record = held.record
    if record.deleted_at or not record.media_id:
        return held
    account = find_account(tools, held.uid, record.account_id)
    token = open_token(tools, held.uid, account, (DELETE_SCOPE,))
    containers.read_deleted(tools.graph.send(containers.delete_post_request(token, record.media_id)))
    try:
        return _note_deleted(tools, held)
    except Overtaken:  # perhaps its address has just been noted; at Threads it is gone in any case
        held = read(tools, held.uid, held.post_id)
    try:
        return held if held.record.deleted_at else _note_deleted(tools, held)
    except Overtaken:
        raise InProgress from None


def _note_deleted(tools: Tools, held: Held) -> Held:
    return tools.records.write(held, held.record.deleted(tools.now()))


def cancel(tools: Tools, held: Held) -> Held:
    """Cancel a post that nobody has begun to publish; return its record.

    Either this or the delivery that begins at the same moment changes the record first; the other one learns
    it.

    Raises:
        InvalidRequest: it has ended otherwise.
        InProgress: a delivery is at it, or has left it without knowing whether it is out.

    """
    record, now = held.record, tools.now()
    if record.state is State.CANCELLED:
        return held
    if record.is_terminal:
        message = f"names a post that is {record.status}: there is nothing left to cancel."
        raise InvalidRequest(Problem("postId", "not_cancellable", message))
    if record.is_held(now):
        raise InProgress("This post is being published right now. Look again in a moment.")
    if record.ambiguous:
        raise InProgress("Whether this post is out is not known yet; its request, sent again, finds out.")
    try:
        cancelled = tools.records.write(held, record.cancelled(PostCancelled().as_json(), now))
    except Overtaken:
        raise InProgress from None
    if record.task:
        with suppress(ServiceUnavailable):  # it would find that there is nothing to do
            tools.tasks.delete(record.task)
    return cancelled
