"""Reading a user's post, and cancelling one that no delivery has begun to publish."""

from contextlib import suppress

from threads.base.errors import (
    InProgress,
    InvalidRequest,
    PostCancelled,
    PostNotFound,
    Problem,
    ServiceUnavailable,
)
from threads.posts.ledger import State
from threads.posts.parts import PostParts
from threads.posts.repository import Overtaken, StoredPost


def read(parts: PostParts, uid: str, post_id: str) -> StoredPost:
    """Return a user's post.

    Raises:
        PostNotFound: the user has no such post.

    """
    post = parts.repository.read(uid, post_id)
    if post is None:
        raise PostNotFound
    return post


def cancel(parts: PostParts, post: StoredPost) -> StoredPost:
    """Cancel a post that no delivery has begun to publish, and delete its task.

    Raises:
        InvalidRequest, InProgress: as in ``cancel_record``.

    """
    cancelled = cancel_record(parts, post)
    if post.record.task and not post.record.is_terminal:
        with suppress(ServiceUnavailable):  # the task would find that there is nothing to do
            parts.queue.delete(post.record.task)
    return cancelled


def cancel_record(parts: PostParts, post: StoredPost) -> StoredPost:
    """Cancel a post that no delivery has begun to publish. Its task stays, and will find nothing to do.

    If a delivery begins at the same moment, one of the two changes the record first. The other one learns
    this from its own write, and stops.

    Raises:
        InvalidRequest: the post has ended in another way.
        InProgress: a delivery is working on the post, or has left it without knowing whether it is out.

    """
    record, now = post.record, parts.now()
    if record.state is State.CANCELLED:
        return post
    if record.is_terminal:
        message = f"names a post that is {record.status}: there is nothing left to cancel."
        raise InvalidRequest(Problem("postId", "not_cancellable", message))
    if record.is_leased(now):
        raise InProgress("This post is being published right now. Look again in a moment.")
    if record.ambiguous:
        raise InProgress("Whether this post is out is not known yet; its request, sent again, finds out.")
    try:
        return parts.repository.write(post, record.cancelled(PostCancelled().as_json(), now))
    except Overtaken:
        raise InProgress from None
