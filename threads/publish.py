"""The story of a post: from a request, or a task, to its record.

    1 read      the account
    1 commit    the claim; for a text that goes out in a single call, it is the write-ahead, too
    …           ``deliver`` walks the post through the ledger's states
    1 commit    the media id, with the claim to it

Whatever a caller is told, it is read off the record: who sends the same request again gets the same answer.
"""

from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

from threads.access import check_usable, find_account, open_token
from threads.account_graph import AccountGraph
from threads.chain import follow
from threads.claims import Delivery, claim, claim_new
from threads.deliver import Walk
from threads.errors import (
    IdempotencyMismatch,
    InProgress,
    InvalidRequest,
    PostNotFound,
    Problem,
    ServiceError,
    ServiceUnavailable,
)
from threads.holding import end, ended_badly
from threads.ledger import Record, State, new_record, task_id
from threads.posts import Content, Submission
from threads.records import Held, Overtaken
from threads.tools import Tools

QUEUE_PAUSE = timedelta(seconds=1)
"""Between a task's creation and its first delivery: the record is written in between."""


def publish(tools: Tools, uid: str, submission: Submission, delivery: Delivery) -> Held:
    """Publish a submission for a user, now, and return its record.

    Raises:
        InvalidRequest, MissingAccount, AccountNotFound, ReconnectRequired, MissingScope: it cannot be
            published as it is, and was not recorded. A task's is recorded: nobody reads a task's answer.
        IdempotencyMismatch, InProgress: the key is another post's, or another delivery is at this one.
        ServiceError: it may work another time; ``retry_after`` says when.

    """
    try:
        if submission.refusal:
            raise submission.refusal
        account = find_account(tools, uid, submission.account_id)
        submission = replace(submission, account_id=account.id)
        token = open_token(tools, uid, account, submission.content.needed_scopes)
    except ServiceError as trouble:
        return _refused(tools, uid, submission, delivery, trouble)
    record = new_record(account.id, submission.content.as_json(), tools.now())
    claimed = claim_new(tools, uid, submission.post_id(uid), record, delivery)
    held = Walk(tools, claimed, delivery, token, account).run()
    return follow(tools, held, delivery)


def deliver_task(tools: Tools, uid: str, name: str, delivery: Delivery) -> Held:
    """Go on with the post that a task of ours is for.

    Raises:
        PostNotFound: there is none, and nobody will write it any more.
        InProgress: another delivery is at it, or its record is just being written.
        ServiceError: another delivery may go on.

    """
    held = tools.records.read(uid, name)
    if held is None:
        raise PostNotFound if delivery.is_last else InProgress
    record = held.record
    goes_on = record.state is State.PUBLISHED and (record.root or Content(record.content).replies)
    if record.is_terminal and not goes_on:
        return held
    if record.due_at and delivery.task not in (None, record.task):
        return held  # another task is to bring it, at another time
    try:
        account = find_account(tools, uid, record.account_id)
        token = open_token(tools, uid, account, Content(record.content).needed_scopes)
    except ServiceError as trouble:
        return follow(tools, end(tools, held, trouble), delivery)
    held = Walk(tools, claim(tools, held, delivery), delivery, token, account).run()
    return follow(tools, held, delivery)


def schedule(tools: Tools, uid: str, submission: Submission) -> Held:
    """Leave a submission to a task, at its time or at once, and return its record.

    The task is created first: a record without one would promise what nobody does. A task without a record
    ends by itself.

    Raises:
        InvalidRequest: no queue is configured.
        MissingAccount, AccountNotFound, ReconnectRequired, MissingScope: no account can publish it; nothing
            was recorded.
        IdempotencyMismatch: the key is another post's.
        ServiceUnavailable: send the same request again.

    """
    check_queue(tools, submission)
    now = tools.now()
    try:
        account = find_account(tools, uid, submission.account_id)
    except ServiceError as trouble:
        return _refused(tools, uid, submission, Delivery(owner=""), trouble)
    name = replace(submission, account_id=account.id).post_id(uid)
    due_at = submission.scheduled_time or now + QUEUE_PAUSE
    record = new_record(
        account.id, submission.content.as_json(), now, scheduled_time=submission.scheduled_time
    )
    if there := tools.records.read(uid, name):
        return _left_to_task(tools, _same(there, record), now + QUEUE_PAUSE)
    check_usable(tools, account, submission.content.needed_scopes)
    check_time(tools, submission)
    task = task_id(name, 0, due_at)
    tools.tasks.enqueue(task, uid=uid, post_id=name, due_at=due_at)
    held = tools.records.create(uid, name, replace(record, due_at=due_at, task=task))
    if held.record.task != task:  # another request was quicker; its own task brings it
        with suppress(ServiceUnavailable):
            tools.tasks.delete(task)
    return _same(held, record)


def check_queue(tools: Tools, submission: Submission) -> None:
    """Let pass what can be left to a task.

    Raises:
        InvalidRequest: no queue is configured.

    """
    if not tools.tasks.is_configured:
        named = "scheduledTime" if submission.scheduled_time else "queue"
        message = "cannot be used: this service has no queue (PUBLISH_QUEUE)."
        raise InvalidRequest(Problem(named, "no_queue", message))


def check_time(tools: Tools, submission: Submission) -> None:
    """Let pass what is to be published now, or later.

    Raises:
        InvalidRequest: its time has passed.

    """
    if submission.scheduled_time and submission.scheduled_time <= tools.now():
        raise InvalidRequest(Problem("scheduledTime", "invalid_time", "is in the past."))


def _left_to_task(tools: Tools, held: Held, due_at: datetime) -> Held:
    """Return a record that is there already; one that an earlier request has left open gets a task."""
    record = held.record
    if not (record.is_terminal or record.due_at or record.follow_up_at or record.is_held(tools.now())):
        task = task_id(held.post_id, record.attempts, due_at)
        tools.tasks.enqueue(task, uid=held.uid, post_id=held.post_id, due_at=due_at)
    return held


def with_permalink(tools: Tools, held: Held) -> Held:
    """Return a published post with its public address: asked for once, then kept in the record.

    The post is out already: not getting its address is no failure.
    """
    record = held.record
    if record.state is not State.PUBLISHED or record.permalink or not record.media_id:
        return held
    try:
        token = open_token(tools, held.uid, find_account(tools, held.uid, record.account_id))
        permalink = AccountGraph(tools.graph, token).permalink(record.media_id)
        if not permalink:
            return held
        noted = tools.records.write(held, record.found_at(permalink, tools.now()))
        return noted._replace(thread=held.thread)
    except (ServiceError, Overtaken):
        return held


def _refused(
    tools: Tools, uid: str, submission: Submission, delivery: Delivery, trouble: ServiceError
) -> Held:
    """Answer a request that cannot be published now: with its record where there is one.

    Raises:
        ServiceError: the trouble itself, or IdempotencyMismatch.

    """
    if trouble.retryable:
        raise trouble
    now, name = tools.now(), submission.post_id(uid)
    record = new_record(
        submission.account_id or "",
        submission.content.as_json(),
        now,
        scheduled_time=submission.scheduled_time,
    )
    if delivery.by_task:
        there = tools.records.create(uid, name, ended_badly(record, trouble, now))
    else:
        found = tools.records.read(uid, name)
        if found is None:
            raise trouble
        there = found
    _same(there, record)
    is_whole = there.record.is_terminal and not submission.content.replies
    if delivery.by_task or is_whole:
        return follow(tools, end(tools, there, trouble), delivery)
    raise trouble


def _same(there: Held, wanted: Record) -> Held:
    """Return a record if it is the one that a request is about.

    Raises:
        IdempotencyMismatch: it is another one's.

    """
    if there.record.content_hash != wanted.content_hash:
        raise IdempotencyMismatch
    return there
