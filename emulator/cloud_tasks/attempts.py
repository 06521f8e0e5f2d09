"""What the beginning and the end of an attempt change in a task and its queue. Called under the lock."""

from __future__ import annotations

import time
from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING

from emulator.cloud_tasks.duplicates import gaps
from emulator.cloud_tasks.journal import Dispatch
from emulator.cloud_tasks.model import Delivery
from emulator.cloud_tasks.retries import RETENTION

if TYPE_CHECKING:
    from datetime import datetime

    from emulator.cloud_tasks.model import Outcome, Queue, Task
    from emulator.cloud_tasks.world import World

#: Answers that slow the whole queue down.
TOO_MUCH = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}


def begin(world: World, queue: Queue, task: Task) -> Delivery:
    """Begin the next attempt of a task, and plan its duplicates."""
    delivery = task.latest = _next(world, queue, task)
    world.journal.append(delivery.entry)
    world.under_way += 1
    queue.running += 1
    # A task that is running has no place in the schedule, so that it never runs twice at once.
    queue.withdraw(task)
    task.running = True
    task.dispatched += 1
    task.first_dispatched_at = task.first_dispatched_at or delivery.entry.dispatched_at
    for gap in gaps(world.scripts, world.settings, world.random, task.name):
        world.repeat(delivery, delivery.entry.dispatched_at + gap)
    return delivery


def begin_again(world: World, delivery: Delivery) -> Delivery:
    """Begin a duplicate, which has the headers of the first delivery."""
    entry = Dispatch(
        delivery.task.name,
        delivery.entry.url,
        delivery.retry_count,
        world.now(),
        duplicate=True,
        body=delivery.entry.body,
    )
    world.journal.append(entry)
    world.under_way += 1
    return replace(delivery, entry=entry, began_at=time.monotonic())


def latest(world: World, queue: Queue, task: Task) -> Delivery:
    """Return the latest delivery of a task, or its first one if there was none yet."""
    return task.latest or _next(world, queue, task)


def finish(world: World, delivery: Delivery, outcome: Outcome) -> None:
    """End an attempt: end the task, or plan its next attempt."""
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
    task.executed += outcome.status is not None and outcome.status < HTTPStatus.INTERNAL_SERVER_ERROR
    task.last_status = outcome.stands_for if outcome.status is None else outcome.status
    # It may have been deleted during the attempt.
    if queue.tasks.get(task.name) is task:
        _decide(queue, task, outcome, world.now())


def _decide(queue: Queue, task: Task, outcome: Outcome, now: datetime) -> None:
    rules = queue.configuration.retry_rules
    since_first = now - (task.first_dispatched_at or now)
    due = now + max(rules.wait(task.dispatched), outcome.retry_after)
    given_up = rules.exhausted(task.dispatched, since_first) or due >= task.created_at + RETENTION
    if _is_success(outcome.status) or given_up:
        queue.end(task, now)
    else:
        queue.plan(task, due)


def _is_success(status: int | None) -> bool:
    return status is not None and HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES


def _next(world: World, queue: Queue, task: Task) -> Delivery:
    """Return the next delivery of a task, not yet begun."""
    sent = task.message.http_request
    return Delivery(
        queue,
        task,
        scheduled_at=task.due,
        retry_count=task.dispatched,
        execution_count=task.executed,
        previous=task.last_status,
        entry=Dispatch(
            task.name,
            sent.url,
            task.dispatched,
            world.now(),
            duplicate=False,
            body=sent.body.decode(errors="replace"),
        ),
        began_at=time.monotonic(),
    )
