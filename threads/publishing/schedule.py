"""A post for later: a task, created first, and a record that waits for it. Changing one that waits."""

from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

from threads.accounts.access_token import ensure_usable, find_account
from threads.accounts.account import StoredAccount
from threads.base.errors import (
    InProgress,
    InvalidRequest,
    MissingScope,
    Problem,
    ReconnectRequired,
    ServiceError,
    ServiceUnavailable,
    TooManyWaiting,
)
from threads.posts.change import Change
from threads.posts.ledger import LATE, Record, begun_again, may_begin_again, new_record, task_id
from threads.posts.repository import Overtaken, StoredPost
from threads.posts.submission import MAX_SCHEDULE, Submission
from threads.publishing.lease import Delivery
from threads.publishing.outcome import Outcome
from threads.publishing.parts import PublishingParts
from threads.publishing.publish import check_same, refuse

QUEUE_PAUSE = timedelta(seconds=1)
"""The time between a task's creation and its first delivery. The record is written in it."""

TASK_IS_NEW = timedelta(minutes=1)
"""How long a request that is repeated gets no other task. A user who clicks twice has lost no task."""

MAX_WAITING = 250 * MAX_SCHEDULE.days
"""How many posts of one account may wait. Threads lets an account publish 250 posts a day, and a post is
scheduled at most 30 days ahead: more than these could not be published in time."""


def schedule(
    parts: PublishingParts,
    uid: str,
    submission: Submission,
    delivery: Delivery,
    *,
    pause: timedelta = QUEUE_PAUSE,
) -> Outcome:
    """Leave a submission to a task, at its time, or after a pause.

    The task is created first, because nothing would publish a record without a task. A task without a record
    ends by itself.

    Raises:
        InvalidRequest: no queue is configured, or the time is in the past.
        MissingAccount, AccountNotFound, ReconnectRequired, MissingScope: no account can publish the post, and
            nothing was recorded. For an orchestrator's task, this is recorded on the post instead.
        IdempotencyMismatch: the key is another post's.
        TooManyWaiting: too many posts of the account wait already.
        ServiceUnavailable: send the same request again.

    """
    check_queue(parts, "scheduledTime" if submission.scheduled_time else "queue")
    now, repository, queue = parts.now(), parts.posts.repository, parts.posts.queue
    try:
        if submission.refusal:
            raise submission.refusal
        account = find_account(parts.accounts, uid, submission.account_id)
    except ServiceError as trouble:
        return refuse(parts, uid, submission, delivery, trouble)
    submission = replace(submission, account_id=account.account_id)
    post_id = submission.post_id(uid)
    due_at = submission.scheduled_time or now + pause
    record = new_record(account.account_id, submission.content, now, scheduled_time=submission.scheduled_time)
    if there := repository.read(uid, post_id):
        check_same(there, record)
        return Outcome(_with_task(parts, _begun_again(parts, there, account, submission), pause))
    try:
        ensure_usable(parts.accounts, account, submission.content.needed_scopes)
    except ServiceError as trouble:
        return refuse(parts, uid, submission, delivery, trouble)
    check_time(parts, submission.scheduled_time)
    check_room(parts, uid, account.account_id, delivery)
    task = task_id(post_id, 0, due_at)
    queue.enqueue(task, uid=uid, post_id=post_id, due_at=due_at)
    post = repository.create(uid, post_id, replace(record, due_at=due_at, task=task))
    if post.record.task != task:  # another request came first, and its own task brings the post
        with suppress(ServiceUnavailable):
            queue.delete(task)
    check_same(post, record)
    return Outcome(post)


def check_queue(parts: PublishingParts, named: str) -> None:
    """Refuse a member of a request that needs a queue if there is none.

    Raises:
        InvalidRequest: no queue is configured.

    """
    if not parts.posts.queue.is_configured:
        message = "cannot be used: this service has no queue (PUBLISH_QUEUE)."
        raise InvalidRequest(Problem(named, "no_queue", message))


def check_time(parts: PublishingParts, scheduled_time: datetime | None) -> None:
    """Refuse a scheduled time that is in the past.

    Raises:
        InvalidRequest: it is in the past.

    """
    if scheduled_time and scheduled_time <= parts.now():
        raise InvalidRequest(Problem("scheduledTime", "invalid_time", "is in the past."))


def check_room(parts: PublishingParts, uid: str, account_id: str, delivery: Delivery) -> None:
    """Refuse a new post of an account that has too many waiting. An orchestrator's task is never refused.

    One read, which no post that is published at once needs. Requests at the same moment do not see each
    other, so a few more can get in: as many as one user's share of the processes.

    Raises:
        TooManyWaiting: too many wait.

    """
    if delivery.by_task:
        return
    if parts.posts.repository.count_open(uid, account_id, most=MAX_WAITING) >= MAX_WAITING:
        raise TooManyWaiting


def _begun_again(
    parts: PublishingParts, post: StoredPost, account: StoredAccount, submission: Submission
) -> StoredPost:
    """Begin a post again that has failed because its account had to be connected again, if that is done."""
    if not may_begin_again(post.record):
        return post
    with suppress(ReconnectRequired, MissingScope, Overtaken):
        ensure_usable(parts.accounts, account, submission.content.needed_scopes)
        return parts.posts.repository.write(post, begun_again(post.record, parts.now()))
    return post


def _with_task(parts: PublishingParts, post: StoredPost, pause: timedelta) -> StoredPost:
    """Return a post whose request was repeated, with a new task if it may have lost its own.

    A queue that was purged, or a task whose attempts are used up, leaves nothing behind that tells. So the
    new task takes the place of the old one, at the same time.
    """
    record, now = post.record, parts.now()
    is_followed = record.follow_up_at is not None and now < record.follow_up_at + LATE
    is_new = record.due_at is not None and now < record.updated_at + TASK_IS_NEW
    if record.is_terminal or record.is_leased(now) or is_followed or is_new:
        return post
    return leave_to_task(parts, post, max(record.due_at or now, now + pause))


def leave_to_task(parts: PublishingParts, post: StoredPost, due_at: datetime) -> StoredPost:
    """Leave a post to a new task, and return it as it is then. Its last task, if there still is one, goes.

    If another writer changes the record meanwhile, the new task goes.

    Raises:
        ServiceUnavailable: there is no new task, or the record does not name it. Try again.

    """
    try:
        return _with_new_task(parts, post, post.record, due_at)
    except Overtaken:
        return parts.posts.repository.read(post.uid, post.post_id) or post


def _with_new_task(parts: PublishingParts, post: StoredPost, record: Record, due_at: datetime) -> StoredPost:
    """Create a task for a post, write the record, which then names it, and delete the task that it had.

    Raises:
        Overtaken: another writer changes the record meanwhile. Then the new task goes.
        ServiceUnavailable: there is no new task, or the record does not name it. Try again.

    """
    queue, now = parts.posts.queue, parts.now()
    task = task_id(post.post_id, post.record.attempts, now)
    queue.enqueue(task, uid=post.uid, post_id=post.post_id, due_at=due_at)
    try:
        left = parts.posts.repository.write(post, record.left_to(task, due_at, now))
    except Overtaken:
        _drop(parts, task)
        raise
    _drop(parts, post.record.task)
    return left


def _drop(parts: PublishingParts, task: str | None) -> None:
    """Delete a task that is not the record's. If that fails, it will find that there is nothing to do."""
    if task:
        with suppress(ServiceUnavailable):
            parts.posts.queue.delete(task)


def change(parts: PublishingParts, post: StoredPost, wanted: Change) -> StoredPost:
    """Change a scheduled post with which nobody has begun.

    If a delivery begins at the same moment, one of the two changes the record first. The other one learns
    this from its own write. If it is the delivery, its task comes again and finds the change.

    Raises:
        InvalidRequest: the post has begun or ended, the new time is in the past, or there is no queue.
        AccountNotFound, ReconnectRequired, MissingScope: its account cannot publish the new content.
        InProgress: a delivery or another writer was first.
        ServiceUnavailable: send the same request again.

    """
    record, when = post.record, wanted.scheduled_time
    check_unbegun(parts, record)
    check_time(parts, when)
    if wanted.content != record.content:
        account = find_account(parts.accounts, post.uid, record.account_id)
        ensure_usable(parts.accounts, account, wanted.content.needed_scopes)
    try:
        if when is None or when == record.scheduled_time:
            return parts.posts.repository.write(post, record.changed(wanted.content, parts.now()))
        check_queue(parts, "scheduledTime")
        changed = record.changed(wanted.content, parts.now(), when)
        return _with_new_task(parts, post, changed, max(when, parts.now() + QUEUE_PAUSE))
    except Overtaken:
        raise InProgress from None


def check_unbegun(parts: PublishingParts, record: Record) -> None:
    """Refuse a post that is not simply waiting for its time.

    Raises:
        InvalidRequest: it has begun or ended.
        InProgress: a delivery has it just now.

    """
    if record.is_leased(parts.now()):
        raise InProgress("This post is being published right now. Look again in a moment.")
    if not record.is_waiting_untouched:
        begun = "" if record.is_terminal else ", and its publication has begun"
        message = f"names a post that is {record.status}{begun}. Only one that waits can be changed."
        raise InvalidRequest(Problem("postId", "not_changeable", message))
