"""One delivery of a post: from its claim, through the ledger's states, to its end or to a later delivery.

    NEW     create a container                                          -> ARMED
    ARMED   look at it; when it is finished, publish it                 -> PUBLISHED
    SENT    look for a text that was sent in a single call              -> PUBLISHED, or NEW if it never came

Each step begins with what the record says and ends with a commit, so that another delivery can go on from
there whatever happens in between. Whoever comes after a call whose outcome is not known looks first, and
sends later.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import chain, repeat
from typing import NamedTuple

from threads import containers, oauth
from threads.accounts import reconnect_change
from threads.containers import LISTED_TYPES, ContainerStatus
from threads.documents import Found
from threads.errors import (
    RATE_LIMIT_PAUSE,
    Evidence,
    IdempotencyMismatch,
    InProgress,
    OutcomeUnknown,
    QuotaExceeded,
    RateLimited,
    ReconnectRequired,
    RejectedByThreads,
    ServiceError,
    ServiceUnavailable,
    ThreadsError,
    ThreadsUnavailable,
)
from threads.failures import NO_ANSWER, Step, is_missing_container
from threads.graph import GraphReply, GraphRequest
from threads.ledger import (
    BUDGET,
    CLOCK_ALLOWANCE,
    CONTAINER_SETTLES,
    FOLLOW_UPS,
    LEASE,
    MAX_POSTPONED,
    MAX_REPLACED,
    PROCESSING_TIME,
    SETTLE_ANSWER,
    Point,
    Record,
    State,
    task_id,
)
from threads.posts import Content
from threads.records import AlreadyClaimed, Held, Overtaken
from threads.tools import Tools
from threads.wire import Secret

LOOKS = tuple(timedelta(seconds=pause) for pause in (1, 2, 3, 5, 8, 13, 20, 30))
"""Pauses between looks at a container, the last one again and again. Images are mostly ready at the first or
second look."""

QUICK_LOOKS = 3
"""With a queue, after so many pauses the rest is left to a follow-up task: no process waits for a video."""

WAIT_FOR_OTHER = timedelta(seconds=10)
"""After how long somebody who finds a post in other hands may look again: most are done by then, and the
lease of one that has died ends within minutes."""

MAX_PAGES = 20
"""Of an account's posts that are looked through, 100 each: more than it can have in a day, replies and all
(https://developers.facebook.com/docs/threads/overview#rate-limiting)."""

MAX_DOUBLED = 6
"""How often the wait for a rate limit doubles: from a minute to an hour."""


class Delivery(NamedTuple):
    """Who brings a post, and how."""

    owner: str
    """A name of its own: the lease's."""
    by_task: bool = False
    """Brought by Cloud Tasks, which waits for nobody: a post may be left to a later task."""
    is_last: bool = False
    """Nobody will bring it again: what does not work now, never will."""


class Claim(NamedTuple):
    """A post in a delivery's hands, or one that has ended before."""

    held: Held
    is_sending: bool = False
    """With the claim, the record says that a text is about to be sent: this delivery sends it."""


def claim_new(tools: Tools, uid: str, post_id: str, record: Record, delivery: Delivery) -> Claim:
    """Take a new post, or the one that the same request has begun earlier.

    Raises:
        IdempotencyMismatch: the earlier one had another content.
        InProgress: another delivery is at it.

    """
    mine = _taken(tools, record, delivery)
    held = tools.records.create(uid, post_id, mine)
    if held.record.owner == delivery.owner:
        return Claim(held, is_sending=mine.state is State.SENT)
    if held.record.content_hash != record.content_hash:
        raise IdempotencyMismatch
    return claim(tools, held, delivery)


def claim(tools: Tools, held: Held, delivery: Delivery) -> Claim:
    """Take a post that has been read; one that has ended is only returned.

    Raises:
        InProgress: another delivery is at it.

    """
    record, now = held.record, tools.now()
    if record.is_terminal:
        return Claim(held)
    if record.is_held(now):
        raise InProgress(retry_after=min(WAIT_FOR_OTHER, (record.lease_until or now) - now))
    mine = _taken(tools, record, delivery)
    try:
        held = tools.records.write(held, mine)
    except Overtaken:
        raise InProgress from None
    return Claim(held, is_sending=mine.state is State.SENT and record.state is State.NEW)


def _taken(tools: Tools, record: Record, delivery: Delivery) -> Record:
    """Return the record with the lease; for a text in a single call, the claim is the write-ahead as well."""
    now = tools.now()
    is_text = Content.from_json(record.content).media_type == "TEXT"
    in_one_call = is_text and tools.config.text_mode == "single_step" and not record.by_container
    mine = record.claimed(delivery.owner, now)
    return mine.sending(now) if in_one_call and record.state is State.NEW else mine


class Walk:
    """A delivery's way through the states of a post that it has claimed."""

    def __init__(self, tools: Tools, claim: Claim, delivery: Delivery, token: Secret, account: Found) -> None:
        """Take what is claimed, who claimed it, and the account with its token."""
        self._tools = tools
        self._delivery = delivery
        self._token = token
        self._account = account
        self._is_sending = claim.is_sending
        self._held = claim.held
        """What is in Firestore."""
        self._record = claim.held.record
        """What is known: a step ahead where nothing depends on its being written."""
        self._content = Content.from_json(self._record.content)
        self._ends = (self._record.lease_until or tools.now()) - (LEASE - BUDGET)
        self._pauses = chain(LOOKS, repeat(LOOKS[-1]))
        self._looks = 0
        self._misses = 0
        """How often Threads did not know the container."""
        self._looked_at = tools.now()
        """When the last look was asked for: what it does not show may have come since."""
        self._refusal: ThreadsError | None = None
        """How this delivery's own call to publish has failed."""
        self._before_call = self._record
        """The record before that call's write-ahead."""
        self._out_since: datetime | None = None
        """When this delivery learned that the container is published."""
        self._is_left = False
        """A task has been created that goes on."""

    def run(self) -> Held:
        """Go on until the post has ended, or a task will go on; return its record.

        Raises:
            ServiceError: it has done neither; another delivery may go on, and ``retry_after`` says when.

        """
        try:
            self._reached(Point.CLAIMED)
            if self._is_sending:
                self._send_text()
            while not (self._record.is_terminal or self._is_left):
                _STEPS[self._record.state](self)
        except Overtaken:
            raise InProgress from None
        self._reached(Point.BEFORE_RESPONSE)
        return self._held

    # --- the steps ----------------------------------------------------------------------------------------

    def create(self) -> None:
        """Create a container, and save it before anything can publish it."""
        if self._is_late():
            return None
        self._reached(Point.BEFORE_CREATE)
        reply = self._send(containers.create_container_request(self._token, self._content.parameters()))
        self._reached(Point.AFTER_CREATE_SENT)
        try:
            container_id = containers.read_created_id(reply)
        except ThreadsError as error:
            return self._refused(error)
        self._reached(Point.AFTER_CREATE_OK)
        self._write(self._record.armed(container_id, self._now()))
        self._reached(Point.ARMED)
        return None

    def watch(self) -> None:
        """Do what the container's status asks for."""
        container_id = self._record.container_id or ""
        self._looked_at = self._now()
        try:
            status, reason = containers.read_container_status(
                self._send(containers.container_status_request(self._token, container_id))
            )
        except ThreadsError as error:
            if is_missing_container(error):
                return self._missing(error)
            if isinstance(error, ReconnectRequired) and isinstance(self._refusal, ReconnectRequired):
                return self._believe(self._refusal)
            return self._refused(error)
        self._reached(Point.POLLED)
        if status is ContainerStatus.FINISHED:
            self._publish_container(container_id)
        elif status is ContainerStatus.IN_PROGRESS:
            self._wait()
        elif status is ContainerStatus.PUBLISHED:
            self._find_or_leave()
        else:
            self._replace(containers.container_failure(status, reason))
        return None

    def reconcile(self) -> None:
        """Look for a text that may be out; send it again only when it cannot come any more."""
        self._looked_at = self._now()
        if self._search():
            return
        if not self._record.is_settled(self._looked_at):
            self._leave_unclear()
        else:
            self._record, self._refusal = self._record.without_single_call(self._now()), None

    # --- publishing ---------------------------------------------------------------------------------------

    def _send_text(self) -> None:
        """Publish a text in one call; its write-ahead came with the claim."""
        self._before_call = self._record.withdrawn(self._now())
        request = containers.create_container_request(
            self._token, self._content.parameters(), auto_publish_text=True
        )
        self._publish(request, containers.read_created_id)
        if self._refusal and self._refusal.verdict.definite:
            self._believe(self._refusal)

    def _publish_container(self, container_id: str) -> None:
        """Publish a finished container: once in a delivery, unless Threads says that it is not there yet."""
        if self._refusal is None:
            is_settled = self._record.is_settled(self._looked_at)
            self._before_call = self._record.withdrawn(self._now()) if is_settled else self._record
            self._write(self._before_call.publishing(self._now()))
            request = containers.publish_container_request(self._token, container_id)
            self._publish(request, containers.read_published_id)
        elif not self._refusal.verdict.definite:
            self._leave_unclear()
        else:  # and its container unpublished
            self._believe(self._refusal)

    def _believe(self, refusal: ThreadsError) -> None:
        """Act on a refusal that has been looked into: the call has certainly published nothing."""
        self._refusal, self._record = None, self._before_call
        if is_missing_container(refusal):
            self._missing(refusal)
        else:
            self._refused(refusal)

    def _publish(self, request: GraphRequest, read: Callable[[GraphReply], str]) -> None:
        """Make the call that publishes. When it fails, the next step finds out what it has done."""
        self._reached(Point.INTENT_WRITTEN)
        intended, self._record = self._record, self._before_call
        if self._is_late():
            return
        self._record = intended
        reply = self._send(request)
        self._reached(Point.AFTER_PUBLISH_SENT)
        try:
            media_id = read(reply)
        except ThreadsError as error:
            self._refusal = error
            if reply.status == NO_ANSWER:
                self._record = self._record.unanswered(self._now())
            else:
                self._record = self._record.answered(self._before_call, self._now())
            return
        self._reached(Point.AFTER_PUBLISH_OK)
        try:
            self._write(self._record.published(media_id, self._now()), media_id=media_id)
        except AlreadyClaimed:
            # Another post with the same text has found this one, and taken it for its own: there is, or will
            # be, one for each.
            self._pause(ServiceUnavailable())
        self._reached(Point.FINISHED)

    # --- looking ------------------------------------------------------------------------------------------

    def _search(self) -> bool:
        """Look for the post among the account's, and end with it when it is there."""
        record = self._record
        since = (record.container_at or record.sent_at or record.created_at) - CLOCK_ALLOWANCE
        try:
            posts = self._posts_since(since)
        except ThreadsError as error:
            self._refused(error)
            return True
        for post in posts:
            if self._is_it(post, since):
                try:
                    ended = self._record.published(post.media_id, self._now(), post.permalink)
                    self._write(ended, media_id=post.media_id)
                except AlreadyClaimed:
                    self._record = self._record.shared(post.published_at, self._now())
                else:
                    self._reached(Point.FINISHED)
                    return True
        return False

    def _posts_since(self, since: datetime) -> list[containers.RecentPost]:
        """List the account's posts, the oldest first, to the end: a day may have several pages of them."""
        posts: list[containers.RecentPost] = []
        after = None
        for _ in range(MAX_PAGES):
            reply = self._send(containers.recent_posts_request(self._token, since, after=after))
            posts = containers.read_recent_posts(reply) + posts
            after = containers.read_end_of_page(reply)
            if after is None:
                return posts
        raise ThreadsUnavailable("This account's posts are too many to look through.")

    def _is_it(self, post: containers.RecentPost, since: datetime) -> bool:
        """Compare without white space at the ends: whether Threads keeps it is not known."""
        return (
            post.published_at >= since.replace(microsecond=0)
            and post.media_type == LISTED_TYPES[self._content.media_type]
            and post.text.strip() == (self._content.text or "").strip()
        )

    def _find_or_leave(self) -> None:
        """Find the media id of a container that is published, which only the account's posts tell.

        Lists lag behind the moment of publishing, which is not known: a call that was under way for long may
        have published it just now. So it is watched for a while before its id is given up.
        """
        self._out_since = self._out_since or self._now()
        self._looked_at = self._now()
        if self._search():
            return
        if self._now() >= self._ends or not self._record.is_settled(self._looked_at):
            self._leave_unclear()
        elif self._looked_at - self._out_since < SETTLE_ANSWER:
            self._tools.sleep(next(self._pauses))
        else:
            self._fail(OutcomeUnknown("This post is out, but its id could not be found."))

    def _missing(self, error: ThreadsError) -> None:
        """Deal with a container that Threads does not know, or says so: it is too young, or lost."""
        self._misses += 1
        looked_at = self._looked_at
        if looked_at - (self._record.container_at or looked_at) < CONTAINER_SETTLES:
            self._wait()
        elif self._misses <= QUICK_LOOKS:
            self._tools.sleep(next(self._pauses))
        elif self._record.ambiguous and not self._record.is_settled(looked_at):
            self._leave_unclear()
        elif not (self._record.ambiguous and self._search()):
            self._replace(error)

    def _replace(self, error: ThreadsError) -> None:
        """Give a container up for a new one, while that may help. It was not published, and cannot be."""
        self._record, self._refusal = self._record.withdrawn(self._now()), None
        if error.retryable and self._record.replaced < MAX_REPLACED:
            self._record = self._record.without_container(self._now())
        else:
            self._fail(error)

    # --- coming back --------------------------------------------------------------------------------------

    def _wait(self) -> None:
        """Wait for a container: a moment here, longer by a follow-up task."""
        pause, now = next(self._pauses), self._now()
        self._looks += 1
        if self._looks > QUICK_LOOKS and self._tools.tasks.is_configured:
            self._follow_up(now)
        elif now + pause >= self._ends:
            self._pause(_still_processing())
        else:
            self._tools.sleep(pause)

    def _follow_up(self, now: datetime) -> None:
        """Leave it to a task, for as long as Meta advises.

        By the container's age, not by the number of tasks: a delivery that happens twice leaves two of them,
        and a container that replaces another one has its own five minutes. A process that has stood still
        since its look knows nothing of the container.
        """
        record = self._record
        if now < self._ends and now - (record.container_at or now) >= PROCESSING_TIME:
            return self._fail(
                RejectedByThreads("Threads did not finish processing the file within five minutes.")
            )
        pause = FOLLOW_UPS[min(record.follow_ups, len(FOLLOW_UPS) - 1)]
        task = self._enqueue(now + pause)
        return self._leave(record.followed_up(task, self._now()))

    def _postpone(self, error: ThreadsError) -> None:
        """Come back when the account can publish again; nobody else's post waits for that."""
        if not (self._delivery.by_task and self._tools.tasks.is_configured):
            return self._pause(error)
        if self._record.postponed == MAX_POSTPONED:
            return self._fail(error)
        wait = error.retry_after or RATE_LIMIT_PAUSE
        if wait == RATE_LIMIT_PAUSE:  # Threads has not said how long
            wait *= 2 ** min(self._record.postponed, MAX_DOUBLED)
        due_at = self._now() + wait
        task = self._enqueue(due_at)
        return self._leave(self._record.postponed_until(due_at, task, error.as_json(), self._now()))

    def _enqueue(self, due_at: datetime) -> str:
        """Create the task before the record tells of it: a record without a task would never go on."""
        uid, post_id = self._held.uid, self._held.post_id
        task = task_id(post_id, self._record.attempts)
        self._tools.tasks.enqueue(task, uid=uid, post_id=post_id, due_at=due_at)
        return task

    def _leave(self, record: Record) -> None:
        self._write(record)
        self._reached(Point.RELEASED)
        self._is_left = True

    def _leave_unclear(self) -> None:
        """Let a later delivery find out whether the post is out."""
        rest = (self._record.settles_at or self._now()) - self._now()
        self._pause(
            ThreadsUnavailable(
                "Threads did not answer clearly: the post may be out. The same request with the same "
                "idempotency key finds out, and does not publish it twice.",
                evidence=self._refusal.evidence if self._refusal else None,
                retry_after=max(rest, timedelta(seconds=1)),
            )
        )

    def _is_late(self) -> bool:
        """Look at the clock before anything is sent: by now another delivery may be at it."""
        is_late = self._now() >= self._ends
        if is_late:
            self._pause(_still_processing())
        return is_late

    def _pause(self, error: ServiceError) -> None:
        """End this delivery and let another one go on; the last one ends the post."""
        if self._delivery.is_last:
            return self._fail(error)
        self._write(self._record.released(self._now(), error.as_json()))
        self._reached(Point.RELEASED)
        raise error

    # --- the end ------------------------------------------------------------------------------------------

    def _refused(self, error: ThreadsError) -> None:
        """Do what an error of Threads asks for, which has not published the post."""
        if error.verdict.suspect:
            error = self._confirmed(error)
        if type(error) is RateLimited and self._quota_is_spent():
            error = QuotaExceeded(evidence=error.evidence)
        if isinstance(error, RateLimited | QuotaExceeded):
            return self._postpone(error)
        tries = error.verdict.tries
        if error.retryable and (tries is None or self._record.attempts < tries):
            return self._pause(error)
        if isinstance(error, ReconnectRequired):
            self._mark_account()
        return self._fail(error)

    def _confirmed(self, error: ThreadsError) -> ThreadsError:
        """Ask for the profile: a dead token sometimes answers as if the content were wrong."""
        try:
            oauth.read_own_id(self._send(oauth.own_id_request(self._token)))
        except ReconnectRequired as dead:
            return dead
        except ThreadsError:
            return error
        return error

    def _quota_is_spent(self) -> bool:
        try:
            return containers.read_quota_is_spent(self._send(containers.quota_request(self._token)))
        except ThreadsError:
            return False

    def _mark_account(self) -> None:
        """Let later posts know that the token is dead."""
        change, card = reconnect_change("token_rejected", self._now())
        with suppress(ServiceUnavailable):  # the next delivery finds it out anew
            self._tools.store.change_account(self._held.uid, self._account, change=change, card=card)

    def _fail(self, error: ServiceError) -> None:
        """End the post without a media id, and say whether it may be out all the same."""
        self._write(ended_badly(self._record, error, self._now()))
        self._held = self._held._replace(reason=error)
        self._reached(Point.FINISHED)

    # --- what everything above goes through ---------------------------------------------------------------

    def _write(self, record: Record, *, media_id: str | None = None) -> None:
        self._held = self._tools.records.write(self._held, record, media_id=media_id)
        self._record = record

    def _send(self, request: GraphRequest) -> GraphReply:
        return self._tools.graph.send(request)

    def _now(self) -> datetime:
        return self._tools.now()

    def _reached(self, point: Point) -> None:
        self._tools.reached(point)


_STEPS: Mapping[State, Callable[[Walk], None]] = {
    State.NEW: Walk.create,
    State.ARMED: Walk.watch,
    State.SENT: Walk.reconcile,
}
"""What to do in each state that is not an end."""


def ended_badly(record: Record, error: ServiceError, now: datetime) -> Record:
    """Return the record of a post that is given up: failed, or unknown where it may be out."""
    if record.ambiguous or isinstance(error, OutcomeUnknown):
        known = error if isinstance(error, OutcomeUnknown) else OutcomeUnknown()
        return record.left_unknown(known.as_json(), now)
    answer = error.as_json()
    if error.retryable:
        answer |= {"retryable": False, "nextAction": "publish_again"}
    return record.failed(answer, now)


def _still_processing() -> ThreadsUnavailable:
    return ThreadsUnavailable(
        "Threads did not finish in time, and nothing was published. The same request with the same "
        "idempotency key goes on with it.",
        evidence=Evidence(Step.READ_CONTAINER, 200, excerpt=ContainerStatus.IN_PROGRESS),
        retry_after=timedelta(minutes=1),
    )
