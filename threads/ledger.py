"""The ledger: what is known of one post, and what may be done with it next. Pure: no I/O, no clock.

A ``Record`` is all that is known; it lies in Firestore, and every method that changes it returns the next
one. ``TRANSITIONS`` is the whole of what may happen. Two rules make one request one post:

* what may publish is written down before it is sent (write-ahead), so that whoever comes after a crash knows
  that the post may be out, and looks before anything is sent again;
* only the delivery that holds the lease changes the record, and each change is a compare-and-set on the last
  one: a delivery that was overtaken learns it from its next write, and stops.

``deliver`` walks a post through these states; ``records`` keeps them.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Self

BUDGET = timedelta(seconds=100)
"""From the claim to the last call that may publish. An image takes seconds, and a video that takes longer
than this is looked at again by a follow-up task. A process goes on after its request has timed out, so that
without a look at the clock it would publish what others have been told to try again."""

LEASE = BUDGET + timedelta(seconds=80)
"""How long a delivery has a post to itself. Beyond the budget: the call under way (15 s), the commit after it
(10 s), the skew between two machines' clocks, and time to spare, since a lease that ends too early costs more
than one that ends too late."""

SETTLE_SILENCE = timedelta(seconds=240)
"""How long after a call without an answer its post may still appear. Measured with faults of up to four
minutes; Meta says nothing."""

SETTLE_ANSWER = timedelta(seconds=30)
"""The same after a complete error answer: the request is over, only lists may lag."""

CLOCK_ALLOWANCE = timedelta(seconds=5)
"""How far Threads' clock, which tells whole seconds, may be behind ours."""

CONTAINER_SETTLES = timedelta(seconds=60)
"""How long a new container may be unknown to Threads (24/4279009) before it counts as lost."""

MAX_REPLACED = 2
"""How many containers of a post may go wrong before the next one counts: Threads' own faults pass, a file
that it cannot process stays."""

RECORD_LIFETIME = timedelta(days=30)
"""How long a finished post is remembered: longer than any queue repeats a task, and as far ahead as Cloud
Tasks schedules one."""

FOLLOW_UPS = tuple(timedelta(seconds=seconds) for seconds in (30, 60, 60, 60, 60))
"""When to look again at media that Threads still processes: Meta advises about thirty seconds, then once a
minute, for five minutes at most.
https://developers.facebook.com/docs/threads/troubleshooting#publishing-does-not-return-a-media-id"""

PROCESSING_TIME = timedelta(minutes=5)
"""How long a container may be in progress before it counts as stuck: the same advice's five minutes."""

MAX_POSTPONED = 48
"""How often a post waits for its account (a rate limit, a spent quota): two days of hours."""

PROMPT = timedelta(seconds=15)
"""Between a write-ahead and its call: whoever stood still for longer does not make it, so that what may
settle is reckoned from the write-ahead."""

MAX_DELIVERIES = 20
"""The delivery of a task that gives up what still does not work: with the back-off of queue.yaml after an
hour. The queue itself tries a few times more, for a process that dies just then, and for a post that may be
out."""

MAX_UNCLEAR_DELIVERIES = MAX_DELIVERIES + 3
"""The same for a post that may be out: with that back-off long enough for everything to settle."""


class State(StrEnum):
    """How far a post has come."""

    NEW = "NEW"
    """Nothing at Threads can become this post."""
    ARMED = "ARMED"
    """A container of ours waits to be published, or has been: its status says so."""
    SENT = "SENT"
    """A text was, or was about to be, published in a single call: it may be out."""
    PUBLISHED = "PUBLISHED"
    FAILED = "FAILED"
    """It is not out, and nothing will be tried any more."""
    CANCELLED = "CANCELLED"
    UNKNOWN = "UNKNOWN"
    """Nobody can find out whether it is out: its owner has to look."""


TERMINAL = frozenset({State.PUBLISHED, State.FAILED, State.CANCELLED, State.UNKNOWN})
"""States that nothing leaves: whoever comes gets the recorded answer."""

TRANSITIONS: Mapping[tuple[State, State], str] = MappingProxyType(
    {
        (State.NEW, State.SENT): "text: about to be sent in a single call",
        (State.NEW, State.ARMED): "container created and saved",
        (State.NEW, State.FAILED): "refused for good",
        (State.NEW, State.CANCELLED): "its owner cancels",
        (State.SENT, State.PUBLISHED): "answered, or found among the account's posts",
        (State.SENT, State.NEW): "certainly not published",
        (State.SENT, State.FAILED): "refused for good",
        (State.SENT, State.UNKNOWN): "given up without an answer",
        (State.ARMED, State.PUBLISHED): "answered, or found by the container's status",
        (State.ARMED, State.NEW): "container lost or of no use",
        (State.ARMED, State.FAILED): "refused for good",
        (State.ARMED, State.CANCELLED): "its owner cancels",
        (State.ARMED, State.UNKNOWN): "given up without an answer",
    }
)
"""Every way from one state to another, and when it is taken. A record also changes within its state."""


class Point(StrEnum):
    """Places between two lines where a process may die; tests make it die there."""

    CLAIMED = "claimed"
    BEFORE_CREATE = "before_create"
    AFTER_CREATE_SENT = "after_create_sent"
    AFTER_CREATE_OK = "after_create_ok"
    ARMED = "armed"
    POLLED = "polled"
    INTENT_WRITTEN = "intent_written"
    AFTER_PUBLISH_SENT = "after_publish_sent"
    AFTER_PUBLISH_OK = "after_publish_ok"
    FINISHED = "finished"
    BEFORE_RESPONSE = "before_response"
    RELEASED = "released"


@dataclass(frozen=True, kw_only=True)
class Record:
    """All that is known of a post. In Firestore the names are in camelCase."""

    state: State = State.NEW
    account_id: str
    content: Mapping[str, Any]
    """What is to be published, as the web app's options."""
    content_hash: str
    """Of the content and the time it was to be published: what the same key must come with again."""
    created_at: datetime
    updated_at: datetime
    expires_at: datetime
    """When the record is forgotten."""
    scheduled_time: datetime | None = None
    """When the caller wants it published."""
    due_at: datetime | None = None
    """When a task of ours begins with it, or goes on after waiting for the account."""
    task: str | None = None
    """The last task that was created for it."""
    attempts: int = 0
    """Deliveries that have claimed it."""
    owner: str | None = None
    """The delivery that holds the lease."""
    lease_until: datetime | None = None
    by_container: bool = False
    """A text whose single call came to nothing: from here on by way of a container, whose status tells."""
    container_id: str | None = None
    container_at: datetime | None = None
    """When the container was created; until a carousel has its own, the last one of its media."""
    root: str | None = None
    """Of a reply in a thread: the name of the thread's first post."""
    replaced: int = 0
    """Containers that were given up."""
    children: Sequence[Mapping[str, Any]] = ()
    """Of a carousel: the ``id`` of each medium's container, and how often it was ``replaced``."""
    ambiguous: bool = False
    """A call that publishes was sent, or was about to be, and its outcome is not known."""
    sent_at: datetime | None = None
    """The first such call: where a search begins."""
    settles_at: datetime | None = None
    """From when on a post that is not to be found is not out."""
    refused: int = 0
    """Deliveries that have met an error which passes after a few tries, or never."""
    follow_ups: int = 0
    follow_up_at: datetime | None = None
    """When a task looks at the container again."""
    postponed: int = 0
    media_id: str | None = None
    permalink: str | None = None
    instagram_status: str | None = None
    """SUCCESS or FAILED, where the post was to be shared to Instagram: it is out in either case."""
    deleted_at: datetime | None = None
    """When its owner has deleted the published post."""
    error: Mapping[str, Any] | None = None
    """The last error, as it was answered."""
    next_action: str | None = None

    @property
    def is_terminal(self) -> bool:
        """Whether nothing will change any more."""
        return self.state in TERMINAL

    @property
    def status(self) -> str:
        """The word for the app: scheduled, processing, published, deleted, failed, cancelled or unknown."""
        if self.deleted_at:
            return "deleted"
        is_waiting = self.due_at is not None and not self.ambiguous
        return self.state.lower() if self.is_terminal else "scheduled" if is_waiting else "processing"

    def is_held(self, now: datetime) -> bool:
        """Say whether a delivery is at it."""
        return self.owner is not None and self.lease_until is not None and self.lease_until > now

    def is_settled(self, now: datetime) -> bool:
        """Say whether a post that cannot be found by now is not out."""
        return self.settles_at is None or self.settles_at <= now

    # --- a delivery begins and ends -----------------------------------------------------------------------

    def claimed(self, owner: str, now: datetime) -> Self:
        """Give the lease to a delivery."""
        return self._within(
            now,
            owner=owner,
            lease_until=now + LEASE,
            attempts=self.attempts + 1,
            due_at=None,
            follow_up_at=None,
            error=None,
            next_action=None,
        )

    def released(self, now: datetime, error: Mapping[str, Any] | None = None) -> Self:
        """Give the lease back, so that the next delivery need not wait for its end."""
        return self._within(now, owner=None, lease_until=None, error=error)

    def followed_up(self, task: str, at: datetime, now: datetime) -> Self:
        """Leave it to a task that looks at the container again."""
        return replace(self.released(now), task=task, follow_ups=self.follow_ups + 1, follow_up_at=at)

    def postponed_until(self, due_at: datetime, task: str, error: Mapping[str, Any], now: datetime) -> Self:
        """Leave it to a task that comes when the account can publish again."""
        return replace(
            self.released(now, error),
            due_at=due_at,
            task=task,
            postponed=self.postponed + 1,
            expires_at=due_at + RECORD_LIFETIME,
        )

    # --- towards a post -----------------------------------------------------------------------------------

    def sending(self, now: datetime) -> Self:
        """Write ahead: this text is about to be published in a single call."""
        return self._moved(State.SENT, now, **_intent(self, now))

    def armed(self, container_id: str, now: datetime) -> Self:
        """Save a container before anything publishes it: an unused one is harmless and gone in a day."""
        return self._moved(State.ARMED, now, container_id=container_id, container_at=now)

    def with_children(self, children: Sequence[Mapping[str, Any]], now: datetime) -> Self:
        """Save the containers of a carousel's media, of which some are new."""
        return self._within(now, children=list(children), container_at=now)

    def publishing(self, now: datetime) -> Self:
        """Write ahead: this container is about to be published."""
        return self._within(now, **_intent(self, now))

    def answered(self, before: Self, now: datetime) -> Self:
        """Note that the call which may have published it has ended with an error.

        That says nothing of calls made earlier: ``before`` is the record ahead of this one's write-ahead.
        """
        settles_at = max(before.settles_at or now, now + SETTLE_ANSWER)
        return self._within(now, settles_at=settles_at)

    def unanswered(self, now: datetime) -> Self:
        """Note that the call which may have published it has ended without an answer."""
        return self._within(now, settles_at=now + SETTLE_SILENCE)

    def shared(self, published_at: datetime, now: datetime) -> Self:
        """Note that another post with the same text has taken one that was published then.

        Perhaps this one's, while its own is still to come; its call was made before, so that it settles in a
        time that can be told. Whichever is left by then is this one's.
        """
        settles_at = published_at + CLOCK_ALLOWANCE + SETTLE_SILENCE
        return self._within(now, settles_at=max(self.settles_at or settles_at, settles_at))

    def refused_again(self, now: datetime) -> Self:
        """Count an error that passes after a few tries, or never."""
        return self._within(now, refused=self.refused + 1)

    def withdrawn(self, now: datetime) -> Self:
        """Note that no call has published it, or will."""
        if self.state is State.SENT:
            return self._moved(State.NEW, now, **_NO_INTENT)
        return self._within(now, **_NO_INTENT)

    def without_single_call(self, now: datetime) -> Self:
        """Go on by way of a container: the text's single call has come to nothing."""
        return self._moved(State.NEW, now, by_container=True, **_NO_INTENT)

    def without_container(self, now: datetime) -> Self:
        """Give a container up; that of a carousel is not younger than its media, which stay."""
        changes = {"container_id": None, "container_at": self.container_at if self.children else None}
        return self._moved(State.NEW, now, replaced=self.replaced + 1, **changes, **_NO_INTENT)

    # --- the end ------------------------------------------------------------------------------------------

    def published(
        self,
        media_id: str,
        now: datetime,
        *,
        permalink: str | None = None,
        instagram_status: str | None = None,
    ) -> Self:
        """Note the media id: the post is out. And what else Threads has said of it."""
        return self._ended(
            State.PUBLISHED, now, media_id=media_id, permalink=permalink, instagram_status=instagram_status
        )

    def deleted(self, now: datetime) -> Self:
        """Note that its owner has deleted it at Threads."""
        return self._within(now, deleted_at=now)

    def failed(self, error: Mapping[str, Any], now: datetime) -> Self:
        """Note that it is not out and never will be, and why."""
        return self._ended(State.FAILED, now, error=error, next_action=error.get("nextAction"))

    def left_unknown(self, error: Mapping[str, Any], now: datetime) -> Self:
        """Note that somebody has to look."""
        return self._ended(State.UNKNOWN, now, error=error, next_action=error.get("nextAction"))

    def cancelled(self, error: Mapping[str, Any], now: datetime) -> Self:
        """Note that its owner does not want it any more; ``error`` is for whoever sends it again."""
        return self._ended(State.CANCELLED, now, error=error)

    def found_at(self, permalink: str, now: datetime) -> Self:
        """Note the public address of a published post."""
        return self._within(now, permalink=permalink)

    def _ended(self, state: State, now: datetime, **changes: Any) -> Self:
        ended = self._moved(state, now, **changes)
        return replace(
            ended,
            owner=None,
            lease_until=None,
            due_at=None,
            ambiguous=state is State.UNKNOWN,
            expires_at=now + RECORD_LIFETIME,
        )

    def _moved(self, state: State, now: datetime, **changes: Any) -> Self:
        if (self.state, state) not in TRANSITIONS:
            raise ValueError(f"a post never goes from {self.state} to {state}")
        return self._within(now, state=state, **changes)

    def _within(self, now: datetime, **changes: Any) -> Self:
        return replace(self, updated_at=now, **changes)


def new_record(
    account_id: str, content: Mapping[str, Any], now: datetime, *, scheduled_time: datetime | None = None
) -> Record:
    """Begin a record."""
    return Record(
        account_id=account_id,
        content=content,
        content_hash=content_hash(content, scheduled_time),
        created_at=now,
        updated_at=now,
        expires_at=max(now, scheduled_time or now) + RECORD_LIFETIME,
        scheduled_time=scheduled_time,
    )


def content_hash(content: Mapping[str, Any], scheduled_time: datetime | None) -> str:
    """Return what tells one request from another with the same key."""
    canonical = {"content": content, "scheduledTime": scheduled_time and scheduled_time.timestamp()}
    return hashlib.sha256(json.dumps(canonical, sort_keys=True).encode()).hexdigest()


def task_id(post_id: str, attempts: int, due_at: datetime) -> str:
    """Return the name of the task that a request, or a delivery, leaves a post to.

    By the number of the delivery: one that is repeated after a crash counts as the next, so that its task is
    another than the one which may just be running. And by its time: a name stays taken after its task has
    ended, so that a request for another time needs another one. Hashed, as Cloud Tasks advises against common
    prefixes (https://cloud.google.com/tasks/docs/reference/rest/v2/projects.locations.queues.tasks/create).
    """
    return hashlib.sha256(f"{post_id}|{attempts}|{due_at.timestamp()}".encode()).hexdigest()


# --- in Firestore -----------------------------------------------------------------------------------------


def as_document(record: Record) -> dict[str, Any]:
    """Return the fields of the record's document."""
    document = {name: getattr(record, attribute) for attribute, name in _NAMES.items()}
    return {
        **document,
        "state": record.state.value,
        "status": record.status,
        TTL_FIELD: record.expires_at,
    }


def from_document(document: Mapping[str, Any]) -> Record:
    """Return the record of a document."""
    known = {attribute: document[name] for attribute, name in _NAMES.items() if name in document}
    return Record(**{**known, "state": State(document["state"])})


TTL_FIELD = "threadsLedgerExpiresAt"
"""The same moment as ``expiresAt``. Firestore's expiry goes by the name of a collection, and an app may have
``posts`` with an ``expiresAt`` of its own: this name is nobody else's."""


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(word.title() for word in others)


_NAMES = {field.name: _camel(field.name) for field in fields(Record)}
_NO_INTENT: Mapping[str, Any] = {"ambiguous": False, "sent_at": None, "settles_at": None}


def _intent(record: Record, now: datetime) -> dict[str, Any]:
    return {"ambiguous": True, "sent_at": record.sent_at or now, "settles_at": now + SETTLE_SILENCE}
