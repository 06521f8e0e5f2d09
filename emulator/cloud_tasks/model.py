"""What the emulator remembers: queues, tasks and attempts. No rules and no HTTP in here."""

from __future__ import annotations

import heapq
import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from emulator.cloud_tasks.messages import retry_rules
from emulator.cloud_tasks.names import short
from emulator.cloud_tasks.rates import Rate

if TYPE_CHECKING:
    from datetime import datetime

    from emulator.cloud_tasks.attempts import Delivery
    from emulator.cloud_tasks.retries import RetryRules


@dataclass(frozen=True)
class Attempt:
    """One finished attempt; times are the emulator's."""

    scheduled_at: datetime
    dispatched_at: datetime
    #: None when no answer came.
    answered_at: datetime | None
    #: The HTTP status, or the one that stands for what went wrong.
    status: int


@dataclass(eq=False)
class Task:
    """A task, from its creation to its end and as long as its name stays taken."""

    #: As it was created, defaults filled in.
    message: Any
    #: Goes up with each task of the emulator.
    number: int
    created_at: datetime
    #: When the next attempt is to be made, or the current one was.
    due: datetime
    running: bool = False
    #: Attempts that were begun; attempts that got an answer; answers that were no 5xx.
    dispatched: int = 0
    answered: int = 0
    executed: int = 0
    first_dispatched_at: datetime | None = None
    last: Attempt | None = None
    latest: Delivery | None = None
    #: Changes whenever ``due`` does: what the queue's schedule says of an older one is void.
    turn: int = 0

    @property
    def name(self) -> str:
        """The full name."""
        name: str = self.message.name
        return name

    @property
    def body(self) -> bytes:
        """What is sent."""
        body: bytes = self.message.http_request.body
        return body


@dataclass(order=True)
class _Turn:
    """A place in a queue's schedule."""

    due: datetime
    order: int
    turn: int = field(compare=False)
    task: Task = field(compare=False)

    @property
    def void(self) -> bool:
        """Whether the task was put elsewhere meanwhile, or has ended."""
        return self.turn != self.task.turn


@dataclass
class Ended:
    """A task that ended, for as long as its name stays taken."""

    task: Task
    at: datetime


class Queue:
    """A queue: its configuration, its tasks, and the order in which they are due."""

    def __init__(self, message: Any, number: int) -> None:
        """Begin without tasks; ``number`` goes up with each queue."""
        self.number = number
        self.tasks: dict[str, Task] = {}
        #: The oldest end first.
        self.ended: dict[str, Ended] = {}
        #: What RunTask asked for: dispatched whatever the limits say.
        self.forced: deque[Task] = deque()
        self.running = 0
        self._schedule: list[_Turn] = []
        self.message: Any = message
        self.rate = _rate(message)
        self.retry_rules: RetryRules = retry_rules(message.retry_config)

    def configure(self, message: Any) -> None:
        """Take another configuration; the bucket is filled again when the rate is another one."""
        if self.message.rate_limits != message.rate_limits:
            self.rate = _rate(message)
        self.message = message
        self.retry_rules = retry_rules(message.retry_config)

    @property
    def name(self) -> str:
        """The full name."""
        name: str = self.message.name
        return name

    @property
    def short_name(self) -> str:
        """The id at the end of the name."""
        return short(self.name)

    def plan(self, task: Task, due: datetime) -> None:
        """Put a task into the schedule, or elsewhere in it."""
        task.due = due
        task.turn += 1
        # Tasks that are due at one moment go in the order of their creation.
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
        """Take a task out of the queue; its name stays taken for a while."""
        self.withdraw(task)
        del self.tasks[task.name]
        self.ended[task.name] = Ended(task, at)


def _rate(message: Any) -> Rate:
    limits = message.rate_limits
    return Rate(limits.max_dispatches_per_second, limits.max_burst_size, time.monotonic())
