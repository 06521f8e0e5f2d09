"""The controls for deliveries apart from the schedule: at once, once more, more than once, and by yourself.

A task is named by its whole name or by the id at its end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, jsonify

from emulator.base.control import PREFIX, add_list, done, json_body
from emulator.base.json_body import Malformed
from emulator.cloud_tasks import attempts, tasks
from emulator.cloud_tasks.control import current_world
from emulator.cloud_tasks.duplicates import read_script

if TYPE_CHECKING:
    from flask import Response

    from emulator.cloud_tasks.model import Queue, Task
    from emulator.cloud_tasks.world import World

control_deliveries = Blueprint("control_deliveries", __name__, url_prefix=PREFIX)
add_list(control_deliveries, "duplicates", lambda world: world.scripts, lambda world: world.repetitions)


@control_deliveries.post("/run")
def run() -> Response:
    """Take ``{task?}`` and dispatch it now, whatever the limits say; without a task, all that wait."""
    body, world = json_body(), current_world()
    name = body.text("task", None)
    body.finish()
    if name is not None:
        queue, task = _find(world, name, ended=False)
        tasks.force(world, queue, task)
        return jsonify({"tasks": [task.name]})
    waiting = [
        (queue, task) for queue in world.queues.values() for task in queue.tasks.values() if not task.running
    ]
    for queue, task in waiting:
        queue.plan(task, min(task.due, world.now()))
    return jsonify({"tasks": [task.name for _, task in waiting]})


@control_deliveries.post("/deliveries")
def deliver_again() -> Response:
    """Take ``{task}`` and repeat its latest delivery, even if it has ended. The task does not change."""
    body, world = json_body(), current_world()
    name = body.text("task")
    body.finish()
    queue, task = _find(world, name, ended=True)
    world.repeat(attempts.latest(world, queue, task), world.now())
    return done()


@control_deliveries.post("/duplicates")
def script_duplicates() -> tuple[Response, int]:
    """Take ``{task?, times?, copies?, gap_seconds?}``: the next deliveries that happen more than once."""
    script = read_script(json_body())
    current_world().scripts.append(script)
    return jsonify(script.as_json()), 201


@control_deliveries.post("/tokens")
def issue_token() -> Response:
    """Take ``{service_account_email, audience}``: a token as a task of that account would carry it."""
    body, world = json_body(), current_world()
    email, audience = body.text("service_account_email"), body.text("audience")
    body.finish()
    return jsonify({"token": world.signer.token(world.issuer, email, audience)})


def _find(world: World, name: str, *, ended: bool) -> tuple[Queue, Task]:
    """Return a task and its queue. Raises Malformed if there is none."""
    for queue in world.queues.values():
        full_name = name if "/" in name else f"{queue.name}/tasks/{name}"
        if full_name in queue.tasks:
            return queue, queue.tasks[full_name]
        if ended and full_name in queue.ended:
            return queue, queue.ended[full_name].task
    raise Malformed(f"there is no task {name}")
