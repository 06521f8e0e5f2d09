"""The beginning and the end of an attempt: what they do to a task and its queue. Called under the lock."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from datetime import timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING

from emulator.cloud_tasks.duplicates import gaps
from emulator.cloud_tasks.journal import Dispatch
from emulator.cloud_tasks.messages import retry_rules
from emulator.cloud_tasks.model import Attempt
from emulator.cloud_tasks.retries import RETENTION
from emulator.cloud_tasks.views import is_success

if TYPE_CHECKING:
    from datetime import datetime

    from emulator.cloud_tasks.model import Queue, Task
    from emulator.cloud_tasks.world import World

#: Answers that slow the whole queue down.
TOO_MUCH = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}


@dataclass(frozen=True)
class Delivery:
    """One request for one attempt, with what its headers tell of the earlier ones."""

    queue: Queue
    task: Task
    scheduled_at: datetime
    retry_count: int
    execution_count: int
    previous: int | None
    entry: Dispatch
    #: By ``time.monotonic``.
    began_at: float


@dataclass(frozen=True)
class Outcome:
    """What came of a request."""

    #: The answer's status, or None when there is no answer.
    status: int | None
    retry_after: timedelta = timedelta()
    #: Why there is no answer, and the status that stands for it.
    error: str | None = None
    stands_for: int = HTTPStatus.SERVICE_UNAVAILABLE


def begin(world: World, queue: Queue, task: Task) -> Delivery:
    """Begin a task's next attempt, and plan the duplicates that are wanted of it."""
    delivery = task.latest = _next(world, queue, task)
    world.journal.append(delivery.entry)
    world.under_way += 1
    queue.running += 1
    # From wherever it was: no task runs twice at once.
    queue.withdraw(task)
    task.running = True
    task.dispatched += 1
    task.first_dispatched_at = task.first_dispatched_at or delivery.entry.dispatched_at
    for gap in gaps(world.scripts, world.settings, world.random, task.name):
        world.repeat(delivery, delivery.entry.dispatched_at + gap)
    return delivery


def begin_again(world: World, delivery: Delivery) -> Delivery:
    """Begin a duplicate, which says of itself what the first one said."""
    entry = Dispatch(
        delivery.task.name, delivery.entry.url, delivery.retry_count, world.now(), duplicate=True
    )
    world.journal.append(entry)
    world.under_way += 1
    return replace(delivery, entry=entry, began_at=time.monotonic())


def latest(world: World, queue: Queue, task: Task) -> Delivery:
    """Return a task's latest delivery, to be repeated; before its first one, that."""
    return task.latest or _next(world, queue, task)


def finish(world: World, delivery: Delivery, outcome: Outcome) -> None:
    """End an attempt: the task is done, or planned again, or given up."""
    world.under_way -= 1
    entry = delivery.entry
    entry.status, entry.error = outcome.status, outcome.error
    entry.seconds = time.monotonic() - delivery.began_at
    queue, task = delivery.queue, delivery.task
    if outcome.status in TOO_MUCH and world.settings.throttling:
        queue.rate.brake(time.monotonic())
    if entry.duplicate:
        return
    queue.running -= 1
    task.running = False
    _remember(task, delivery, outcome, world.now())
    # Whoever deleted it meanwhile has the last word.
    if queue.tasks.get(task.name) is task:
        _decide(queue, task, outcome, world.now())


def _remember(task: Task, delivery: Delivery, outcome: Outcome, now: datetime) -> None:
    answered = outcome.status is not None
    task.answered += answered
    task.executed += outcome.status is not None and outcome.status < HTTPStatus.INTERNAL_SERVER_ERROR
    status = outcome.stands_for if outcome.status is None else outcome.status
    answered_at = now if answered else None
    task.last = Attempt(delivery.scheduled_at, delivery.entry.dispatched_at, answered_at, status)


def _decide(queue: Queue, task: Task, outcome: Outcome, now: datetime) -> None:
    has_own_rules = task.message.HasField("retry_config")
    rules = retry_rules(task.message.retry_config) if has_own_rules else queue.retry_rules
    since_first = now - (task.first_dispatched_at or now)
    due = now + max(rules.wait(task.dispatched), outcome.retry_after)
    given_up = rules.exhausted(task.dispatched, since_first) or due >= task.created_at + RETENTION
    if is_success(outcome.status) or given_up:
        queue.end(task, now)
    else:
        queue.plan(task, due)


def _next(world: World, queue: Queue, task: Task) -> Delivery:
    """Return a task's next delivery, not begun."""
    url: str = task.message.http_request.url
    return Delivery(
        queue,
        task,
        scheduled_at=task.due,
        retry_count=task.dispatched,
        execution_count=task.executed,
        previous=task.last.status if task.last else None,
        entry=Dispatch(task.name, url, task.dispatched, world.now(), duplicate=False),
        began_at=time.monotonic(),
    )
