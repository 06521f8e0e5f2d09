"""The things of the emulated service: queues, tasks, deliveries and outcomes. No rules and no HTTP here."""

from __future__ import annotations

import heapq
import time
from collections import deque
from dataclasses import dataclass, field
from datetime import timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from emulator.cloud_tasks.names import short
from emulator.cloud_tasks.rates import Rate

if TYPE_CHECKING:
    from datetime import datetime

    from emulator.cloud_tasks.configuration import QueueConfiguration
    from emulator.cloud_tasks.journal import Dispatch


@dataclass(eq=False)
class Task:
    """A task, from its creation until its name is free again."""

    #: As it was created, with the defaults.
    message: Any
    #: Higher than that of every earlier task.
    number: int
    created_at: datetime
    #: When the next attempt is due, or the current one was.
    due: datetime
    running: bool = False
    #: How many attempts were begun, and how many were answered with another status than 5xx.
    dispatched: int = 0
    executed: int = 0
    first_dispatched_at: datetime | None = None
    #: The status of the last attempt, or the one that stands for a missing answer.
    last_status: int | None = None
    latest: Delivery | None = None
    #: Grows whenever the task is planned or withdrawn, which makes its earlier places in the schedule void.
    turn: int = 0

    @property
    def name(self) -> str:
        """The full name."""
        name: str = self.message.name
        return name


@dataclass(order=True)
class _Turn:
    """A place in a queue's schedule."""

    due: datetime
    order: int
    turn: int = field(compare=False)
    task: Task = field(compare=False)

    @property
    def void(self) -> bool:
        """Whether the task has moved to another place, or has ended."""
        return self.turn != self.task.turn


@dataclass
class Ended:
    """A task that has ended, kept for as long as its name is taken."""

    task: Task
    at: datetime


class Queue:
    """A queue: its configuration, its tasks, and the order in which they are due."""

    def __init__(self, configuration: QueueConfiguration) -> None:
        """Begin without tasks."""
        self.configuration = configuration
        self.tasks: dict[str, Task] = {}
        #: The oldest end first.
        self.ended: dict[str, Ended] = {}
        #: Tasks to dispatch at once, whatever the limits say.
        self.forced: deque[Task] = deque()
        self.running = 0
        self.rate = Rate(
            configuration.max_dispatches_per_second, configuration.max_burst_size, time.monotonic()
        )
        self._schedule: list[_Turn] = []

    @property
    def name(self) -> str:
        """The full name."""
        return self.configuration.name

    @property
    def short_name(self) -> str:
        """The id at the end of the name."""
        return short(self.name)

    def plan(self, task: Task, due: datetime) -> None:
        """Put a task into the schedule, or move it to another place there."""
        task.due = due
        task.turn += 1
        # Tasks that are due at the same time go in the order of their creation.
        heapq.heappush(self._schedule, _Turn(due, task.number, task.turn, task))

    def next_planned(self) -> Task | None:
        """Return the task that is due first."""
        while self._schedule and self._schedule[0].void:
            heapq.heappop(self._schedule)
        return self._schedule[0].task if self._schedule else None

    def withdraw(self, task: Task) -> None:
        """Take a task out of the schedule."""
        task.turn += 1

    def end(self, task: Task, at: datetime) -> None:
        """Remove a task from the queue. Its name stays taken for a while."""
        self.withdraw(task)
        del self.tasks[task.name]
        self.ended[task.name] = Ended(task, at)


@dataclass(frozen=True)
class Delivery:
    """One request for one attempt, with what its headers say about earlier attempts."""

    queue: Queue
    task: Task
    scheduled_at: datetime
    retry_count: int
    execution_count: int
    #: The status of the attempt before.
    previous: int | None
    entry: Dispatch
    #: By ``time.monotonic``.
    began_at: float


@dataclass(frozen=True)
class Outcome:
    """How a request ended."""

    #: The status of the answer; None if there is no answer.
    status: int | None
    retry_after: timedelta = timedelta()
    #: Why there is no answer, and the status that stands for it.
    error: str | None = None
    stands_for: int = HTTPStatus.SERVICE_UNAVAILABLE
