"""The ledger: what is known of one post, and what may be done with it next. Pure: no I/O, no clock.

A ``Record`` holds everything that is known of a post. Firestore keeps it, and every method that changes it
returns the next record. ``TRANSITIONS`` lists all that may happen. Two rules make one request one post:

* Write ahead: a delivery records that it is about to publish before it calls Threads. After a crash, the next
  delivery knows that the post may be out, and looks before it sends anything again.
* Only the delivery that holds the lease changes the record, and each change is a compare-and-set on the last
  one. A delivery that was overtaken learns this from its next write, and stops.

``publishing.delivery`` takes a post through these states, and ``repository`` stores the record.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Self

from threads.base.errors import GivenUp, OutcomeUnknown, ServiceError
from threads.posts.content import Content

BUDGET = timedelta(seconds=100)
"""How long a request works: no call that may publish begins later. An image takes seconds. If a video takes
longer than this, a follow-up task looks at it again. A process goes on after its request has timed out: if it
did not look at the clock, it would publish a post that callers were told to send again."""

LEASE = BUDGET + timedelta(seconds=80)
"""How long a delivery has a post to itself. It exceeds the budget by the call under way (15 s), the commit
after it (10 s), the skew between two machines' clocks, and some time to spare: a lease that ends too early
does more harm than one that ends too late."""

SETTLE = timedelta(seconds=240)
"""How long a post may take to appear after a call that may have published it. Whatever came back instead of
an id makes no difference: a request that was answered with an error may have published the post, and lists
lag behind. Seen with faults of up to four minutes. Meta documents nothing."""

CLOCK_ALLOWANCE = timedelta(seconds=60)
"""How far Threads' times may be behind Firestore's. Both keep good time, and a list's own ``Date`` corrects
the rest. This is to spare. Threads tells times in whole seconds."""

CONTAINER_SETTLES = timedelta(seconds=60)
"""How long a new container may be unknown to Threads (24/4279009) before it counts as lost."""

RECORD_LIFETIME = timedelta(days=30)
"""How long the record of a finished post is kept: longer than any queue retries a task, and as far ahead as
Cloud Tasks schedules one."""

PROMPT = timedelta(seconds=15)
"""The longest time between a write-ahead and its call. A process that was frozen for longer does not make the
call. So the time in which a post may still appear can be counted from the write-ahead."""


LATE = timedelta(minutes=6)
"""How long after the moment at which somebody should have gone on with a post the upkeep calls it late. It
exceeds the longest pause between two tries of a task (``--max-backoff`` in queue.yaml) by a minute."""

WAKES_IN_A_ROW = 4
"""How often the upkeep goes on with a post in one call after the other, because without a task, nobody else
comes. A carousel needs three deliveries: Threads first processes its files, then the carousel. Afterwards,
there is ``LATE`` between two deliveries, so that they outlast hours in which Threads is down."""


class State(StrEnum):
    """How far a post has come."""

    NEW = "NEW"
    """Nothing at Threads can become this post."""
    ARMED = "ARMED"
    """A container of ours waits to be published, or is published. Its status tells which."""
    SENT = "SENT"
    """A text was published in a single call, or was about to be. It may be out."""
    PUBLISHED = "PUBLISHED"
    FAILED = "FAILED"
    """It is not out, and the service does not try again."""
    CANCELLED = "CANCELLED"
    UNKNOWN = "UNKNOWN"
    """The service cannot find out whether it is out. Its owner must look."""


TERMINAL = frozenset({State.PUBLISHED, State.FAILED, State.CANCELLED, State.UNKNOWN})
"""States in which a post has ended. Every later request gets the recorded answer. There are two exceptions: a
post whose media id was found, not answered, goes on if Threads answers this id to another post; and see
``may_begin_again``."""

OPEN = tuple(state for state in State if state not in TERMINAL)
"""States of a post that has not ended."""

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
        (State.PUBLISHED, State.SENT): "the id that was found is another post's",
        (State.PUBLISHED, State.ARMED): "the id that was found is another post's",
    }
)
"""Every transition from one state to another, and its cause. A record also changes within its state."""


@dataclass(frozen=True, kw_only=True)
class Record:
    """Everything that is known of a post. In Firestore the names are in camelCase."""

    state: State = State.NEW
    account_id: str
    content: Content
    content_hash: str
    """The hash of the content and the scheduled time, as the first request had them. A request with the same
    key must have the same hash. It stays when the post is changed: that request still means this post."""
    created_at: datetime
    updated_at: datetime
    expires_at: datetime
    """When the record is deleted."""
    scheduled_time: datetime | None = None
    """When the caller wants it published."""
    due_at: datetime | None = None
    """When a task of ours begins with it, or goes on with it after it was postponed."""
    task: str | None = None
    """The last task that was created for it."""
    attempts: int = 0
    """How many deliveries have leased it."""
    owner: str | None = None
    """The delivery that holds the lease."""
    lease_until: datetime | None = None
    by_container: bool = False
    """The text's single call did not publish it. It now goes through a container, whose status tells more."""
    container_id: str | None = None
    container_at: datetime | None = None
    """When the container was created. Until a carousel has its own: when its last item's was created."""
    create_at: datetime | None = None
    """Before this moment, no container is created: Threads could not process the last one."""
    root: str | None = None
    """For a reply in a thread: the post id of the thread's root."""
    position: int = 0
    """For a reply in a thread: which one it is. The first has number 1."""
    replaced: int = 0
    """How many containers were given up."""
    children: tuple[Mapping[str, Any], ...] = ()
    """For a carousel: the ``id`` of each item's container, and how often it was ``replaced``."""
    ambiguous: bool = False
    """A call that publishes was sent, or was about to be sent, and its outcome is not known."""
    sent_at: datetime | None = None
    """When the first such call was made. A search begins there."""
    settles_at: datetime | None = None
    """From this moment on, a post that cannot be found is not out."""
    refused: int = 0
    """How many deliveries met an error that is either gone after a few tries or permanent."""
    follow_ups: int = 0
    follow_up_at: datetime | None = None
    """When a task looks at the container again."""
    postponed: int = 0
    out_since: datetime | None = None
    """When its container was first seen to be published."""
    resume_at: datetime | None = None
    """When somebody may go on with a post that a delivery has left open. For the published root of a thread:
    since when the rest of the thread is to come. None: the thread has ended."""
    wakes: int = 0
    """How often the upkeep has brought it back."""
    media_id: str | None = None
    is_found: bool = False
    """Whether the media id was found among the account's posts. Then it is only very likely the post's own: a
    post that looks the same may be another one. An id that Threads has answered is certain."""
    permalink: str | None = None
    instagram_status: str | None = None
    """SUCCESS or FAILED, if the post was to be shared to Instagram. It is out on Threads in both cases."""
    deleted_at: datetime | None = None
    """When the published post was deleted at Threads."""
    error: Mapping[str, Any] | None = None
    """The last error, as it was answered."""

    @property
    def is_terminal(self) -> bool:
        """Whether the post has ended."""
        return self.state in TERMINAL

    @property
    def status(self) -> str:
        """The status for the app: scheduled, processing, published, deleted, failed, cancelled or unknown."""
        if self.deleted_at:
            return "deleted"
        is_waiting = self.due_at is not None and not self.ambiguous
        return self.state.lower() if self.is_terminal else "scheduled" if is_waiting else "processing"

    @property
    def place(self) -> str:
        """Which post of its thread it is, as a request names it. Empty if it is no thread's."""
        return f"thread[{self.position}]" if self.position or self.content.replies else ""

    @property
    def expected_at(self) -> datetime | None:
        """When somebody goes on with it, at the latest: a delivery, a task or a request. None: nobody has to.

        A post that is out is expected only as the root of a thread that has not ended.
        """
        if self.is_terminal:
            return self.resume_at
        lease_until = self.lease_until if self.owner else None
        moments = (lease_until, self.due_at, self.follow_up_at, self.resume_at)
        return max((moment for moment in moments if moment), default=self.updated_at)

    @property
    def check_at(self) -> datetime | None:
        """When the upkeep looks at it, unless something has happened by then. None: never."""
        is_up_to_upkeep = self.task is None and 0 < self.wakes <= WAKES_IN_A_ROW
        return self.expected_at and self.expected_at + (timedelta() if is_up_to_upkeep else LATE)

    @property
    def next_action(self) -> str | None:
        """What the app should offer. Of a post that has not ended, it is at least ``wait`` or ``resume``."""
        said = self.error.get("nextAction") if isinstance(self.error, Mapping) else None
        if said or self.is_terminal:
            return said
        return "wait" if self.owner or self.due_at or self.follow_up_at else "resume"

    @property
    def next_action_at(self) -> datetime | None:
        """When the service goes on with it, or when it may be asked to. None: this cannot be told."""
        is_up_to_us = self.next_action in {"wait", "resume"} and not self.is_terminal
        return self.expected_at if is_up_to_us else None

    @property
    def is_waiting_untouched(self) -> bool:
        """Whether it waits for its task, and no delivery has ever begun with it."""
        return self.state is State.NEW and self.due_at is not None and not (self.owner or self.attempts)

    def is_leased(self, now: datetime) -> bool:
        """Return whether a delivery holds the lease."""
        return self.owner is not None and self.lease_until is not None and self.lease_until > now

    def is_settled(self, now: datetime) -> bool:
        """Return whether a post that cannot be found now is not out."""
        return self.settles_at is None or self.settles_at <= now

    # --- a delivery begins and ends -----------------------------------------------------------------------

    def leased(self, owner: str, now: datetime) -> Self:
        """Give the lease to a delivery."""
        return self._within(
            now,
            owner=owner,
            lease_until=now + LEASE,
            attempts=self.attempts + 1,
            due_at=None,
            follow_up_at=None,
            resume_at=None,
            error=None,
        )

    def released(
        self, now: datetime, error: Mapping[str, Any] | None = None, *, pause: timedelta | None = None
    ) -> Self:
        """Give the lease back, so that the next delivery need not wait until it ends.

        Args:
            now: the time.
            error: why the post has not ended.
            pause: how long the next delivery should wait.

        """
        resume_at = now + (pause or timedelta(0))
        return self._within(now, owner=None, lease_until=None, error=error, resume_at=resume_at)

    def followed_up(self, task: str, at: datetime, now: datetime) -> Self:
        """Leave the post to a task that looks at the container again."""
        return replace(self.released(now), task=task, follow_ups=self.follow_ups + 1, follow_up_at=at)

    def postponed_until(self, due_at: datetime, task: str, error: Mapping[str, Any], now: datetime) -> Self:
        """Leave the post to a task that comes when what stands in the post's way may be gone."""
        return replace(
            self.released(now, error),
            due_at=due_at,
            task=task,
            postponed=self.postponed + 1,
            expires_at=due_at + RECORD_LIFETIME,
        )

    # --- the upkeep ---------------------------------------------------------------------------------------

    def left_to(self, task: str, due_at: datetime, now: datetime) -> Self:
        """Leave the post to a new task. From then on, its earlier tasks do nothing.

        The root of a thread is not waited for, so it has no such time: any of its tasks goes on.
        """
        if self.is_terminal:
            return self._within(now, task=task, resume_at=due_at)
        return self._within(now, owner=None, lease_until=None, follow_up_at=None, task=task, due_at=due_at)

    def changed(self, content: Content, now: datetime, scheduled_time: datetime | None = None) -> Self:
        """Give other content, and perhaps another time, to a post with which nobody has begun."""
        if scheduled_time is None:
            return self._within(now, content=content)
        lasts = scheduled_time + RECORD_LIFETIME
        return self._within(now, content=content, scheduled_time=scheduled_time, expires_at=lasts)

    def woken(self, now: datetime) -> Self:
        """Count that the upkeep brings the post back. It is looked at again if this leads nowhere."""
        return self._within(now, wakes=self.wakes + 1, resume_at=now)

    def expected(self, at: datetime, now: datetime, error: Mapping[str, Any] | None = None) -> Self:
        """Note until when nothing has to be done, and why."""
        return self._within(now, resume_at=at, error=error or self.error)

    def thread_ended(self, now: datetime) -> Self:
        """Note that nothing more of the thread is to come."""
        return self._within(now, resume_at=None)

    # --- towards a post -----------------------------------------------------------------------------------

    def sending(self, now: datetime) -> Self:
        """Write ahead: this text is about to be published in a single call."""
        return self._moved(State.SENT, now, **_intent(self, now))

    def armed(self, container_id: str, now: datetime) -> Self:
        """Save a container before anything publishes it. An unused one is harmless and expires in a day."""
        return self._moved(State.ARMED, now, container_id=container_id, container_at=now, create_at=None)

    def creating_from(self, at: datetime, now: datetime) -> Self:
        """Note that Threads could not process a container, so that the next one is created later."""
        return self._within(now, create_at=at)

    def with_children(self, children: Sequence[Mapping[str, Any]], now: datetime) -> Self:
        """Save the containers of a carousel's items. Some of them may be new."""
        return self._within(now, children=tuple(children), container_at=now)

    def publishing(self, now: datetime) -> Self:
        """Write ahead: this container is about to be published."""
        return self._within(now, **_intent(self, now))

    def unsettled(self, now: datetime) -> Self:
        """Note that a call that may have published the post was not answered with an id."""
        return self._within(now, settles_at=now + SETTLE)

    def seen_out(self, now: datetime) -> Self:
        """Note that the container is published. Its post is listed within ``SETTLE`` of that."""
        since = self.out_since or now
        settles_at = max(self.settles_at or since, since + SETTLE)
        return self._within(
            now, ambiguous=True, sent_at=self.sent_at or now, out_since=since, settles_at=settles_at
        )

    def shared(self, published_at: datetime, now: datetime) -> Self:
        """Note that another record has taken a listed post with the same text.

        The listed post may be this record's, while the other record's own post has not appeared yet. The
        other record's call was made before ``published_at``, so its post appears within ``SETTLE`` of that,
        or never. The listed post that is left by then is this record's.
        """
        settles_at = published_at + CLOCK_ALLOWANCE + SETTLE
        return self._within(now, settles_at=max(self.settles_at or settles_at, settles_at))

    def refused_again(self, now: datetime) -> Self:
        """Count an error that is either gone after a few tries or permanent."""
        return self._within(now, refused=self.refused + 1)

    def not_out(self, now: datetime) -> Self:
        """Note that no call so far has published the container, and that none still can.

        ``sent_at`` stays: one was made, and Threads has not answered it clearly. So nothing may ever publish
        another container of this post.
        """
        return self._within(now, ambiguous=False, settles_at=None, out_since=None)

    def withdrawn(self, now: datetime) -> Self:
        """Note that no call has published the post, and that none still can."""
        if self.state is State.SENT:
            return self._moved(State.NEW, now, **_NO_INTENT)
        return self._within(now, **_NO_INTENT)

    def without_single_call(self, now: datetime) -> Self:
        """Go on through a container, because the text's single call has not published it."""
        return self._moved(State.NEW, now, by_container=True, **_NO_INTENT)

    def without_container(self, now: datetime) -> Self:
        """Give up a container. The containers of a carousel's items stay.

        ``container_at`` then stays, too: no item's container is younger.
        """
        changes = {"container_id": None, "container_at": self.container_at if self.children else None}
        return self._moved(State.NEW, now, replaced=self.replaced + 1, **changes, **_NO_INTENT)

    # --- the end ------------------------------------------------------------------------------------------

    def published(
        self,
        media_id: str,
        now: datetime,
        *,
        instagram_status: str | None = None,
    ) -> Self:
        """Note the media id that Threads has answered, and what else it said about the post."""
        return self._ended(
            State.PUBLISHED, now, media_id=media_id, instagram_status=instagram_status, error=None
        )

    def found(self, media_id: str, now: datetime, *, permalink: str | None = None) -> Self:
        """Note the media id of a listed post that looks like this one."""
        return self._ended(
            State.PUBLISHED, now, media_id=media_id, permalink=permalink, is_found=True, error=None
        )

    def reopened(self, now: datetime) -> Self:
        """Go on looking for the post: the media id that was found has been answered to another one.

        If the post with this id was deleted, this says nothing of the post that is looked for.
        """
        return self._moved(
            State.ARMED if self.container_id else State.SENT,
            now,
            ambiguous=True,
            sent_at=self.sent_at or now,
            settles_at=now + SETTLE,
            media_id=None,
            is_found=False,
            permalink=None,
            deleted_at=None,
        )

    def deleted(self, now: datetime) -> Self:
        """Note that the post was deleted at Threads. If it is the root of a thread, this ends the thread."""
        return self._within(now, deleted_at=now, resume_at=None)

    def failed(self, error: Mapping[str, Any], now: datetime) -> Self:
        """Note that the post is not out and never will be, and why."""
        return self._ended(State.FAILED, now, error=error)

    def left_unknown(self, error: Mapping[str, Any], now: datetime) -> Self:
        """Note that the owner must look whether the post is out."""
        return self._ended(State.UNKNOWN, now, error=error)

    def cancelled(self, error: Mapping[str, Any], now: datetime) -> Self:
        """Note that the owner has cancelled the post. A request that sends it again gets ``error``."""
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
            follow_up_at=None,
            resume_at=now if state is State.PUBLISHED and self.content.replies else None,
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
    account_id: str, content: Content, now: datetime, *, scheduled_time: datetime | None = None
) -> Record:
    """Return the first record of a post."""
    return Record(
        account_id=account_id,
        content=content,
        content_hash=content_hash(content, scheduled_time),
        created_at=now,
        updated_at=now,
        expires_at=max(now, scheduled_time or now) + RECORD_LIFETIME,
        scheduled_time=scheduled_time,
    )


def may_begin_again(record: Record) -> bool:
    """Return whether a post begins again when its request comes again and its account can publish it.

    It has failed because the account must be connected again, so its owner can mend that.
    """
    return record.state is State.FAILED and record.next_action == "reconnect"


def begun_again(failed: Record, now: datetime) -> Record:
    """Return the record with which a failed post begins again.

    It keeps the containers. The status of one that exists shows whether the post is out after all. And it
    keeps whether a call to publish one was ever unclear: then nothing may publish another one.
    """
    fresh = new_record(failed.account_id, failed.content, now, scheduled_time=failed.scheduled_time)
    kept = (
        "created_at",
        "content_hash",
        "attempts",
        "by_container",
        "container_id",
        "container_at",
        "root",
        "position",
        "replaced",
        "children",
        "create_at",
        "sent_at",
    )
    state = State.ARMED if failed.container_id else State.NEW
    return replace(fresh, state=state, **{name: getattr(failed, name) for name in kept})


def content_hash(content: Content, scheduled_time: datetime | None) -> str:
    """Return a hash by which two requests with the same key are compared."""
    canonical = {"content": content.as_json(), "scheduledTime": scheduled_time and scheduled_time.timestamp()}
    return hashlib.sha256(json.dumps(canonical, sort_keys=True).encode()).hexdigest()


def task_id(post_id: str, attempts: int, at: datetime) -> str:
    """Return the name of the task that a request or a delivery leaves a post to.

    The name depends on the number of the delivery. A delivery that is repeated after a crash has the next
    number, so its task is not the one that may be running just now. The name also depends on a moment: it
    stays taken for an hour after its task has ended, so a request for another time needs another name. This
    moment is when the task is due or, if it replaces a task that may be lost, when it is created: nobody can
    tell whether the lost one's name is still taken. The name is a hash, because Cloud Tasks advises against
    common prefixes
    (https://cloud.google.com/tasks/docs/reference/rest/v2/projects.locations.queues.tasks/create).
    """
    return hashlib.sha256(f"{post_id}|{attempts}|{at.timestamp()}".encode()).hexdigest()


# --- in Firestore -----------------------------------------------------------------------------------------


def as_document(record: Record) -> dict[str, Any]:
    """Return the fields of the record's document, without those that have their default values.

    A record has forty fields, and a text post uses half of them. Each that is written costs time to encode,
    and room and index entries in Firestore.
    """
    values = vars(record)
    document = {
        name: it for attribute, name in _NAMES.items() if (it := values[attribute]) != _DEFAULTS[attribute]
    }
    shown = {
        "children": list(record.children) or None,
        "nextAction": record.next_action,
        "nextActionAt": record.next_action_at,
        CHECK_FIELD: record.check_at,
    }
    return {
        **document,
        "content": record.content.as_json(),
        "state": record.state.value,
        "status": record.status,
        TTL_FIELD: record.expires_at,
        **{name: it for name, it in shown.items() if it is not None},
    }


def from_document(document: Mapping[str, Any]) -> Record:
    """Return the record that a document holds."""
    known = {attribute: document[name] for attribute, name in _NAMES.items() if name in document}
    content, children = Content(document.get("content") or {}), tuple(document.get("children") or ())
    return Record(**{**known, "content": content, "children": children, "state": State(document["state"])})


TTL_FIELD = "threadsLedgerExpiresAt"
"""The same moment as ``expiresAt``. Firestore's expiry applies to every collection with the same name, and an
app may have ``posts`` with an ``expiresAt`` of its own. This name is only ours."""

CHECK_FIELD = "threadsCheckAt"
"""The moment ``check_at``, by which the upkeep finds what is late. For the same reason, the name is ours."""


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(word.title() for word in others)


_NAMES = {field.name: _camel(field.name) for field in fields(Record)}
_DEFAULTS = {field.name: field.default for field in fields(Record)}
_NO_INTENT: Mapping[str, Any] = {"ambiguous": False, "sent_at": None, "settles_at": None, "out_since": None}


def _intent(record: Record, now: datetime) -> dict[str, Any]:
    return {"ambiguous": True, "sent_at": record.sent_at or now, "settles_at": now + SETTLE}


def ended_badly(record: Record, error: ServiceError, now: datetime) -> Record:
    """Return the record of a post that is given up: failed, or unknown if it may be out."""
    if record.ambiguous or isinstance(error, OutcomeUnknown):
        known = error if isinstance(error, OutcomeUnknown) else OutcomeUnknown()
        return record.left_unknown(known.at(record.place).as_json(), now)
    trace = {name: it for name, it in error.as_json().items() if name == "fbtraceId"}
    if error.retryable or isinstance(error, GivenUp):
        error = GivenUp(error, tried=_tried(record, now))
    return record.failed({**error.at(record.place).as_json(), **trace}, now)


def _tried(record: Record, now: datetime) -> str:
    """Return in words how often a post was tried, and in which time."""
    containers = 1 + max([record.replaced, *(int(child["replaced"]) for child in record.children)])
    times = containers if containers > 1 else max(record.attempts, 1)
    began_at = max(record.created_at, record.scheduled_time or record.created_at)
    seconds = round((now - began_at).total_seconds())
    units = ((3600, "hours"), (60, "minutes"), (1, "seconds"))
    size, unit = next((it for it in units if seconds >= 2 * it[0]), units[-1])
    return "once" if times == 1 else f"{times} times in {seconds // size} {unit}"
