"""The upkeep: what was accepted ends by itself, also if its task is gone or its request never came again.

Each write of a record says when somebody has to look at the post at the latest (``check_at``), if nothing has
happened by then: a while after the end of a lease, after the time of a task, or after the pause that a caller
was told. As long as posts end in time, this costs nothing.

Every few minutes, one query finds the posts for which that moment has passed. For each of them:

    it waits for its account to be connected again   it is looked at again, for a day
    a thread whose next post waits by itself         it is looked at again after that post
    it has lost its task, or never had one           it is brought back: by a new task, or here
    the new task has led nowhere                     every second time, it is delivered here
    it was delivered here, and needs more time       it is delivered again in the next call, a few times
    it was brought back too often                    it is given up: failed, or unknown if it may be out

The count is written before the post is brought back. So a post at which the process dies comes to its end,
too. An error of one post stops no other one.

Several posts are dealt with at once. After an outage, all posts of all users may be late, and nearly all of
the time goes by in waiting for Firestore, Cloud Tasks or Threads. One after the other, one user's thousand
posts would keep everybody else's waiting for minutes.
"""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from threads.accounts.access_token import check_usable, find_account, find_open_account
from threads.base.errors import (
    GivenUp,
    MissingScope,
    ReconnectRequired,
    ServiceError,
    ServiceUnavailable,
    name_of,
)
from threads.posts.cancel import read
from threads.posts.ledger import Record
from threads.posts.repository import LatePost, Overtaken, StoredPost
from threads.publishing.delivery import deliver
from threads.publishing.lease import Delivery, end, lease
from threads.publishing.outcome import Outcome
from threads.publishing.parts import PublishingParts
from threads.publishing.publish import deliver_task
from threads.publishing.retry_rules import WAKE
from threads.publishing.schedule import QUEUE_PAUSE, leave_to_task
from threads.publishing.thread import begun, follow, give_up_rest, has_ended, note_end

PAGE = 100
"""Posts that are read at once."""

UPKEEP_TIME = timedelta(seconds=60)
"""How long one call brings posts back. The next call goes on with the rest."""

SHARE = timedelta(seconds=30)
"""How long the upkeep itself delivers one post. The next call goes on with it. So a call may last this much
longer than ``UPKEEP_TIME``, and longer by the call to Threads that is then under way."""

WAITS_FOR_ACCOUNT = timedelta(days=1)
"""How long after its time a post waits for its account to be connected again."""

ODD_PAUSE = timedelta(hours=1)
"""When the upkeep looks again at a document that it cannot read, or whose handling is a bug of ours."""


@dataclass(frozen=True, kw_only=True)
class Late:
    """A post that came late, for the log."""

    path: str
    late: timedelta
    """How long ago somebody should have gone on with it."""
    why: str
    result: str
    """``task``, the post's status, or the code of an error."""
    post: StoredPost | None = None


def upkeep(parts: PublishingParts) -> Iterator[Late]:
    """Bring back the posts that are late, the longest overdue first, and yield each one when this is done.

    Raises:
        ServiceUnavailable: Firestore does not list the posts.

    """
    after, begins = None, parts.now()
    ends = begins + UPKEEP_TIME
    while page := parts.posts.repository.find_late(begins, after, PAGE):
        yield from filter(None, parts.accounts.side_by_side(partial(_look_after, parts, ends), page))
        if len(page) < PAGE or parts.now() >= ends:
            return
        after = page[-1]


def resume(parts: PublishingParts, uid: str, post_id: str, delivery: Delivery) -> Outcome:
    """Go on with a user's post that was left open, or with the thread that it belongs to.

    A post that has ended, or that waits for a task, is only returned.

    Raises:
        PostNotFound: the user has no such post.
        AccountNotFound, ReconnectRequired, MissingScope: its account cannot publish it.
        InProgress: another delivery has the lease.
        ServiceError: a later delivery may go on; ``retry_after`` says when.

    """
    post = read(parts.posts, uid, post_id)
    if post.record.root:
        post = parts.posts.repository.read(uid, post.record.root) or post
    record = post.record
    if record.is_terminal and not record.resume_at:
        return Outcome(post, tuple(begun(parts, post)))
    if record.due_at and record.due_at > parts.now():
        return Outcome(post)
    account = find_open_account(parts.accounts, uid, record.account_id, record.content.needed_scopes)
    return follow(parts, deliver(parts, lease(parts, post, delivery), delivery, account), delivery)


def _look_after(parts: PublishingParts, ends: datetime, found: LatePost) -> Late | None:
    """Deal with one post, whatever happens. Return what to log, or None if it only waits, or time is up."""
    post, now = found.post, parts.now()
    if now >= ends:
        return None
    if post is None:
        return _odd(parts, found, "unreadable")
    late, why = now - (post.record.expected_at or now), _why(post.record)
    try:
        result = _deal_with(parts, post)
    except Overtaken:  # somebody else goes on with it
        return None
    except ServiceError as error:
        result = error.code
    except Exception as error:  # noqa: BLE001 - a bug at one post must not stop the other ones
        return _odd(parts, found, name_of(error), post)
    if result is None:
        return None
    return Late(path=found.path, late=late, why=why, result=result, post=post)


def _odd(parts: PublishingParts, found: LatePost, result: str, post: StoredPost | None = None) -> Late:
    """Put off what cannot be dealt with, so that it does not stand before the others each time."""
    now = parts.now()
    try:
        parts.posts.repository.put_off(found, now + ODD_PAUSE)
    except ServiceError as error:
        result = f"{result}, {error.code}"
    return Late(path=found.path, late=now - found.check_at, why="odd", result=result, post=post)


def _why(record: Record) -> str:
    """Return in a word why nobody has gone on with a post."""
    if record.is_terminal:
        return "thread_unfinished"
    if record.owner:
        return "delivery_died"
    return "task_missing" if record.due_at or record.follow_up_at else "left_open"


def _deal_with(parts: PublishingParts, post: StoredPost) -> str | None:
    """Go on with a post or end it, and return the result. None: it waits, and this is right.

    Raises:
        Overtaken: another writer has changed the record.
        ServiceError: the post was not brought back, or the delivery was not its last one.

    """
    record, now, repository = post.record, parts.now(), parts.posts.repository
    replies = begun(parts, post) if record.is_terminal else []
    if record.is_terminal:
        if has_ended(post, replies):
            note_end(parts, post, replies)
            return None
        later = record.expected(_expected_at(post, replies, now), now)
        if later.check_at and later.check_at > now:
            repository.write(post, later)
            return None
    trouble = _account_trouble(parts, post)
    if isinstance(trouble, ReconnectRequired | MissingScope) and now < _begins(record) + WAITS_FOR_ACCOUNT:
        error = None if record.is_terminal else trouble.as_json()
        repository.write(post, record.expected(now, now, error))
        return None
    if trouble is None and WAKE.is_used_up(record.wakes):
        trouble = GivenUp()
    if trouble is not None:
        is_out = record.is_terminal
        ended = give_up_rest(parts, post, replies, trouble) if is_out else end(parts, post, trouble)
        return ended.post.record.status
    return _bring_back(parts, post)


def _expected_at(root: StoredPost, replies: list[StoredPost], now: datetime) -> datetime:
    """Return when somebody goes on with an unfinished thread.

    Its last post has just come out, or has not ended. In the second case, the upkeep looks at that post.
    """
    last = (replies or [root])[-1].record
    if last.is_terminal:
        return last.updated_at if replies else last.resume_at or now
    return max(now, last.expected_at or now)


def _account_trouble(parts: PublishingParts, post: StoredPost) -> ServiceError | None:
    """Return why a post's account cannot publish it. One read.

    Raises:
        ServiceUnavailable: Firestore failed, or did not answer.

    """
    try:
        account = find_account(parts.accounts, post.uid, post.record.account_id)
        check_usable(account, post.record.content.needed_scopes)
    except ServiceUnavailable:
        raise
    except ServiceError as trouble:
        return trouble
    return None


def _begins(record: Record) -> datetime:
    return record.scheduled_time or record.created_at


def _bring_back(parts: PublishingParts, post: StoredPost) -> str:
    """Bring a post back, by a new task or here, and return how.

    It is delivered here every second time, because the tasks of this queue may not arrive at all.
    """
    is_by_task = parts.posts.queue.is_configured and post.record.wakes % 2 == 0
    woken = parts.posts.repository.write(post, post.record.woken(parts.now()))
    if is_by_task:
        try:
            leave_to_task(parts, woken, parts.now() + QUEUE_PAUSE)
        except ServiceUnavailable:
            pass
        else:
            return "task"
    delivery = Delivery(secrets.token_hex(8), ends=parts.now() + SHARE)
    return deliver_task(parts, post.uid, post.post_id, delivery).last.record.status
