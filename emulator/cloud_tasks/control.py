"""The controls under ``/_emulator/``: what a test scripts, looks at and resets. JSON in and out.

Deliveries beside the schedule are in ``control_deliveries``. A malformed request is a 400 with
``{"error": "<what is wrong>"}`` and changes nothing.
"""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, cast

from flask import Blueprint, current_app, jsonify, request

from emulator.cloud_tasks import schedule
from emulator.cloud_tasks.messages import Method, State
from emulator.cloud_tasks.settings import changed_settings
from emulator.jsonbody import JsonBody, Malformed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flask import Response

    from emulator.cloud_tasks.model import Queue, Task
    from emulator.cloud_tasks.world import World

WORLD_KEY = "TASKS_WORLD"

control = Blueprint("control", __name__, url_prefix="/_emulator")

#: How long ``idle`` may wait.
LONGEST_IDLE_SECONDS = 600


def current_world() -> World:
    """Return the world that this request is about."""
    return cast("World", current_app.config[WORLD_KEY])


def json_body() -> JsonBody:
    """Return the JSON object of this request, or raise Malformed."""
    return JsonBody(request.get_json(force=True, silent=True))


def done() -> Response:
    """Answer that there is no more to say."""
    return jsonify({"ok": True})


# ---- the emulator itself


@control.get("/health")
def health() -> Response:
    """Answer when the emulator is up."""
    world = current_world()
    return jsonify(ok=True, url=world.url, host=world.host, issuer=world.issuer, now=world.now().isoformat())


@control.post("/reset")
def reset() -> Response:
    """Forget everything: back to the first queues without a task, the first settings, real time."""
    current_world().reset()
    return done()


@control.get("/clock")
def show_clock() -> Response:
    """Tell the emulator's time."""
    clock = current_world().clock
    now = clock.now()
    return jsonify({"now": now.isoformat(), "unix": now.timestamp(), "frozen": clock.frozen})


@control.post("/clock")
def set_clock() -> Response:
    """Take ``{advance_seconds?, freeze?: true | false}``; what is due then is dispatched."""
    body, clock = json_body(), current_world().clock
    freeze = body.flag("freeze", default=None)
    by = body.seconds("advance_seconds")
    body.finish()
    if freeze is not None:
        (clock.freeze if freeze else clock.thaw)()
    clock.advance(by)
    return show_clock()


@control.get("/settings")
def show_settings() -> Response:
    """Show every setting."""
    return jsonify(asdict(current_world().settings))


@control.post("/settings")
def change_settings() -> Response:
    """Take any of the settings, until the next reset."""
    world = current_world()
    world.settings = changed_settings(world.settings, json_body().rest())
    return show_settings()


@control.get("/idle")
def wait_until_idle() -> Response:
    """Answer when no request is being made and none is due, or after ``seconds`` (10)."""
    seconds = request.args.get("seconds", 10.0, float)
    if not 0 <= seconds <= LONGEST_IDLE_SECONDS:
        raise Malformed(f"seconds must be a number from 0 to {LONGEST_IDLE_SECONDS}")
    world = current_world()
    idle = world.changed.wait_for(lambda: schedule.is_idle(world), seconds)
    return jsonify({"idle": idle})


# ---- what is there, and what was sent


@control.get("/queues")
def list_queues() -> Response:
    """List the queues with their limits and how much there is to do."""
    return jsonify({"queues": [_queue_json(queue) for queue in current_world().queues.values()]})


@control.get("/tasks")
def list_tasks() -> Response:
    """List the tasks that have not ended, in the order of their creation."""
    listed = sorted(_all_tasks(current_world()), key=lambda task: task.number)
    return jsonify({"tasks": [_task_json(task) for task in listed]})


@control.get("/dispatches")
def list_dispatches() -> Response:
    """List every attempt, oldest first."""
    return jsonify({"dispatches": [entry.as_json() for entry in current_world().journal]})


@control.delete("/dispatches")
def forget_dispatches() -> Response:
    """Empty the list."""
    current_world().journal.clear()
    return done()


def _all_tasks(world: World) -> Iterator[Task]:
    for queue in world.queues.values():
        yield from queue.tasks.values()


def _queue_json(queue: Queue) -> dict[str, Any]:
    rules, limits = queue.retry_rules, queue.message.rate_limits
    return {
        "name": queue.name,
        "state": State(queue.message.state).name,
        "tasks": len(queue.tasks),
        "running": queue.running,
        "dispatches_per_second_now": queue.rate.per_second(time.monotonic()),
        "max_dispatches_per_second": limits.max_dispatches_per_second,
        "max_burst_size": limits.max_burst_size,
        "max_concurrent_dispatches": limits.max_concurrent_dispatches,
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
        "last_status": task.last.status if task.last else None,
        "created_at": task.created_at.isoformat(),
        "method": Method(sent.http_method).name,
        "url": sent.url,
        "headers": dict(sent.headers),
        "body": sent.body.decode(errors="replace"),
    }
