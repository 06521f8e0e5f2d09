"""Who comes when: the timings of duplicates, and an agenda of deliveries."""

from datetime import datetime, timedelta
from enum import StrEnum
from heapq import heapify, heappop, heappush
from typing import NamedTuple

from tests.faults.scenarios import Caller
from threads.base.errors import ServiceError
from threads.posts.ledger import LEASE, SETTLE

SECOND = timedelta(seconds=1)


class Timing(StrEnum):
    """When a duplicate comes, or after a crash the next delivery."""

    NONE = "none"
    """No duplicate; who is told to come again does so at the time that it is told."""
    SAME = "same"
    """At the same moment: nested in the delivery that is disturbed."""
    CRASH = "crash"
    """Right after the delivery has ended, however it did, or while it stands still."""
    LEASE = "lease"
    SETTLE = "settle"


WAITS = {
    Timing.CRASH: timedelta(),
    Timing.LEASE: LEASE + SECOND,
    Timing.SETTLE: SETTLE + SECOND,
}


class Job(NamedTuple):
    """Something that is delivered, and may be again."""

    caller: Caller
    twin: int = 0
    task: str = ""
    """The name of a task of ours."""
    post: str = ""
    """The name of the post that this task is for."""


class Answered(NamedTuple):
    """How a delivery ended for who brought it."""

    error: ServiceError | None = None
    is_crash: bool = False


class Agenda:
    """Deliveries to come, in the order of their times, and of one moment in the order of their noting."""

    def __init__(self) -> None:
        """Begin empty."""
        self._entries: list[tuple[datetime, int, Job]] = []
        self._noted = 0

    def note(self, moment: datetime, job: Job) -> None:
        """Let a delivery happen at a moment."""
        self._noted += 1
        heappush(self._entries, (moment, self._noted, job))

    def drop(self, task: str) -> None:
        """Let a task of ours not be delivered any more."""
        self._entries = [entry for entry in self._entries if entry[2].task != task]
        heapify(self._entries)

    def clear(self) -> list[Job]:
        """Let nothing happen that is noted; return what it was."""
        jobs = [job for _, _, job in self._entries]
        self._entries.clear()
        return jobs

    def take(self, until: datetime | None) -> tuple[datetime, Job] | None:
        """Return the next delivery, unless it is after a moment."""
        if not self._entries or (until and self._entries[0][0] > until):
            return None
        moment, _, job = heappop(self._entries)
        return moment, job
