"""Which delivery is next, and when one may be due. Called under the lock. Nothing here waits."""

from __future__ import annotations

import heapq
import time
from typing import TYPE_CHECKING

from emulator.cloud_tasks import attempts
from emulator.cloud_tasks.retries import RETENTION

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from emulator.cloud_tasks.model import Delivery, Queue, Task
    from emulator.cloud_tasks.world import World


def begin_due(world: World) -> Iterator[Delivery]:
    """Begin every delivery that is due and within the limits of its queue."""
    now = world.now()
    for queue in list(world.queues.values()):
        while queue.forced:
            task = queue.forced.popleft()
            # It may have been deleted meanwhile.
            if queue.tasks.get(task.name) is task:
                queue.rate.take(time.monotonic())
                yield attempts.begin(world, queue, task)
        while (task_due := _next_allowed(world, queue, now)) is not None:
            yield attempts.begin(world, queue, task_due)
    while world.repetitions and world.repetitions[0].due <= now:
        yield attempts.begin_again(world, heapq.heappop(world.repetitions).delivery)


def pause(world: World) -> float | None:
    """Return the seconds until a delivery may be due if nothing changes; None: never."""
    moments: list[datetime] = [repetition.due for repetition in world.repetitions[:1]]
    waits: list[float] = []
    now = world.now()
    for queue in world.queues.values():
        task = queue.next_planned() if _has_room(queue) else None
        if task is None:
            continue
        if task.due > now:
            moments.append(task.due)
        else:
            waits.append(queue.rate.wait(time.monotonic()))
    # While the clock is frozen, no task becomes due.
    if not world.clock.frozen:
        waits += [(due - now).total_seconds() for due in moments]
    return max(0.0, min(waits)) if waits else None


def is_idle(world: World) -> bool:
    """Return whether no request is being made and none is due."""
    now = world.now()
    if world.under_way or (world.repetitions and world.repetitions[0].due <= now):
        return False
    return not any(_has_due(queue, now) for queue in world.queues.values())


def _has_due(queue: Queue, now: datetime) -> bool:
    if queue.forced:
        return True
    task = queue.next_planned()
    return task is not None and task.due <= now


def _has_room(queue: Queue) -> bool:
    """Return whether the queue may run another task, apart from its rate."""
    return queue.running < queue.configuration.max_concurrent_dispatches


def _next_allowed(world: World, queue: Queue, now: datetime) -> Task | None:
    """Return the task to begin now; None if none is due, or if the limits allow none."""
    while _has_room(queue):
        task = queue.next_planned()
        if task is None or task.due > now:
            return None
        if now > task.created_at + RETENTION:
            queue.end(task, now)
            continue
        if world.settings.rate_limits:
            moment = time.monotonic()
            if queue.rate.wait(moment) > 0:
                return None
            queue.rate.take(moment)
        return task
    return None
