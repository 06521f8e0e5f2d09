"""What a delivery knows, and what it may do next: the values that ``steps`` returns to ``delivery``."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Self

from threads.base.errors import Evidence, ServiceError, ThreadsError
from threads.graph.media import RecentPost
from threads.graph.protocol import GraphReply, GraphRequest
from threads.posts.ledger import Record


@dataclass(frozen=True)
class Known:
    """Everything that a delivery knows of its post. Only the record outlives the delivery."""

    record: Record
    """It may be a step ahead of Firestore, if nothing depends on that step being written."""
    looked_at: datetime
    """When the last look began. What the look did not show may have appeared since."""
    pauses: int = 0
    finished: frozenset[str] = frozenset()
    """The containers of a carousel's items that need no further look."""
    seen: Evidence | None = None
    """What Threads answered about a container that was in progress."""
    refusal: ThreadsError | None = None
    """The error of this delivery's own call to publish."""
    before_call: Record | None = None
    """The record before that call's write-ahead."""

    def but(self, **changes: Any) -> Self:
        """Return a copy with changes."""
        return replace(self, **changes)


@dataclass(frozen=True)
class Go:
    """Go on from here. Nothing needs to be written before."""

    known: Known


@dataclass(frozen=True)
class Save:
    """Write the record, then go on."""

    known: Known


@dataclass(frozen=True)
class Publish:
    """Write ahead that the post may be out, then make the call that publishes it."""

    known: Known
    request: GraphRequest
    read_media_id: Callable[[GraphReply], str]
    is_written: bool = False
    """Whether the write-ahead came with the lease."""


@dataclass(frozen=True)
class Take:
    """End the post with the first of these listed posts that no other record has claimed.

    If there is none, ``otherwise`` says how to go on.
    """

    known: Known
    listed: Sequence[RecentPost]
    otherwise: "Callable[[Known], Next]"


@dataclass(frozen=True)
class Wait:
    """Sleep, then go on."""

    known: Known
    pause: timedelta


@dataclass(frozen=True)
class FollowUp:
    """Leave the post to a task that looks at its container."""

    known: Known
    at: datetime


@dataclass(frozen=True)
class Postpone:
    """Leave the post to a task of its own, which comes when what stands in this post's way may be gone."""

    known: Known
    at: datetime
    error: ThreadsError


@dataclass(frozen=True)
class Retry:
    """End this delivery, so that another one can go on. If this is the last one, end the post."""

    known: Known
    error: ServiceError


@dataclass(frozen=True)
class Done:
    """Write how the post has ended."""

    known: Known
    """What is known in case the end cannot be written."""
    record: Record
    media_id: str | None = None
    reason: ServiceError | None = None
    """Why the post ended as failed or unknown."""


Next = Go | Save | Publish | Take | Wait | FollowUp | Postpone | Retry | Done
