"""The controls that show queues, tasks and attempts, and that wait until nothing is due.

The shared controls are in ``base.control``, those for extra deliveries in ``control_deliveries``.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, cast

from flask import jsonify, request

from emulator.base import control as base
from emulator.base.json_body import Malformed
from emulator.cloud_tasks import schedule
from emulator.cloud_tasks.messages import Method

if TYPE_CHECKING:
    from flask import Response

    from emulator.cloud_tasks.model import Queue, Task
    from emulator.cloud_tasks.world import World

#: How long ``idle`` may wait.
LONGEST_IDLE_SECONDS = 600

control = base.make_controls()
base.add_list(control, "dispatches", lambda world: world.journal)


def current_world() -> World:
    """Return the world that serves this request."""
    return cast("World", base.current_world())


@control.get("/health")
def health() -> Response:
    """Answer as soon as the emulator is up."""
    world = current_world()
    return jsonify(ok=True, url=world.url, host=world.host, issuer=world.issuer, now=world.now().isoformat())


@control.get("/idle")
def wait_until_idle() -> Response:
    """Answer when no request is being made and none is due, or after ``seconds`` (10)."""
    seconds = request.args.get("seconds", 10.0, float)
    if not 0 <= seconds <= LONGEST_IDLE_SECONDS:
        raise Malformed(f"seconds must be a number from 0 to {LONGEST_IDLE_SECONDS}")
    world = current_world()
    idle = world.changed.wait_for(lambda: schedule.is_idle(world), seconds)
    return jsonify({"idle": idle})


@control.get("/queues")
def list_queues() -> Response:
    """List the queues with their limits, and how many tasks they have."""
    return jsonify({"queues": [_queue_json(queue) for queue in current_world().queues.values()]})


@control.get("/tasks")
def list_tasks() -> Response:
    """List the tasks that have not ended, in the order of their creation."""
    tasks = (task for queue in current_world().queues.values() for task in queue.tasks.values())
    return jsonify({"tasks": [_task_json(task) for task in sorted(tasks, key=lambda task: task.number)]})


def _queue_json(queue: Queue) -> dict[str, Any]:
    configuration = queue.configuration
    rules = configuration.retry_rules
    return {
        "name": queue.name,
        "tasks": len(queue.tasks),
        "running": queue.running,
        "dispatches_per_second_now": queue.rate.per_second(time.monotonic()),
        "max_dispatches_per_second": configuration.max_dispatches_per_second,
        "max_burst_size": configuration.max_burst_size,
        "max_concurrent_dispatches": configuration.max_concurrent_dispatches,
        "max_attempts": rules.max_attempts,
        "max_retry_duration_seconds": rules.max_retry_duration.total_seconds(),
        "min_backoff_seconds": rules.min_backoff.total_seconds(),
        "max_backoff_seconds": rules.max_backoff.total_seconds(),
        "max_doublings": rules.max_doublings,
    }


def _task_json(task: Task) -> dict[str, Any]:
    sent = task.message.http_request
    return {
        "name": task.name,
        "running": task.running,
        "next_try": task.due.isoformat(),
        "attempts": task.dispatched,
        "last_status": task.last_status,
        "created_at": task.created_at.isoformat(),
        "method": Method(sent.http_method).name,
        "url": sent.url,
        "headers": dict(sent.headers),
        "body": sent.body.decode(errors="replace"),
    }
