"""Publishing a post: from a request or a task to its record.

    1 read      the account
    1 commit    the lease; for a text that is sent in a single call, this is also the write-ahead
    …           ``delivery`` takes the post through the ledger's states
    1 commit    the media id, with the claim to it

The answer is taken from the record. So the same request, sent again, gets the same answer.
"""

from dataclasses import replace
from datetime import timedelta

from threads.accounts.access_token import find_account, find_open_account, open_account
from threads.base.errors import IdempotencyMismatch, InProgress, PostNotFound, ServiceError
from threads.posts.ledger import CLOCK_ALLOWANCE, Record, State, ended_badly, new_record
from threads.posts.repository import StoredPost
from threads.posts.submission import Submission
from threads.publishing.delivery import deliver
from threads.publishing.lease import Delivery, end, lease, lease_new, stop
from threads.publishing.outcome import Outcome
from threads.publishing.parts import PublishingParts
from threads.publishing.retry_rules import REACHED
from threads.publishing.share import first_task
from threads.publishing.thread import ended_with_root, follow

ID_TOKEN_LIFETIME = timedelta(hours=1)
"""How long a user who is gone can still call the functions. So only a post that has waited for longer is
worth a question (https://firebase.google.com/docs/auth/admin/manage-sessions)."""


def publish(parts: PublishingParts, uid: str, submission: Submission, delivery: Delivery) -> Outcome:
    """Publish a submission for a user, now.

    Raises:
        InvalidRequest, MissingAccount, AccountNotFound, ReconnectRequired, MissingScope: it cannot be
            published as it is, and was not recorded. A task's is recorded instead, because no person reads
            the answer to a task.
        IdempotencyMismatch, InProgress: the key is another post's, or another delivery has the lease.
        ServiceError: a later delivery may succeed; ``retry_after`` says when.

    """
    try:
        if submission.refusal:
            raise submission.refusal
        found = find_account(parts.accounts, uid, submission.account_id)
        submission = replace(submission, account_id=found.account_id)
        account = open_account(parts.accounts, found, submission.content.needed_scopes)
    except ServiceError as trouble:
        return refuse(parts, uid, submission, delivery, trouble)
    record = new_record(found.account_id, submission.content, parts.now())
    leased = lease_new(parts, uid, submission.post_id(uid), record, delivery)
    return follow(parts, deliver(parts, leased, delivery, account), delivery)


def deliver_task(parts: PublishingParts, uid: str, post_id: str, delivery: Delivery) -> Outcome:
    """Go on with the post that a task of ours is for.

    Raises:
        PostNotFound: there is no such post, and this is the last try of the task.
        InProgress: another delivery has the lease, or the record may still be written.
        ServiceError: a later delivery may go on.

    """
    post = parts.posts.repository.read(uid, post_id)
    if post is None:
        raise PostNotFound if delivery.is_last else InProgress
    record = post.record
    goes_on = record.state is State.PUBLISHED and (record.root or record.content.replies)
    if record.is_terminal and not goes_on:
        return Outcome(post)
    if _is_left_to_another(parts, record, delivery):
        return Outcome(post)
    if record.root and (ended := ended_with_root(parts, post)):
        return Outcome(ended)
    if _is_of_nobody(parts, post):
        return Outcome(stop(parts, post, "The user was deleted or disabled before this post was published."))
    if not (record.is_terminal or REACHED.is_used_up(record.attempts)):
        delivery = delivery._replace(is_last=False)
    try:
        account = find_open_account(parts.accounts, uid, record.account_id, record.content.needed_scopes)
    except ServiceError as trouble:
        return follow(parts, end(parts, post, trouble), delivery)
    leased = lease(parts, post, delivery)
    return follow(parts, deliver(parts, leased, delivery, account), delivery)


def _is_left_to_another(parts: PublishingParts, record: Record, delivery: Delivery) -> bool:
    """Return whether another task brings the post, at another time.

    Without a task, it is the upkeep that brings it. It found the post late, and since then its owner may have
    put it off.
    """
    if delivery.task:
        is_left = record.due_at or record.follow_up_at
        return bool(is_left) and first_task(delivery.task) != record.task
    return record.due_at is not None and record.due_at > parts.now() + CLOCK_ALLOWANCE


def _is_of_nobody(parts: PublishingParts, post: StoredPost) -> bool:
    """Return whether a post that has waited belongs to a user who is gone. A thread that has begun goes on.

    Raises:
        ServiceUnavailable: this cannot be told now.

    """
    record = post.record
    has_waited = parts.now() - record.created_at > ID_TOKEN_LIFETIME
    return has_waited and not (record.is_terminal or record.root) and parts.is_gone(post.uid)


def refuse(
    parts: PublishingParts, uid: str, submission: Submission, delivery: Delivery, trouble: ServiceError
) -> Outcome:
    """Answer a request that cannot be published now, with its record if there is one.

    Raises:
        ServiceError: the trouble itself, or IdempotencyMismatch.

    """
    if trouble.retryable:
        raise trouble
    now, post_id = parts.now(), submission.post_id(uid)
    record = new_record(
        submission.account_id or "", submission.content, now, scheduled_time=submission.scheduled_time
    )
    if delivery.by_task:
        there = parts.posts.repository.create(uid, post_id, ended_badly(record, trouble, now))
    else:
        found = parts.posts.repository.read(uid, post_id)
        if found is None:
            raise trouble
        there = found
    check_same(there, record)
    is_whole = there.record.is_terminal and not submission.content.replies
    if delivery.by_task or is_whole:
        return follow(parts, end(parts, there, trouble), delivery)
    raise trouble


def check_same(there: StoredPost, wanted: Record) -> None:
    """Refuse a request whose key belongs to a record with another content.

    Raises:
        IdempotencyMismatch: the key is another post's.

    """
    if there.record.content_hash != wanted.content_hash:
        raise IdempotencyMismatch
