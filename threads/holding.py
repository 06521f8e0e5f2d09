"""A post in a delivery's hands: its record, each change of it, and the ways to put it down.

write        the next record, if nobody has overtaken this delivery
pause        let another delivery go on, and tell the caller when
follow_up    leave it to a task, as Threads is still processing its media
postpone     leave it to a task, as its account can publish nothing more for now
fail         end it: failed, or unknown where it may be out
"""

from datetime import datetime, timedelta

from threads.claims import Claim, Delivery
from threads.containers import ContainerStatus
from threads.errors import (
    RATE_LIMIT_PAUSE,
    Evidence,
    GivenUp,
    InProgress,
    OutcomeUnknown,
    RateLimited,
    RejectedByThreads,
    ServiceError,
    ServiceUnavailable,
    ThreadsError,
    ThreadsUnavailable,
)
from threads.failures import Step
from threads.ledger import (
    BUDGET,
    FOLLOW_UPS,
    LEASE,
    MAX_POSTPONED,
    PROCESSING_TIME,
    PROMPT,
    Point,
    Record,
    task_id,
)
from threads.records import Held, Overtaken
from threads.tools import Tools

MAX_DOUBLED = 6
"""How often the wait for a rate limit doubles: from a minute to an hour."""


class Holding:
    """What a delivery knows of its post, and has written."""

    def __init__(self, tools: Tools, claim: Claim, delivery: Delivery) -> None:
        """Take what is claimed, and who claimed it."""
        self._tools = tools
        self._delivery = delivery
        self.held = claim.held
        """What is in Firestore."""
        self.record = claim.held.record
        """What is known: a step ahead where nothing depends on its being written."""
        self.ends = (self.record.lease_until or self.now()) - (LEASE - BUDGET)
        """The last moment for a call that may publish."""
        self.is_left = claim.is_left
        """A task has been created that goes on."""

    def now(self) -> datetime:
        """Return the time."""
        return self._tools.now()

    def reached(self, point: Point) -> None:
        """Pass a point where a process may die."""
        self._tools.reached(point)

    def write(self, record: Record, *, media_id: str | None = None) -> None:
        """Write the next record, and claim a media id with it.

        Raises:
            Overtaken: another delivery is at it by now.
            AlreadyClaimed: the media id is another post's.

        """
        self.held = self._tools.records.write(self.held, record, media_id=media_id)
        self.record = record

    def is_late(self, *, written_at: datetime | None = None) -> bool:
        """Look at the clock before anything is sent: by now another delivery may be at it.

        With ``written_at``, the moment of a write-ahead: it may be too long ago for its call.
        """
        now = self.now()
        is_late = now >= self.ends or (written_at is not None and now > written_at + PROMPT)
        if is_late:
            self.pause(self.still_processing())
        return is_late

    # --- putting it down ----------------------------------------------------------------------------------

    def pause(self, error: ServiceError) -> None:
        """End this delivery and let another one go on; the last one ends the post.

        Raises:
            ServiceError: the error, for the caller.

        """
        if self._delivery.is_last and (self._delivery.is_final or not self.record.ambiguous):
            return self.fail(error)
        self.write(self.record.released(self.now(), error.as_json()))
        self.reached(Point.RELEASED)
        error.post_id = self.held.post_id
        raise error

    def follow_up(self, now: datetime) -> None:
        """Leave it to a task, for as long as Meta advises.

        By the container's age, not by the number of tasks: a delivery that happens twice leaves two of them,
        and a container that replaces another one has its own five minutes. A process that has stood still
        since its look knows nothing of the container.
        """
        record = self.record
        if now < self.ends and now - (record.container_at or now) >= PROCESSING_TIME:
            return self.fail(
                RejectedByThreads("Threads did not finish processing the file within five minutes.")
            )
        at = now + FOLLOW_UPS[min(record.follow_ups, len(FOLLOW_UPS) - 1)]
        try:
            task = self._enqueue(at)
        except ServiceUnavailable as error:
            return self.pause(error)
        return self._leave(record.followed_up(task, at, self.now()))

    def postpone(self, error: ThreadsError) -> None:
        """Come back when the account can publish again; nobody else's post waits for that."""
        if not (self._delivery.by_task and self._tools.tasks.is_configured):
            return self.pause(error)
        if self.record.postponed == MAX_POSTPONED:
            return self.fail(error)
        wait = error.retry_after or RATE_LIMIT_PAUSE
        if isinstance(error, RateLimited):  # what Threads says may be too short, and mostly it says nothing
            wait = max(wait, RATE_LIMIT_PAUSE * 2 ** min(self.record.postponed, MAX_DOUBLED))
        due_at = self.now() + wait
        try:
            task = self._enqueue(due_at)
        except ServiceUnavailable:
            return self.pause(error)
        return self._leave(self.record.postponed_until(due_at, task, error.as_json(), self.now()))

    def fail(self, error: ServiceError) -> None:
        """End the post without a media id, and say whether it may be out all the same."""
        self.write(ended_badly(self.record, error, self.now()))
        self.held = self.held._replace(reason=error)
        self.reached(Point.FINISHED)

    def _enqueue(self, due_at: datetime) -> str:
        """Create the task before the record tells of it: a record without a task would never go on."""
        uid, post_id = self.held.uid, self.held.post_id
        task = task_id(post_id, self.record.attempts, due_at)
        self._tools.tasks.enqueue(task, uid=uid, post_id=post_id, due_at=due_at)
        return task

    def _leave(self, record: Record) -> None:
        self.write(record)
        self.reached(Point.RELEASED)
        self.is_left = True

    # --- what the caller is told --------------------------------------------------------------------------

    def still_processing(self) -> ThreadsError:
        """Say that time is up, and that nothing is out; or that it may be."""
        if self.record.ambiguous:
            return self.unclear(None)
        return ThreadsUnavailable(
            "Threads did not finish in time, and nothing was published.",
            evidence=Evidence(Step.READ_CONTAINER, 200, excerpt=ContainerStatus.IN_PROGRESS),
            retry_after=timedelta(minutes=1),
        )

    def unclear(self, evidence: Evidence | None) -> ThreadsError:
        """Say that a later delivery can find out whether the post is out, and when."""
        rest = (self.record.settles_at or self.now()) - self.now()
        return ThreadsUnavailable(
            "Threads did not answer clearly: the post may be out. The same request with the same "
            "idempotency key finds out, and does not publish it twice.",
            evidence=evidence,
            retry_after=max(rest, timedelta(seconds=1)),
        )


def ended_badly(record: Record, error: ServiceError, now: datetime) -> Record:
    """Return the record of a post that is given up: failed, or unknown where it may be out."""
    if record.ambiguous or isinstance(error, OutcomeUnknown):
        known = error if isinstance(error, OutcomeUnknown) else OutcomeUnknown()
        return record.left_unknown(known.as_json(), now)
    answer = error.as_json()
    if error.retryable:
        trace = {name: answer[name] for name in ("fbtraceId",) if name in answer}
        answer = GivenUp(error).as_json() | trace
    return record.failed(answer, now)


def end(tools: Tools, held: Held, trouble: ServiceError) -> Held:
    """End a post that cannot be published any more, unless a delivery is at it; return its record.

    Raises:
        ServiceError: the trouble, where it passes.
        InProgress: a delivery is at it.

    """
    if trouble.retryable:
        raise trouble
    record, now = held.record, tools.now()
    if record.is_terminal:
        return held
    if record.is_held(now):
        raise InProgress
    try:
        return tools.records.write(held, ended_badly(record, trouble, now))._replace(reason=trouble)
    except Overtaken:
        raise InProgress from None
