"""A post for later: a task, created first, and a record that waits for it."""

from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

from threads.accounts.access_token import check_usable, find_account
from threads.accounts.account import StoredAccount
from threads.base.errors import (
    InvalidRequest,
    MissingScope,
    Problem,
    ReconnectRequired,
    ServiceError,
    ServiceUnavailable,
)
from threads.posts.ledger import begun_again, may_begin_again, new_record, task_id
from threads.posts.repository import Overtaken, StoredPost
from threads.posts.submission import Submission
from threads.publishing.lease import Delivery
from threads.publishing.outcome import Outcome
from threads.publishing.parts import PublishingParts
from threads.publishing.publish import check_same, refuse

QUEUE_PAUSE = timedelta(seconds=1)
"""The time between a task's creation and its first delivery. The record is written in it."""


def schedule(parts: PublishingParts, uid: str, submission: Submission, delivery: Delivery) -> Outcome:
    """Leave a submission to a task, at its time or at once.

    The task is created first, because nothing would publish a record without a task. A task without a record
    ends by itself.

    Raises:
        InvalidRequest: no queue is configured, or the time is in the past.
        MissingAccount, AccountNotFound, ReconnectRequired, MissingScope: no account can publish the post, and
            nothing was recorded.
        IdempotencyMismatch: the key is another post's.
        ServiceUnavailable: send the same request again.

    """
    check_queue(parts, submission)
    now, repository, queue = parts.now(), parts.posts.repository, parts.posts.queue
    try:
        account = find_account(parts.accounts, uid, submission.account_id)
    except ServiceError as trouble:
        return refuse(parts, uid, submission, delivery, trouble)
    post_id = replace(submission, account_id=account.account_id).post_id(uid)
    due_at = submission.scheduled_time or now + QUEUE_PAUSE
    record = new_record(account.account_id, submission.content, now, scheduled_time=submission.scheduled_time)
    if there := repository.read(uid, post_id):
        check_same(there, record)
        there = _begun_again(parts, there, account, submission)
        _leave_to_task(parts, there, now + QUEUE_PAUSE)
        return Outcome(there)
    check_usable(parts.accounts, account, submission.content.needed_scopes)
    check_time(parts, submission)
    task = task_id(post_id, 0, due_at)
    queue.enqueue(task, uid=uid, post_id=post_id, due_at=due_at)
    post = repository.create(uid, post_id, replace(record, due_at=due_at, task=task))
    if post.record.task != task:  # another request came first, and its own task brings the post
        with suppress(ServiceUnavailable):
            queue.delete(task)
    check_same(post, record)
    return Outcome(post)


def check_queue(parts: PublishingParts, submission: Submission) -> None:
    """Refuse a submission that needs a queue if there is none.

    Raises:
        InvalidRequest: no queue is configured.

    """
    if not parts.posts.queue.is_configured:
        named = "scheduledTime" if submission.scheduled_time else "queue"
        message = "cannot be used: this service has no queue (PUBLISH_QUEUE)."
        raise InvalidRequest(Problem(named, "no_queue", message))


def check_time(parts: PublishingParts, submission: Submission) -> None:
    """Refuse a scheduled time that is in the past.

    Raises:
        InvalidRequest: it is in the past.

    """
    if submission.scheduled_time and submission.scheduled_time <= parts.now():
        raise InvalidRequest(Problem("scheduledTime", "invalid_time", "is in the past."))


def _begun_again(
    parts: PublishingParts, post: StoredPost, account: StoredAccount, submission: Submission
) -> StoredPost:
    """Begin a post again that has failed because its account had to be connected again, if that is done."""
    if not may_begin_again(post.record):
        return post
    with suppress(ReconnectRequired, MissingScope, Overtaken):
        check_usable(parts.accounts, account, submission.content.needed_scopes)
        return parts.posts.repository.write(post, begun_again(post.record, parts.now()))
    return post


def _leave_to_task(parts: PublishingParts, post: StoredPost, due_at: datetime) -> None:
    """Create a task for a record that an earlier request has left open."""
    record = post.record
    if not (record.is_terminal or record.due_at or record.follow_up_at or record.is_leased(parts.now())):
        task = task_id(post.post_id, record.attempts, due_at)
        parts.posts.queue.enqueue(task, uid=post.uid, post_id=post.post_id, due_at=due_at)
