"""One delivery of a post: from its lease to its end, or to a later delivery.

``steps`` decides what comes next, and this loop carries it out. Only the loop writes the record, makes the
call that publishes, sleeps, or leaves the post to a task. Each step begins with what the record says and ends
with a commit. So whatever happens in between, another delivery can go on from there.
"""

from datetime import datetime

from threads.accounts.access_token import OpenAccount, noted
from threads.base.errors import InProgress, ServiceError, ServiceUnavailable, ThreadsError
from threads.posts.ledger import Record, task_id
from threads.posts.repository import AlreadyClaimed, Overtaken, StoredPost
from threads.publishing.lease import Delivery, Lease
from threads.publishing.outcome import Delivered
from threads.publishing.parts import PublishingParts
from threads.publishing.step_results import (
    Done,
    FollowUp,
    Go,
    Next,
    Postpone,
    Publish,
    Retry,
    Save,
    Take,
    Wait,
)
from threads.publishing.steps import Steps


def deliver(parts: PublishingParts, lease: Lease, delivery: Delivery, account: OpenAccount) -> Delivered:
    """Go on with a leased post until it has ended, or until it is left to a task.

    Raises:
        ServiceError: neither has happened. Another delivery may go on, and ``retry_after`` says when.

    """
    post = lease.post
    if post.record.is_terminal or lease.is_left:
        return Delivered(post)
    steps = Steps(parts, delivery, account, post.record.content)
    loop = _Loop(parts, post, delivery, account, steps)
    try:
        return loop.run(steps.begin(lease))
    except Overtaken:
        raise InProgress from None


class _Loop:
    """Carries out what the steps say. Only one of its attributes changes: the post as Firestore has it."""

    def __init__(
        self,
        parts: PublishingParts,
        post: StoredPost,
        delivery: Delivery,
        account: OpenAccount,
        steps: Steps,
    ) -> None:
        self._parts = parts
        self._post = post
        self._delivery = delivery
        self._account = account
        self._steps = steps

    def run(self, first: Next) -> Delivered:
        """Go on until the delivery has a result."""
        what: Next | Delivered = first
        while not isinstance(what, Delivered):
            what = self._carry_out(what)
        return what

    def _carry_out(self, what: Next) -> Next | Delivered:
        following: Next | Delivered
        match what:
            case Go(known):
                following = self._steps.go(known)
            case Save(known):
                self._write(known.record)
                following = Go(known)
            case Wait(known, pause):
                self._parts.sleep(pause)
                following = Go(known)
            case Publish():
                following = self._publish(what)
            case Take():
                following = self._take(what)
            case FollowUp():
                following = self._follow_up(what)
            case Postpone():
                following = self._postpone(what)
            case Retry():
                following = self._retry(what)
            case Done():
                following = self._end(what)
        return following

    def _write(self, record: Record, *, media_id: str | None = None) -> None:
        self._post = self._parts.posts.repository.write(self._post, record, media_id=media_id)

    def _publish(self, publish: Publish) -> Next:
        """Write ahead, look at the clock, and make the call that publishes. Nothing else makes that call."""
        if not publish.is_written:
            self._write(publish.known.record)
        if late := self._steps.too_late(publish):
            return late
        return self._steps.published(publish, self._account.api.send(publish.request))

    def _take(self, take: Take) -> Next | Delivered:
        """End the post with the first listed post that no other record has claimed."""
        known = take.known
        for listed in take.listed:
            now = self._parts.now()
            ended = known.record.found(listed.media_id, now, permalink=listed.permalink)
            try:
                self._write(ended, media_id=listed.media_id)
            except AlreadyClaimed:
                known = known.but(record=known.record.shared(listed.published_at, self._parts.now()))
            else:
                return Delivered(self._post)
        return take.otherwise(known)

    def _follow_up(self, follow_up: FollowUp) -> Next | Delivered:
        record = follow_up.known.record
        try:
            task = self._enqueue(record, follow_up.at)
        except ServiceUnavailable as error:
            return Retry(follow_up.known, error)
        return self._leave(record.followed_up(task, follow_up.at, self._parts.now()))

    def _postpone(self, postpone: Postpone) -> Next | Delivered:
        record, error = postpone.known.record, postpone.error
        try:
            task = self._enqueue(record, postpone.at)
        except ServiceUnavailable:
            return Retry(postpone.known, error)
        told = error.at(record.place).as_json()
        return self._leave(record.postponed_until(postpone.at, task, told, self._parts.now()))

    def _enqueue(self, record: Record, due_at: datetime) -> str:
        """Create the task before the record names it, because nothing would bring a record without a task."""
        task = task_id(self._post.post_id, record.attempts, due_at)
        queue = self._parts.posts.queue
        queue.enqueue(task, uid=self._post.uid, post_id=self._post.post_id, due_at=due_at)
        return task

    def _leave(self, record: Record) -> Delivered:
        self._write(record)
        return Delivered(self._post)

    def _retry(self, retry: Retry) -> Next:
        """Give the lease back and raise the error. If this is the last delivery, end the post instead.

        Raises:
            ServiceError: the error, for the caller.

        """
        record, delivery = retry.known.record, self._delivery
        if delivery.is_last and (delivery.is_final or not record.ambiguous):
            return self._steps.fail(retry.known, retry.error)
        error = self._noted(retry.error).at(record.place)
        self._write(record.released(self._parts.now(), error.as_json(), pause=error.retry_after))
        raise error.changed(post_id=self._post.post_id)

    def _end(self, done: Done) -> Next | Delivered:
        if done.reason and (now := self._noted(done.reason)) is not done.reason:
            return Retry(done.known, now)
        try:
            self._write(done.record, media_id=done.media_id)
        except AlreadyClaimed:
            return self._take_over(done)
        return Delivered(self._post, done.reason)

    def _take_over(self, done: Done) -> Next | Delivered:
        """End the post with an id that another record has found for its own. But an answer is certain."""
        repository, media_id = self._parts.posts.repository, done.media_id or ""
        try:
            self._post = repository.take_over(self._post, done.record, media_id, self._parts.now())
        except AlreadyClaimed:
            return Retry(done.known, ServiceUnavailable())
        return Delivered(self._post, done.reason)

    def _noted(self, error: ServiceError) -> ServiceError:
        """Mark the account if its token is dead. Return a transient error if it has another one by now."""
        if not isinstance(error, ThreadsError):
            return error
        return noted(self._parts.accounts, self._account.stored, error)
