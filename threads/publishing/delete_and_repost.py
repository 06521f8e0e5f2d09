"""What a user may do with a published post: find its public address, delete it, repost it."""

from contextlib import suppress
from dataclasses import replace
from typing import NamedTuple

from threads.accounts.access_token import OpenAccount, find_open_account, understood
from threads.base.errors import (
    InProgress,
    InvalidRequest,
    MissingScope,
    Problem,
    ServiceError,
    ThreadsError,
    ThreadsUnavailable,
)
from threads.graph import media
from threads.graph.error_codes import is_missing_post
from threads.posts.cancel import cancel, read
from threads.posts.ledger import CONTAINER_SETTLES, Record, State
from threads.posts.repository import Overtaken, StoredPost
from threads.publishing.outcome import Outcome
from threads.publishing.parts import PublishingParts
from threads.publishing.thread import begun

DELETE_SCOPE = "threads_delete"

REPOST_SCOPE = "threads_content_publish"
"""Meta's page on reposts names no scope. Reposts are a part of its "Create posts", which asks for this one.
Source: https://developers.facebook.com/docs/threads/create-posts"""


class Reposted(NamedTuple):
    """A repost."""

    repost_id: str | None
    """The repost's own id. None: Threads did not tell it."""
    account_id: str
    """The account that reposted the post."""
    media_id: str
    """The media id of the post."""


def with_address(parts: PublishingParts, outcome: Outcome) -> Outcome:
    """Return the outcome of a request with the public address of its root, if the root is published."""
    return replace(outcome, root=with_permalink(parts, outcome.root))


def with_permalink(parts: PublishingParts, post: StoredPost) -> StoredPost:
    """Return a published post with its public address, which is asked for once and then kept in the record.

    The post is out already. So it is not an error if its address cannot be had.
    """
    record = post.record
    if record.state is not State.PUBLISHED or record.permalink or not record.media_id:
        return post
    with suppress(ServiceError):
        account = find_open_account(parts.accounts, post.uid, record.account_id)
        if permalink := account.api.permalink(record.media_id):
            try:
                return parts.posts.repository.write(post, record.found_at(permalink, parts.now()))
            except Overtaken:  # usually by Meta's webhook, which has brought the address
                return read(parts.posts, post.uid, post.post_id)
    return post


def remove(parts: PublishingParts, uid: str, post_id: str, *, only_cancel: bool = False) -> StoredPost:
    """Delete a published post, or cancel one that is not published.

    With ``only_cancel``, nothing is deleted: a post that waits may go out before its owner's request arrives.

    Raises:
        PostNotFound: the user has no such post.
        InvalidRequest: the post has ended without being published, or is published and may only be cancelled.
        ServiceError: see ``cancel`` and ``delete``.

    """
    post = read(parts.posts, uid, post_id)
    if post.record.state is State.PUBLISHED and not only_cancel:
        return delete(parts, post)
    return cancel(parts.posts, post)


def cancel_rest(parts: PublishingParts, root: StoredPost) -> list[StoredPost]:
    """Cancel what is still to come of a thread whose root was deleted, and return its replies.

    Those that are published stay out. The last one is still open if a delivery has it, or if it may be out.
    What has not begun does not come: the root's record says that it was deleted.
    """
    replies = begun(parts, root)
    if replies and not replies[-1].record.is_terminal:
        with suppress(InProgress):
            replies[-1] = cancel(parts.posts, replies[-1])
    return replies


def delete(parts: PublishingParts, post: StoredPost) -> StoredPost:
    """Delete a published post at Threads.

    A post that Threads no longer has counts as deleted: an earlier answer was lost, or its owner deleted it
    in the Threads app.

    Raises:
        InvalidRequest: its media id was only found, not answered, so it may be another post's.
        AccountNotFound, ReconnectRequired, MissingScope: its account cannot delete it (threads_delete).
        ThreadsError: Threads did not delete the post; ``retryable`` says whether a later try may.
        InProgress: another writer is changing the record.

    """
    record = post.record
    if record.deleted_at or not record.media_id:
        return post
    if record.is_found:
        raise InvalidRequest(Problem("postId", "uncertain_id", _uncertain(record)))
    account = find_open_account(parts.accounts, post.uid, record.account_id, (DELETE_SCOPE,))
    try:
        media.read_deleted(account.api.send(media.delete_post_request(account.api.token, record.media_id)))
    except ThreadsError as refusal:
        error = _needing(understood(parts.accounts, account, refusal), DELETE_SCOPE)
        if not is_missing_post(error):
            raise error from None
        _check_gone(parts, account, post, error)
    try:
        return _note_deleted(parts, post)
    except Overtaken:  # perhaps its address was just written; at Threads the post is gone
        post = read(parts.posts, post.uid, post.post_id)
    try:
        return post if post.record.deleted_at else _note_deleted(parts, post)
    except Overtaken:
        raise InProgress from None


def _uncertain(record: Record) -> str:
    where = f": {record.permalink}" if record.permalink else "."
    return (
        "names a post whose media id Threads did not answer. It was found by its words, and another post may "
        f"have the same ones. So nothing was deleted. Delete it in the Threads app{where}"
    )


def _check_gone(parts: PublishingParts, account: OpenAccount, post: StoredPost, error: ThreadsError) -> None:
    """Check that a post is gone: Threads could not find it to delete it, and cannot find it to show it.

    The first of these alone proves nothing: Threads answers a missing permission the same way, and may not
    find yet what it has just published.

    Raises:
        ThreadsError: the post exists, or may exist.

    """
    try:
        account.api.permalink(post.record.media_id or "")
    except ThreadsError as unseen:
        if not is_missing_post(unseen):
            raise
    else:
        raise error
    rest = post.record.updated_at + CONTAINER_SETTLES - parts.now()
    if rest.total_seconds() > 0:
        message = "Threads does not find this post, which is very new. Try again in a minute."
        raise ThreadsUnavailable(message, evidence=error.evidence, retry_after=rest)


def _note_deleted(parts: PublishingParts, post: StoredPost) -> StoredPost:
    return parts.posts.repository.write(post, post.record.deleted(parts.now()))


def _needing(error: ThreadsError, scope: str) -> ThreadsError:
    """Return an error with the permission to ask for, if a permission is missing."""
    return error.needing([scope]) if isinstance(error, MissingScope) else error


def published_media_id(parts: PublishingParts, uid: str, post_id: str) -> str:
    """Return the media id of a user's published post.

    Raises:
        PostNotFound: the user has no such post.
        InvalidRequest: the post is not published, or was deleted.

    """
    record = read(parts.posts, uid, post_id).record
    if record.media_id is None or record.deleted_at:
        message = f"names a post that is {record.status}: only a published one can be reposted."
        raise InvalidRequest(Problem("postId", "not_published", message))
    return record.media_id


def repost(parts: PublishingParts, uid: str, media_id: str, unverified_account_id: str | None) -> Reposted:
    """Repost any post with one of the user's accounts: the named one, or the only one.

    A repost has no record. So a request that is sent twice makes two reposts.

    Raises:
        MissingAccount, AccountNotFound, ReconnectRequired, MissingScope: no account can repost it.
        ThreadsError: Threads did not repost it. If Threads may have done so anyway, the message says so.

    """
    account = find_open_account(parts.accounts, uid, unverified_account_id, (REPOST_SCOPE,))
    reply = account.api.send(media.repost_request(account.api.token, media_id))
    try:
        return Reposted(media.read_repost_id(reply), account.stored.account_id, media_id)
    except ThreadsError as refusal:
        error = _needing(understood(parts.accounts, account, refusal), REPOST_SCOPE)
    if isinstance(error, ThreadsUnavailable) and not error.verdict.is_definite:
        message = "Threads did not answer clearly: the repost may be out. Look before you send it again."
        raise ThreadsUnavailable(message, evidence=error.evidence, retry_after=error.retry_after)
    raise error
