"""The story of a post's owner: looking at a post, at the latest ones, and cancelling one."""

from contextlib import suppress
from datetime import datetime

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


def cancel(tools: Tools, uid: str, name: str) -> Held:
    """Cancel a post that nobody has begun to publish; return its record.

    Either this or the delivery that begins at the same moment changes the record first; the other one learns
    it.

    Raises:
        PostNotFound: the user has no such post.
        InvalidRequest: it has ended otherwise.
        InProgress: a delivery is at it, or has left it without knowing whether it is out.

    """
    held = read(tools, uid, name)
    record, now = held.record, tools.now()
    if record.state is State.CANCELLED:
        return held
    if record.is_terminal:
        message = f"names a post that is {record.status}: there is nothing left to cancel."
        raise InvalidRequest(Problem("postId", "not_cancellable", message))
    if record.is_held(now) or record.ambiguous:
        raise InProgress("This post is being published right now. Look again in a moment.")
    try:
        cancelled = tools.records.write(held, record.cancelled(PostCancelled().as_json(), now))
    except Overtaken:
        raise InProgress from None
    if record.task:
        with suppress(ServiceUnavailable):  # it would find that there is nothing to do
            tools.tasks.delete(record.task)
    return cancelled
