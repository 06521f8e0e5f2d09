"""The story of a post's owner: looking at posts, cancelling one, deleting one; and reposting anybody's."""

from contextlib import suppress
from datetime import datetime
from typing import NamedTuple

from threads import containers
from threads.access import find_account, note_dead_token, open_token
from threads.account_graph import AccountGraph
from threads.documents import Found
from threads.errors import (
    InProgress,
    InvalidRequest,
    PostCancelled,
    PostNotFound,
    Problem,
    ReconnectRequired,
    ServiceUnavailable,
    ThreadsError,
    ThreadsUnavailable,
)
from threads.failures import is_missing_post
from threads.ledger import CONTAINER_SETTLES, Record, State
from threads.records import Held, Overtaken
from threads.tools import Tools

DELETE_SCOPE = "threads_delete"

REPOST_SCOPE = "threads_content_publish"
"""Meta's page on reposts names no scope; they are a part of its "Create posts", which asks for this one.
Source: https://developers.facebook.com/docs/threads/create-posts"""


class Reposted(NamedTuple):
    """What a repost has come to."""

    repost_id: str | None
    """Its own id; None: Threads did not say."""
    account_id: str
    """Whose repost it is."""
    media_id: str
    """What was reposted."""


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

    One that is not there any more is deleted: an earlier answer was lost, or its owner did it elsewhere.

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
    graph = AccountGraph(tools.graph, token)
    try:
        containers.read_deleted(graph.send(containers.delete_post_request(token, record.media_id)))
    except ThreadsError as refusal:
        error = _understood(tools, held.uid, account, graph, refusal)
        if not is_missing_post(error):
            raise error from None
        _check_gone(graph, record, error, tools.now())
    try:
        return _note_deleted(tools, held)
    except Overtaken:  # perhaps its address has just been noted; at Threads it is gone in any case
        held = read(tools, held.uid, held.post_id)
    try:
        return held if held.record.deleted_at else _note_deleted(tools, held)
    except Overtaken:
        raise InProgress from None


def _check_gone(graph: AccountGraph, record: Record, error: ThreadsError, now: datetime) -> None:
    """Let a post pass that Threads does not find, neither to delete it nor to show it to its own account.

    One of these is not enough: Threads words a missing permission like that, and may not see yet what it has
    just published.

    Raises:
        ThreadsError: the post is there, or may be.

    """
    try:
        graph.permalink(record.media_id or "")
    except ThreadsError as unseen:
        if not is_missing_post(unseen):
            raise
    else:
        raise error
    rest = record.updated_at + CONTAINER_SETTLES - now
    if rest.total_seconds() > 0:
        message = "Threads does not find this post, which is very new. Try again in a minute."
        raise ThreadsUnavailable(message, evidence=error.evidence, retry_after=rest)


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


def published_media_id(tools: Tools, uid: str, name: str) -> str:
    """Return the media id of a user's post that is out.

    Raises:
        PostNotFound: the user has no such post.
        InvalidRequest: it is not out, or not any more.

    """
    record = read(tools, uid, name).record
    if record.media_id is None or record.deleted_at:
        message = f"names a post that is {record.status}: only a published one can be reposted."
        raise InvalidRequest(Problem("postId", "not_published", message))
    return record.media_id


def repost(tools: Tools, uid: str, media_id: str, unverified_account_id: str | None) -> Reposted:
    """Repost a post, anybody's, with one of the user's accounts: the named one, or the only one.

    Nothing is kept of it, so that a request which is sent twice is two.

    Raises:
        MissingAccount, AccountNotFound, ReconnectRequired, MissingScope: no account can do it.
        ThreadsError: Threads did not repost it; the message says where it may have done so all the same.

    """
    account = find_account(tools, uid, unverified_account_id)
    graph = AccountGraph(tools.graph, open_token(tools, uid, account, (REPOST_SCOPE,)))
    reply = graph.send(containers.repost_request(graph.token, media_id))
    try:
        return Reposted(containers.read_repost_id(reply), account.id, media_id)
    except ThreadsError as refusal:
        error = _understood(tools, uid, account, graph, refusal)
    if isinstance(error, ThreadsUnavailable) and not error.verdict.definite:
        message = "Threads did not answer clearly: the repost may be out. Look before you send it again."
        raise ThreadsUnavailable(message, evidence=error.evidence, retry_after=error.retry_after)
    raise error


def _understood(
    tools: Tools, uid: str, account: Found, graph: AccountGraph, refusal: ThreadsError
) -> ThreadsError:
    """Return what an error of Threads is: a dead token may look like another one, and is noted."""
    error = graph.confirmed(refusal) if refusal.verdict.suspect else refusal
    if isinstance(error, ReconnectRequired):
        note_dead_token(tools, uid, account)
    return error
